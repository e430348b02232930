"""Counts for the metrics, and what else these tell of the state of the moment.

Each lane adds to a row of its own (table `batch_metric`), under the number that it holds while it is awake (`store.awake`), in its short
transactions. So no row is shared, and what is counted commits with what it counts. Others, who call verbs, add a row each: one that they
shared would be a conflict of transactions. Lanes add those to their own after a while.
"""

import json

from odoo.tools import SQL

from .awake import lane_number
from .planning import by_index
from .prepared import fetch_prepared
from .sql import NOW, fetch, fetch_dicts

#: Rows of others that a lane takes over at once.
TAKEN_AT_ONCE = 1_000
#: Most unfinished jobs that are looked at: with more, the numbers are those of so many.
MOST_JOBS = 10_000


def count_up(cr, counts):
    """Add to counters, in the caller's transaction; what it rolls back is not counted.

    :param dict counts: name of a counter -> number; see `engine.metrics.key`
    """
    counts = {name: number for name, number in counts.items() if number}
    if counts:
        fetch_prepared(cr, _add(SQL("SELECT %s::jsonb", json.dumps(counts)), lane_number(cr)))


def settle_up(cr):
    """Note that the lane of this connection is alive, and move what others have counted to its row.

    This transaction does not wait for the disk: a power cut undoes all of it, or nothing.
    """
    if lane_number(cr) is None:
        return
    taken = SQL(
        """
        WITH taken AS (
            DELETE FROM batch_metric
             WHERE id = ANY(ARRAY(
                SELECT id
                  FROM batch_metric
                 WHERE lane IS NULL
                 LIMIT %s
                   FOR UPDATE SKIP LOCKED
             ))
            RETURNING counts
        )
        """,
        TAKEN_AT_ONCE,
    )
    cr.execute("SET LOCAL synchronous_commit TO off")
    fetch_prepared(cr, _add(SQL("SELECT %s", _sum(SQL("taken"))), lane_number(cr), first=taken))


def totals(cr):
    """What was counted by all: name of a counter -> number."""
    query = SQL(
        """
        SELECT name, sum(number::numeric)::float
          FROM batch_metric, jsonb_each_text(counts) AS entry (name, number)
         GROUP BY name
        """
    )
    return dict(fetch(cr, query))


def last_seen_s(cr):
    """Seconds since a lane has counted something or has gone to sleep; infinite: never."""
    query = SQL("SELECT extract(epoch FROM %s - max(seen_at))::float FROM batch_metric WHERE lane IS NOT NULL", NOW)
    [(seconds,)] = fetch(cr, query)
    return float("inf") if seconds is None else max(seconds, 0.0)


def unfinished_jobs(cr):
    """The first `MOST_JOBS` unfinished jobs, summed up by their state.

    :returns: dicts with state, is_scheduled (`run_at` lies ahead), jobs, records (that have not run) and waiting_s (the longest time that
        one of them could have begun)
    """
    query = SQL(
        """
        SELECT state,
               coalesce(run_at > %(now)s, false) AS is_scheduled,
               count(*) AS jobs,
               sum(total_records - processed_records - failed_records - cancelled_records)::bigint AS records,
               max(extract(epoch FROM %(now)s - greatest(run_at, coalesce(awaited_since, create_date))))::float AS waiting_s
          FROM (
            SELECT state, run_at, awaited_since, create_date, total_records, processed_records, failed_records, cancelled_records
              FROM batch_job
             WHERE finished_at IS NULL
             ORDER BY user_id
             LIMIT %(limit)s
          ) AS job
         GROUP BY 1, 2
        """,
        now=NOW,
        limit=MOST_JOBS,
    )
    with by_index(cr):
        return fetch_dicts(cr, query)


def running_chunks(cr):
    """Chunks that are running.

    :returns: `(how many, seconds that the oldest has run)`
    """
    query = SQL("SELECT count(*), greatest(max(extract(epoch FROM %s - claimed_at)), 0)::float FROM batch_chunk WHERE state = 'running'", NOW)
    with by_index(cr):
        [row] = fetch(cr, query)
    return row


def _add(counts, lane, first=None):
    """The statement that adds counts to the row of a lane.

    :param SQL counts: a query of one row with one column, of type jsonb
    :param int lane: its number; None: a new row
    :param SQL first: what the statement begins with
    """
    return SQL(
        """
        %(first)s
        INSERT INTO batch_metric AS own (lane, counts, seen_at)
        SELECT %(lane)s::integer, added.counts, %(now)s
          FROM (%(counts)s) AS added (counts)
            ON CONFLICT (lane) DO UPDATE
           SET counts = (%(sum)s),
               seen_at = excluded.seen_at
        RETURNING lane
        """,
        first=first or SQL(),
        lane=lane,
        counts=counts,
        now=NOW,
        sum=SQL("SELECT %s", _sum(SQL("(VALUES (own.counts), (excluded.counts)) AS part (counts)"))),
    )


def _sum(parts):
    """The sum of counts, name by name, as jsonb.

    :param SQL parts: a table with the column `counts`
    """
    return SQL(
        """
        coalesce((
            SELECT jsonb_object_agg(name, total)
              FROM (
                SELECT name, sum(number::numeric) AS total
                  FROM %s, jsonb_each_text(counts) AS entry (name, number)
                 GROUP BY name
              ) AS summed
        ), '{}')
        """,
        parts,
    )
