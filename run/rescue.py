"""Give back chunks whose attempt was rolled back, and rescue chunks of dead workers; with the messages for users.

The statements are in `store.rescue`.
"""

import logging

from ..engine import metrics, states, verdict
from ..engine.sizing import INTERRUPTED_S
from ..exceptions import TransactionControlError
from ..store import queue, rescue
from ..store.chunk_row import claim_of_chunk
from ..store.clock import stop_clock_of_lost
from ..store.finish import request_stop
from ..store.limit_queue import interrupted
from ..store.metrics import count_up
from ..store.sizing import learn_interrupted
from .errors import committed_message, failure, own_words, transaction_control_message
from .guarded import timeout_message
from .interruption import interruption_of, is_conflict
from .numbers import attempts
from .records import usable_lang
from .trace import of_job
from .wake import wake_lanes

_logger = logging.getLogger(__name__)


def give_back(env, claim, error):
    """Give back a chunk whose attempt was rolled back: it is tried again, halved or failed.

    Errors of single records have become outcomes before. `error` is an interruption, a transaction ended by user code, or a bug of
    the engine.

    :param env: a superuser environment, in a short transaction
    :param claim: the `Claim`
    :param error: the exception that ended the attempt
    """
    interruption = interruption_of(error)
    is_mistake = interruption is None and not isinstance(error, TransactionControlError)
    if is_mistake:
        _logger.error("%s: could not be run or settled", claim, exc_info=error)
    if not rescue.lock_claimed(env.cr, claim):
        _logger.info("%s: lost to another lane while it was being given back", claim)
    elif is_mistake:
        _fail(env, claim, "InternalError", env._("Internal error: %s", type(error).__name__))
    elif interruption is None:
        _fail(env, claim, TransactionControlError.__name__, str(error))
    else:
        _give_back(env, claim, interruption, own_words(error))
    if claim.limit_id:
        interrupted(env.cr, [claim.limit_id])


def end_unrun(env, chunk_id):
    """End a chunk that can't be run, and whose records can't be failed one by one. If it is a job's driver, the job ends too.

    :param env: a superuser environment, in a short transaction
    :param int chunk_id: id of the chunk
    """
    job_id = rescue.end_unrun(env.cr, chunk_id, _unreadable(env))
    if job_id:  # the chunks that await this driver would wait for ever
        request_stop(env.cr, job_id, env._("Internal error: the job could not be run."))


def rescue_orphans(env):
    """Put back or fail chunks whose worker is gone, a limited number per call.

    :param env: a superuser environment, in a short transaction
    :returns: number of chunks found; the next call finds the rest
    """
    rows = rescue.lock_orphans(env.cr)
    for row in rows:
        ids = of_job(row["job_id"], row["id"])
        _logger.warning("job %s chunk %s: its worker (%s) is gone", row["job_id"], row["id"], row["worker"], extra=ids)
        try:
            with env.cr.savepoint():
                _take_back(env, row)
        except Exception as error:
            if is_conflict(error):
                raise
            _logger.exception("job %s chunk %s: could not be taken back", row["job_id"], row["id"], extra=ids)
            end_unrun(env, row["id"])
        stop_clock_of_lost(env.cr, row["job_id"], row["claimed_at"])
        queue.wake(env.cr, row["job_id"])
    count_up(env.cr, {"lost_workers": len(rows)})
    interrupted(env.cr, {row["limit_id"] for row in rows} - {None})
    if rows:
        # the process that replaces a killed cron worker sleeps for a minute before it first looks for work
        wake_lanes(env)
    return len(rows)


def _take_back(env, row):
    """Put back or fail one chunk whose worker is gone."""
    claim = claim_of_chunk(env.cr, row["job_id"], row)
    if claim.is_atomic and claim.kind in (states.RECORDS, states.RESOLVE):
        # such a chunk runs in the driver's transaction; it is visible as running only if user code committed that transaction
        _fail(env, claim, TransactionControlError.__name__, committed_message(env))
    else:
        if claim.may_teach and claim.is_adaptive:
            # when the worker went is not known; where it took too long, or too much memory, a smaller chunk is better
            learn_interrupted(env.cr, claim.model, claim.lesson_kind, claim.size, INTERRUPTED_S)
        _give_back(env, claim, verdict.LOST)


def _give_back(env, claim, interruption, words=None):
    decision = rescue.decide(env.cr, claim, interruption)
    _logger.info("%s: %s, so %s", claim, interruption, decision.action)
    if decision.action == verdict.FAIL:
        _fail(env, claim, decision.error_type, _reason(env, claim, interruption, words))
    else:
        rescue.put_back(env.cr, claim, decision)
        count_up(env.cr, {metrics.key("chunk_retries", interruption): 1})


def _fail(env, claim, error_type, reason):
    rescue.fail(env.cr, claim, failure(error_type, reason), _unreadable(env))


def _reason(env, claim, interruption, words):
    """The message for the failed records of a chunk, in the job's language.

    :param str interruption: one of the constants of `engine.verdict`
    :param str words: message that user code made of the interruption, or None
    """
    lang = usable_lang(env, claim.context.get("lang"), claim.user_id)
    env = env(context=dict(env.context, lang=lang))
    if interruption == verdict.TIMEOUT:
        return timeout_message(env, claim.timeout_s)
    if interruption == verdict.ENDED:
        return transaction_control_message(env)
    if interruption == verdict.LOST:
        return env._("The worker running it died; given up after %s.", attempts(env, claim.attempt))
    given_up = env._("It conflicted with other transactions; given up after %s.", attempts(env, claim.attempt))
    return f"{words}\n{given_up}" if words else given_up


def _unreadable(env):
    return env._("Internal error: this chunk could not be run, and its records could not be reported one by one.")
