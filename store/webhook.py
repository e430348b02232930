"""Ends of jobs that are POSTed to webhooks: one row for each, written by the transaction that ends the job.

`take` counts a try before it is made, in a transaction of its own, so that one that kills its process is counted.
"""

from odoo.tools import SQL

from ..engine.webhook import HANGS_S, NO_ANSWER, OF_ONE
from .sql import NOW, fetch, fetch_dicts, seconds

#: Seconds after which a delivery is taken again where nobody has said what became of the last try: its process was killed.
LOST_S = 120
PENDING, DELIVERED, FAILED = "pending", "delivered", "failed"


def store_end(cr, job_id, webhook_id, message_id, body):
    """Store that the end of a job is to be sent to a webhook.

    :param str message_id: the same for each try
    :param str body: what is sent, JSON
    """
    cr.execute(
        SQL(
            """
            INSERT INTO batch_delivery (job_id, webhook_id, message_id, body, state, tries, created_at, next_at)
            VALUES (%s, %s, %s, %s, 'pending', 0, %s, %s)
            """,
            job_id,
            webhook_id,
            message_id,
            body,
            NOW,
            NOW,
        )
    )


def due(cr):
    """What is due first of each webhook, at most as many as may be on their way at once. Those of archived webhooks wait.

    :returns: dicts with id (of the webhook), due (ids of deliveries), last_try (its id, or None) and hangs: see `engine.webhook.next_to_send`
    """
    return fetch_dicts(
        cr,
        SQL(
            """
            SELECT webhook.id,
                   first.due,
                   (SELECT id FROM batch_delivery_try WHERE webhook_id = webhook.id ORDER BY id DESC LIMIT 1) AS last_try,
                   coalesce(
                       (SELECT duration >= %(hangs)s OR error IS NOT DISTINCT FROM %(no_answer)s
                          FROM batch_delivery_try
                         WHERE webhook_id = webhook.id
                           AND duration IS NOT NULL  -- what became of it is known
                         ORDER BY id DESC
                         LIMIT 1),
                       false
                   ) AS hangs
              FROM batch_webhook AS webhook
             CROSS JOIN LATERAL (
                SELECT ARRAY(
                    SELECT id
                      FROM batch_delivery
                     WHERE webhook_id = webhook.id
                       AND state = 'pending'
                       AND next_at <= now() AT TIME ZONE 'UTC'  -- the start of the transaction: it can be looked for in the index
                     ORDER BY next_at
                     LIMIT %(of_one)s
                ) AS due
                OFFSET 0
             ) AS first
             WHERE webhook.active
               AND first.due <> '{}'
            """,
            hangs=HANGS_S,
            no_answer=NO_ANSWER,
            of_one=OF_ONE,
        ),
    )


def take(cr, delivery_ids):
    """Take deliveries that are due, and note a try of each; the next one is due later, should nobody say what became of this one.

    :returns: dicts with id, job_id, webhook_id, message_id, body, traceparent, url, secret, tries, and try_id
    """
    return fetch_dicts(
        cr,
        SQL(
            """
            WITH due AS MATERIALIZED (
                SELECT id
                  FROM batch_delivery
                 WHERE id = ANY(%(ids)s)
                   AND state = 'pending'
                   AND next_at <= now() AT TIME ZONE 'UTC'
                   FOR NO KEY UPDATE SKIP LOCKED
            ), taken AS (
                UPDATE batch_delivery AS delivery
                   SET tries = tries + 1,
                       next_at = %(now)s + %(lost)s
                  FROM due
                 WHERE delivery.id = due.id
                RETURNING delivery.id, job_id, webhook_id, message_id, body, tries
            ), noted AS (
                INSERT INTO batch_delivery_try (delivery_id, webhook_id, number, started_at)
                SELECT id,
                       webhook_id,
                       -- also of the tries before a click, which lets `tries` begin anew
                       1 + coalesce((SELECT max(number) FROM batch_delivery_try WHERE delivery_id = taken.id), 0),
                       %(now)s
                  FROM taken
                RETURNING id, delivery_id
            )
            SELECT taken.id, taken.job_id, taken.webhook_id, message_id, body, tries, url, secret, noted.id AS try_id, job.traceparent
              FROM taken
              JOIN noted ON noted.delivery_id = taken.id
              JOIN batch_job AS job ON job.id = taken.job_id
              JOIN batch_webhook AS webhook ON webhook.id = taken.webhook_id
            """,
            ids=list(delivery_ids),
            now=NOW,
            lost=seconds(LOST_S),
        ),
    )


