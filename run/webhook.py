"""Webhooks: the end of a job is stored to be sent, in the transaction that ends it. A scheduled action of its own sends it, at least once.

So no lane waits for a receiver, and no end is lost where something is killed.
"""

import logging
import time
import uuid
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from urllib3.exceptions import HTTPError, SSLError

from odoo.modules.module import Manifest
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import str2bool

from ..engine.payload import dumps
from ..engine.webhook import AT_ONCE, GONE, NO_ANSWER, PRIVATE_ADDRESSES, headers, is_taken, next_to_send, wait_s
from ..store import webhook as store
from .post import PrivateAddress, UnknownHost, post
from .status import status
from .trace import of_job

_logger = logging.getLogger(__name__)

SENDER = "batch_executor.ir_cron_webhooks"
#: How often a transaction of the sender is made again after a conflict.
ATTEMPTS = 5


# -- an option, an end -----------------------------------------------------------------------------


def find_webhook(env, name, problems):
    """The id of the webhook with this name; None, and a problem, where jobs of the company have none. Any batch user may name one, and sees no more of it.

    :param str name: the option `webhook`, or None
    """
    if not name:
        return None
    found = env["batch.webhook"].sudo().search([("name", "=", name), ("company_id", "in", [env.company.id, False])], limit=1)
    if not found:
        problems.add(env._("there is no webhook '%s' for jobs of this company, or it is archived", name), key="webhook")
    return found.id or None


def store_end(env, job):
    """Store that the end of a job is to be sent, in the transaction that ends it.

    :param env: a superuser environment
    :param JobRow job: the locked job, whose final state has just been set
    """
    body = dumps(status(env, job.id))
    store.store_end(env.cr, job.id, job.webhook_id, f"msg_{uuid.uuid4().hex}", body)
    wake_sender(env)


def wake_sender(env):
    """Run the scheduled action that sends as soon as this transaction has committed."""
    if sender := env.ref(SENDER, raise_if_not_found=False):
        sender.sudo()._trigger()


def send_again(deliveries):
    """Send deliveries once more, now.

    :param deliveries: `batch.delivery` records that their reader may see
    """
    deliveries.env.flush_all()
    store.send_again(deliveries.env.cr, deliveries.ids)
    deliveries.invalidate_recordset()
    wake_sender(deliveries.env)


def allows_private(env):
    """Whether requests may go to addresses that are not of the internet.

    :param env: any environment
    """
    return str2bool(env["ir.config_parameter"].sudo().get_param(PRIVATE_ADDRESSES) or "", False)


# -- sending ---------------------------------------------------------------------------------------


def send_due(env):
    """Send what is due, by a scheduled action: whenever an answer has come, the next one goes. Commits before each request, and after it.

    :param env: a superuser environment
    """
    cron = env["ir.cron"]
    is_private_allowed = allows_private(env)
    flying, has_time = {}, True
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as pool:
        while True:
            taken = _committed(env.cr, _take, flying.values()) if has_time else None
            for delivery in taken or ():
                flying[pool.submit(_send, delivery, is_private_allowed)] = delivery
            if not flying:
                break
            answered = wait(flying, return_when=FIRST_COMPLETED).done
            for request in answered:
                _committed(env.cr, _settle, flying.pop(request), *request.result())
            has_time = cron._commit_progress(len(answered), remaining=1) > 0
    due = store.next_due(env.cr)
    if due and (sender := env.ref(SENDER, raise_if_not_found=False)):
        sender._trigger(due)
    cron._commit_progress(remaining=0)


def _committed(cr, function, *args):
    """Call a function with the cursor, and commit: once more where a delivery was sent again by a click, or deleted, at this moment.

    :returns: what the function returns; None where it was in vain, and what it is about is due again later
    """
    for _attempt in range(ATTEMPTS):
        try:
            result = function(cr, *args)
            cr.commit()  # pylint: disable=unknown-option-value,invalid-commit
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            cr.rollback()
        else:
            return result
    return None


def _take(cr, flying):
    """Take what is sent next, and count a try of each.

    :param flying: what is on its way, from here as well
    """
    hooks = {hook["id"]: hook for hook in store.due(cr)}
    chosen = next_to_send(hooks.values(), flying)
    taken = store.take(cr, chosen) if chosen else []
    return [{**delivery, "hangs": hooks[delivery["webhook_id"]]["hangs"]} for delivery in taken]


def _settle(cr, delivery, code, error, duration):
    store.settle(cr, delivery, code, error, duration, None if code == GONE else wait_s(delivery["tries"]))
    _logger.info(
        "webhook of job %s: try %s of %s: %s",
        delivery["job_id"],
        delivery["tries"],
        delivery["message_id"],
        error or "delivered",
        extra=of_job(delivery["job_id"], traceparent=delivery["traceparent"]),
    )


def _send(delivery, allows_private):
    """Send one delivery; on a thread of its own.

    :param dict delivery: from `store.webhook.take`
    :returns: HTTP status or None, why it failed or None, seconds
    """
    started = time.monotonic()
    code = error = None
    body = delivery["body"].encode()
    try:
        sent = headers(delivery["secret"], delivery["message_id"], int(time.time()), body)
        sent["User-Agent"] = f"batch_executor/{Manifest.for_addon('batch_executor').version}"
        if delivery["traceparent"]:
            sent["traceparent"] = delivery["traceparent"]
        code = post(delivery["url"], body, sent, allows_private)
        if not is_taken(code):
            error = f"HTTP {code}"
    except Exception as failed:  # noqa: BLE001 - whatever it is, it is this try's
        error = _in_words(failed)
    return code, error, time.monotonic() - started


def _in_words(error):
    """What is said of a request that was not answered: nothing of addresses, which are a manager's affair."""
    if isinstance(error, PrivateAddress):
        return f"The host has a private address (system parameter {PRIVATE_ADDRESSES})."
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return NO_ANSWER
    if isinstance(error, UnknownHost):
        return "The name of the host is not known."
    if isinstance(error, SSLError):
        return "The certificate of the host can't be trusted, or it does not speak TLS."
    if isinstance(error, (OSError, HTTPError)):
        return "The host can't be reached, or has closed the connection."
    return f"It could not be sent ({type(error).__name__})."
