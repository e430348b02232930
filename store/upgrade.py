"""An update of the addon beside lanes that run: the update says so by a lock, and lanes let go.

The lock is held until the update's transaction ends. A lane that finds it taken touches none of the engine's tables.
"""

import zlib

from odoo.tools import SQL

from .awake import LANES
from .chunk_row import WORK_GROUP
from .clock import stop_clock_of_lost
from .sql import fetch

#: Key of the lock that an update holds.
UPGRADE = zlib.crc32(b"batch_executor.upgrade") - 2**31
#: Tables that lanes work on, in the order in which they lock their rows.
TABLES = ("batch_job", "batch_chunk", "batch_operation")


def announce(cr):
    """Say that the addon is being updated, until this transaction ends."""
    cr.execute(SQL("SELECT pg_advisory_xact_lock(%s, 0)", UPGRADE))


def is_announced(cr):
    """Whether another transaction updates the addon. If not, none begins before this transaction ends."""
    [(is_free,)] = fetch(cr, SQL("SELECT pg_try_advisory_xact_lock_shared(%s, 0)", UPGRADE))
    return not is_free


def has_tables(cr):
    """Whether the engine's tables are there, and not locked by this transaction yet."""
    query = SQL(
        """
        SELECT count(*) = %(tables)s AND NOT EXISTS (
            SELECT 1
              FROM pg_locks
             WHERE relation = to_regclass('batch_chunk')
               AND mode = 'AccessExclusiveLock'
               AND pid = pg_backend_pid()
               AND granted
        )
          FROM unnest(%(names)s::text[]) AS name
         WHERE to_regclass(name) IS NOT NULL
        """,
        tables=len(TABLES),
        names=list(TABLES),
    )
    return fetch(cr, query) == [(True,)]


def lane_backends(cr):
    """Ids of the backends of lanes: the connections of those that are awake, and of those that run a chunk."""
    rows = fetch(
        cr,
        SQL(
            """
            SELECT DISTINCT pid
              FROM pg_locks
             WHERE locktype = 'advisory'
               AND classid = ANY(%s::oid[])
               AND objsubid = 2
               AND granted
               AND pid <> pg_backend_pid()
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """,
            [LANES % 2**32, WORK_GROUP % 2**32],
        ),
    )
    return [pid for (pid,) in rows]


def interrupt(cr, backends):
    """End backends: what they have not committed is rolled back."""
    cr.execute(SQL("SELECT pg_terminate_backend(pid) FROM unnest(%s::integer[]) AS pid", backends))


def lock_tables(cr):
    """Lock the engine's tables against all others until this transaction ends.

    As the first statement of a transaction it takes no snapshot: what is read after it is as lanes have left it.
    """
    cr.execute(SQL("LOCK TABLE %s IN ACCESS EXCLUSIVE MODE", SQL(", ").join(map(SQL.identifier, TABLES))))


def put_back_running(cr):
    """Put all running chunks back: their lanes had to let go. The attempt does not count. The caller has locked the tables.

    :returns: number of chunks
    """
    rows = fetch(
        cr,
        SQL(
            """
            UPDATE batch_chunk
               SET state = CASE WHEN is_atomic AND kind IN ('records', 'resolve') THEN 'held' ELSE 'pending' END,
                   attempt = greatest(attempt - 1, 0)
              FROM batch_job AS job
             WHERE job.id = job_id
               AND batch_chunk.state = 'running'
            RETURNING job_id, claimed_at
            """
        ),
    )
    for job_id, claimed_at in rows:
        stop_clock_of_lost(cr, job_id, claimed_at)
    cr.execute(
        SQL(
            "UPDATE batch_job SET ready = true, wake_at = NULL WHERE id = ANY(%s) AND NOT ready AND state <> 'paused'",
            [job_id for job_id, _claimed_at in rows],
        )
    )
    return len(rows)
