"""A lane's short transactions, on a connection of their own: claims, what is given back, and word of new work."""

import logging
import select
import time
from contextlib import contextmanager, suppress

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED

from odoo import SUPERUSER_ID, api
from odoo.tools import SQL

from ..engine import states
from ..exceptions import ChunkBroken, JobBroken, SignalsAreNew
from ..store import queue
from ..store.claim import PROGRESS_EVERY_S, claim_fast
from ..store.sizing import learn
from . import rescue
from .claiming import claim_with_housekeeping
from .forget import forget_values_now, has_values_to_forget
from .interruption import is_conflict
from .signals import Signals
from .wake import WAKE_UP

_logger = logging.getLogger(__name__)

#: Seconds between two looks for abandoned chunks and for jobs whose time has come, per lane.
LOOK_AROUND_EVERY_S = 1.0
#: Seconds a lane waits for the row of a job that somebody is changing.
CONTROL_TIMEOUT_S = 10
#: Seconds between two lessons of a lane about the same kind of records, in chunks of a given size.
LESSON_EVERY_S = 5.0


class Control:
    """Claims, releases and waits of one lane.

    :param registry: the database's registry
    :param str worker: who this is, for people
    :param time_left: function that returns the seconds this lane may still go on
    """

    def __init__(self, registry, worker, time_left):
        self.registry = registry
        self.worker = worker
        self.time_left = time_left
        self.signals = Signals(registry)
        self.cr = None
        self.is_over = False  # nothing more is claimed: time is up, or the models have changed
        self.done = 0  # chunks that this lane has run and settled
        self.last = None  # the claim that ended last, as long as its job has not been woken for it
        self.lesson = None  # arguments of `store.sizing.learn`, for the next claim
        self.taught_at = {}  # kind of records -> monotonic time of the last lesson about them
        self.sole_job_id = None  # the job in which no other lane was at work when this one last claimed from it
        self.last_full_claim_at = 0.0  # monotonic time of the last claim with housekeeping
        self.looked_around_at = 0.0

    # -- claiming ----------------------------------------------------------------------------------

    def claim(self):
        """Take the next chunk, in one short transaction.

        Committed before the chunk is run: if this process dies of it, the attempt has been counted. The first claim of a
        lane is on disk by then, so that work which crashes even PostgreSQL is counted; later ones need not wait for the
        disk, as the commit of the work writes them as well, or both are lost.

        :returns: a `Claim`; None where there is none to be had now, or the lane is over
        """
        self.look_around()
        claim = self.claim_readable()
        self.sole_job_id = claim.job_id if claim and not claim.in_flight else None
        last, self.last = self.last, None
        if last and not (claim and claim.job_id == last.job_id):  # a job that has just been claimed from is awake
            with self.transaction() as env:
                queue.wake(env.cr, last.job_id)
            if claim is None and not self.is_over:
                return self.claim()
        return claim

    def claim_readable(self):
        """The next claim; a chunk that can't be read is set aside, and a job that can't be moved on is put off."""
        while not self.is_over:
            try:
                return self.claim_fast() or self.claim_with_housekeeping()
            except ChunkBroken as broken:
                _logger.exception("chunk %s: could not be read", broken.chunk_id)
                with self.transaction() as env:
                    rescue.set_aside(env, broken.chunk_id)
            except JobBroken as broken:
                _logger.exception("job %s: could not be moved on", broken.job_id)
                with self.transaction() as env:
                    queue.put_off(env.cr, broken.job_id)
        return None

    def claim_fast(self):
        """The usual case, in a single message that is a transaction of its own; None where there is more to be done first."""
        is_due = time.monotonic() - self.last_full_claim_at >= PROGRESS_EVERY_S
        if self.lesson or is_due or self.time_left() <= 0:
            return None
        self.cr.connection.autocommit = True
        try:
            return claim_fast(self.cr, self.worker, self.signals.query, self.signals.known)
        finally:
            if not self.cr.connection.closed:
                self.cr.connection.autocommit = False

    def claim_with_housekeeping(self):
        """The same with all that may have to be done first, above all counting what was settled."""
        claim = None
        with suppress(SignalsAreNew), self.transaction() as env:
            if self.done == 1:
                env.cr.execute("SET synchronous_commit TO off")
            if self.lesson:
                learn(env.cr, *self.lesson)
                self.lesson = None
            self.is_over = self.time_left() <= 0
            if not self.is_over:
                claim = claim_with_housekeeping(env, self.worker, self.signals, self.sole_job_id)
        if self.signals.are_new:
            with self.transaction() as env:
                self.is_over = not self.signals.apply(env.cr)
            if not self.is_over:
                return self.claim_with_housekeeping()
        if self.done > 0:
            self.last_full_claim_at = time.monotonic()
        return claim

    def look_around(self):
        """Now and then: take back what dead workers have left, put jobs into the queue whose time has come, drop values."""
        if time.monotonic() - self.looked_around_at > LOOK_AROUND_EVERY_S:
            with self.transaction() as env:
                rescue.rescue_orphans(env)
                queue.promote(env.cr)
                forget_values_now(env)
            self.looked_around_at = time.monotonic()

    # -- what became of a claim --------------------------------------------------------------------

    def settled(self, claim, outcome, duration):
        """Note a chunk that was settled, and how long its records took.

        Where the size of chunks is ours to choose, each is a lesson; else now and then one, for the estimates of ends.
        """
        self.done += 1
        self.last = claim
        kind, now = (claim.model, claim.operation_type), time.monotonic()
        if claim.kind != states.RECORDS or not outcome.is_clean:
            return
        if claim.chunk_size == 0 or now - self.taught_at.get(kind, float("-inf")) > LESSON_EVERY_S:
            self.taught_at[kind] = now
            self.lesson = (*kind, claim.size, duration)

    def release(self, claim, error):
        """Give a chunk back whose attempt was rolled back: it is tried again, halved or failed."""
        self.last = claim
        try:
            with self.transaction() as env:
                rescue.give_back(env, claim, error)
        except Exception as another:
            if is_conflict(another):
                raise
            _logger.exception("%s: could not be given back", claim)
            with self.transaction() as env:
                rescue.set_aside(env, claim.chunk_id)

    # -- waiting -----------------------------------------------------------------------------------

    def seconds_until_work(self):
        """Seconds until there may be something to claim or to drop, as far as is known: 0 now, None never."""
        with self.transaction() as env:
            return 0.0 if has_values_to_forget(env) else queue.seconds_until_work(env.cr)

    def sleep(self, seconds):
        """Sleep for so long, or until somebody commits new work; then look around at once."""
        connection = self.cr.connection
        if not connection.notifies:
            select.select([connection], [], [], seconds)
            connection.poll()
        connection.notifies.clear()
        self.looked_around_at = 0.0

    # -- transactions ------------------------------------------------------------------------------

    @contextmanager
    def connected(self):
        """Hold the connection.

        READ COMMITTED: a row that another lane has just changed is looked at again; at Odoo's REPEATABLE READ two lanes
        claiming at the same moment would get serialization failures.
        """
        with self.registry.cursor() as self.cr:
            self.cr.connection.set_isolation_level(ISOLATION_LEVEL_READ_COMMITTED)
            self.cr.execute("SET default_transaction_isolation TO 'read committed'")  # of `claim_fast`
            self.cr.execute("SELECT set_config('lock_timeout', %s, false)", [f"{CONTROL_TIMEOUT_S}s"])
            # all that is asked here is in the order of an index; with statistics of other days PostgreSQL might rather read
            # all that waits and sort it, or plan anew for each job where jobs differ much in size
            self.cr.execute("SET enable_bitmapscan TO off")
            self.cr.execute("SET enable_seqscan TO off")
            self.cr.execute("SET plan_cache_mode TO force_generic_plan")
            self.cr.execute(SQL("LISTEN %s", SQL.identifier(WAKE_UP)))
            self.cr.commit()  # pylint: disable=invalid-commit  # for all transactions to come on this cursor
            try:
                yield
            finally:
                stop_listening(self.cr)

    @contextmanager
    def transaction(self):
        """A short transaction, committed at its end."""
        try:
            yield api.Environment(self.cr, SUPERUSER_ID, {})
            # short and on a cursor of our own: the claim, the progress or the release itself
            self.cr.commit()  # pylint: disable=invalid-commit
        except BaseException:
            if not self.cr.closed:
                self.cr.rollback()
            raise


def stop_listening(cr):
    """Have nobody wake a connection that goes back to Odoo's pool: there, nobody reads what it is told.

    Where that can't be had, after an error say, the connection does not go back.
    """
    try:
        cr.rollback()
        cr.execute(SQL("UNLISTEN %s", SQL.identifier(WAKE_UP)))
        cr.commit()  # pylint: disable=invalid-commit  # a setting of the session
    except psycopg2.Error:
        with suppress(psycopg2.Error):
            cr.connection.close()
