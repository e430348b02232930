"""Two databases that begin alike: work is done in one as Odoo does it, in the other by a lane. Then all rows are compared."""

import hashlib
import re
import secrets
import time
from collections import Counter
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone

from odoo import api
from odoo.modules.registry import Registry
from odoo.sql_db import close_db
from odoo.tools import config

from odoo.addons.batch_executor.run.lane import Lane

from .case import PATIENCE_S

ADMIN = 2
#: Tables that differ for a reason: those of the engine, and of its lanes.
OURS = re.compile(r"batch_|ir_cron|orm_signaling_")
#: Messages at the end of jobs. They draw numbers that those of the same work without a job don't draw.
OF_JOBS = "FROM mail_message WHERE model = 'batch.job'"
#: Columns that Odoo fills at random.
RANDOM_COLUMNS = {("resource_resource", "color")}
#: Columns of pictures that Odoo draws of a name and a time.
DRAWN = "image/svg+xml", ("checksum", "db_datas", "file_size")
#: What else is new each time.
RANDOM = re.compile(r"<[^<>@]*@[^<>]*>|[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}|(?<=hash_token=)\w+|(?<=access_token=)[\w-]+")
CLOCK = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?")


class Twins:
    """The two databases; a context manager, at whose end they are gone."""

    def __enter__(self):
        from devenv import databases  # only scripts/test has it

        self.databases = databases
        self.names = [f"batch_twin_{kind}_{secrets.token_hex(4)}" for kind in ("plain", "fast")]
        self.began = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(seconds=1)
        try:
            source = databases.business()
            for name in self.names:
                databases.copy(source, name)
            with no_tests():
                self.plain, self.fast = map(Registry, self.names)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error):
        for name in self.names:
            Registry.delete(name)
            close_db(name)
            self.databases.drop(name)

    @contextmanager
    def env(self, registry, uid=ADMIN):
        """An environment; committed at the end."""
        with registry.cursor() as cr:
            yield api.Environment(cr, uid, {})

    def both(self, function):
        """Call a function in either database, which commits; returns what it returned, which must be the same."""
        results = []
        for registry in (self.plain, self.fast):
            with self.env(registry) as env:
                results.append(function(env))
        assert results[0] == results[1], results
        return results[0]

    def run_plainly(self, run, chunks, uid=ADMIN):
        """What a bare loop does: a savepoint and a commit for each chunk."""
        for chunk in chunks:
            with self.env(self.plain, uid) as env, env.cr.savepoint():
                run(env, chunk)

    def run_in_lane(self, operation, chunk_size, uid=ADMIN):
        """Submit an operation as a job, and run it in one lane."""
        with self.env(self.fast, uid) as env:
            submitted = env["batch.job"].submit([operation], max_chunk_size=chunk_size, notify="never")
        end = time.monotonic() + PATIENCE_S
        assert not Lane(self.fast, "twin", lambda: end - time.monotonic()).run()
        with self.env(self.fast, uid) as env:
            job = env["batch.job"].browse(submitted["job_id"])
            assert job.state == "completed", (job.state, job.failures())
        self._forget_messages_of_jobs()

    def _forget_messages_of_jobs(self):
        with self.env(self.fast) as env:
            env.cr.execute(f"DELETE {OF_JOBS}")
            drawn = env.cr.rowcount
        with self.env(self.plain) as env:
            env.cr.execute("SELECT nextval('mail_message_id_seq') FROM generate_series(1, %s)", [drawn])

    def differences(self):
        """What the tables of the databases differ in: texts, by table."""
        with closing(self.plain.cursor()) as plain, closing(self.fast.cursor()) as fast:
            plain.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1"
            )
            tables = [table for (table,) in plain.fetchall() if not OURS.match(table)]
            return {table: text for table in tables if (text := self._difference(table, plain, fast))}

    def _difference(self, table, *cursors):
        for cr in cursors:
            cr.execute(f'SELECT md5(string_agg(row::text, chr(10) ORDER BY row::text)) FROM "{table}" AS row')
        if cursors[0].fetchone() == cursors[1].fetchone():
            return ""
        plain, fast = (Counter(self._rows(table, cr)) for cr in cursors)
        only_plain, only_fast = plain - fast, fast - plain
        return f"{_shown(only_plain)} plain, but\n    {_shown(only_fast)} fast" if only_plain or only_fast else ""

    def _rows(self, table, cr):
        cr.execute(f'SELECT * FROM "{table}"')
        columns = [column.name for column in cr.description]
        for values in cr.fetchall():
            row = dict(zip(columns, values, strict=True))
            skipped = [column for column in row if (table, column) in RANDOM_COLUMNS]
            if row.get("mimetype") == DRAWN[0]:
                skipped += DRAWN[1]
            yield tuple((column, self._comparable(value)) for column, value in row.items() if column not in skipped)

    def _comparable(self, value):
        """A value without what is new each time."""
        if isinstance(value, datetime):
            return "now" if value >= self.began else value.isoformat()
        if isinstance(value, memoryview):
            return hashlib.md5(value).hexdigest()
        if not isinstance(value, (str, dict, list)):
            return repr(value)
        for name in self.names:
            value = str(value).replace(name, "database")
        return RANDOM.sub("random", CLOCK.sub("now", value))


@contextmanager
def no_tests():
    """Registries are loaded without running the tests of their modules."""
    before = config["test_enable"]
    config["test_enable"] = False
    try:
        yield
    finally:
        config["test_enable"] = before


def _shown(rows, most=2):
    texts = [", ".join(f"{column}={value}" for column, value in row if value != "None")[:600] for row in sorted(rows)[:most]]
    return f"{sum(rows.values())} rows only\n      " + "\n      ".join(texts)
