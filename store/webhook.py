"""Ends of jobs that are POSTed to webhooks: one row for each, written by the transaction that ends the job.

`take_due` counts a try before it is made, in a transaction of its own, so that one that kills its process is counted.
"""

from odoo.tools import SQL

from .sql import NOW, fetch, fetch_dicts, seconds

#: Most requests taken by one call; and most of one webhook, so that one that hangs does not hold up the others.
TAKEN_AT_ONCE = 16
TAKEN_OF_ONE = 4
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


def take_due(cr):
    """Take deliveries that are due, and note a try of each; the next one is due later, should nobody say what became of this one.

    Those of archived webhooks wait.

    :returns: dicts with id, job_id, message_id, body, traceparent, url, secret, tries, and try_id
    """
    return fetch_dicts(
        cr,
        SQL(
            """
            WITH due AS MATERIALIZED (
                SELECT delivery.id, webhook.id AS webhook_id, webhook.url, webhook.secret
                  FROM batch_webhook AS webhook
                 CROSS JOIN LATERAL (
                    SELECT id, next_at
                      FROM batch_delivery
                     WHERE webhook_id = webhook.id
                       AND state = 'pending'
                       AND next_at <= now() AT TIME ZONE 'UTC'  -- the start of the transaction: it can be looked for in the index
                     ORDER BY next_at
                     LIMIT %(of_one)s
                       FOR NO KEY UPDATE SKIP LOCKED
                 ) AS delivery
                 WHERE webhook.active
                 ORDER BY delivery.next_at
                 LIMIT %(most)s
            ), taken AS (
                UPDATE batch_delivery AS delivery
                   SET tries = tries + 1,
                       next_at = %(now)s + %(lost)s
                  FROM due
                 WHERE delivery.id = due.id
                RETURNING delivery.id, job_id, message_id, body, tries, due.webhook_id, due.url, due.secret
            ), noted AS (
                INSERT INTO batch_delivery_try (delivery_id, webhook_id, number, started_at)
                SELECT id, webhook_id, tries, %(now)s FROM taken
                RETURNING id, delivery_id
            )
            SELECT taken.id, taken.job_id, message_id, body, tries, url, secret, noted.id AS try_id, job.traceparent
              FROM taken
              JOIN noted ON noted.delivery_id = taken.id
              JOIN batch_job AS job ON job.id = taken.job_id
            """,
            now=NOW,
            lost=seconds(LOST_S),
            of_one=TAKEN_OF_ONE,
            most=TAKEN_AT_ONCE,
        ),
    )


def settle(cr, delivery, status, error, duration, wait_s):
    """Store what became of a try, unless the delivery was meanwhile sent again by a click, or taken by another process.

    :param dict delivery: from `take_due`
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
            """,
            state=DELIVERED if error is None else FAILED if wait_s is None else PENDING,
            now=NOW,
            wait=seconds(wait_s or 0),
            id=delivery["id"],
            tries=delivery["tries"],
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
          FROM unnest(%s) AS webhook (id)
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
