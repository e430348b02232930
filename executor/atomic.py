"""Run a whole job in one transaction: all or nothing, or all and then nothing (a dry run).

Its chunks are `held` until the job's driver chunk is claimed; the driver runs them one after the other. Other lanes see
one running chunk, whose row is locked as long as this transaction lives.
"""

import time

from ..engine import states
from ..engine.outcome import Outcome
from ..engine.payload import Payload
from ..engine.verdict import CONFLICT
from . import selection
from .errors import Trouble
from .records import run_records
from .savepoint import UndoableSavepoint

#: Once this many records have failed, a job that will be undone anyway runs no further.
CULPRITS = 100
#: Seconds between two updates of the counters people see.
PROGRESS_EVERY_S = 0.5


def run_job(system, claim, lane):
    """Run all held chunks of a job; returns the driver's own `Outcome`, which says why all was undone."""
    run = _AtomicRun(system, claim, lane)
    with UndoableSavepoint(system) as savepoint:
        run.run_chunks()
        if run.is_undone:
            savepoint.rollback()
    if run.is_undone:
        run.store_undone()
    return Outcome(note=run.report())


class _Report:
    """What is left to say of one stored chunk once its effects are undone."""

    def __init__(self):
        self.payload = Payload([], [], [])
        self.outcome = Outcome()
        self.duration = 0.0

    def add(self, payload, outcome, duration):
        """Add what a run came to. Only what there is something to say of keeps its values: memory is bounded by that, not by the job."""
        offset = len(self.payload)
        named = outcome.failures.keys() | outcome.skipped.keys() | outcome.warnings.keys()
        self.payload.items += [item if position in named else None for position, item in enumerate(payload.items)]
        self.payload.operations += payload.operations
        self.payload.indexes += payload.indexes
        self.outcome.ids.update((offset + position, True) for position in outcome.ids)
        self.outcome.failures.update((offset + position, reason) for position, reason in outcome.failures.items())
        self.outcome.skipped.update((offset + position, reason) for position, reason in outcome.skipped.items())
        self.outcome.warnings.update((offset + position, warned) for position, warned in outcome.warnings.items())
        self.outcome.found_records += outcome.found_records
        self.duration += duration


class _AtomicRun:
    def __init__(self, system, claim, lane):
        self.system = system
        self.claim = claim
        self.lane = lane
        self.chunks = system["batch.chunk"]
        self.processed = self.failed = 0
        self.reports = {}  # by chunk as it was before the run
        self.pages = {}  # operation -> the chunk its selection started with: what it found is undone as well
        self.first = None  # (claim, position) of the first failure
        self.told_at = 0.0

    @property
    def is_undone(self):
        return self.claim.is_dry_run or self.failed > 0

    @property
    def limit(self):
        """Failures after which going on is of no use."""
        if self.claim.max_failures >= 0:
            return self.claim.max_failures
        return float("inf") if self.claim.is_dry_run else CULPRITS

    def run_chunks(self):
        self.tell()
        held = None
        while self.failed <= self.limit and (held := self.chunks._take_held(self.claim.job_id, held)):
            started = time.monotonic()
            if held.kind == states.RESOLVE:
                outcome = selection.run_page(self.system, held)
                self.pages.setdefault(held.operation_id, held.chunk_id)
            else:
                outcome = run_records(self.system, held, may_rest=False, keep_trying=True)
            duration = time.monotonic() - started
            self.processed += len(outcome.ids)
            self.failed += len(outcome.failures) + len(outcome.skipped)
            root = self.pages.get(held.operation_id, held.chunk_id)
            page = held.kind == states.RESOLVE and not outcome.failures and not outcome.skipped
            payload = Payload([], [], []) if page else held.payload
            self.reports.setdefault(root, _Report()).add(payload, outcome, duration)
            if self.first is None and outcome.failures:
                self.first = outcome.failures[min(outcome.failures)].message
            self.chunks._settle(held, outcome, duration)
            self.system.invalidate_all()
            self.tell()

    def tell(self):
        """Show how far it is, in a transaction of its own, and hear whether to go on."""
        if time.monotonic() - self.told_at < PROGRESS_EVERY_S:
            return
        self.told_at = time.monotonic()
        with self.lane.transaction() as env:
            wanted = env["batch.job"].browse(self.claim.job_id)._show_progress(self.processed, self.failed)
        if not wanted:
            raise Trouble(CONFLICT, "the job was cancelled")

    def store_undone(self):
        """The chunks are held again: settle them by what they came to, without their effects."""
        held = None
        while held := self.chunks._take_held(self.claim.job_id, held):
            report = self.reports.get(held.chunk_id)
            if report is None:
                report = _Report()
                report.outcome.rolled_back = set(range(len(held.payload)))
                report.outcome.found_records = int(held.kind == states.RESOLVE)
            else:
                held.payload = report.payload
                if not self.claim.is_dry_run:
                    report.outcome.rolled_back, report.outcome.ids = set(report.outcome.ids), {}
            if report.outcome.rolled_back and not report.outcome.failures:
                report.outcome.note = self.system._("Rolled back, because records of other operations failed.")
            self.chunks._settle(held, report.outcome, report.duration)

    def report(self):
        """Why all was undone, for the job; None where it was not, or was meant to be."""
        if self.claim.is_dry_run or not self.failed:
            return None
        return self.system._(
            "Everything was rolled back, because %(count)s records failed. The first: %(message)s",
            count=self.failed,
            message=self.first,
        )
