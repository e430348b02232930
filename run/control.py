"""A lane's short transactions, on their own connection: claims, releases, and notifications of new work."""

import logging
import select
import time
from contextlib import contextmanager, suppress

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED

from odoo import SUPERUSER_ID, api
from odoo.tools import SQL

from ..engine import verdict
from ..exceptions import ChunkBroken, JobBroken, SignalsAreNew
from ..store import queue, told
from ..store.awake import come_awake, fall_asleep
from ..store.claim import PROGRESS_EVERY_S, claim_fast
from ..store.metrics import count_up, settle_up
from ..store.sizing import learn, learn_interrupted
from ..store.upgrade import is_announced
from . import limited, rescue
from .claiming import claim_with_housekeeping
from .forget import forget_values_now, has_values_to_forget
from .interruption import interruption_of, is_conflict
from .purge import purge_slice
from .signals import Signals
from .tell import TELLING_S, tell
from .wake import WAKE_UP
from .watchdog import Deadline

_logger = logging.getLogger(__name__)

#: Seconds between two searches of a lane for abandoned chunks and for parked jobs that are due.
LOOK_AROUND_EVERY_S = 1.0
#: Seconds until a lane tries again to delete what deleted jobs have left, after an error.
PURGE_AGAIN_S = 60.0
#: Seconds a lane waits for a row lock.
CONTROL_TIMEOUT_S = 10
#: Seconds between two measurements that a lane stores for the same model and operation type, if the chunk size is fixed.
LESSON_EVERY_S = 5.0
#: Seconds between two notes that a lane is alive; the last one is made when it ends.
SEEN_EVERY_S = 30.0


