"""Run all chunks of a job in one transaction, and undo all of them where that is asked for.

This is how a job with `rollback="job"` or `dry_run` runs in a lane (`driver.py`), and how `execute` runs inside the transaction
of its caller (`inline.py`). The two differ in where chunks and results are kept: see `Chunks`.
"""

import time

from ..engine.tally import FAILED, PROCESSED, count_records
from ..exceptions import NeedsSavepoint
from .errors import SAVEPOINT_ERRORS
from .guarded import UserCode
from .savepoint import UndoableSavepoint
from .watchdog import Deadline

#: A shared savepoint holds a quarter as many chunks as have run before.
GROWTH = 4


class Chunks:
    """Where the chunks of a whole job are kept, and what became of them."""

    #: Whether several chunks may run in one savepoint: what `settle` has done is then undone with them.
    share_savepoints = False

    def next_chunk(self, last):
        """The next chunk to be run, with those found since; None after the last one.

        :param last: the chunk run before it, None for the first
        """
        raise NotImplementedError

    def run(self, chunk, has_savepoint):
        """Run a chunk; returns its `Outcome`.

        :param bool has_savepoint: whether it may have savepoints of its own; if not, what fails raises `NeedsSavepoint`
        """
        raise NotImplementedError

    def settle(self, chunk, outcome, duration):
        """Store what became of a chunk, and the chunks it has found; returns what `keep` is to be given."""
        raise NotImplementedError

    def keep(self, settled):
        """The chunk stands: it is not going to be run a second time."""

    def show(self, processed, failed):
        """Tell whoever watches how many records have run so far.

        :raises Interruption: the job is no longer wanted
        """

    def cancel_rest(self, failed):
        """Nothing more is run, because so many records have failed."""

    def undo(self, is_dry_run, reason):
        """All effects were rolled back: say so of every record.

        :param bool is_dry_run: what went well counts as succeeded; else it has failed
        :param str reason: what to say of records that were rolled back for the failures of others
        """
        raise NotImplementedError


class WholeJob:
    """One run of all chunks.

    :param env: an environment on the transaction; texts are in its language
    :param chunks: the `Chunks`
    :param bool is_dry_run: undo everything in the end
    :param bool all_or_nothing: undo everything if a record fails
    :param most_failures: once more records have failed, nothing more is run
    :param str transaction: number of the lane's transaction, None where it is the caller's
    """

    def __init__(self, env, chunks, *, is_dry_run, all_or_nothing, most_failures=float("inf"), transaction=None):
        self.env = env
        self.chunks = chunks
        self.is_dry_run = is_dry_run
        self.all_or_nothing = all_or_nothing
        self.most_failures = most_failures
        self.transaction = transaction
        self.done = self.processed = self.failed = 0
        self.first_message = None  # of the first record that failed

    def run(self):
        """Run the chunks; returns why everything was undone, None where it was not, or was meant to be.

        :raises Interruption: the transaction must be rolled back as a whole
        :raises TransactionEnded: user code has committed
        """
        with UndoableSavepoint(self.env) as savepoint:
            self._run_all()
            if self.is_undone:
                savepoint.rollback()
        if not self.is_undone:
            return None
        self.chunks.undo(self.is_dry_run, self.env._("Rolled back, because records of other operations failed."))
        if self.is_dry_run:
            return None
        return self.env._(
            "Everything was rolled back, because %(count)s records failed. The first: %(message)s",
            count=self.failed,
            message=self.first_message,
        )

    @property
    def is_undone(self):
        return self.is_dry_run or (self.all_or_nothing and self.failed > 0)

    @property
    def _has_failed_enough(self):
        return self.failed > self.most_failures

    def _run_all(self):
        last, ran = None, 1
        while ran:
            last, ran = self._run_some(last, max(self.done // GROWTH, 1) if self.chunks.share_savepoints else 1)
        if self._has_failed_enough:
            self.chunks.cancel_rest(self.failed)

    def _run_some(self, last, count):
        """Run the next chunks in one savepoint; if something fails, run them again in smaller groups.

        Every savepoint that wrote counts until the end of the transaction, and PostgreSQL slows down above 64. So the groups grow
        with what has gone well: a thousand chunks take some thirty savepoints, and a failure costs a quarter more at most.

        :param last: the chunk before them
        :returns: the last one of them, and how many there were
        """
        if count == 1:
            return self._run_each(last, 1)
        before = self.done, self.processed, self.failed, self.first_message
        try:
            with UndoableSavepoint(self.env):
                return self._run_each(last, count, has_savepoint=False)
        except SAVEPOINT_ERRORS as error:
            UserCode(self.env, None, Deadline(None), transaction=self.transaction).judge_end(error)
        except NeedsSavepoint:
            self.done, self.processed, self.failed, self.first_message = before
        left, ran = count, 1
        while left and ran:
            last, ran = self._run_some(last, min(max(count // GROWTH, 1), left))
            left -= ran
        return last, count - left

    def _run_each(self, last, count, has_savepoint=True):
        """Run so many chunks, one after the other.

        :raises NeedsSavepoint: something failed, and has no savepoint of its own
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
        self.done += 1
        counts = count_records(outcome)
        self.processed += counts[PROCESSED]
        self.failed += counts[FAILED]
        if self.first_message is None and outcome.failures:
            self.first_message = outcome.failures[min(outcome.failures)].message
        settled = self.chunks.settle(chunk, outcome, duration)
        self.chunks.show(self.processed, self.failed)
        return settled
