"""What a job consists of: summed up when it is stored, and its name where the caller gives none."""

from unittest.mock import patch

from odoo.exceptions import UserError

from odoo.addons.batch_executor.models import batch_job_views

from ..engine.contents import MOST_ENTRIES, sum_up
from ..engine.isolate import isolate
from ..engine.operation import Operation
from .case import BatchCase, create, update
from .lane_case import LaneCase


def operation(kind, model, records):
    return Operation(0, "op-1", kind, model, items=[None] * records)


class TestContents(BatchCase):
    def job(self, *operations, **options):
        return self.jobs.browse(self.jobs.submit(list(operations), **options)["job_id"])

    def test_most_records_come_first(self):
        first = [operation("update", "a", 2), operation("create", "b", 3), operation("update", "a", 2), operation("call", "c", 0)]
        contents = sum_up(first)
        self.assertEqual(contents, [["update", "a", 2, 4], ["create", "b", 1, 3], ["call", "c", 1, 0]])
        self.assertEqual(sum_up([operation("create", "b", 9)], contents)[0], ["create", "b", 2, 12])
        self.assertEqual(sum_up([]), [])
        self.assertEqual(len(sum_up(operation("create", f"m{number}", 1) for number in range(100))), MOST_ENTRIES)

    def test_a_job_without_a_name_says_what_it_does(self):
        job = self.job(*(create("A", "B") for _ in range(600)), update({"city": "Bern"}, 1, 2))
        self.assertEqual(job.name, "Create 1,200 × Contact, Update 2 × Contact")
        self.assertEqual((job.main_type, job.main_model_id.sudo().model), ("create", "res.partner"))
        self.assertEqual(job.contents_text, job.name)
        self.assertEqual(self.job(create("A"), name="Mine").name, "Mine")
        selection = {"operation_type": "update", "model": "res.partner", "domain": [], "data": {"city": "Bern"}}
        self.assertEqual(self.job(selection).name, "Update Contact")
        many = [create("A"), create("A", "B", "C", model="res.partner.category"), update({"city": "Bern"}, 1, 2)]
        self.assertEqual(self.job(*many).name, "Create 3 × Contact Tag, Update 2 × Contact, …".replace("Contact Tag", self.label()))

    def label(self):
        return self.env["ir.model"]._get("res.partner.category").name

    def test_a_draft_says_what_was_added(self):
        draft = self.job(draft=True)
        self.assertEqual((draft.contents_text, draft.main_type, draft.name), (False, False, f"Batch of {self.user.name}"))
        draft.append([create("A", "B")])
        draft.append([update({"city": "Bern"}, 1, 2, 3)])
        self.assertEqual(draft.contents_text, "Update 3 × Contact, Create 2 × Contact")
        self.assertEqual(draft.main_type, "update")

    def test_jobs_are_found_and_grouped_by_model(self):
        job = self.job(create("A"), name="Grouped")
        for domain in ([("main_model_id.model", "ilike", "res.part")], [("main_model_id.name", "ilike", "contac")]):
            self.assertIn(job, self.jobs.search(domain))
        [group] = self.jobs.formatted_read_group([("id", "=", job.id)], ["main_model_id"], ["__count"])
        self.assertEqual(group["main_model_id"][1], "Contact")

    def test_a_name_keeps_its_direction_to_itself(self):
        job = self.job(create("A"), name="\u202eevil")
        other = self.job(create("A"), name="\u202eworse", draft=True)
        message = (job + other).action_resume()["params"]["message"]
        self.assertIn(isolate("\u202eworse"), message)


class TestRecords(LaneCase):
    def records(self, job, model=None):
        action = self.call(job, "action_view_records", *([model] if model else []))
        return action if action["type"] != "ir.actions.act_window" else action["domain"][0][2]

    def test_what_it_created_and_changed_is_opened(self):
        named = self.make_partners(3)
        for options in ({"max_chunk_size": 2}, {"max_chunk_size": 100}):
            with self.subTest(options):
                job = self.submit(
                    *({**self.creates(1), "operation_id": f"small-{number}"} for number in range(3)),  # they share a chunk
                    self.creates(5),
                    update({"city": "Bern"}, *named),
                    {"operation_type": "delete", "model": "res.partner", "record_ids": self.make_partners(1)},
                    **options,
                )
                with self.assertRaises(UserError):
                    self.call(job, "action_view_records")
                self.work()
                made = self.sql("SELECT id FROM res_partner WHERE ref LIKE %s AND create_uid = %s", f"{self.mark}-%", self.user_id)
                found = self.records(job)
                self.assertLessEqual(set(found), {id_ for (id_,) in made} | set(named))
                self.assertEqual(len(found), 11)

    def test_of_several_models_one_is_chosen(self):
        tag = {"operation_type": "create", "model": "res.partner.category", "data": [{"name": f"Tag {self.mark}"}]}
        job = self.submit(self.creates(2), tag)
        self.work()
        choice = self.records(job)
        self.assertEqual([entry["model"] for entry in choice["params"]["models"]], ["res.partner", "res.partner.category"])
        self.assertEqual((len(self.records(job, "res.partner")), len(self.records(job, "res.partner.category"))), (2, 1))
        with self.assertRaises(UserError):
            self.records(job, "res.users")

    def test_of_many_the_first_are_opened(self):
        self.startPatcher(patch.object(batch_job_views, "VIEWED_RECORDS", 3))
        job = self.submit(self.creates(5), name="Many", max_chunk_size=2)
        self.work()
        action = self.call(job, "action_view_records")
        self.assertEqual((len(action["domain"][0][2]), action["name"]), (3, f"First 3 records of {isolate('Many')}"))

    def test_what_a_dry_run_made_is_not_there(self):
        job = self.submit(self.creates(2), dry_run=True)
        self.work()
        with self.committed(self.user_id) as env:
            self.assertFalse(env["batch.job"].browse(job).has_records)
