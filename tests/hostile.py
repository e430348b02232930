"""Awful code: what models, rules and actions may do to the engine that runs them."""

import asyncio
import builtins
import sys
import threading
import time
from contextlib import suppress

from odoo.exceptions import UserError

#: Characters of a huge text.
HUGE = 20_000_000


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text of it")

    __repr__ = __str__


class UnprintableToUsers(UserError):
    def __str__(self):
        raise SystemExit(4)


class NoText(Exception):
    def __str__(self):
        return 5

    __repr__ = __str__


class Huge(Exception):
    def __str__(self):
        return "x" * HUGE


class Text(str):
    """A text that tells lies about itself."""

    __slots__ = ()

    def __str__(self):
        return self

    def __getitem__(self, key):
        raise RuntimeError("not to be had in parts")

    def replace(self, *args):
        return 5


class Lying(Exception):
    def __str__(self):
        return Text("truth")


class Causeless(Exception):
    @property
    def __cause__(self):
        raise RuntimeError("no cause")


class Base(BaseException):
    pass


class Key:
    def __hash__(self):
        return 1

    def __repr__(self):
        raise RuntimeError("no key")


def named(name):
    return type(name, (Exception,), {})("has a strange name")


def in_circles():
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    return one


def of_many_causes(count=5_000):
    error = first = ValueError("the last")
    for number in range(count):
        error.__cause__ = ValueError(f"cause {number}")
        error = error.__cause__
    return first


def deep(depth):
    return depth and deep(depth + 1)


def thrown(make):
    def throw(_records):
        raise make()

    return throw


def swallow(function, *args):
    with suppress(Exception):
        function(*args)


def leave_hook(when, error):
    """Let something be raised at the end of the transaction, or after its commit."""

    def leave(records):
        def hook():
            raise error("from a hook")

        getattr(records.env.cr, when).add(hook)

    return leave


def leave_thread(records):
    threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
    raise ValueError("has left a thread")


def leave_savepoint(records):
    records.env.cr.execute("SAVEPOINT one; SAVEPOINT two")
    raise ValueError("has left savepoints")


def take_engine_apart(statement):
    """Change the engine's own rows, as a module with SQL of its own may."""
    return lambda records: records.env.cr.execute(statement)


#: What code raises -> the type its record's failure has.
ERRORS = {
    "exit": (thrown(lambda: SystemExit(3)), "SystemExit"),
    "sys.exit": (lambda _records: sys.exit("bye"), "SystemExit"),
    "interrupt": (thrown(KeyboardInterrupt), "KeyboardInterrupt"),
    "generator exit": (thrown(GeneratorExit), "GeneratorExit"),
    "stop iteration": (thrown(StopIteration), "StopIteration"),
    "cancelled": (thrown(asyncio.CancelledError), "CancelledError"),
    "base": (thrown(lambda: Base("base")), "Base"),
    "memory": (thrown(MemoryError), "MemoryError"),
    "recursion": (lambda _records: deep(1), "RecursionError"),
    "unprintable": (thrown(Unprintable), "Unprintable"),
    "unprintable to users": (thrown(lambda: UnprintableToUsers("x")), "UnprintableToUsers"),
    "no text": (thrown(NoText), "NoText"),
    "huge": (thrown(Huge), "Huge"),
    "lying": (thrown(Lying), "Lying"),
    "causeless": (thrown(Causeless), "Causeless"),
    "unreadable key": (thrown(lambda: KeyError(Key())), "KeyError"),
    "not to be stored": (thrown(lambda: UserError("a\x00b\ud800c")), "UserError"),
    "long name": (thrown(lambda: named("E" * 100_000)), "E" * 100),
    "strange name": (thrown(lambda: named("E\u202e<b>")), "E"),
    "circle": (thrown(in_circles), "ValueError"),
    "many causes": (thrown(of_many_causes), "ValueError"),
    "not to be copied": (thrown(lambda: ValueError(threading.Lock(), lambda: 1)), "ValueError"),
    "hook before the end": (leave_hook("precommit", SystemExit), "SystemExit"),
    "thread": (leave_thread, "ValueError"),
    "savepoints": (leave_savepoint, "ValueError"),
}
if group := getattr(builtins, "BaseExceptionGroup", None):  # Python 3.11 and later
    ERRORS["group"] = (thrown(lambda: group("g", [ValueError(1), UserError("x")])), "ExceptionGroup")
    ERRORS["base group"] = (thrown(lambda: group("g", [SystemExit(1)])), "BaseExceptionGroup")
#: One of each kind, for places where all would take too long.
KINDS = {
    name: ERRORS[name]
    for name in ("exit", "interrupt", "generator exit", "base", "recursion", "unprintable to users", "huge", "circle")
}
#: What it does to its cursor, connection and session -> the same.
DEEDS = {
    "commit": (lambda records: records.env.cr.commit(), "TransactionControlError"),
    "swallowed commit": (lambda records: swallow(records.env.cr.commit), "TransactionControlError"),
    "rollback": (lambda records: records.env.cr.rollback(), "TransactionControlError"),
    "close": (lambda records: records.env.cr.close(), "TransactionControlError"),
    "commented commit": (lambda records: records.env.cr.execute("/* a */ COMMIT"), "TransactionControlError"),
    "raw rollback": (lambda records: records.env.cr._cnx.rollback(), "TransactionControlError"),
    "closed connection": (lambda records: records.env.cr._cnx.close(), "TransactionControlError"),
    "closed cursor": (lambda records: records.env.cr._obj.close(), "TransactionControlError"),
    "failed transaction": (lambda records: swallow(records.env.cr.execute, "SELECT 1/0"), "ValueError"),
    "read only": (lambda records: records.env.cr.execute("SET TRANSACTION READ ONLY"), ("ActiveSql", "ReadOnlySql")),
    "no such table": (lambda records: records.env.cr.execute("SELECT * FROM nowhere"), "UndefinedTable"),
    "search path": (
        lambda records: records.env.cr.execute("SET search_path TO pg_catalog; SELECT 1 FROM res_partner"),
        "UndefinedTable",
    ),
    "own timeout": (
        lambda records: records.env.cr.execute("SET LOCAL statement_timeout TO '50ms'; SELECT pg_sleep(5)"),
        "TimeoutError",
    ),
}
#: What it does that harms nobody once its own run is over.
HARMLESS = {
    "time limit": lambda records: records.env.cr.execute("SET statement_timeout TO '1ms'"),
    "clock": lambda records: records.env.cr.execute("SET timezone TO 'Asia/Tokyo'; SET datestyle TO 'German'"),
    "session lock": lambda records: records.env.cr.execute("SELECT pg_advisory_lock(42)"),
    "listening": lambda records: records.env.cr.execute("LISTEN batch_executor"),
    "prepared statement": lambda records: records.env.cr.execute("PREPARE batch_executor_1 AS SELECT 1"),
    "temporary table": lambda records: records.env.cr.execute("CREATE TEMP TABLE batch_job (id integer) ON COMMIT DROP"),
    "open savepoint": lambda records: records.env.cr.execute("SAVEPOINT one"),
    "hook after the commit": leave_hook("postcommit", ValueError),
    "exit after the commit": leave_hook("postcommit", SystemExit),
}
#: Statements against the engine's own rows.
SABOTAGE = {
    "claims": take_engine_apart("UPDATE batch_chunk SET claims = claims + 1 WHERE state = 'running'"),
    "done": take_engine_apart(
        "UPDATE batch_chunk SET state = 'done', finished_at = now() at time zone 'UTC' WHERE state = 'running'"
    ),
}
