"""The databases that a lane works for: whose turn it is, and whether they are ready for it."""

import logging
import select
import time
from contextlib import suppress

import psycopg2

from odoo import sql_db
from odoo.service.server import cron_database_list
from odoo.tools import SQL, config
from odoo.tools.sql import column_exists

from odoo.addons.base.models.ir_cron import BASE_VERSION

from ...store.upgrade import is_announced

_logger = logging.getLogger(__name__)

#: Seconds until a database that is not ready is looked at again: first and last, they double in between.
FIRST_PAUSE_S, LAST_PAUSE_S = 1.0, 15.0
#: Seconds until models are tried again that can't be loaded: first and last, they double in between.
FIRST_LOAD_PAUSE_S, LAST_LOAD_PAUSE_S = 30.0, 1800.0
#: What keeps lanes from such a database.
BROKEN = "its models can't be loaded"
#: Most seconds until a database without work is looked at again, where there are several: its calls are heard meanwhile.
LOOK_S = 10.0
#: Seconds between two looks at which databases there are.
LIST_EVERY_S = 10.0
#: Odoo's notification channel: the name of a database with scheduled actions to run, among them lanes.
CALLS = "cron_trigger"


def obstacle(cr):
    """Why lanes should not work for a database now, as text; None if they may.

    Scheduled actions rest for the same reasons. A database whose lanes are archived, as in a neutralized copy, wants none to run.

    :param cr: a cursor on it
    """
    cr.execute("SELECT to_regclass('ir_module_module') IS NOT NULL AND to_regclass('ir_cron') IS NOT NULL")
    if not cr.fetchone()[0]:
        return "it is no database of Odoo"
    cr.execute(
        """
        SELECT (SELECT latest_version FROM ir_module_module WHERE name = 'base'),
               (SELECT state FROM ir_module_module WHERE name = 'batch_executor'),
               (SELECT name FROM ir_module_module WHERE state LIKE 'to %' ORDER BY name LIMIT 1)
        """
    )
    version, state, changing = cr.fetchone()
    if changing:
        return f"modules wait to be installed, upgraded or removed: {changing}"
    if version != BASE_VERSION:
        return f"it is of version {version} of Odoo, not {BASE_VERSION}"
    if state != "installed":
        return "the addon is not installed"
    if not column_exists(cr, "ir_cron", "is_batch_lane"):
        return "it has an earlier version of the addon, which has to be updated: -u batch_executor"
    cr.execute("SELECT true FROM ir_cron WHERE is_batch_lane AND active LIMIT 1")
    if not cr.fetchone():
        return "all its lanes are archived"
    return "the addon is being updated" if is_announced(cr) else None


class Database:
    """A database as one lane sees it.

    :param str name: its name
    """

    def __init__(self, name):
        self.name = name
        self.due_at = self.seen_at = float("-inf")
        self.pause_s = 0.0
        self.reason = None
        self.models = None  # number of the last change of its models, when it was last looked at
        self.broken_models = None  # the same, when they could not be loaded
        self.load_at, self.load_pause_s = float("-inf"), 0.0

    @property
    def is_waiting(self):
        """Whether it was not ready when it was last looked at."""
        return self.reason is not None

    def is_ready(self):
        """Whether lanes may work for it; what keeps them from it is logged once."""
        self.seen_at = time.monotonic()
        try:
            with sql_db.db_connect(self.name).cursor() as cr:
                reason = obstacle(cr) or self._fault(cr)
        except psycopg2.Error as error:
            reason = str(error).strip() or type(error).__name__
        if reason != self.reason:
            if reason:
                _logger.info("database %s: lanes wait, %s", self.name, reason)
            else:
                _logger.info("database %s: lanes %s", self.name, "try again" if self.reason == BROKEN else "are ready")
        self.reason = reason
        if not reason:
            self.pause_s = 0.0
        return not reason

    def _fault(self, cr):
        """That its models can't be loaded, as text; None once they have changed, or it is time to try again."""
        cr.execute("SELECT max(id) FROM orm_signaling_registry")
        [self.models] = cr.fetchone()
        is_early = time.monotonic() < self.load_at
        return BROKEN if is_early and not self.has_changed else None

    @property
    def has_changed(self):
        """Whether its models have changed since they could not be loaded."""
        return self.broken_models not in (None, self.models)

    def visited(self, back_in_s):
        """Note when a lane should come again; None: when it is called, or after `LOOK_S`."""
        self.due_at = time.monotonic() + (LOOK_S if back_in_s is None else min(back_in_s, LOOK_S))

    def put_off(self):
        """Look again after a while, which grows each time."""
        self.pause_s = min(max(self.pause_s * 2, FIRST_PAUSE_S), LAST_PAUSE_S)
        self.due_at = time.monotonic() + self.pause_s

    def broke(self):
        """Note that its models can't be loaded. They are tried again once they have changed, or after a pause, which grows each time."""
        self.broken_models, self.reason = self.models, BROKEN
        self.load_pause_s = min(max(self.load_pause_s * 2, FIRST_LOAD_PAUSE_S), LAST_LOAD_PAUSE_S)
        self.load_at = time.monotonic() + self.load_pause_s
        self.put_off()

    def loaded(self):
        """Note that its models are loaded."""
        self.broken_models, self.load_at, self.load_pause_s = None, float("-inf"), 0.0


