"""A lane: claim a chunk, run it, settle it, until there is nothing to do or time is up.

Any number of lanes on any number of hosts share one database; PostgreSQL's row locks are all that coordinates them.
"""

import logging
import select
import time
from contextlib import closing, contextmanager, suppress

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED

from odoo import SUPERUSER_ID, api
from odoo.tools import SQL

from ..engine import states
from ..exceptions import ChunkBroken, ClaimLost, JobBroken, SignalsAreNew, TransactionControlError
from ..store.statements import PROGRESS_EVERY_S
from . import atomic, callback, selection
from .connection import FORGET, WorkConnection
from .environments import keep_environments
from .errors import is_conflict, is_shutdown, own_words, trouble_of
from .records import run_records
from .signals import Signals
from .upsert_lock import key_locks
from .wake import WAKE_UP

_logger = logging.getLogger(__name__)

#: Seconds between two looks for abandoned chunks and for jobs whose time has come, per lane.
LOOK_AROUND_EVERY_S = 1.0
#: Seconds an idle lane sleeps between two looks for work, while jobs are unfinished.
IDLE_S = 0.2
#: Seconds between two lessons of a lane about the same kind of records, in chunks of a given size.
LESSON_EVERY_S = 5.0
#: Seconds a lane waits for PostgreSQL to come back.
COMEBACK_S = 60.0
#: Seconds a lane waits for the row of a job that somebody is just steering.
CONTROL_TIMEOUT_S = 10

RUNNERS = {
    states.RECORDS: run_records,
    states.RESOLVE: selection.run_page,
    states.ATOMIC: atomic.run_job,
    states.CALLBACK: callback.run_action,
}