def settle(cr, delivery, status, error, duration, wait_s):
    """Store what became of a try, unless the delivery was meanwhile sent again by a click, or taken once more.

    :param dict delivery: from `take`
    :param int status: HTTP status of the answer, or None
    :param str error: why it failed; None: it was taken
    :param float duration: seconds
    :param int wait_s: seconds until the next try; None: there is none
    """
    cr.execute(
        SQL(
            "UPDATE batch_delivery_try SET http_status = %s, error = %s, duration = %s WHERE id = %s",
            status,
            error,
            duration,
            delivery["try_id"],
        )
    )
    cr.execute(
        SQL(
            """
            UPDATE batch_delivery
               SET state = %(state)s,
                   next_at = CASE WHEN %(state)s = 'pending' THEN %(now)s + %(wait)s END,
                   delivered_at = CASE WHEN %(state)s = 'delivered' THEN %(now)s END
             WHERE id = %(id)s
               AND state = 'pending'
               AND tries = %(tries)s
               AND %(last)s = (SELECT max(id) FROM batch_delivery_try WHERE delivery_id = %(id)s)  -- a click lets tries begin anew
            """,
            state=DELIVERED if error is None else FAILED if wait_s is None else PENDING,
            now=NOW,
            wait=seconds(wait_s or 0),
            id=delivery["id"],
            tries=delivery["tries"],
            last=delivery["try_id"],
        )
    )


def send_again(cr, delivery_ids):
    """Let deliveries be due now, with all their tries before them; those that are pending go at once."""
    cr.execute(
        SQL(
            "UPDATE batch_delivery SET state = 'pending', tries = 0, next_at = %s, delivered_at = NULL WHERE id = ANY(%s)",
            NOW,
            list(delivery_ids),
        )
    )


def next_due(cr):
    """When the next delivery is due (UTC); None where none waits."""
    query = SQL(
        """
        SELECT min(first.next_at)
          FROM batch_webhook AS webhook
         CROSS JOIN LATERAL (
            SELECT next_at
              FROM batch_delivery
             WHERE webhook_id = webhook.id
               AND state = 'pending'
             ORDER BY next_at
             LIMIT 1
         ) AS first
         WHERE webhook.active
        """
    )
    [(due,)] = fetch(cr, query)
    return due


def last_tries(cr, webhook_ids):
    """The id of the last try of each webhook that has one, by the id of the webhook."""
    query = SQL(
        """
        SELECT webhook.id, last.id
          FROM unnest(%s::integer[]) AS webhook (id)
         CROSS JOIN LATERAL (
            SELECT id
              FROM batch_delivery_try
             WHERE webhook_id = webhook.id
             ORDER BY id DESC
             LIMIT 1
         ) AS last
        """,
        list(webhook_ids),
    )
    return dict(fetch(cr, query))


def names_taken(cr, names, webhook_ids):
    """Whether a webhook has one of these names, archived or not, besides those with these ids."""
    query = SQL("SELECT EXISTS (SELECT FROM batch_webhook WHERE name = ANY(%s) AND id <> ALL(%s))", list(names), list(webhook_ids))
    [(is_taken,)] = fetch(cr, query)
    return is_taken


def is_named_elsewhere(cr, webhook_ids):
    """Whether a job of another company names one of these webhooks."""
    query = SQL(
        """
        SELECT true
          FROM batch_webhook AS webhook
          JOIN batch_job AS job ON job.webhook_id = webhook.id
         WHERE webhook.id = ANY(%s)
           AND job.company_id <> webhook.company_id  -- those of all companies have none
         LIMIT 1
        """,
        list(webhook_ids),
    )
    return bool(fetch(cr, query))
