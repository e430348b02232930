"""Have lanes let go while the engine's tables are changed: by an update, or by the uninstallation of the addon."""

import logging
import time

import psycopg2

from ..store import upgrade

_logger = logging.getLogger(__name__)

#: Seconds that lanes get to finish their chunks; then these are interrupted, and run again after the update.
LET_GO_S = 5.0
#: Seconds for which locks are tried that others hold.
PATIENCE_S = 15.0
LOOK_EVERY_S = 0.05


def stop_lanes(cr):
    """Wait until lanes have let go, and lock the engine's tables until this transaction ends. Does nothing where there are none.

    :param cr: the cursor that is about to change the tables
    """
    if upgrade.has_tables(cr):
        _let_go(cr)
        upgrade.lock_tables(cr)


def take_over(cr, *locks):
    """As `stop_lanes`, with a view of the tables as lanes have left them.

    Commits first: lanes have changed rows after the snapshot of this transaction, which could not change those any more.

    :param cr: the cursor of a transaction that has done nothing yet but say that the module is to be updated, or removed
    :param locks: more functions of the cursor that take locks at once, or raise
    :returns: whether there was something to lock
    :raises psycopg2.errors.LockNotAvailable: somebody else does not let go
    """
    if not upgrade.has_tables(cr):
        return False
    deadline = time.monotonic() + LET_GO_S + PATIENCE_S
    while True:
        _let_go(cr)
        cr.commit()  # pylint: disable=unknown-option-value,invalid-commit  # see above
        try:
            for lock in (upgrade.lock_tables, *locks):
                lock(cr)
            break
        except psycopg2.errors.LockNotAvailable:
            cr.rollback()
            if time.monotonic() > deadline:
                raise
        time.sleep(LOOK_EVERY_S)
    upgrade.announce(cr)
    return True


def begin_update(cr):
    """As `take_over`, before an update of this addon; the chunks that were interrupted run again, and these attempts do not count."""
    if take_over(cr) and (count := upgrade.put_back_running(cr)):
        _logger.info("%s chunks were interrupted, and run again after the update", count)


def _let_go(cr):
    """Announce the update, and wait for lanes; interrupt those that take too long."""
    upgrade.announce(cr)
    deadline = time.monotonic() + LET_GO_S
    while backends := upgrade.lane_backends(cr):
        if time.monotonic() > deadline:
            _logger.warning("Lanes still run chunks after %s s: they are interrupted", LET_GO_S)
            upgrade.interrupt(cr, backends)
            deadline = float("inf")
        time.sleep(LOOK_EVERY_S)
