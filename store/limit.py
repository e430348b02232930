"""Named limits: what their chunks use, and what a claim takes of them. Jobs that wait for one: `store.limit_queue`.

A limit is locked by whoever claims under it, in the short transaction of the claim: so two lanes never count the same room. Claims
skip a limit that is locked, because they hold locks of jobs; nobody who holds a limit waits for another one, or for a job.
"""

from odoo.tools import SQL

from ..engine import states
from ..engine.limit import BLOCK, Limit, Usage, share_of_chunk, share_of_whole_job
from .chunk_row import read_claim
from .cut import keep_first
from .limit_queue import FIRST_WAITING, WAITING_OF_USER
from .prepared import fetch_prepared
from .sql import NOW, STATEMENT_NOW, fetch, seconds

#: Most seconds that a lane whose chunk has ended waits for the lock of its limit.
PATIENCE_S = 1
#: Seconds until something may start again under the limit of the row `batch_limit`.
PAUSE_S = SQL("coalesce(greatest(extract(epoch FROM next_at - %s), 0), 0)::float", NOW)


def lock_limit(cr, limit_id, is_patient=False):
    """Lock a limit until the end of the transaction.

    :param bool is_patient: wait for its lock, for a short while; only where no job is locked
    :returns: the `Limit` as it is now; None where somebody else has locked it, or it is gone
    :raises psycopg2.errors.LockNotAvailable: it was waited for in vain
    """
    if is_patient:
        cr.execute(SQL("SET LOCAL lock_timeout = %s", f"{PATIENCE_S}s"))
    return read_limit(cr, limit_id, SQL("FOR NO KEY UPDATE") if is_patient else SQL("FOR NO KEY UPDATE SKIP LOCKED"))


def read_limit(cr, limit_id, lock=None):
    """A `Limit` as it is now; None where there is none.

    :param SQL lock: how to lock its row
    """
    query = SQL(
        """
        SELECT id, name, coalesce(max_in_flight, 0) AS max_in_flight, coalesce(max_records_per_second, 0) AS max_records_per_second
          FROM batch_limit
         WHERE id = %s
               %s
        """,
        limit_id,
        lock or SQL(),
    )
    rows = fetch_prepared(cr, query)
    return Limit(**rows[0]) if rows else None


def usage(cr, limit):
    """What the chunks of a locked limit use, as committed until now.

    :param Limit limit: the limit
    :returns: `Usage`
    """
    [row] = fetch_prepared(
        cr,
        SQL(
            """
              WITH holding AS (
                (
                    SELECT limit_share, NULL::timestamp AS finished_at
                      FROM batch_chunk
                     WHERE limit_id = %(id)s
                       AND state = 'running'
                )
                UNION ALL
                (
                    SELECT limit_share, finished_at
                      FROM batch_chunk
                     WHERE limit_id = %(id)s
                       AND finished_at > %(stable_now)s - %(window)s
                     ORDER BY finished_at
                )
              )
            SELECT count(*) FILTER (WHERE finished_at IS NULL) AS in_flight,
                   coalesce(sum(limit_share), 0) AS records,
                   extract(epoch FROM min(finished_at) + %(window)s - %(now)s)::float AS frees_s,
                   (SELECT %(pause)s FROM batch_limit WHERE id = %(id)s) AS pause_s
              FROM holding
            """,
            id=limit.id,
            now=NOW,
            stable_now=STATEMENT_NOW,
            pause=PAUSE_S,
            window=seconds(limit.window_s),
        ),
    )
    return Usage(**row)


# -- claims ----------------------------------------------------------------------------------------


