"""What a job has changed, in the words of its reader; the rows of its table are put there by the test."""

import json

from ..engine.change import CREATE, DELETE, UPDATE
from ..run.differences import BRIEF, FULL, describe_changes
from ..store.changes import insert_changes
from .case import BatchCase, create

GONE = 2_000_000_000


class TestDifferences(BatchCase):
    def setUp(self):
        super().setUp()
        self.user.write({"lang": "en_US", "tz": "Europe/Brussels"})
        self.job = self.jobs.browse(self.jobs.submit([create("A")], track_changes=True)["job_id"])
        self.partner = self.env["res.partner"].create({"name": "Azure"})

    def change(self, before, after, action=UPDATE, record_id=None, model="res.partner"):
        """A change as it would have been stored, seen by the user."""
        operation = self.job.operation_ids.id
        texts = json.dumps(before), json.dumps(after)
        insert_changes(self.env.cr, [(self.job.id, operation, 1, 0, model, record_id or self.partner.id, action, *texts, None)])
        return self.jobs.env["batch.change"].search([("job_id", "=", self.job.id)], order="id desc", limit=1)

    def said(self, name, before, after, extent=FULL):
        """A changed field in words: head, before, after, tail."""
        change = self.change({name: before}, {name: after})
        [field] = describe_changes(self.jobs.env, change.ids, extent)[change.id]["found"]["fields"]
        return tuple(field[part] for part in ("head", "before", "after", "tail"))

    def test_values_are_in_words(self):
        belgium, france = self.env.ref("base.be"), self.env.ref("base.fr")
        for name, before, after, words in (
            ("name", "Azure Interior", "Azure Exterior", ("Azure ", "Interior", "Exterior", "")),
            ("street", False, "Rue 1", ("", "", "Rue 1", "")),
            ("active", True, False, ("", "yes", "no", "")),
            ("type", "contact", "invoice", ("", "Contact", "Invoice", "")),
            ("type", "contact", "gone", ("", "Contact", "gone", "")),
            ("country_id", [belgium.id, "Belgium"], [france.id, "France"], ("", "Belgium", "France", "")),
            ("country_id", belgium.id, False, ("", "Belgium", "", "")),
            ("color", 1000, 0, ("", "1,000", "0", "")),
            ("partner_latitude", 1234.5, 0.25, ("", "1,234.5000000", "0.2500000", "")),
            ("create_date", "2026-01-31 22:30:00", "2026-02-01 23:00:00", ("", "01/31/2026 11:30:00 PM", "02/02/2026 12:00:00 AM", "")),
            ("comment", "<p>one <b>two</b></p>", "<p>one three</p>", ("one ", "*two*", "three", "")),
            ("comment", "<p>one</p>", "<p class='x'>one</p>", ('"<p', "", " class='x'", '>one</p>"')),  # what differs has no words
            ("image_1920", False, "aaaa" * 1000, ("", "", "file (2.93 Kb)", "")),
            ("no_such_field", 1, [2], ("", "1", "[2]", "")),
            ("country_id", {"odd": 1}, [], ("", '{"odd":1}', "", "")),  # the field was another one then
        ):
            with self.subTest(name=name, after=after):
                found = tuple(part.replace("\u202f", " ") for part in self.said(name, before, after))
                self.assertEqual(found, words)

    def test_dates_and_numbers_have_the_format_of_the_reader(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.user.lang = "de_DE"
        self.jobs = self.jobs.with_context(lang="de_DE")
        self.assertEqual(self.said("partner_latitude", 1234.5, 0)[1], "1.234,5000000")
        change = self.change({"date_deadline": "2026-01-31"}, {"date_deadline": "2026-02-01"}, model="mail.activity")
        [field] = describe_changes(self.jobs.env, change.ids, FULL)[change.id]["found"]["fields"]
        self.assertEqual((field["before"], field["after"]), ("31.01.2026", "01.02.2026"))
        self.assertEqual(self.said("active", True, False)[1], "ja")

    def test_linked_records_that_stay_are_told_from_those_that_come_and_go(self):
        tags = self.env["res.partner.category"].create([{"name": name} for name in "ABCDEF"]).ids
        self.assertEqual(self.said("category_id", tags[:2], tags[1:3]), ("B, ", "A", "C", ""))
        self.assertEqual(self.said("category_id", tags, tags[:5]), ("A, B, C, … (5), ", "F", "", ""))
        self.assertEqual(self.said("category_id", [], [GONE]), ("", "", f"#{GONE}", ""))
        self.assertEqual(self.said("category_id", tags[:2], tags[1::-1]), ("", "A, B", "B, A", ""))  # an order

    def test_a_change_names_its_record(self):
        there = self.change({"city": "a"}, {"city": "b"})
        self.assertEqual((there.label, there.record_exists, there.model_label), ("Azure", True, "Contact"))
        self.assertEqual(there.action_view_record()["res_id"], self.partner.id)
        gone = self.change({"name": "Gone", "ref": "G"}, {}, DELETE, GONE)
        self.assertEqual((gone.label, gone.record_exists, gone.display_name), ("Gone", False, "Gone"))
        nameless = self.change({"city": "a"}, {"city": "b"}, UPDATE, GONE)
        self.assertEqual(nameless.label, f"#{GONE}")
        lost = self.change({}, {"x": 1}, CREATE, 7, "no.such.model")
        self.assertEqual((lost.label, lost.model_label, lost.record_exists), ("#7", "no.such.model", False))

    def test_of_a_created_record_its_name_comes_first_and_much_is_left_out(self):
        values = {f"x_{number}": number for number in range(9)}
        found = self.change({}, {**values, "name": "New"}, CREATE).differences
        self.assertEqual((found["fields"][0]["after"], found["fields"][0]["before"], found["fields"][1]["after"]), ("New", None, "0"))
        self.assertEqual((len(found["fields"]), found["more"]), (BRIEF.fields, 10 - BRIEF.fields))

    def test_a_list_reads_no_large_values(self):
        change = self.change({"comment": "x" * BRIEF.read}, {"comment": "y"})
        self.assertEqual((change.differences["fields"], change.differences["too_long"]), ([], True))
        [field] = change.all_differences["fields"]
        self.assertEqual((len(field["before"]), field["after"]), (FULL.longest, "y"))

    def test_a_model_that_the_reader_may_not_read_is_left_out(self):
        change = self.change({"name": "A", "code": "x = 1"}, {"name": "B", "code": "x = 2"}, model="ir.actions.server", record_id=GONE)
        found = describe_changes(self.jobs.env, change.ids, FULL)[change.id]["found"]
        self.assertEqual((found["fields"], found["hidden"], change.label), ([], True, f"#{GONE}"))

    def test_a_form_counts_by_model_and_action_and_lists_the_first(self):
        self.change({}, {"name": "New"}, CREATE)
        self.change({"name": "C"}, {"name": "D"}, model="res.partner.category")
        for _twice in range(2):
            self.change({"name": "A"}, {"name": "B"})
        self.job.invalidate_recordset()
        kinds = {entry["label"]: entry["counts"] for entry in self.job.change_kinds["models"]}
        self.assertEqual(
            kinds, {"Contact": {"create": "1", "update": "2", "delete": ""}, "Partner Tags": {"create": "", "update": "1", "delete": ""}}
        )
        self.assertEqual((self.job.changes_text, len(self.job.shown_change_ids), self.job.has_more_changes), ("4", 4, False))
        others = self.jobs.browse(self.jobs.submit([create("B")])["job_id"])
        self.assertFalse(others.changes_text or others.shown_change_ids)
