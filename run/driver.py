"""Run a whole job in one transaction of a lane: all or nothing, or all and then nothing (a dry run).

The chunks of such a job are `held` until its driver chunk is claimed, which runs them one after the other. Other lanes see one
running chunk, whose row is locked as long as its transaction lives.
"""

import time

from ..engine import states
from ..engine.options import ROLLBACK_JOB
from ..engine.outcome import Outcome
from ..engine.payload import Payload
from ..engine.verdict import CONFLICT
from ..store.settle import settle, take_awaiting_driver
from . import selection
from .advance import show_progress
from .interruption import Interruption
from .records import run_records
from .whole_job import Chunks, WholeJob

#: Once this many records have failed, a job that will be undone anyway runs no further.
CULPRITS = 100
#: Seconds between two updates of the counters people see.
PROGRESS_EVERY_S = 0.5
#: What an outcome may report of a record.
REPORTED = ("failures", "skipped", "warnings")


def run_job(system, claim, lane):
    """Run all held chunks of a job; returns the driver's own `Outcome`, which says why all was undone.

    :raises Interruption: the attempt must be rolled back as a whole; also where the job was cancelled
    """
    chunks = HeldChunks(system, claim, lane)
    chunks.show(0, 0)
    whole_job = WholeJob(
        system,
        chunks,
        is_dry_run=claim.is_dry_run,
        all_or_nothing=claim.rollback == ROLLBACK_JOB,
        most_failures=_most_failures(claim),
        transaction=claim.transaction,
    )
    return Outcome(note=whole_job.run())


def _most_failures(claim):
    """Failures after which going on is of no use."""
    if claim.max_failures >= 0:
        return claim.max_failures
    return float("inf") if claim.is_dry_run else CULPRITS


class HeldChunks(Chunks):
    """The held chunks of a stored job, in the transaction of its driver."""

    share_savepoints = True

    def __init__(self, system, claim, lane):
        self.system = system
        self.claim = claim
        self.lane = lane
        self.reports = {}  # by chunk as it was before the run
        self.pages = {}  # operation -> the chunk its selection started with: what it found is undone as well
        self.shown_at = 0.0

    def next_chunk(self, last):
        return take_awaiting_driver(self.system.cr, self.claim.job_id, last)

    def run(self, chunk, has_savepoint):
        if chunk.kind == states.RESOLVE:
            return selection.run_page(self.system, chunk)
        return run_records(self.system, chunk, may_rest=False, keep_trying=True, has_savepoint=has_savepoint)

    def settle(self, chunk, outcome, duration):
        if chunk.kind == states.RESOLVE:
            self.pages.setdefault(chunk.operation_id, chunk.chunk_id)
        summary = RunSummary(chunk, outcome, duration)
        settle(self.system.cr, chunk, outcome, duration)
        self.system.invalidate_all()
        origin = self.pages.get(chunk.operation_id, chunk.chunk_id)
        return origin, chunk.operation_id in self.pages, summary

    def keep(self, settled):
        origin, is_selection, summary = settled
        self.reports.setdefault(origin, UndoneReport(is_selection)).add(summary)

    def show(self, processed, failed):
        """In a transaction of its own, so that others see it; also asks whether to go on."""
        if time.monotonic() - self.shown_at < PROGRESS_EVERY_S:
            return
        self.shown_at = time.monotonic()
        with self.lane.transaction() as env:
            is_wanted = show_progress(env, self.claim.job_id, processed, failed)
        if not is_wanted:
            raise Interruption(CONFLICT, "the job was cancelled")

    def undo(self, is_dry_run, reason):
        """The chunks are held again: settle them by what they came to, without their effects."""
        held = None
        while held := self.next_chunk(held):
            if report := self.reports.pop(held.chunk_id, None):
                outcome, duration = report.settled(held, is_dry_run), report.duration
            else:
                outcome, duration = Outcome(rolled_back=set(range(len(held.payload)))), 0.0
                outcome.found_records = int(held.kind == states.RESOLVE)
            if (outcome.rolled_back or outcome.undone) and not outcome.failures:
                outcome.note = reason
            settle(self.system.cr, held, outcome, duration)


class UndoneReport:
    """What is left to say of one stored chunk once its effects are undone.

    Of a chunk of records by its positions; of a selection, whose chunks are undone with it, by places of its own. Only what
    there is something to say of is kept: memory is bounded by that, not by the job.
    """

    def __init__(self, is_selection):
        self.is_selection = is_selection
        self.payload = Payload([], [], [])
        self.outcome = Outcome()
        self.good = 0
        self.duration = 0.0

    def add(self, summary):
        self.duration += summary.duration
        self.good += summary.good
        self.outcome.found_records += summary.found_records
        place = {position: position for position in summary.reported}
        if self.is_selection:
            place = {position: len(self.payload) + number for number, position in enumerate(summary.reported)}
            self.payload.items += [item for item, _operation, _index in summary.reported.values()]
            self.payload.operations += [operation for _item, operation, _index in summary.reported.values()]
            self.payload.indexes += [index for _item, _operation, index in summary.reported.values()]
        for name in REPORTED:
            getattr(self.outcome, name).update(
                (place[position], what) for position, what in getattr(summary, name).items()
            )

    def settled(self, held, is_dry_run):
        """The outcome of the chunk, which is held again; what went well was undone with the others."""
        outcome = self.outcome
        if self.is_selection:
            held.payload = self.payload
            outcome.good, outcome.undone = (self.good, 0) if is_dry_run else (0, self.good)
            return outcome
        left = set(range(len(held.payload))) - outcome.failures.keys() - outcome.skipped.keys()
        if is_dry_run:
            outcome.ids = dict.fromkeys(sorted(left), True)
        else:
            outcome.rolled_back = left
        return outcome


class RunSummary:
    """What the run of one held chunk came to, as far as it may have to be said once it is undone."""

    def __init__(self, held, outcome, duration):
        self.duration = duration
        self.good = len(outcome.ids)
        self.found_records = outcome.found_records
        for name in REPORTED:
            setattr(self, name, getattr(outcome, name))
        payload = held.payload
        named = sorted(set().union(*(getattr(outcome, name) for name in REPORTED)))
        self.reported = {
            position: (payload.items[position], payload.operations[position], payload.indexes[position])
            for position in named
        }
