"""Which lanes are awake, on any host: each holds a lock of its session, which is gone with its connection."""

import zlib

from odoo.tools import SQL

from .sql import fetch

#: Key of the lock, which all lanes share.
LANES = zlib.crc32(b"batch_executor.lanes") - 2**31


def come_awake(cr):
    """Note that the lane of this connection is awake."""
    cr.execute(SQL("SELECT pg_advisory_lock_shared(%s, 0)", LANES))


def fall_asleep(cr):
    """Note that the lane of this connection is no longer awake."""
    cr.execute(SQL("SELECT pg_advisory_unlock_all()"))


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
