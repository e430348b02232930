"""Run something twice on the same database, and compare all that it leaves there, row by row and id by id."""

import json
import re

from odoo.tools import SQL

#: Columns that differ each time, whatever is done: random texts, and times that are not those of the transaction.
RANDOM = {"mail_message": ("message_id", "date"), "res_partner_category": ("color",)}
CHANGED = "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables"


class WholeTables:
    """Mixin of a test case whose tests are one transaction each."""

    def outcome(self, run):
        """Run a function, and undo all that it did.

        :param run: a function; it must leave nothing open
        :returns: what it returned or raised, and the rows of all tables that it changed
        """
        cr = self.env.cr
        self.env.flush_all()
        sequences = self._sequences()
        before = dict(self._query(CHANGED))
        savepoint = cr.savepoint()
        self.env.invalidate_all()
        try:
            try:
                answer = run()
                cr.flush()
            except Exception as error:  # noqa: BLE001  # what it raises is to be compared
                savepoint.rollback()
                answer = f"{type(error).__name__}: {error}"
            changed = sorted(table for table, count in self._query(CHANGED) if count != before.get(table, 0))
            rows = {table: self._rows(table) for table in changed}
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all()
            self.registry.clear_all_caches()
            for name, value, is_called in sequences:
                cr.execute(SQL("SELECT setval(%s, %s, %s)", name, value, is_called))
        return answer, rows

    def assertSame(self, one, other, message=None):
        """Two outcomes are the same, in texts that can be read."""
        self.assertEqual(json.dumps(one[0], default=str, indent=1), json.dumps(other[0], default=str, indent=1), message)
        for table in sorted({*one[1], *other[1]}):
            self.assertEqual(one[1].get(table, []), other[1].get(table, []), (message, table))

    def _query(self, statement):
        self.env.cr.execute(statement)
        return self.env.cr.fetchall()

    def _sequences(self):
        names = self._query("SELECT quote_ident(sequencename) FROM pg_sequences WHERE schemaname = 'public'")
        parts = [f"SELECT '{name}', last_value, is_called FROM {name}" for (name,) in names]
        return self._query(" UNION ALL ".join(parts))

    def _rows(self, table):
        self.env.cr.execute(SQL("SELECT to_jsonb(t) FROM %s t", SQL.identifier(table)))
        rows = [row for (row,) in self.env.cr.fetchall()]
        for row in rows:
            for column in RANDOM.get(table, ()):
                row[column] = bool(row[column])
        return sorted(re.sub(r"0x[0-9a-f]+", "0x", json.dumps(row, sort_keys=True)) for row in rows)