class Lane:
    """One claiming loop.

    :param registry: the database's registry
    :param str worker: who this is, for people
    :param time_left: seconds this lane may still go on, asked between chunks
    :param linger_s: seconds to stay for new work once none is left
    """

    def __init__(self, registry, worker, time_left, linger_s=0):
        self.registry = registry
        self.worker = worker
        self.time_left = time_left
        self.linger_s = linger_s
        self.busy_at = time.monotonic()
        self.looked_around_at = 0.0
        self.at_length_at = 0.0  # when it was last seen to all that a claim may have to do
        self.signals = Signals(registry)
        self.alone_in = None  # the job in which nobody else was at work when it was last claimed from
        self.is_over = False
        self.done = 0
        self.last = None  # the claim last run, while its job has not been told of it
        self.lesson = None  # how long its records took
        self.taught_at = {}  # kind of records -> when this lane last learned about them

    def run(self):
        """Work until nothing is left or time is up.

        :returns: whether there is more to do
        """
        try:
            with self.connected():
                return self.loop()
        except Exception as error:  # whatever it is, the next pass is another one
            if is_conflict(error):
                # lost connections above all; a chunk that was being run is found and taken again
                _logger.warning("%s ends, and comes back with new connections: %s", self.worker, error)
                self.wait_for_database()
            else:
                _logger.exception("%s ends, and comes back", self.worker)
                time.sleep(LOOK_AROUND_EVERY_S)
        return True

    def wait_for_database(self):
        """Let PostgreSQL come back, should it be restarting, before this process ends for want of its connections.

        Odoo's prefork server puts another in its place at once, and stops altogether if it finds no database just then.
        """
        deadline = time.monotonic() + COMEBACK_S
        while time.monotonic() < deadline:
            try:
                with self.registry.cursor():
                    return
            except psycopg2.Error:
                time.sleep(IDLE_S)

    # -- claim -> run -> settle --------------------------------------------------------------------

    def loop(self):
        while not self.is_over:
            claim = self.claim()
            if claim is not None:
                self.work_on(claim)
                self.busy_at = time.monotonic()
            elif not self.is_over and not self.wait():
                return False
        return True

    def claim(self):
        """Take the next chunk, in one short transaction.

        Committed before the chunk is run: if this process dies of it, the attempt has been counted. The first claim of a
        lane is on disk by then, so that work which crashes even PostgreSQL is counted; later ones need not wait for the
        disk, as the commit of the work writes them as well, or both are lost.

        :returns: a `Claim`; None where there is none to be had now, or the lane is over
        """
        self.look_around()
        claim = self.claim_readable()
        self.alone_in = claim.job_id if claim and not claim.in_flight else None
        last, self.last = self.last, None
        if last and not (claim and claim.job_id == last.job_id):  # a job that has just been claimed from is awake
            with self.transaction() as env:
                env["batch.job"].browse(last.job_id)._wake()
            if claim is None and not self.is_over:
                return self.claim()
        return claim

    def claim_readable(self):
        """A claim; what can't be read is set aside on the way, and a job that can't be moved on is put off."""
        while not self.is_over:
            try:
                return self.claim_at_once() or self.claim_at_length()
            except ChunkBroken as broken:
                _logger.exception("chunk %s: could not be read", broken.chunk_id)
                with self.transaction() as env:
                    env["batch.chunk"]._set_aside(broken.chunk_id)
            except JobBroken as broken:
                _logger.exception("job %s: could not be moved on", broken.job_id)
                with self.transaction() as env:
                    env["batch.job"].browse(broken.job_id)._put_off()
        return None

    def claim_at_once(self):
        """The usual case, in a single message that is a transaction of its own; None where it needs more than that."""
        usual = not self.lesson and time.monotonic() - self.at_length_at < PROGRESS_EVERY_S and self.time_left() > 0
        if not usual:
            return None
        self.control.connection.autocommit = True
        try:
            env = api.Environment(self.control, SUPERUSER_ID, {})
            return env["batch.chunk"]._claim_at_once(self.worker, self.signals)
        finally:
            if not self.control.connection.closed:
                self.control.connection.autocommit = False

    def claim_at_length(self):
        """The same with all that may have to be done first, above all counting what was settled."""
        claim = None
        with suppress(SignalsAreNew), self.transaction() as env:
            if self.done == 1:
                env.cr.execute("SET synchronous_commit TO off")
            self.learn(env)
            self.is_over = self.time_left() <= 0
            claim = None if self.is_over else env["batch.chunk"]._claim(self.worker, self.signals, self.alone_in)
        if self.signals.are_new:
            with self.transaction() as env:
                self.is_over = not self.signals.heed(env.cr)
            if not self.is_over:
                return self.claim_at_length()
        if self.done > 0:
            self.at_length_at = time.monotonic()
        return claim

    def work_on(self, claim):
        """Run a chunk and settle it, both in one transaction: its effects and its outcome stand or fall together."""
        _logger.debug("%s: claimed by %s", claim, self.worker)
        try:
            # what must be locked before the work's snapshot is taken: see `upsert_lock`
            with key_locks(self.registry, claim), closing(self.work_connection.cursor()) as cr:
                system = api.Environment(cr, SUPERUSER_ID, {})
                keep_environments(system.transaction)
                system["batch.chunk"]._hold(claim, first=FORGET)
                started = time.monotonic()
                outcome = RUNNERS[claim.kind](system, claim, self)
                duration = time.monotonic() - started
                system["batch.chunk"]._settle(claim, outcome, duration)
                cr.flush()
                self.signals.announce(cr)
                # the one commit of the work: what was done and the note that it is done
                cr.commit()  # pylint: disable=invalid-commit
                self.signals.announced()
        except ClaimLost:
            self.work_connection.unlock()
            self.registry.reset_changes()
            _logger.info("%s: lost to another lane, rolled back", claim)
            return
        except BaseException as error:  # a lane must not die of one chunk, whatever is wrong with it
            if is_shutdown(error):
                raise
            self.work_connection.unlock()
            self.registry.reset_changes()
            self.release(claim, error)
        else:
            self.done += 1
            if claim.kind == states.RECORDS and outcome.is_clean:
                self.note_lesson(claim, duration)
        self.last = claim

    def note_lesson(self, claim, duration):
        """Where the size of chunks is ours to choose, each one teaches; else now and then one, for the estimates of ends."""
        kind, now = (claim.model, claim.operation_type), time.monotonic()
        if claim.chunk_size == 0 or now - self.taught_at.get(kind, float("-inf")) > LESSON_EVERY_S:
            self.taught_at[kind] = now
            self.lesson = (*kind, claim.size, duration)

    def learn(self, env):
        """Remember how long the records of the last chunk took."""
        if self.lesson:
            env["batch.sizing"]._learn(*self.lesson)
            self.lesson = None

    def release(self, claim, error):
        """Give a chunk back whose attempt was rolled back: to be tried again, halved or given up.

        Errors of the records have become outcomes before; what comes here without being trouble is our own mistake.
        """
        trouble = trouble_of(error)
        if trouble is None and not isinstance(error, TransactionControlError):
            _logger.exception("%s: could not be run or settled", claim)
        try:
            with self.transaction() as env:
                if trouble is None:
                    env["batch.chunk"]._give_up(claim, error)
                else:
                    env["batch.chunk"]._release(claim, trouble, own_words(error))
        except Exception as another:
            if is_conflict(another):
                raise
            _logger.exception("%s: could not be given back", claim)
            with self.transaction() as env:
                env["batch.chunk"]._set_aside(claim.chunk_id)

    def look_around(self):
        """Now and then: take back what dead workers have left, put jobs into the queue whose time has come, drop values."""
        if time.monotonic() - self.looked_around_at > LOOK_AROUND_EVERY_S:
            with self.transaction() as env:
                env["batch.chunk"]._rescue_orphans()
                env["batch.job"]._promote()
                env["batch.job"]._drop_values_now()
            self.looked_around_at = time.monotonic()

    # -- waiting -----------------------------------------------------------------------------------

    def wait(self):
        """Nothing can be claimed now: sleep a little if that may change soon; returns whether it may.

        A lane stays as long as chunks are running elsewhere, so that it can take over when their worker dies; and then a moment
        longer, for the next job of somebody who sends one after the other.
        """
        with self.transaction() as env:
            soon = env["batch.job"]._next_look()
        if soon is None and (left := self.busy_at + self.linger_s - time.monotonic()) > 0:
            soon = left
        if soon is None or soon > self.time_left():
            return False
        self.sleep(min(IDLE_S, max(soon, 0.01)))
        self.looked_around_at = 0.0  # nothing else to do
        return True

    def sleep(self, seconds):
        """Sleep for so long, or until somebody commits new work."""
        connection = self.control.connection
        if not connection.notifies:
            select.select([connection], [], [], seconds)
            connection.poll()
        connection.notifies.clear()

    # -- transactions ------------------------------------------------------------------------------

    @contextmanager
    def connected(self):
        """Two connections: one for short transactions of the lane's own, one for the work."""
        with self.control_cursor() as self.control, closing(WorkConnection(self.registry)) as self.work_connection:
            yield

    @contextmanager
    def control_cursor(self):
        """The cursor for short transactions.

        READ COMMITTED: a row that another lane has just changed is looked at again; at Odoo's REPEATABLE READ two lanes
        claiming at the same moment would get serialization failures.
        """
        with self.registry.cursor() as cr:
            cr.connection.set_isolation_level(ISOLATION_LEVEL_READ_COMMITTED)
            cr.execute("SET default_transaction_isolation TO 'read committed'")  # what is a transaction of its own
            cr.execute("SELECT set_config('lock_timeout', %s, false)", [f"{CONTROL_TIMEOUT_S}s"])
            # all that is asked here is in the order of an index; with statistics of other days PostgreSQL might rather read
            # all that waits and sort it, or plan anew for each job where jobs differ much in size
            cr.execute("SET enable_bitmapscan TO off")
            cr.execute("SET enable_seqscan TO off")
            cr.execute("SET plan_cache_mode TO force_generic_plan")
            cr.execute(SQL("LISTEN %s", SQL.identifier(WAKE_UP)))
            cr.commit()  # pylint: disable=invalid-commit  # for all transactions to come on this cursor
            try:
                yield cr
            finally:
                stop_listening(cr)

    @contextmanager
    def transaction(self):
        """A short transaction on the control cursor, committed at its end."""
        try:
            yield api.Environment(self.control, SUPERUSER_ID, {})
            # short and on a cursor of our own: the claim, the progress or the release itself
            self.control.commit()
        except BaseException:
            if not self.control.closed:
                self.control.rollback()
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
