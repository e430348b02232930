"""Run all chunks of a job in one transaction, and roll them all back if required.

A job with `rollback="job"` or `dry_run` runs like this in a lane (`driver.py`), and every `execute` call runs like this in its
caller's transaction (`inline.py`). The two differ in where chunks and results are kept: see `Chunks`.
"""

import time
from dataclasses import dataclass, replace

from ..engine.tally import CANCELLED, FAILED, PROCESSED, count_records
from ..exceptions import NeedsSavepoint
from .errors import SAVEPOINT_ERRORS
from .guarded import UserCode
from .numbers import records
from .savepoint import UndoableSavepoint
from .watchdog import Deadline

#: The next shared savepoint holds 1/GROWTH as many chunks as have run so far.
GROWTH = 4


class Chunks:
    """Where the chunks of a whole job and their outcomes are kept."""

    #: Whether several chunks may run in one savepoint. If so, rolling it back must also undo what `settle` did.
    share_savepoints = False

    def next_chunk(self, last):
        """The next chunk to run, in order, including chunks that selections found meanwhile; None if there is none left.

        :param last: the chunk that ran before it, None for the first
        """
        raise NotImplementedError

    def run(self, chunk, has_savepoint):
        """Run a chunk; returns its `Outcome`.

        :param chunk: as `next_chunk` returned it
        :param bool has_savepoint: whether its attempts have their own savepoints
        :raises NeedsSavepoint: a record failed, and `has_savepoint` is False
        """
        raise NotImplementedError

    def settle(self, chunk, outcome, duration):
        """Store the outcome of a chunk, and the chunks that a selection has found.

        :param outcome: the `Outcome`
        :param float duration: seconds it took
        :returns: the argument for `keep`
        """
        raise NotImplementedError

    def keep(self, settled):
        """Called when all chunks of a shared savepoint have run: this chunk is not going to be run again.

        :param settled: what `settle` returned
        """

    def show(self, processed, failed):
        """Report progress.

        :param int processed: records that have succeeded so far
        :param int failed: records that have failed so far
        :raises Interruption: the job was cancelled
        """

    def cancel_rest(self, failed):
        """Called when too many records have failed: the remaining chunks don't run. `undo` may follow.

        :param int failed: number of records that have failed
        """

    def save(self, is_dry_run):
        """Called before everything is rolled back: keep what `undo` is to store.

        :param bool is_dry_run: see `undo`
        """

    def undo(self, is_dry_run, reason):
        """Called after everything was rolled back: store the final outcome of every record, also of those `cancel_rest` left.

        :param bool is_dry_run: if True, records that went well count as succeeded, otherwise as failed
        :param str reason: message for records that went well but were rolled back
        """
        raise NotImplementedError


@dataclass(slots=True)
class Counts:
    """What has run so far."""

    chunks: int = 0
    processed: int = 0
    failed: int = 0
    skipped: int = 0
    found: int = 0  # records that selections have found
    first_failure: str | None = None  # message of the first record that failed
    first_skip: str | None = None  # why the first record was skipped

    def add(self, outcome):
        """Add the `Outcome` of a chunk."""
        counts = count_records(outcome)
        self.chunks += 1
        self.processed += counts[PROCESSED]
        self.failed += counts[FAILED]
        self.skipped += counts[CANCELLED]
        self.found += outcome.found_records
        if self.first_failure is None and outcome.failures:
            self.first_failure = outcome.failures[min(outcome.failures)].message
        self.first_skip = self.first_skip or outcome.skip_reason


