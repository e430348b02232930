"""`track_changes`: what is told of each record is what `read()` said of it before and after, in plain Odoo."""

import base64
import json
import random
import tracemalloc
from unittest import SkipTest

from odoo.tests.common import TransactionCase
from odoo.tools import sql

from ..engine.payload import dumps
from ..run.changes.comparison import differences
from ..run.changes.image import Images
from . import every_field
from .every_field import MODEL, ROW
from .properties import given, st

NAMES = ["A", "B", "C", "D"]
#: Places of records in the order of their creation, modulo how many there are.
PLACE = st.integers(0, 3)
STEP = st.one_of(
    st.tuples(st.just("create"), st.lists(ROW, min_size=1, max_size=3)),
    st.tuples(st.just("update"), st.lists(st.tuples(PLACE, ROW), min_size=1, max_size=4)),
    st.tuples(st.just("shared"), st.tuples(st.lists(PLACE, min_size=1, max_size=3), ROW)),
    st.tuples(st.just("upsert"), st.lists(st.tuples(st.sampled_from(NAMES), ROW), min_size=1, max_size=3, unique_by=lambda p: p[0])),
    st.tuples(st.just("delete"), st.lists(PLACE, min_size=1, max_size=2)),
)


class TestExact(TransactionCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(every_field.make_model())
        super().setUpClass()
        cls.env = cls.env(user=cls.env.ref("base.user_admin"))
        cls.env["res.lang"]._activate_lang("fr_FR")
        cls.model = cls.env[MODEL]
        never = ("id", "create_uid", "create_date", "write_uid", "write_date", "display_name", "x_currency_name")
        cls.fields = [name for name in cls.model._fields if name not in never]

    def read(self):
        """What plain Odoo says of all records, by id, as it comes back from JSON."""
        self.env.flush_all()
        self.env.invalidate_all()
        rows = self.model.search([], order="id").read(self.fields)
        return {row.pop("id"): json.loads(dumps(row)) for row in rows}

    def operation(self, step, ids):
        kind, data = step
        operation = {"operation_type": kind, "model": MODEL}
        if kind == "create":
            return {**operation, "data": [{"x_name": "new", **row} for row in data]}
        if kind == "upsert":
            return {**operation, "data": [{"x_name": name, **row} for name, row in data], "key": ["x_name"]}
        if kind == "update":
            return {**operation, "data": [{**row, "id": ids[place % len(ids)]} for place, row in data]}
        if kind == "shared":
            places, row = data
            return {**operation, "operation_type": "update", "record_ids": [ids[place % len(ids)] for place in places], "data": row}
        return {**operation, "record_ids": sorted({ids[place % len(ids)] for place in data})}

    @given(st.lists(STEP, min_size=1, max_size=3), st.sampled_from(["en_US", "fr_FR"]), max_examples=30, derandomize=True)
    def test_before_and_after_are_what_read_says(self, steps, lang):
        with self.env.cr.savepoint() as savepoint:
            self.check(steps, lang)
            savepoint.rollback()
        self.env.invalidate_all()

    def check(self, steps, lang):
        self.env["batch.job"].with_context(lang="en_US").execute(
            [{"operation_type": "create", "model": MODEL, "data": [{"x_name": name, "x_term": name} for name in NAMES[:3]]}]
        )
        jobs = self.env["batch.job"].with_context(lang=lang)
        self.env = jobs.env
        self.model = self.env[MODEL]
        before = self.read()
        ids = list(before)
        answer = jobs.execute([self.operation(step, ids) for step in steps], track_changes=True, max_chunk_size=3)
        failures = [failure for entry in answer["results"] for failure in entry["failures"]]
        self.assertLessEqual({failure["error_type"] for failure in failures}, {"MissingError"}, failures)
        after = self.read()
        known = {id_: dict(row) for id_, row in before.items()}
        for change in answer["changes"]:
            self.follow(known, change)
        touched = {change["record_id"] for change in answer["changes"]}
        for id_ in after:
            if id_ in known and id_ in touched:
                self.assertEqual({n: after[id_][n] for n in known[id_]}, known[id_], (id_, answer["changes"]))
                for name in after[id_].keys() - known[id_].keys():  # of a new record: what was not told is empty
                    self.assertFalse(after[id_][name], name)
            elif id_ in before:
                self.assertEqual(after[id_], before[id_])
        self.assertLessEqual(known.keys(), after.keys())

    def follow(self, known, change):
        """Check that a record was what a change says, and go on with what it says it is now."""
        id_, action = change["record_id"], change["action"]
        if action == "create":
            self.assertEqual((change["before"], id_ in known), ({}, False))
            known[id_] = dict(change["after"])
            return
        was = known[id_]
        for name, value in change["before"].items():
            self.assertEqual(was.get(name, type(value)()), value, (name, change))
        if action == "delete":
            self.assertEqual(change["after"], {})
            told = {name for name, value in was.items() if value not in (False, []) and name not in UNNAMED}
            self.assertLessEqual({n for n in told if was[n]}, change["before"].keys())
            del known[id_]
        else:
            self.assertEqual(change["before"].keys(), change["after"].keys())
            self.assertTrue(change["after"])
            was.update(change["after"])


class TestProducts(TransactionCase):
    """Fields that are kept elsewhere: in another record, in attachments, with a definition."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if "product.template" not in cls.env:
            raise SkipTest("needs products")
        cls.env = cls.env(user=cls.env.ref("base.user_admin"))
        definition = [{"name": "aaaa", "type": "char", "string": "A"}, {"name": "bbbb", "type": "many2one", "string": "B", "comodel": "res.country"}]
        cls.categories = cls.env["product.category"].create(
            [{"name": "one", "product_properties_definition": definition}, {"name": "two", "product_properties_definition": definition[:1]}]
        )

    def check(self, record, values, *names):
        """Update a record; what is told of it is what plain Odoo reads before and after. Returns what was told."""

        def read():
            self.env.flush_all()
            self.env.invalidate_all()
            return json.loads(dumps(record.read()[0]))

        before = read()
        operation = {"operation_type": "update", "model": record._name, "record_ids": record.ids, "data": values}
        answer = self.env["batch.job"].execute([operation], track_changes=True)
        self.assertEqual(answer["state"], "completed", answer["results"])
        after = read()
        [change] = answer["changes"]
        self.assertEqual(change["before"], {name: before[name] for name in change["before"]})
        self.assertEqual(change["after"], {name: after[name] for name in change["after"]})
        self.assertEqual({name for name in names if name not in change["after"]}, set())
        return change

    def test_properties_are_told_with_their_definitions(self):
        one, two = self.categories
        product = self.env["product.template"].create({"name": "P", "categ_id": one.id})
        change = self.check(product, {"product_properties": {"aaaa": "x", "bbbb": 1}}, "product_properties")
        self.assertEqual([found["value"] for found in change["after"]["product_properties"]], ["x", [1, "Andorra"]])
        self.check(product, {"categ_id": two.id}, "categ_id", "product_properties")

    def test_values_of_the_record_it_inherits_from_and_pictures_are_told(self):
        picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
        variant = self.env["product.product"].create({"name": "P", "list_price": 5})
        self.check(variant, {"name": "Q", "list_price": 7, "barcode": "batch-1", "standard_price": 3}, "name", "list_price", "barcode", "standard_price")
        self.check(variant, {"image_1920": picture, "name": "R"}, "image_1920", "name")
        self.check(variant, {"image_1920": False}, "image_1920")

    def test_records_of_a_model_that_searches_in_its_own_way_are_told(self):
        attachment = self.env["ir.attachment"].create({"name": "a.txt", "raw": b"a"})
        change = self.check(attachment, {"name": "b.txt", "datas": "Yg=="}, "name", "datas", "checksum")
        self.assertEqual((change["before"]["datas"], change["after"]["datas"]), ("YQ==", "Yg=="))

    def test_pictures_of_many_records_are_not_in_memory_together(self):
        sizes = range(60)
        contents = [base64.b64encode(random.Random(size).randbytes(300_000)) for size in sizes]
        partners = self.env["res.partner"].create([{"name": f"P{size}"} for size in sizes])
        for partner, content in zip(partners, contents, strict=True):
            attachment = {"name": "image_1920", "res_model": "res.partner", "res_field": "image_1920", "res_id": partner.id}
            self.env["ir.attachment"].create({**attachment, "datas": content})
        self.env.invalidate_all()
        images = Images(self.env["res.partner"])
        tracemalloc.start()
        try:
            before = images.take(partners.ids, ["image_1920"])
            after = images.take(partners.ids, ["image_1920"])
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertLess(peak, sum(map(len, contents)) * 3 // 4)
        self.assertEqual([json.loads(dumps(row)) for row in before.others], [{"image_1920": content.decode()} for content in contents])
        self.assertEqual(differences(images, before, after), {})

    def test_a_model_without_a_table_has_no_columns_to_compare(self):
        models = [model for model in self.env.values() if not model._abstract and not model._auto and model._table_sql]
        for model in models:
            images = Images(model)
            self.assertFalse(images.columns and not sql.table_kind(self.env.cr, model._table), model)


#: Fields without a column: they are told of where an operation names them.
UNNAMED = ("x_binary", "x_tag_ids", "x_line_ids")
