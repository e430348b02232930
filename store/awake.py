"""Which lanes are awake, on any host: each holds a lock of its session, which is gone with its connection."""

import zlib

from odoo.tools import SQL

from .sql import fetch

#: Key of the lock, which all lanes share.
LANES = zlib.crc32(b"batch_executor.lanes") - 2**31
#: Most lanes that have a number of their own.
MOST_NUMBERS = 1_000


def come_awake(cr):
    """Note that the lane of this connection is awake, and give it the lowest number that no other one has.

    The number is a lock as well, with a second key of its own.
    """
    query = SQL(
        """
        SELECT pg_advisory_lock_shared(%(lanes)s, 0),
               (SELECT number FROM generate_series(1, %(most)s) AS number WHERE pg_try_advisory_lock(%(lanes)s, number) LIMIT 1)
        """,
        lanes=LANES,
        most=MOST_NUMBERS,
    )
    [(_shared, vars(cr)["batch_executor_lane"])] = fetch(cr, query)


def fall_asleep(cr):
    """Note that the lane of this connection is no longer awake."""
    vars(cr).pop("batch_executor_lane", None)
    cr.execute(SQL("SELECT pg_advisory_unlock_all()"))


def lane_number(cr):
    """The number of the lane whose connection for short transactions this is; None for any other one."""
    return vars(cr).get("batch_executor_lane")


def lanes_awake(cr):
    """Number of lanes of this database that are awake, on all hosts."""
    query = SQL(
        """
        SELECT count(*)
          FROM pg_locks
         WHERE locktype = 'advisory'
           AND classid = %s
           AND objid = 0
           AND objsubid = 2
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """,
        LANES % 2**32,
    )
    [(count,)] = fetch(cr, query)
    return count
