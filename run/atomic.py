"""Run a whole job in one transaction: all or nothing, or all and then nothing (a dry run).

Its chunks are `held` until the job's driver chunk is claimed; the driver runs them one after the other. Other lanes see
one running chunk, whose row is locked as long as this transaction lives.
"""

import time

from ..engine import states
from ..engine.outcome import Outcome
from ..engine.payload import Payload
from ..engine.verdict import CONFLICT
from ..exceptions import NotAlone
from ..store.settle import settle, take_awaiting_driver
from . import selection
from .advance import show_progress
from .errors import SAVEPOINT_ERRORS, Trouble
from .guarded import UserCode
from .records import run_records
from .savepoint import UndoableSavepoint
from .watchdog import Deadline

#: Once this many records have failed, a job that will be undone anyway runs no further.
CULPRITS = 100
#: Seconds between two updates of the counters people see.
PROGRESS_EVERY_S = 0.5
#: One savepoint holds a quarter as many chunks as have run before.
GROWTH = 4
#: What an outcome may report of a record.
REPORTED = ("failures", "skipped", "warnings")


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

    def add(self, note):
        self.duration += note.duration
        self.good += note.good
        self.outcome.found_records += note.found_records
        place = {position: position for position in note.reported}
        if self.is_selection:
            place = {position: len(self.payload) + number for number, position in enumerate(note.reported)}
            self.payload.items += [item for item, _operation, _index in note.reported.values()]
            self.payload.operations += [operation for _item, operation, _index in note.reported.values()]
            self.payload.indexes += [index for _item, _operation, index in note.reported.values()]
        for name in REPORTED:
            getattr(self.outcome, name).update(
                (place[position], what) for position, what in getattr(note, name).items()
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


class _Note:
    """What a run of one held chunk came to, as far as it may have to be said once it is undone."""

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


class _AtomicRun:
    def __init__(self, system, claim, lane):
        self.system = system
        self.claim = claim
        self.lane = lane
        self.processed = self.failed = self.done = 0
        self.reports = {}  # by chunk as it was before the run
        self.notes = []  # of what runs without a savepoint of its own: (chunk, is a selection, `_Note`)
        self.pages = {}  # operation -> the chunk its selection started with: what it found is undone as well
        self.first = None  # what the first failure says
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
        while True:
            held, ran = self.run_some(held, max(self.done // GROWTH, 1))
            if not ran:
                return

    def run_some(self, last, count):
        """Run the next chunks in one savepoint for all of them; where that fails, once more, in parts.

        Each savepoint that wrote counts until the end of the transaction, so the parts grow with what has gone well: a
        thousand chunks take some thirty, and a failure costs a quarter more at most.

        :param last: the `Claim` of the chunk before them
        :returns: the `Claim` of the last one, and how many there were
        """
        if count == 1:
            return self.run_each(last, 1)
        before = self.processed, self.failed, self.done, self.first
        try:
            with UndoableSavepoint(self.system):
                return self.run_each(last, count, alone=False)
        except SAVEPOINT_ERRORS as error:
            UserCode(self.system, None, Deadline(None), transaction=self.claim.transaction).judge_end(error)
        except NotAlone:
            self.processed, self.failed, self.done, self.first = before
            self.notes.clear()
        left, ran = count, 1
        while left and ran:
            last, ran = self.run_some(last, min(max(count // GROWTH, 1), left))
            left -= ran
        return last, count - left

    def run_each(self, last, count, alone=True):
        """Run so many chunks, one after the other.

        :raises NotAlone: something failed, and has no savepoint of its own
        """
        ran = 0
        while ran < count and self.failed <= self.limit and (held := take_awaiting_driver(self.system.cr, self.claim.job_id, last)):
            self.run_chunk(held, alone)
            last = held
            ran += 1
        for chunk_id, is_selection, note in self.notes:
            self.reports.setdefault(chunk_id, _Report(is_selection)).add(note)
        self.notes.clear()
        return last, ran

    def run_chunk(self, held, alone):
        started = time.monotonic()
        if held.kind == states.RESOLVE:
            outcome = selection.run_page(self.system, held)
            self.pages.setdefault(held.operation_id, held.chunk_id)
        else:
            outcome = run_records(self.system, held, may_rest=False, keep_trying=True, alone=alone)
        duration = time.monotonic() - started
        self.done += 1
        self.processed += len(outcome.ids)
        self.failed += len(outcome.failures) + len(outcome.skipped)
        if self.first is None and outcome.failures:
            self.first = outcome.failures[min(outcome.failures)].message
        root = self.pages.get(held.operation_id, held.chunk_id)
        self.notes.append((root, held.operation_id in self.pages, _Note(held, outcome, duration)))
        settle(self.system.cr, held, outcome, duration)
        self.system.invalidate_all()
        self.tell()

    def tell(self):
        """Show how far it is, in a transaction of its own, and hear whether to go on."""
        if time.monotonic() - self.told_at < PROGRESS_EVERY_S:
            return
        self.told_at = time.monotonic()
        with self.lane.transaction() as env:
            wanted = show_progress(env, self.claim.job_id, self.processed, self.failed)
        if not wanted:
            raise Trouble(CONFLICT, "the job was cancelled")

    def store_undone(self):
        """The chunks are held again: settle them by what they came to, without their effects."""
        held = None
        while held := take_awaiting_driver(self.system.cr, self.claim.job_id, held):
            if report := self.reports.pop(held.chunk_id, None):
                outcome, duration = report.settled(held, self.claim.is_dry_run), report.duration
            else:
                outcome, duration = Outcome(rolled_back=set(range(len(held.payload)))), 0.0
                outcome.found_records = int(held.kind == states.RESOLVE)
            if (outcome.rolled_back or outcome.undone) and not outcome.failures:
                outcome.note = self.system._("Rolled back, because records of other operations failed.")
            settle(self.system.cr, held, outcome, duration)

    def report(self):
        """Why all was undone, for the job; None where it was not, or was meant to be."""
        if self.claim.is_dry_run or not self.failed:
            return None
        return self.system._(
            "Everything was rolled back, because %(count)s records failed. The first: %(message)s",
            count=self.failed,
            message=self.first,
        )