def may_start(cr, job_id):
    """Whether a locked job has a chunk that may run as soon as its limit allows it: if not, the job is to be advanced.

    :returns: its place in the queue; None where it has no such chunk
    """
    query = SQL(
        """
        SELECT queue_position
          FROM batch_job
         WHERE id = %(id)s
           AND state <> 'paused'
           AND reopening IS NOT TRUE
           AND releasing IS NOT TRUE
           AND (cancel_requested_at IS NULL OR finished_at IS NOT NULL)
           AND (SELECT true FROM batch_chunk WHERE job_id = %(id)s AND state = 'pending' ORDER BY sequence, id LIMIT 1)
        """,
        id=job_id,
    )
    rows = fetch_prepared(cr, query)
    return rows[0]["queue_position"] if rows else None


def take_share(cr, row, room, paces):
    """Note which limit a claimed chunk runs under; cut it to its share, where records are limited.

    :param dict row: of the claimed chunk, with `CHUNK_COLUMNS` and `JOB_COLUMNS`; updated
    :param Room room: of its limit, which is locked
    :param dict paces: seconds per record of the lane's last chunks, by `Claim.lesson_key`
    :raises ChunkBroken: the row can't be read
    """
    share, window_s = 0, room.limit.window_s
    if window_s and row["kind"] == states.ATOMIC:
        share = share_of_whole_job(room)
    elif window_s and row["kind"] == states.RECORDS:
        claim = read_claim(row)
        share = share_of_chunk(room, paces.get(claim.lesson_key))
        keep_first(cr, row, claim, share, share * BLOCK)
        # records that must stay together, of a job that is older than this number of the limit, hold a share of all of them
        share = row["record_count"] if claim.payload.is_whole else min(share, row["record_count"])
    row.update(limit_id=room.limit.id, limit_share=share, limit_window_s=window_s)
    cr.execute(
        SQL("UPDATE batch_chunk SET limit_id = %s, limit_share = %s WHERE id = %s", room.limit.id, share, row["id"])
    )


def move_back(cr, job_id, limit_id, position):
    """Move a locked job back, a chunk of which has been taken: by as many places as its user has jobs that wait for the limit or are in the queue.

    As `store.claim` does among the jobs in the queue, to which those that wait do not belong.

    :param position: its place before the claim
    """
    cr.execute(
        SQL(
            """
            UPDATE batch_job
               SET waits_for_limit = NULL,
                   queue_position = greatest(
                        batch_job.queue_position,
                        greatest(%(position)s, coalesce(%(first)s, 0)) + %(waiting)s + (
                            SELECT count(*) FROM batch_job AS own WHERE own.ready AND own.user_id = batch_job.user_id
                        )
                   )
             WHERE id = %(id)s
               AND (waits_for_limit OR %(first)s IS NOT NULL)
            """,
            id=job_id,
            position=position,
            first=FIRST_WAITING,
            waiting=WAITING_OF_USER,
        )
    )


# -- what people see and change --------------------------------------------------------------------


def lock_for_write(cr, limit_ids):
    """Lock limits before the ORM writes them, as lanes write their rows too: a conflict must arise where it is not logged.

    :raises psycopg2.errors.SerializationFailure: one has changed since the snapshot of this transaction; Odoo repeats the call
    """
    query = SQL("SELECT id FROM batch_limit WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", list(limit_ids))
    cr.execute(query, log_exceptions=False)


def figures(cr, limit_ids):
    """What limits are used for.

    :returns: dict: limit id -> `(chunks in flight, unfinished jobs, jobs that wait for it, seconds of its pause)`
    """
    rows = fetch(
        cr,
        SQL(
            """
            SELECT wanted.id,
                   (SELECT count(*) FROM batch_chunk WHERE limit_id = wanted.id AND state = 'running'),
                   (SELECT count(*) FROM batch_job WHERE limit_id = wanted.id AND finished_at IS NULL),
                   (SELECT count(*) FROM batch_job WHERE limit_id = wanted.id AND waits_for_limit AND NOT ready),
                   (SELECT %(pause)s FROM batch_limit WHERE batch_limit.id = wanted.id)
              FROM unnest(%(ids)s::integer[]) AS wanted (id)
            """,
            ids=list(limit_ids),
            pause=PAUSE_S,
        ),
    )
    return {limit_id: counts for limit_id, *counts in rows}
