"""Default values, missing pictures and notes of new records are found once for all of them, with the rows that Odoo would have written."""

import base64
import io
from itertools import count
from types import FunctionType
from unittest.mock import patch

from PIL import Image as Picture

from odoo.fields import Image
from odoo.models import BaseModel

from ..run.fast.switch import FLAG
from .case import BatchCase
from .whole_tables import WholeTables

RECORDS = 8


class TestFastDefaults(WholeTables, BatchCase):
    def setUp(self):
        super().setUp()
        self.model = self.env["res.partner"]
        self.addCleanup(vars(self.env.cr).pop, FLAG, None)

    def fast(self, run):
        """Run a function as in a lane."""
        setattr(self.env.cr, FLAG, True)
        try:
            return run()
        finally:
            delattr(self.env.cr, FLAG)

    def create(self, **values):
        records = self.model.create([{"name": f"Partner {number}", **values} for number in range(RECORDS)])
        self.env.cr.flush()
        return records

    def set_default(self, name, default):
        self.startPatcher(patch.object(self.model._fields[name], "default", default))

    def asked(self, run):
        """How often the default value of the time zone is asked for while a function runs; and what it returned."""
        ask, asked = BaseModel.default_get, []

        def noting(model, fields):
            asked.extend(fields if model._name == self.model._name else ())
            return ask(model, fields)

        with patch.object(BaseModel, "default_get", noting):
            return run(), asked.count("tz")

    def test_what_only_depends_on_the_environment_is_asked_once(self):
        self.model = self.model.with_context(tz="Europe/Brussels", default_function="Given")
        plain, times = self.asked(self.create)
        self.assertGreaterEqual(times, RECORDS)
        fast, times = self.asked(lambda: self.fast(self.create))
        self.assertEqual(times, 1)
        for records in (plain, fast):
            self.assertEqual(set(records.mapped("tz")), {"Europe/Brussels"})
            self.assertEqual(set(records.mapped("function")), {"Given"})

    def test_rows_are_the_same(self):
        tags = self.env["res.partner.category"].create([{"name": "One"}, {"name": "Two"}])
        self.model = self.model.with_context(category_id=tags[0].id)
        data = [
            {"name": f"Partner {number}", **({"category_id": [(6, 0, tags.ids)]} if number % 3 == 0 else {}),
             **({"image_1920": self.picture()} if number % 4 == 3 else {}), **({"tz": False} if number % 2 else {})}
            for number in range(RECORDS)
        ]  # fmt: skip

        def create():
            return self.model.create([dict(values) for values in data]).mapped("category_id.name")

        self.assertSame(self.outcome(create), self.outcome(lambda: self.fast(create)))

    def test_others_are_asked_each_time(self):
        numbers = count()
        self.set_default("function", lambda model: f"Function {next(numbers)}")
        self.assertEqual(len(set(self.fast(self.create).mapped("function"))), RECORDS)

    def test_a_changed_default_counts(self):
        def create_twice():
            first = self.create()
            self.env["ir.default"].set("res.partner", "function", "New")
            return first + self.create()

        records = self.fast(create_twice)
        self.assertEqual(records.mapped("function"), [False] * RECORDS + ["New"] * RECORDS)

    def test_nobody_sees_a_list_that_others_have_changed(self):
        tag = self.env["res.partner.category"].create({"name": "One"})
        model = self.model.with_context(category_id=tag.id)

        def ask_twice():
            for _again in range(2):
                answer = model.default_get(list(model._fields))["category_id"]
                answer[0][2].append(0)
            return model.default_get(list(model._fields))["category_id"]

        self.assertEqual(self.fast(ask_twice), [(6, 0, tag.ids)])

    def test_foreign_code_is_asked_each_time(self):
        times = []

        def default_get(model, fields):
            times.append(fields)
            return ask(model, fields)

        ask = BaseModel.default_get
        with patch.object(BaseModel, "default_get", FunctionType(default_get.__code__, {"__name__": "other"}, closure=default_get.__closure__)):
            self.fast(self.create)
        self.assertGreaterEqual(len([fields for fields in times if "tz" in fields]), RECORDS)

    # -- pictures ----------------------------------------------------------------------------------

    @staticmethod
    def picture():
        stream = io.BytesIO()
        Picture.new("RGB", (200, 300), "red").save(stream, "PNG")
        return base64.b64encode(stream.getvalue())

    def test_pictures_that_are_not_there_are_computed_at_once(self):
        write, written = Image.write, []

        def noting(field, records, value):
            written.append(field.name)
            return write(field, records, value)

        with patch.object(Image, "write", noting):
            records = self.fast(self.create)
        self.assertEqual(sorted(written), ["image_1024", "image_128", "image_256", "image_512"])
        self.assertEqual(set(records.mapped("image_128")), {False})

    def test_a_picture_is_there_in_all_sizes(self):
        records = self.fast(lambda: self.create(image_1920=self.picture()))
        self.assertTrue(all(records.mapped("image_128")) and all(records.mapped("image_1024")))
        records[0].image_1920 = False
        self.fast(self.env.flush_all)
        self.assertEqual(records.mapped(lambda record: bool(record.image_128)), [False] + [True] * (RECORDS - 1))

    def test_sizes_of_pictures_are_stored_together(self):
        counts = []
        values = {"image_1920": self.picture()}
        expected = self.outcome(lambda: self.create(**values).ids)
        with patch.object(self.registry["ir.attachment"], "_check_serving_attachments", lambda records: counts.append(len(records))):
            stored = self.outcome(lambda: self.fast(lambda: self.create(**values)).ids)
        self.assertSame(stored, expected)
        self.assertEqual(counts, [RECORDS] * 5)

    def test_other_attachments_come_in_their_order(self):
        """One that is created in the middle, and a search, see those before them."""
        process, seen = Image._process_related, []

        def look(field, value, env):
            if field.name == "image_512" and field.model_name == self.model._name:
                found = env["ir.attachment"].sudo().search_count([("res_id", ">", newest), ("res_model", "=", self.model._name), ("res_field", "=", field.name)])
                seen.append(found)
                env["ir.attachment"].sudo().create({"name": f"Seen {found}", "raw": b"seen"})
            return process(field, value, env)

        values, newest = {"image_1920": self.picture()}, self.model.with_context(active_test=False).search([], order="id DESC", limit=1).id
        with patch.object(Image, "_process_related", look):
            expected = self.outcome(lambda: self.create(**values).ids)
            stored = self.outcome(lambda: self.fast(lambda: self.create(**values)).ids)
        self.assertSame(stored, expected)
        self.assertEqual(seen, 2 * list(range(RECORDS)))

    # -- notes -------------------------------------------------------------------------------------

    def test_each_language_has_its_note(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        model = self.model

        def create_in_both():
            self.env["ir.model"]._get("res.partner").with_context(lang="fr_FR").name = "Contact (français)"
            notes = []
            for lang in ("en_US", "fr_FR"):
                self.model = model.with_context(lang=lang)
                notes.append({str(text) for text in self.create().message_ids.mapped("body")})
            self.env["ir.model"]._get("res.partner").with_context(lang="fr_FR").name = "Autre"
            return [*notes, {str(text) for text in self.create().message_ids.mapped("body")}]

        self.assertEqual(self.fast(create_in_both), create_in_both())