class Databases:
    """The databases of the configuration, or all there are.

    :param int number: of the lane: each begins with another database
    """

    def __init__(self, number):
        self.number = number
        self.known = {}
        self.listed_at = float("-inf")
        self.calls = Calls()

    @property
    def are_several(self):
        """Whether there is, or may come, more than one."""
        return len(self.known) > 1 or config["batch_database_list"]

    def next(self):
        """The `Database` that is due and was not looked at for the longest time; None if none is due.

        Calls are heard here too: while one database always has work, nobody waits for them.
        """
        self._list()
        if self.are_several:
            self._hear(self.calls.heard())
        now = time.monotonic()
        due = [database for database in self.known.values() if database.due_at <= now]
        return min(due, key=lambda database: database.seen_at, default=None)

    def wait(self, seconds, stopping):
        """Wait until one is due or called, for at most some seconds.

        :param float seconds: how long at most
        :param threading.Event stopping: ends the wait where nobody calls
        """
        due_at = min((database.due_at for database in self.known.values()), default=float("inf"))
        seconds = min(max(due_at - time.monotonic(), 0.01), seconds)
        if not self.are_several:
            stopping.wait(seconds)
            return
        self._hear(self.calls.wait(seconds, stopping))

    def close(self):
        """Give the connection for calls back."""
        self.calls.close()

    def _hear(self, names):
        for name in names:
            if name in self.known and not self.known[name].is_waiting:
                self.known[name].due_at = float("-inf")

    def _list(self):
        if time.monotonic() - self.listed_at < LIST_EVERY_S:
            return
        self.listed_at = time.monotonic()
        try:
            names = cron_database_list()
        except psycopg2.Error:
            return  # those that are known; each is looked at by itself
        first = self.number % len(names) if names else 0
        self.known = {name: self.known.get(name) or Database(name) for name in [*names[first:], *names[:first]]}


class Calls:
    """Hears which databases call for scheduled actions, as Odoo's cron workers do: by a connection to the database `postgres`."""

    def __init__(self):
        self.cr = None

    def wait(self, seconds, stopping):
        """Wait for calls, for at most some seconds; without a connection just that long.

        :returns: the set of names of databases
        """
        names = self.heard(seconds)
        if self.cr is None:
            stopping.wait(seconds)
        return names

    def heard(self, seconds=0):
        """The names of databases that have called, as a set; an empty one without a connection.

        :param float seconds: how long to wait for the first one, at most
        """
        try:
            connection = self._connected().connection
            connection.poll()  # as in `Control.sleep`
            if not connection.notifies:
                select.select([connection], [], [], seconds)
                connection.poll()
            names = {call.payload for call in connection.notifies}
            connection.notifies.clear()
            return names
        except psycopg2.Error:
            self.close()
            return set()

    def close(self):
        """Give the connection up."""
        cr, self.cr = self.cr, None
        if cr:
            with suppress(psycopg2.Error):
                cr.connection.close()  # or it would go on to hear calls in Odoo's pool
                cr.close()

    def _connected(self):
        if self.cr is None:
            cr = sql_db.db_connect("postgres").cursor()
            try:
                cr.execute("SELECT pg_is_in_recovery()")
                if not cr.fetchone()[0]:  # a standby has no notifications
                    cr.execute(SQL("LISTEN %s", SQL.identifier(CALLS)))
                cr.commit()  # pylint: disable=unknown-option-value,invalid-commit  # LISTEN takes effect at the commit
            except BaseException:
                cr.close()
                raise
            self.cr = cr
        return self.cr
