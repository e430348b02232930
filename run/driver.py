"""Run a whole job in one transaction of a lane: for `rollback="job"`, and for dry runs.

The chunks of such a job have the state `held`: they await the driver. The driver is one chunk of the kind `atomic`. A lane claims
it, and it runs the others one after the other. Other lanes see one running chunk, whose row is locked until its transaction ends.
"""

import tempfile
import time
from array import array
from collections import Counter
from dataclasses import replace

from ..engine import states
from ..engine.effects import decode_effects, encode_effects
from ..engine.failure_limit import has_limit, most_failures
from ..engine.options import ROLLBACK_JOB
from ..engine.outcome import Outcome
from ..engine.payload import Payload
from ..engine.verdict import CONFLICT
from ..store.apply import store_found
from ..store.changes import read_changes, write_changes
from ..store.finish import cancel_waiting, unfinished
from ..store.settle import settle, take_awaiting_driver
from . import selection
from .advance import show_progress
from .interruption import Interruption
from .limited import seconds_until_share
from .numbers import stopped
from .records import run_records
from .share import Share
from .whole_job import Chunks, WholeJob

#: A job that is going to be rolled back stops once more records than this have failed.
CULPRITS = 100
#: Seconds between two updates of the counters that users see.
PROGRESS_EVERY_S = 0.5
#: Attributes of an `Outcome` that are reported even if the effects are rolled back.
REPORTED = ("failures", "skipped", "warnings")


def run_job(system, claim, lane):
    """Run all chunks of a job that await its driver.

    :param system: superuser environment on the transaction of the work
    :param claim: the `Claim` of the driver
    :param lane: the lane's `Control`
    :returns: the driver's own `Outcome`; its `note` says why everything was rolled back, or why a dry run stopped, or is None
    :raises Interruption: the whole attempt must be rolled back; also if the job was cancelled
    :raises TransactionEnded: user code committed
    """
    chunks = HeldChunks(system, claim, lane)
    chunks.show(0, 0)
    if claim.share:
        chunks.wait_for_share()
    whole_job = WholeJob(
        system,
        chunks,
        is_dry_run=claim.is_dry_run,
        all_or_nothing=claim.rollback == ROLLBACK_JOB,
        most_failures=lambda found: _most_failures(claim, found),
        transaction=claim.transaction,
    )
    return Outcome(note=whole_job.run() or chunks.stop_reason)


def _most_failures(claim, found):
    """The job stops once more records than this have failed.

    :param int found: records that its selections have found so far
    """
    if has_limit(claim.max_failures, claim.max_failures_share):
        return most_failures(claim.max_failures, claim.max_failures_share, claim.job_records + found)
    return float("inf") if claim.is_dry_run else CULPRITS


class HeldChunks(Chunks):
    """The chunks of a stored job that await its driver, read and settled in the driver's transaction.

    :param system: superuser environment on that transaction
    :param claim: the `Claim` of the driver
    :param lane: the lane's `Control`
    """

    share_savepoints = True

    def __init__(self, system, claim, lane):
        self.system = system
        self.claim = claim
        self.lane = lane
        self.reports = {}  # id of a chunk that existed before the run -> its `UndoneReport`
        self.pages = {}  # operation id -> id of the first page of its selection: the chunks it found are rolled back too
        self.stop_reason = None  # why chunks were left when more records had failed than the user allows
        self.shown_at = 0.0  # monotonic time of the last `show`
        self.changes = None  # a file of what a dry run would have changed
        self.shown = (0, 0)  # arguments of the last `show`
        self.share = Share.of_claim(claim, lambda: self.show(*self.shown))

    def wait_for_share(self):
        """Wait until other chunks of the limit have made room for the share of the job. Nothing else starts meanwhile.

        :raises Interruption: the job was cancelled
        """
        while wait_s := self._seconds_until_share():
            time.sleep(wait_s)
            self.show(*self.shown)

    def _seconds_until_share(self):
        with self.lane.transaction() as env:
            return seconds_until_share(env, self.claim)

    def next_chunk(self, last):
        """As `Chunks.next_chunk`; chunks are `Claim`s."""
        return take_awaiting_driver(self.system.cr, self.claim.job_id, last)

    def run(self, chunk, has_savepoint):
        """As `Chunks.run`."""
        if chunk.kind == states.RESOLVE:
            return selection.run_page(self.system, chunk)
        return run_records(self.system, chunk, may_rest=False, keep_trying=True, has_savepoint=has_savepoint, share=self.share)

    def settle(self, chunk, outcome, duration):
        """As `Chunks.settle`; returns `(id of the chunk that reports it, whether that is a selection, RunSummary)`."""
        if chunk.kind == states.RESOLVE:
            self.pages.setdefault(chunk.operation_id, chunk.chunk_id)
        summary = RunSummary(chunk, outcome, duration)
        settle(self.system.cr, chunk, outcome, duration)
        self.system.invalidate_all()
        origin = self.pages.get(chunk.operation_id, chunk.chunk_id)
        return origin, chunk.operation_id in self.pages, summary

    def keep(self, settled):
        """Add a settled chunk to the report of the chunk that existed before the run."""
        origin, is_selection, summary = settled
        self.reports.setdefault(origin, UndoneReport(is_selection)).add(summary)

    def show(self, processed, failed):
        """Store and send the progress in a transaction of its own, so that it is visible at once; check for a cancellation."""
        self.shown = (processed, failed)
        if time.monotonic() - self.shown_at < PROGRESS_EVERY_S:
            return
        self.shown_at = time.monotonic()
        with self.lane.transaction() as env:
            is_wanted = show_progress(env, self.claim.job_id, processed, failed)
        if not is_wanted:
            raise Interruption(CONFLICT, "the job was cancelled")

    def cancel_rest(self, failed):
        """As `Chunks.cancel_rest`. `undo` cancels the chunks; if the limit is not the user's, it settles them as rolled back."""
        _pending, _running, is_left = unfinished(self.system.cr, self.claim.job_id)
        claim = self.claim
        if is_left and has_limit(claim.max_failures, claim.max_failures_share):
            self.stop_reason = stopped(self.system, failed, claim.max_failures, claim.max_failures_share)

    def save(self, is_dry_run):
        """As `Chunks.save`: what a dry run has changed is written into a temporary file."""
        if is_dry_run and self.claim.tracks_changes:
            self.changes = tempfile.TemporaryFile()  # noqa: SIM115 pylint: disable=consider-using-with  # `undo` closes it
            write_changes(self.system.cr, self.claim.job_id, self.pages, self.changes)

    def undo(self, is_dry_run, reason):
        """Settle the chunks, which the rollback has put back to `held`, with the outcomes of the run but without its effects."""
        self._settle_awaiting(is_dry_run, reason)
        if self.changes:
            with self.changes as file:
                file.seek(0)
                read_changes(self.system.cr, file)
        while self.stop_reason and cancel_waiting(self.system.cr, self.claim.job_id):
            pass

    def _settle_awaiting(self, is_dry_run, reason):
        """Settle the chunks that have run; also the others, as rolled back, unless they are to be cancelled."""
        awaiting = None
        while (self.reports or not self.stop_reason) and (awaiting := self.next_chunk(awaiting)):
            payload = awaiting.payload
            report = self.reports.pop(awaiting.chunk_id, None)
            if report:
                outcome, duration = report.settled(awaiting, is_dry_run, bool(self.stop_reason)), report.duration
            else:
                outcome, duration = Outcome(rolled_back=set(range(len(awaiting.payload)))), 0.0
                outcome.found_records = int(awaiting.kind == states.RESOLVE)
            if (outcome.rolled_back or outcome.undone) and not outcome.failures:
                outcome.note = reason
            settle(self.system.cr, awaiting, outcome, duration)
            if is_dry_run and report and report.is_selection and "domain" in payload.items[0]:
                store_found(self.system.cr, awaiting.chunk_id, payload, report.found)


