"""Random jobs on a model with a field of every type: `undo` brings every column back, `apply` makes just the planned changes."""

import json
from contextlib import contextmanager

from . import every_field
from .every_field import MODEL, VALUES
from .extras import is_installed
from .lane_case import LaneCase
from .properties import given, st

if is_installed("hypothesis"):
    import hypothesis

TABLE = MODEL.replace(".", "_")
#: Not written here: lines of a record are records of their own, which are not tracked; an amount that its currency would round, which is
#: stored as it is where the currency comes later, and can't be written again.
ROW = st.fixed_dictionaries(
    {},
    optional={
        **{name: values for name, values in VALUES.items() if name != "x_line_ids"},
        "x_monetary": st.sampled_from([0.0, 0.1, -2.5, 1e12]),
    },
)
RECORDS = 4
NUMBERS = ("x_integer", "x_float", "x_monetary", "x_boolean")
#: To find the smallest example that fails takes minutes.
QUICK = {"phases": [hypothesis.Phase.generate]} if is_installed("hypothesis") else {}
KEYS = st.sampled_from(["k0", "k1", "k7"])


def with_name(row):
    return {**row, "x_name": "made"}


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), st.lists(ROW.map(with_name), min_size=1, max_size=2)),
        st.tuples(st.just("update"), st.lists(st.tuples(st.integers(0, RECORDS - 1), ROW), min_size=1, max_size=3)),
        st.tuples(st.just("shared"), st.tuples(st.sets(st.integers(0, RECORDS - 1), min_size=1), ROW)),
        st.tuples(st.just("upsert"), st.lists(st.tuples(KEYS, ROW), min_size=1, max_size=2, unique_by=lambda pair: pair[0])),
        st.tuples(st.just("delete"), st.sets(st.integers(0, RECORDS - 1), min_size=1, max_size=1)),
    ),
    min_size=1,
    max_size=4,
)


class TestRandomJobs(LaneCase):
    @classmethod
    def set_up_data(cls, env):
        cls.addClassCleanup(every_field.make_model())
        env["res.lang"]._activate_lang("fr_FR")

    @contextmanager
    def records(self, rows):
        """Records with these values, and nothing else in the table; their ids."""
        with self.committed() as env:
            named = [{**row, "x_name": f"k{number}"} for number, row in enumerate(rows)]
            ids = env[MODEL].create(named).ids
        try:
            yield ids
        finally:
            self.sql(f"DELETE FROM {TABLE}")
            self.sql("DELETE FROM ir_attachment WHERE res_model = %s", MODEL)

    def sent(self, ids, kind, what):
        """An operation as it is submitted."""
        sent = {"operation_type": {"shared": "update"}.get(kind, kind), "model": MODEL}
        if kind == "create":
            return {**sent, "data": what}
        if kind == "update":
            return {**sent, "data": [{**row, "id": ids[number]} for number, row in what]}
        if kind == "shared":
            return {**sent, "record_ids": [ids[number] for number in sorted(what[0])], "data": what[1]}
        if kind == "upsert":
            return {**sent, "key": ["x_name"], "data": [{**row, "x_name": key} for key, row in what]}
        return {**sent, "record_ids": [ids[number] for number in what]}

    def done(self, ids, operations, **options):
        job = self.submit(*(self.sent(ids, *operation) for operation in operations), track_changes=True, **options)
        self.work(lanes=options.get("lanes", 1))
        return job

    def stored(self):
        """Every column of every record, its many2many and the contents of its files: dict id -> row.

        Odoo shows a number or a boolean that is NULL as 0 or false, and never writes NULL.
        """
        rows = self.sql(f"SELECT id, to_jsonb(r) - '{{write_date,write_uid}}'::text[] FROM {TABLE} AS r")
        found = {id_: {name: row[name] or 0 if name in NUMBERS else row[name] for name in row} for id_, row in rows}
        for table, own, other in self.relations():
            for id_, ids in self.sql(f"SELECT {own}, array_agg({other} ORDER BY {other}) FROM {table} GROUP BY {own}"):
                found[id_][table] = ids
        files = "SELECT res_id, res_field, checksum FROM ir_attachment WHERE res_model = %s AND res_field IS NOT NULL"
        for id_, name, checksum in self.sql(files, MODEL):
            if id_ in found:
                found[id_][name] = checksum
        return found

    def relations(self):
        with self.committed() as env:
            fields = env[MODEL]._fields.values()
            return [(f.relation, f.column1, f.column2) for f in fields if f.type == "many2many" and f.store]

    @given(st.lists(ROW, min_size=RECORDS, max_size=RECORDS), OPERATIONS, st.sampled_from(["en_US", "fr_FR"]), max_examples=12, **QUICK)
    def test_undo_brings_every_column_back(self, rows, operations, lang):
        with self.records(rows) as ids:
            before = self.stored()
            with self.committed(self.user_id, lang=lang) as env:
                sent = [self.sent(ids, *operation) for operation in operations]
                job = env["batch.job"].submit(sent, track_changes=True)["job_id"]
            self.work()
            deleted = before.keys() - self.stored().keys()
            if not self.call(job, "changes", 0, 1)["total"]:
                return
            undo = self.call(job, "undo")["job_id"]
            self.work()
            failures = self.failures(undo)
            self.assertEqual({f["error_type"] for f in failures} - {"NotUndoable", "ChangedSinceError"}, set(), failures)
            self.assertLessEqual({f["record_id"] for f in failures}, deleted, failures)
            after = self.stored()
            self.assertEqual(after.keys(), before.keys() - deleted)
            for id_, row in after.items():
                differing = {name: (row[name], before[id_][name]) for name in row if row[name] != before[id_].get(name)}
                self.assertEqual(differing, {}, f"{id_} {json.dumps(self.call(job, 'changes')['changes'])}")
                self.assertEqual(row, before[id_])

    def test_terms_that_were_translated_since_are_not_discarded(self):
        with self.records([{"x_terms": "<p>one</p><p>two</p>"}] * 2) as ids:
            before = self.stored()
            job = self.done(ids, [("shared", ({0, 1}, {"x_terms": "<p>one</p><p>three</p>"}))])
            with self.committed() as env:
                env[MODEL].browse(ids[0]).update_field_translations("x_terms", {"fr_FR": {"three": "trois"}})
            now = self.stored()
            undo = self.call(job, "undo")["job_id"]
            self.work()
            [failure] = self.failures(undo)
            self.assertEqual((failure["index"], failure["error_type"]), (0, "ChangedSinceError"))
            self.assertIn("trois", now[ids[0]]["x_terms"]["fr_FR"])
            self.assertEqual(self.stored(), {ids[0]: now[ids[0]], ids[1]: before[ids[1]]})

    @given(st.lists(ROW, min_size=RECORDS, max_size=RECORDS), OPERATIONS, max_examples=10, **QUICK)
    def test_apply_makes_just_the_planned_changes(self, rows, operations):
        with self.records(rows) as ids:
            plan = self.done(ids, operations, dry_run=True)
            if self.job(plan)["state"] == "failed":
                return
            job = self.call(plan, "apply")["job_id"]
            self.work()
            self.assertEqual(self.call(job, "result")["stats"]["failed_records"], self.call(plan, "result")["stats"]["failed_records"])
            planned, made = (self.call(id_, "changes")["changes"] for id_ in (plan, job))
            self.assertEqual(self.lasting(made), self.lasting(planned))

    def lasting(self, changes):
        """Changes without what is new each time: ids of new records."""
        new = {change["record_id"] for change in changes if change["action"] == "create"}
        return [{**change, "record_id": change["record_id"] not in new and change["record_id"]} for change in changes]
