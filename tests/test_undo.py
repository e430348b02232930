"""`undo`: what a job has changed is taken back, newest first; what was changed since is left alone and named."""

import json
from base64 import b64encode

from ..run.forget import forget_old_values
from .undo_case import NAMES, UndoCase


class TestUndo(UndoCase):
    def test_updates_get_their_values_back_and_creations_are_deleted(self):
        ids = self.make_partners(3)
        job = self.done(
            self.update(ids, name="Changed", city="Ghent"), {**self.creates(2), "data": [{"name": "New", "ref": f"{self.mark}-9"}]}
        )
        self.assertEqual(self.names(), ["Changed"] * 3 + ["New"])
        undo = self.undo(job)
        self.assertEqual((self.names(), self.failures(undo)), (NAMES, []))
        self.assertEqual(self.partners("city"), [(number, None) for number in range(3)])
        results = self.call(undo, "result")["results"]
        self.assertEqual([(entry["operation_id"], entry["operation_type"]) for entry in results], [("op-2", "undo"), ("op-1", "undo")])
        self.assertEqual([entry["result"] for entry in results], [True, True])

    def test_an_undo_is_undone(self):
        ids = self.make_partners(3)
        job = self.done(self.update(ids, name="Changed"))
        undo = self.undo(job)
        self.assertEqual(self.names(), NAMES)
        again = self.undo(undo)
        self.assertEqual((self.names(), self.failures(again)), (["Changed"] * 3, []))
        self.undo(again)
        self.assertEqual(self.names(), NAMES)

    def test_what_was_changed_since_is_left_alone_and_named(self):
        ids = self.make_partners(3)
        job = self.done(self.update(ids, name="Changed", city="Ghent"))
        with self.committed() as env:
            partners = env["res.partner"].browse(ids)
            partners[0].city = "Bruges"
            partners[1].phone = "1"  # nothing that the job has changed
            partners[2].unlink()
        undo = self.undo(job)
        self.assertEqual(self.partners("name", "city"), [(0, "Changed", "Bruges"), (1, "Partner 1", None)])
        failures = sorted(self.failures(undo), key=lambda failure: failure["index"])
        self.assertEqual([(f["error_type"], f["record_id"]) for f in failures], [("ChangedSinceError", ids[0]), ("ChangedSinceError", ids[2])])
        self.assertIn("City", failures[0]["error"])
        self.assertNotIn("Name", failures[0]["error"])
        with self.committed() as env:
            env["res.partner"].browse(ids[0]).city = "Ghent"
        self.call(undo, "retry")
        self.work()
        self.assertEqual(self.names(), ["Partner 0", "Partner 1"], "a retry runs the rest")
        self.assertEqual(self.errors(undo), [(2, "ChangedSinceError")])

    def test_a_created_record_that_somebody_has_filled_in_stays(self):
        job = self.done(self.creates(2))
        with self.committed() as env:
            env["res.partner"].search([("ref", "=", f"{self.mark}-0")]).phone = "1"
        undo = self.undo(job)
        self.assertEqual((self.names(), self.errors(undo)), (["Partner 0"], [(0, "ChangedSinceError")]))

    def test_a_created_record_to_which_others_refer_stays(self):
        """What was made with it, by the same operation, goes with it."""
        child = {"name": "Child", "ref": f"{self.mark}-4", "parent_id": {"$ref": "op-1", "index": 3}}
        whole = {"name": "Whole", "ref": f"{self.mark}-5", "bank_ids": [[0, 0, {"acc_number": f"{self.mark} own"}]]}
        job = self.done(self.creates(4), {**self.creates(0), "data": [child]}, {**self.creates(0), "data": [whole], "context": {"tz": "UTC"}}, rollback="job")
        parents = dict(self.partners())
        with self.committed() as env:
            env["res.partner.bank"].create({"partner_id": parents[0], "acc_number": f"{self.mark} later"})
            env["res.partner"].create({"name": "Contact", "parent_id": parents[1]})
            env["res.partner"].browse(parents[4]).phone = "1"
        undo = self.undo(job)
        failures = sorted((f["operation_id"], f["index"], f["error_type"]) for f in self.failures(undo))
        self.assertEqual(failures, [("op-1", number, "ChangedSinceError") for number in (0, 1, 3)] + [("op-2", 0, "ChangedSinceError")])
        self.assertIn("Bank Accounts", " ".join(f["error"] for f in self.failures(undo)))
        self.assertEqual(dict(self.partners()).keys(), {0, 1, 3, 4})
        accounts = "SELECT partner_id FROM res_partner_bank WHERE acc_number LIKE %s ORDER BY id"
        self.assertEqual(self.sql(accounts, f"{self.mark}%"), [(parents[0],)])
        self.assertEqual(self.sql("SELECT parent_id FROM res_partner WHERE id = %s", parents[4]), [(parents[3],)])
        with self.committed() as env:
            env["res.partner"].browse(parents[4]).phone = False
            env.cr.execute("DELETE FROM res_partner_bank WHERE partner_id = %s", [parents[0]])  # Odoo archives it
            env["res.partner"].search([("parent_id", "=", parents[1])]).unlink()
        self.call(undo, "retry")
        self.work()
        self.assertEqual((self.failures(undo), self.partners()), ([], []))
        bank = {"partner_id": {"$ref": "op-1", "index": 0}, "acc_number": self.mark}
        job = self.done(self.creates(1), {"operation_type": "create", "model": "res.partner.bank", "data": [bank]})
        self.assertEqual((self.failures(job), self.failures(self.undo(job)), self.partners()), ([], [], []), "it is archived instead of deleted")

    def test_lines_are_neither_deleted_nor_taken_from_their_record(self):
        old, new, line, more = self.make_partners(4)
        with self.committed() as env:
            env["res.partner"].browse(line).parent_id = old
        job = self.done(
            self.update([new], name="Changed", child_ids=[[4, line]]),
            self.update([old], name="Changed", child_ids=[[0, 0, {"name": "Made", "ref": f"{self.mark}-9"}]]),
            self.update([more], name="Changed"),
        )
        made = self.partners()[-1][1]
        with self.committed() as env:
            env["res.partner"].browse(made).function = "Boss"
        parents = [(0, None), (1, None), (2, new), (3, None), (9, old)]
        self.assertEqual(self.partners("parent_id"), parents)
        self.assertEqual(self.call(job, "undo_preview"), {"changes": 3, "looked_at": 3, "changed": 0, "deleted": 2, "is_whole": True})
        undo = self.undo(job)
        self.assertEqual((self.partners("parent_id"), self.partners("function")[-1]), (parents, (9, "Boss")))
        self.assertEqual(self.names(), ["Changed", "Changed", "Partner 2", "Partner 3", "Made"], "their records are left alone whole")
        failures = sorted((f["operation_id"], f["error_type"]) for f in self.failures(undo))
        self.assertEqual(failures, [("op-1", "NotUndoable"), ("op-2", "NotUndoable")])
        self.assertIn("Contact", self.failures(undo)[0]["error"])

    def test_a_line_of_another_record_is_not_deleted(self):
        self.use_new_user()
        with self.committed() as env:
            if "product.supplierinfo" not in env:
                self.skipTest("needs products")
            env["res.users"].browse(self.user_id).group_ids += env.ref("product.group_product_manager")
            first, second = env["product.template"].create([{"name": "A"}, {"name": "B"}])
            partner = env["res.partner"].create({"name": "Seller", "ref": f"{self.mark}-0"})
            line = env["product.supplierinfo"].create({"partner_id": partner.id, "product_tmpl_id": first.id})
        values = {"seller_ids": [[4, line.id]]}
        job = self.done({"operation_type": "update", "model": "product.template", "record_ids": second.ids, "data": values})
        self.assertEqual(self.failures(job), [])
        undo = self.undo(job)
        self.assertEqual(self.errors(undo), [(0, "NotUndoable")])
        self.assertEqual(self.sql("SELECT product_tmpl_id FROM product_supplierinfo WHERE id = %s", line.id), [(second.id,)])
        with self.committed() as env:
            env["product.template"].browse([first.id, second.id]).unlink()

    def test_what_follows_from_other_records_is_computed_anew(self):
        company, child = self.make_partners(2, is_company=True)
        with self.committed() as env:
            env["res.partner"].browse(child).write({"is_company": False, "parent_id": company})
        job = self.done(
            {
                "operation_type": "update",
                "model": "res.partner",
                "data": [{"id": company, "name": "New", "website": "http://a"}, {"id": child, "function": "Boss"}],
            }
        )
        [change] = [change for change in self.call(job, "changes")["changes"] if change["record_id"] == child]
        self.assertIn("commercial_company_name", change["before"])
        with self.committed() as env:
            env["res.partner"].browse(company).website = "http://b"
        undo = self.undo(job)
        self.assertEqual(self.errors(undo), [(0, "ChangedSinceError")])
        query = "SELECT name, function, commercial_company_name, complete_name FROM res_partner WHERE id = %s"
        self.assertEqual(self.sql(query, child), [("Partner 1", None, "New", "New, Partner 1")])

    def test_a_record_changed_twice_is_taken_back_step_by_step(self):
        ids = self.make_partners(2)
        twice = {"operation_type": "update", "model": "res.partner", "data": [{"id": ids[0], "name": name} for name in "abc"]}
        for options in ({}, {"max_chunk_size": 1}, {"max_concurrency": 1}):
            with self.subTest(**options):
                job = self.done(self.update(ids, name="First"), twice, self.update(ids[:1], city="Ghent", name="Last"), **options)
                self.assertNotEqual(self.names(), NAMES[:2])
                undo = self.undo(job, lanes=3)
                self.assertEqual((self.names(), self.failures(undo)), (NAMES[:2], []))
                self.assertEqual(self.job(undo)["max_concurrency"], 1)

    def test_the_changes_of_distinct_records_are_taken_back_side_by_side(self):
        ids = self.make_partners(3)
        job = self.done(self.update(ids, name="Changed"), max_concurrency=3, max_chunk_size=1)
        undo = self.undo(job, lanes=3)
        self.assertEqual((self.job(undo)["max_concurrency"], len(self.chunks(undo)), self.names()), (3, 3, NAMES))

    def test_small_operations_share_chunks(self):
        ids = self.make_partners(3)
        job = self.done(*[self.update([id_], name=f"Changed {id_}") for id_ in ids])
        undo = self.undo(job)
        self.assertEqual(([chunk["record_count"] for chunk in self.chunks(undo)], self.names()), ([3], NAMES))

    def test_what_was_deleted_and_what_is_not_known_is_not_undoable(self):
        ids = self.make_partners(3)
        call = {"operation_type": "call", "model": "res.partner", "method": "write", "record_ids": ids[:1]}
        job = self.done(
            {**call, "args": [{"city": "Ghent"}]},
            {**call, "args": [{"name": "Called"}], "track_fields": ["name"]},
            {"operation_type": "delete", "model": "res.partner", "record_ids": ids[2:]},
        )
        undo = self.undo(job)
        self.assertEqual(self.partners("name", "city"), [(0, "Partner 0", "Ghent"), (1, "Partner 1", None)])
        entries = {entry["operation_id"]: entry for entry in self.call(undo, "result")["results"]}
        self.assertEqual({name: entry["state"] for name, entry in entries.items()}, {"op-1": "failed", "op-2": "completed", "op-3": "failed"})
        self.assertEqual({entries[name]["failures"][0]["error_type"] for name in ("op-1", "op-3")}, {"NotUndoable"})

    def test_bytes_that_are_no_text_are_told_and_come_back(self):
        contents = [b"\x89PNG\r\n\x1a\n\0", "é".encode(), b"data:;base64,YQ==", b"plain"]
        with self.committed(self.user_id) as env:
            attachments = env["ir.attachment"].create([{"name": f"{place}.bin", "raw": raw} for place, raw in enumerate(contents)])
        values = {"raw": "hello", "mimetype": "text/plain"}  # without it, Odoo can't guess it of a text
        job = self.done({"operation_type": "update", "model": "ir.attachment", "record_ids": attachments.ids, "data": values})
        self.assertEqual(self.failures(job), [])
        told = [(change["before"]["raw"], change["after"]["raw"]) for change in self.call(job, "changes")["changes"]]
        texts = [f"data:;base64,{b64encode(raw).decode()}" for raw in contents[:3]]
        self.assertEqual(told, [(text, "hello") for text in [*texts, "plain"]])
        self.assertEqual(self.failures(self.undo(job)), [])
        with self.committed(self.user_id) as env:
            attachments = attachments.with_env(env)
            self.assertEqual(attachments.mapped("raw"), contents)
            attachments.unlink()

    def test_a_field_that_is_gone_fails_its_own_records_alone(self):
        ids = self.make_partners(2)
        job = self.done(self.update(ids, name="Changed"), self.creates(1, name="New"))
        gone = "(replace(before, '\"name\"', '\"x_gone\"'), replace(after, '\"name\"', '\"x_gone\"'))"
        self.sql(f"UPDATE batch_change SET (before, after) = {gone} WHERE job_id = %s AND record_id = %s", job, ids[0])
        added = "jsonb_set(after::jsonb, '{x_gone}', '1')::text"
        self.sql(f"UPDATE batch_change SET after = {added} WHERE job_id = %s AND action = 'create'", job)
        self.assertEqual(self.call(job, "undo_preview"), {"changes": 3, "looked_at": 3, "changed": 0, "deleted": 1, "is_whole": True})
        undo = self.undo(job)
        self.assertEqual((self.errors(undo), self.names()), ([(0, "NotUndoable")], ["Changed", "Partner 1"]))
        self.assertIn("x_gone", self.failures(undo)[0]["error"])

    def test_a_field_that_is_translated_otherwise_fails_its_own_records_alone(self):
        self.use_new_user()
        kept = {"res.partner.category": {"name": [{}, {}]}, "product.product": {"name": {"en_US": "Old"}}}  # term by term; with a column
        for model, texts in kept.items():
            with self.subTest(model):
                with self.committed() as env:
                    if model not in env:
                        self.skipTest("needs products")
                    if model == "product.product":
                        env["res.users"].browse(self.user_id).group_ids += env.ref("product.group_product_manager")
                    records = env[model].create([{"name": f"{self.mark} {place}"} for place in range(2)])
                job = self.done({"operation_type": "update", "model": model, "record_ids": records.ids, "data": {"name": "Changed"}})
                self.sql("UPDATE batch_change SET kept = %s WHERE job_id = %s AND index = 0", json.dumps(texts), job)
                self.assertEqual(self.call(job, "undo_preview"), {"changes": 2, "looked_at": 2, "changed": 0, "deleted": 1, "is_whole": True})
                self.assertEqual(self.errors(self.undo(job)), [(0, "NotUndoable")])
                with self.committed() as env:
                    records = records.with_env(env)
                    self.assertEqual(records.mapped("name"), ["Changed", f"{self.mark} 1"])
                    records.unlink()

    def test_another_label_of_a_property_is_no_change_of_the_record(self):
        self.use_new_user()
        with self.committed() as env:
            if "product.template" not in env:
                self.skipTest("needs products")
            env["res.users"].browse(self.user_id).group_ids += env.ref("product.group_product_manager")
            definition = {"name": "aaaa", "type": "char", "string": "Old"}
            category = env["product.category"].create({"name": self.mark, "product_properties_definition": [definition]})
            product = env["product.template"].create({"name": "P", "categ_id": category.id, "product_properties": {"aaaa": "x"}})
        value = {**definition, "string": "New", "value": "x", "definition_changed": True}
        values = {"name": "Q", "product_properties": [value]}
        job = self.done({"operation_type": "update", "model": "product.template", "record_ids": product.ids, "data": values})
        self.assertIn("product_properties", self.call(job, "changes")["changes"][0]["after"])
        self.assertEqual(self.failures(self.undo(job)), [])
        self.assertEqual(self.sql("SELECT name->>'en_US' FROM product_template WHERE id = %s", product.id), [("P",)])
        with self.committed() as env:
            env["product.template"].browse(product.id).unlink()

    def test_the_context_of_job_and_operation_holds(self):
        with self.committed() as env:
            env["res.lang"]._activate_lang("fr_FR")
            title = env["res.partner.category"].create({"name": "English"})
            title.with_context(lang="fr_FR").name = "Français"
        update = {"operation_type": "update", "model": "res.partner.category", "record_ids": title.ids, "data": {"name": "Changé"}}
        job = self.done({**update, "context": {"lang": "fr_FR"}})
        texts = "SELECT name FROM res_partner_category WHERE id = %s"
        self.assertEqual(self.sql(texts, title.id), [({"en_US": "English", "fr_FR": "Changé"},)])
        self.undo(job)
        self.assertEqual(self.sql(texts, title.id), [({"en_US": "English", "fr_FR": "Français"},)])

    def test_the_context_of_an_operation_outlives_its_values(self):
        with self.committed() as env:
            env["res.lang"]._activate_lang("fr_FR")
            tag = env["res.partner.category"].create({"name": "English"})
            tag.with_context(lang="fr_FR").name = "Français"
        update = {"operation_type": "update", "model": "res.partner.category", "record_ids": tag.ids, "data": {"name": "Changé"}}
        job = self.done({**update, "context": {"lang": "fr_FR"}})
        with self.settings(keep_payload_days=0), self.committed() as env:
            while forget_old_values(env):
                pass
        self.undo(job)
        texts = "SELECT name FROM res_partner_category WHERE id = %s"
        self.assertEqual(self.sql(texts, tag.id), [({"en_US": "English", "fr_FR": "Français"},)])

    def test_all_languages_come_back(self):
        with self.committed() as env:
            env["res.lang"]._activate_lang("fr_FR")
            both = env["res.partner.category"].create([{"name": "English"}, {"name": "Only"}])
            both[0].with_context(lang="fr_FR").name = "Français"
        texts = "SELECT name FROM res_partner_category WHERE id = ANY(%s) ORDER BY id"
        before = self.sql(texts, both.ids)
        update = {"operation_type": "update", "model": "res.partner.category", "record_ids": both.ids, "data": {"name": "Changé"}}
        job = self.done({**update, "context": {"lang": "fr_FR"}})
        self.undo(job)
        self.assertEqual(self.sql(texts, both.ids), before, "a language that was not there is gone again")