class UndoneReport:
    """The reportable outcome of one stored chunk whose effects are rolled back.

    A chunk of records reports by its own positions. The chunks found by a selection are rolled back too, so the selection's
    report holds their reported records in a payload of its own. Only records with something to report are kept: the memory used
    depends on their number, not on the size of the job.

    :param bool is_selection: whether the chunk is the first page of a selection
    """

    def __init__(self, is_selection):
        self.is_selection = is_selection
        self.payload = Payload([], [], [])
        self.outcome = Outcome()
        self.good = 0
        self.effects = None  # of a chunk of records, as text by position
        self.effect_counts = Counter()  # of the records that a selection has found
        self.duration = 0.0
        self.found = array("q")  # ids that the selection has found

    def add(self, summary):
        """Add the `RunSummary` of the chunk, or of a chunk that the selection found."""
        self.duration += summary.duration
        self.good += summary.good
        self.outcome.found_records += summary.found_records
        if self.is_selection:
            self.effect_counts.update(summary.effect_counts)
        else:
            self.effects = summary.effects
        self.found.extend(summary.found)
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

    def settled(self, claim, is_dry_run, is_stopped=False):
        """The `Outcome` to settle the chunk with.

        :param claim: the `Claim` of the chunk; a selection's gets the payload of the report
        :param bool is_dry_run: whether records that went well count as succeeded; if not, as rolled back
        :param bool is_stopped: whether records that never ran count as cancelled; if not, as rolled back
        """
        outcome = self.outcome
        if self.is_selection:
            claim.payload = replace(self.payload, is_retry=claim.payload.is_retry)
            outcome.good, outcome.undone = (self.good, 0) if is_dry_run else (0, self.good)
            outcome.good_effects = dict(self.effect_counts) if is_dry_run else {}
            unrun = outcome.found_records - self.good - len(outcome.failures) - len(outcome.skipped)
            outcome.unrun, outcome.undone = (unrun, outcome.undone) if is_stopped else (0, outcome.undone + unrun)
            return outcome
        left = set(range(len(claim.payload))) - outcome.failures.keys() - outcome.skipped.keys()
        if is_dry_run:
            outcome.ids = dict.fromkeys(sorted(left), True)
            outcome.effects = dict(decode_effects(self.effects))
        else:
            outcome.rolled_back = left
        return outcome


class RunSummary:
    """What must be kept of one chunk's run to report it after a rollback.

    :param claim: the `Claim` of the chunk
    :param outcome: its `Outcome`
    :param float duration: seconds it took
    """

    def __init__(self, claim, outcome, duration):
        self.duration = duration
        self.good = len(outcome.ids)
        self.found_records = outcome.found_records
        self.effects = encode_effects(outcome.effects) if claim.is_dry_run else None
        self.effect_counts = outcome.effect_counts
        self.found = [id_ for payload, _keys in outcome.found for id_ in payload.items]
        for name in REPORTED:
            setattr(self, name, getattr(outcome, name))
        payload = claim.payload
        named = sorted(set().union(*(getattr(outcome, name) for name in REPORTED)))
        self.reported = {
            position: (payload.items[position], payload.operations[position], payload.indexes[position])
            for position in named
        }
