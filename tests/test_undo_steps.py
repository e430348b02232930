"""An undo of records that a job has changed more than once, or one after the other: step by step, newest first, and no further than it can."""

from odoo.fields import Command

from .undo_case import UndoCase

LATER = "A later change of this record by the same job is not taken back. The record is left as it is."


class TestUndoSteps(UndoCase):
    def told(self, job):
        return sorted((failure["operation_id"], failure["index"], failure["error_type"], failure["error"]) for failure in self.failures(job))

    def set(self, id_, **values):
        """What a person does meanwhile."""
        with self.committed() as env:
            env["res.partner"].browse(id_).write(values)

    def test_a_record_that_the_job_has_made_stays_where_somebody_has_changed_it_since(self):
        job = self.done(
            {**self.creates(1), "operation_id": "made"},
            {"operation_type": "update", "model": "res.partner", "record_ids": {"$ref": "made"}, "data": {"city": "Ghent"}},
        )
        [(_number, id_)] = self.partners()
        self.set(id_, city=False)
        undo = self.undo(job)
        self.assertEqual(
            self.told(undo),
            [
                ("made", 0, "ChangedSinceError", LATER),
                ("op-2", 0, "ChangedSinceError", "Changed since: City. The record is left as it is."),
            ],
        )
        self.assertEqual(self.partners("city"), [(0, None)])

    def test_no_step_is_taken_back_behind_one_that_stands(self):
        for data in ({"name": "Y"}, {"name": "X"}, {"city": "Brussels"}):
            with self.subTest(data):
                [id_] = self.make_partners(1)
                job = self.done(self.update([id_], name="X"), self.update([id_], name="Z", city="Ghent"))
                self.set(id_, **data)
                before = self.sql("SELECT name, city FROM res_partner WHERE id = %s", id_)
                undo = self.undo(job)
                self.assertEqual([error for _index, error in self.errors(undo)], ["ChangedSinceError"] * 2)
                self.assertEqual(self.sql("SELECT name, city FROM res_partner WHERE id = %s", id_), before)
                self.delete_partners()

    def test_the_steps_of_one_list_stop_at_the_first_that_stands(self):
        ids = self.make_partners(2)
        steps = [{"id": id_, "name": name} for name in "XYZ" for id_ in ids]
        job = self.done({"operation_type": "update", "model": "res.partner", "data": steps})
        self.set(ids[0], name="Y")  # as the second step left it
        undo = self.undo(job)
        self.assertEqual(sorted(self.errors(undo)), [(index, "ChangedSinceError") for index in (0, 2, 4)])
        self.assertEqual(self.names(), ["Y", "Partner 1"])

    def test_a_retry_goes_on_once_what_stood_in_the_way_is_gone(self):
        [id_] = self.make_partners(1)
        job = self.done(self.update([id_], name="X"), self.update([id_], name="Y"))
        self.set(id_, name="Mine")
        undo = self.undo(job)
        self.assertEqual(len(self.errors(undo)), 2)
        self.set(id_, name="Y")
        self.call(undo, "retry")
        self.work()
        self.assertEqual((self.errors(undo), self.names()), ([], ["Partner 0"]))

    def test_operations_that_waited_for_each_other_are_taken_back_one_after_the_other(self):
        first, second = self.make_partners(2)
        code = f"{self.mark}-code"
        self.set(first, barcode=code)
        job = self.done(
            {**self.update([first], barcode=False), "operation_id": "first"},
            {**self.update([second], barcode=code), "depends_on": ["first"]},
            max_chunk_size=1,
        )
        undo = self.call(job, "undo")["job_id"]
        with self.open_lane("1") as one, self.open_lane("2") as two:
            self.assertTrue(one.claim())
            self.assertIsNone(two.claim())
        self.work(lanes=2)
        self.assertEqual(self.failures(undo), [])
        with self.committed() as env:
            self.assertEqual(env["res.partner"].browse([first, second]).mapped("barcode"), [code, False])

    def test_tags_that_are_archived_meanwhile_come_back(self):
        with self.committed() as env:
            one, two, three = env["res.partner.category"].create([{"name": f"{self.mark} {name}"} for name in "abc"]).ids
        for data in ({"category_id": [[6, 0, [three]]]}, {"category_id": [[3, one]], "city": "Ghent"}, {"category_id": [[4, three]]}):
            with self.subTest(data):
                self.archive(one, False)
                [id_] = self.make_partners(1)
                self.set(id_, category_id=[Command.set([one, two])])
                job = self.done(self.update([id_], **data))
                self.archive(one, True)
                undo = self.undo(job)
                self.assertEqual(self.failures(undo), [])
                with self.committed() as env:
                    partner = env["res.partner"].with_context(active_test=False).browse(id_)
                    self.assertEqual((sorted(partner.category_id.ids), partner.city), (sorted([one, two]), False))
                self.delete_partners()

    def archive(self, tag, is_archived):
        with self.committed() as env:
            env["res.partner.category"].browse(tag).active = not is_archived