class WholeJob:
    """One run of all chunks.

    :param env: an environment on the transaction; messages are in its language
    :param Chunks chunks: the chunks to run
    :param bool is_dry_run: roll everything back at the end
    :param bool all_or_nothing: roll everything back if a record fails or is skipped
    :param most_failures: returns, for the number of records that selections have found so far, the number of failed records
        that are allowed
    :param str transaction: PostgreSQL's number of the lane's transaction; None: it is the caller's transaction
    """

    def __init__(self, env, chunks, *, is_dry_run, all_or_nothing, most_failures=lambda found: float("inf"), transaction=None):
        self.env = env
        self.chunks = chunks
        self.is_dry_run = is_dry_run
        self.all_or_nothing = all_or_nothing
        self.most_failures = most_failures
        self.transaction = transaction
        self.counts = Counts()

    def run(self):
        """Run the chunks.

        :returns: why everything was rolled back; None if it was not, or if it is a dry run
        :raises Interruption: the whole transaction must be rolled back
        :raises TransactionEnded: user code committed
        """
        with UndoableSavepoint(self.env) as savepoint:
            self._run_all()
            if self.is_undone:
                self.chunks.save(self.is_dry_run)
                savepoint.rollback()
        if not self.is_undone:
            return None
        reason, message = self._reasons()
        self.chunks.undo(self.is_dry_run, reason)
        return None if self.is_dry_run else message

    def _reasons(self):
        """Why everything was rolled back: `(message for records that went well, message for the whole)`."""
        counts = self.counts
        if counts.failed or not counts.skipped:
            return self.env._("Rolled back, because records of other operations failed."), self.env._(
                "Everything was rolled back, because %(count)s failed. The first: %(message)s",
                count=records(self.env, counts.failed),
                message=counts.first_failure,
            )
        return self.env._("Rolled back, because records of other operations were skipped."), self.env._(
            "Everything was rolled back, because %(count)s could not be run. The first: %(message)s",
            count=records(self.env, counts.skipped),
            message=counts.first_skip,
        )

    @property
    def is_undone(self):
        """Whether everything is rolled back at the end."""
        return self.is_dry_run or (self.all_or_nothing and self.counts.failed + self.counts.skipped > 0)

    @property
    def _has_failed_enough(self):
        return self.counts.failed > 0 and self.counts.failed > self.most_failures(self.counts.found)

    def _run_all(self):
        last, ran = None, 1
        while ran:
            last, ran = self._run_some(last, max(self.counts.chunks // GROWTH, 1) if self.chunks.share_savepoints else 1)
        if self._has_failed_enough:
            self.chunks.cancel_rest(self.counts.failed)

    def _run_some(self, last, count):
        """Run the next chunks in one savepoint; if a record fails, run them again in smaller groups.

        PostgreSQL keeps every savepoint that wrote until the end of the transaction, and slows down above 64. So the groups grow
        with the number of chunks that have run: a thousand chunks take about thirty savepoints. A failure repeats at most a
        quarter of the work done so far.

        :param last: the chunk that ran before them
        :param int count: number of chunks
        :returns: `(last chunk, number of chunks)`
        """
        if count == 1:
            return self._run_each(last, 1)
        before = replace(self.counts)
        try:
            with UndoableSavepoint(self.env):
                return self._run_each(last, count, has_savepoint=False)
        except SAVEPOINT_ERRORS as error:
            UserCode(self.env, None, Deadline(None), transaction=self.transaction).judge_end(error)
        except NeedsSavepoint:
            self.counts = before
        left, ran = count, 1
        while left and ran:
            last, ran = self._run_some(last, min(max(count // GROWTH, 1), left))
            left -= ran
        return last, count - left

    def _run_each(self, last, count, has_savepoint=True):
        """Run the next chunks one after the other, at most `count`.

        :returns: `(last chunk, number of chunks)`
        :raises NeedsSavepoint: a record failed, and `has_savepoint` is False
        """
        settled = []
        while len(settled) < count and not self._has_failed_enough and (chunk := self.chunks.next_chunk(last)):
            settled.append(self._run_chunk(chunk, has_savepoint))
            last = chunk
        for one in settled:
            self.chunks.keep(one)
        return last, len(settled)

    def _run_chunk(self, chunk, has_savepoint):
        started = time.monotonic()
        outcome = self.chunks.run(chunk, has_savepoint)
        duration = time.monotonic() - started
        self.counts.add(outcome)
        settled = self.chunks.settle(chunk, outcome, duration)
        self.chunks.show(self.counts.processed, self.counts.failed)
        return settled