class Control:
    """The control connection of one lane: claims, releases and waits.

    :param registry: the database's registry
    :param str worker: name of the lane, host and process, for people
    :param time_left: function that returns the seconds this lane may still run
    """

    def __init__(self, registry, worker, time_left):
        self.registry = registry
        self.worker = worker
        self.time_left = time_left
        self.signals = Signals(registry)
        self.cr = None
        self.is_over = False  # nothing more is claimed: time is up, or the models have changed
        self.lets_go = False  # the addon is being updated: its tables are not touched
        self.done = 0  # number of chunks that this lane has run and settled
        self.last = None  # the claim that ended last, until its job is woken or claimed from again
        self.lesson = None  # arguments of `store.sizing.learn`, stored by the next claim
        self.taught_at = {}  # (model, kind of operation) -> monotonic time of the last measurement
        self.paces = {}  # `Claim.lesson_key` -> seconds per record of the last chunk that was measured
        self.sole_job_id = None  # the job of the last claim, if no other chunk of it was in flight then
        self.last_full_claim_at = 0.0  # monotonic time of the last claim with housekeeping
        self.looked_around_at = 0.0  # monotonic time of the last `look_around`
        self.seen_at = time.monotonic()  # when it was last noted that the lane is alive
        self.has_remains = False  # the last `look_around` has left something of deleted jobs
        self.purges_from = 0.0  # monotonic time of the next attempt to delete that

    # -- claiming ----------------------------------------------------------------------------------

    def claim(self):
        """Claim the next chunk in a short transaction, and commit it.

        The claim is committed before the chunk runs, so that an attempt that kills this process is counted. The lane's first
        claim waits for the disk, so that an attempt that crashes PostgreSQL is counted as well. Later claims don't wait: the
        commit of the work writes them to disk too, or a crash loses both.

        :returns: a `Claim`; None if no chunk can be claimed now, or the lane is over
        """
        self.look_around()
        if self.lets_go:
            return None
        if self.last and self.last.limit_id:
            self.let_next_of_limit(self.last.limit_id)
        claim = self.claim_readable()
        self.sole_job_id = claim.job_id if claim and not claim.in_flight else None
        last, self.last = self.last, None
        if last and not (claim and claim.job_id == last.job_id):  # the job of the new claim is in the queue already
            with self.transaction() as env:
                queue.wake(env.cr, last.job_id)
            if claim is None and not self.is_over:
                return self.claim()  # the job is back in the queue, and may have more to do
        return claim

    def claim_readable(self):
        """Claim the next chunk; set aside chunks that can't be read, and postpone jobs that can't be counted or advanced.

        :returns: a `Claim`, or None
        """
        while not self.is_over:
            try:
                return self.claim_fast() or self.claim_with_housekeeping()
            except ChunkBroken as broken:
                _logger.exception("chunk %s: could not be read", broken.chunk_id)
                with self.transaction() as env:
                    rescue.end_unrun(env, broken.chunk_id)
            except JobBroken as broken:
                _logger.exception("job %s: could not be moved on", broken.job_id)
                with self.transaction() as env:
                    queue.put_off(env.cr, broken.job_id)
        return None

    def claim_fast(self):
        """Claim in a single message to PostgreSQL, which is its own transaction.

        :returns: a `Claim`; None if nothing was claimed, or if a claim with housekeeping is due
        """
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
        """Claim, and first do what is due: store the measurement, count settled chunks, apply signals.

        :returns: a `Claim`; None if no chunk can be claimed now, or the lane is over
        """
        claim = None
        with suppress(SignalsAreNew), self.transaction() as env:
            if self.done == 1:  # once a chunk has been settled; see `claim`
                env.cr.execute("SET synchronous_commit TO off")
            if self.lesson:
                learn(env.cr, *self.lesson)
                self.lesson = None
            self.is_over = self.time_left() <= 0
            if not self.is_over:
                claim = claim_with_housekeeping(env, self.worker, self.signals, self.paces, self.sole_job_id)
        if self.signals.are_new:
            with self.transaction() as env:
                self.is_over = not self.signals.apply(env.cr)
            if not self.is_over:
                return self.claim_with_housekeeping()
        if self.done > 0:  # until then no claim is fast, so that none skips the setting above
            self.last_full_claim_at = time.monotonic()
        return claim

    def look_around(self):
        """Every `LOOK_AROUND_EVERY_S`: rescue chunks of dead workers, queue parked jobs that are due, drop old values, tell of ends, and
        delete something of deleted jobs.

        If the addon is being updated, the lane ends instead.
        """
        if time.monotonic() - self.looked_around_at > LOOK_AROUND_EVERY_S:
            with self.transaction() as env:
                if is_announced(env.cr):
                    self.is_over = self.lets_go = True
                    return
                rescue.rescue_orphans(env)
                queue.promote(env.cr)
                forget_values_now(env)
                if time.monotonic() - self.seen_at > SEEN_EVERY_S:
                    settle_up(env.cr)
                    self.seen_at = time.monotonic()
            with self.transaction() as env:
                limited.let_due(env)
            self.tell_ends()
            self.purge()
            self.looked_around_at = time.monotonic()

    def let_next_of_limit(self, limit_id):
        """Let a job go on that waits for the room of a chunk that has ended: before the next claim, so that its job takes its turn."""
        try:
            with self.transaction() as env:
                limited.let_next(env, limit_id, is_patient=True)
        except psycopg2.errors.LockNotAvailable:  # it is being changed; lanes look again by themselves
            _logger.info("%s: the jobs that wait for limit %s wait a little longer", self.worker, limit_id)

    def tell_ends(self):
        """Tell of ends that are due, some at a time, as long as neither `TELLING_S` nor the time of the lane is up."""
        deadline = Deadline(TELLING_S)

        def has_time():
            return not deadline.expired and self.time_left() > 0

        while has_time():
            with self.transaction() as env:
                ended = told.take_due(env.cr)
            if not ended:
                return
            if missed := tell(self.registry, ended, has_time):
                self.give_back_ends(missed)

    def give_back_ends(self, job_ids):
        """Let ends be due again whose telling was not begun; each by itself, as somebody may lock the row of one."""
        for job_id in job_ids:
            try:
                with self.transaction() as env:
                    told.give_back(env.cr, [job_id])
            except psycopg2.errors.LockNotAvailable:
                _logger.warning("job %s: the attempt to tell of its end could not be given back", job_id)

    def purge(self):
        """Delete a slice of what deleted jobs have left. Where that fails, the next attempt is made after `PURGE_AGAIN_S`."""
        if time.monotonic() < self.purges_from:
            return
        try:
            with self.transaction() as env:
                self.has_remains = purge_slice(env.cr)
        except Exception as error:
            if is_conflict(error):
                raise
            _logger.exception("what deleted jobs have left could not be deleted")
            self.has_remains, self.purges_from = False, time.monotonic() + PURGE_AGAIN_S

    # -- the end of a claim ------------------------------------------------------------------------

    def settled(self, claim, outcome, duration):
        """Record that a chunk was settled, and keep its duration as a measurement for the next claim to store.

        With adaptive chunk sizes every clean chunk is measured. With a fixed size one is measured every `LESSON_EVERY_S`, for
        the estimates of the expected end. A later claim counts the chunk into its operation and job: `run.advance.count`.

        :param claim: the `Claim`
        :param outcome: its `Outcome`
        :param float duration: seconds the chunk took
        """
        self.done += 1
        self.last = claim
        if claim.share >= claim.size and outcome.is_clean:  # also a small one: how many may run next is a matter of their pace
            self.paces[claim.lesson_key] = duration / claim.size
        if not (claim.may_teach and outcome.is_clean):
            return
        kind, now = (claim.model, claim.lesson_kind), time.monotonic()
        if claim.is_adaptive:
            self.paces[claim.lesson_key] = duration / claim.size
        if claim.is_adaptive or now - self.taught_at.get(kind, float("-inf")) > LESSON_EVERY_S:
            self.taught_at[kind] = now
            self.lesson = (*kind, claim.size, duration)

    def release(self, claim, error, duration=0.0):
        """Give back a chunk whose attempt was rolled back: it is tried again, halved or failed.

        :param claim: the `Claim`
        :param error: the exception that ended the attempt
        :param float duration: seconds the attempt took
        """
        self.last = claim
        took_long = claim.may_teach and claim.is_adaptive and interruption_of(error) == verdict.TIMEOUT
        if took_long:
            self.paces[claim.lesson_key] = duration / claim.size
        try:
            with self.transaction() as env:
                rescue.give_back(env, claim, error)
                count_up(env.cr, {"lane_busy_seconds": duration})
                if took_long:
                    learn_interrupted(env.cr, claim.model, claim.lesson_kind, claim.size, duration)
        except Exception as another:
            if is_conflict(another):
                raise
            _logger.exception("%s: could not be given back", claim)
            with self.transaction() as env:
                rescue.end_unrun(env, claim.chunk_id)

    # -- waiting -----------------------------------------------------------------------------------

    def seconds_until_work(self):
        """Estimated seconds until there is something to claim, to tell, to drop or to delete; 0: now, None: no work is known."""
        with self.transaction() as env:
            is_due = self.has_remains or told.is_due(env.cr) or has_values_to_forget(env)
            return 0.0 if is_due else queue.seconds_until_work(env.cr)

    def sleep(self, seconds):
        """Sleep until new work is committed, for at most `seconds`; where there is none, the next claim calls `look_around` at once."""
        connection = self.cr.connection
        connection.poll()  # a notification that came together with the answer to a commit is not in `notifies` yet
        if not connection.notifies:
            select.select([connection], [], [], seconds)
            connection.poll()
        if not connection.notifies:
            self.looked_around_at = 0.0
        connection.notifies.clear()

    # -- transactions ------------------------------------------------------------------------------

    @contextmanager
    def connected(self):
        """Open the connection for the body of the `with`, and give it back afterwards.

        Its transactions are READ COMMITTED: PostgreSQL reads a row again that another lane has just changed. At Odoo's
        REPEATABLE READ, two lanes that claim at the same moment would get serialization failures.
        """
        with self.registry.cursor() as self.cr:
            self.cr.connection.set_isolation_level(ISOLATION_LEVEL_READ_COMMITTED)
            self.cr.execute("SET default_transaction_isolation TO 'read committed'")  # of `claim_fast`
            self.cr.execute("SELECT set_config('lock_timeout', %s, false)", [f"{CONTROL_TIMEOUT_S}s"])
            # every query here reads an index in its order. With outdated statistics PostgreSQL may choose to read and sort all
            # waiting rows instead; and if jobs differ much in size, it may make a new plan for each job
            self.cr.execute("SET enable_bitmapscan TO off")
            self.cr.execute("SET enable_seqscan TO off")
            self.cr.execute("SET plan_cache_mode TO force_generic_plan")
            self.cr.execute(SQL("LISTEN %s", SQL.identifier(WAKE_UP)))
            come_awake(self.cr)
            self.cr.commit()  # pylint: disable=unknown-option-value,invalid-commit  # keeps these settings for the later transactions of this cursor
            try:
                yield
            finally:
                stop_listening(self.cr)

    @contextmanager
    def transaction(self):
        """A short transaction: commits at the end of the body, rolls back if it raises.

        :returns: a superuser environment
        """
        try:
            yield api.Environment(self.cr, SUPERUSER_ID, {})
            # our own cursor, which holds nothing but the claim, the progress or the release
            self.cr.commit()  # pylint: disable=unknown-option-value,invalid-commit
        except BaseException:
            if not self.cr.closed:
                self.cr.rollback()
            raise


def stop_listening(cr):
    """Stop a connection from receiving notifications, and from holding locks, before it goes back to Odoo's pool, where nobody reads them.

    If that fails, the connection is closed, so that it does not go back.

    :param cr: the cursor of the connection
    """
    try:
        cr.rollback()
        cr.execute(SQL("UNLISTEN %s", SQL.identifier(WAKE_UP)))
        settle_up(cr)
        fall_asleep(cr)
        cr.commit()  # pylint: disable=unknown-option-value,invalid-commit  # UNLISTEN takes effect at the commit
    except psycopg2.Error:
        with suppress(psycopg2.Error):
            cr.connection.close()
