"""`track_changes` in jobs: what takes effect is told once, in order, and what was undone is not."""

import json
from unittest.mock import patch

import psycopg2

from odoo import Command, fields
from odoo.exceptions import AccessError
from odoo.tools import mute_logger

from odoo.addons.batch_executor.exceptions import BatchValidationError

from .case import SUBMITTER, create, update
from .lane_case import LaneCase

PARTNER = "res.partner"


class TestChangesOfJobs(LaneCase):
    def run_tracked(self, *operations, **options):
        """Run a job; returns its id and what it has changed, as (operation, index, action, record, before, after)."""
        job_id = self.submit(*operations, track_changes=True, **options)
        self.work()
        return job_id, self.told(job_id)

    def told(self, job_id):
        page = self.call(job_id, "changes")
        self.assertEqual((page["total"], page["next_offset"]), (len(page["changes"]), False))
        return [tuple(change[key] for key in ("operation_id", "index", "action", "record_id", "before", "after")) for change in page["changes"]]

    def values(self, *fields):
        return [row[1:] for row in self.partners(*fields)]

    def test_each_write_of_a_record_is_told_in_its_order(self):
        one, two = self.make_partners(2, function="a")
        data = [{"id": one, "function": "b"}, {"id": two, "function": "a"}, {"id": one, "function": "c"}]
        both = update({"color": 5}, one, two, one)
        job_id, told = self.run_tracked({"operation_type": "update", "model": PARTNER, "data": data}, both)
        self.assertEqual([change[:5] for change in told[:2]], [
            ("op-1", 0, "update", one, {"function": "a"}), ("op-1", 2, "update", one, {"function": "b"})])  # fmt: skip
        self.assertEqual(sorted(change[:4] for change in told[2:]), [("op-2", 1, "update", two), ("op-2", 2, "update", one)])
        [(chunks,)] = self.sql("SELECT count(*) FROM batch_change c JOIN batch_chunk k ON k.id = c.chunk_id AND k.job_id = %s", job_id)
        self.assertEqual(chunks, 4)

    def test_what_fails_is_not_told_and_places_stay_right(self):
        data = [{"name": False if number % 10 == 3 else f"P{number}", "ref": f"{self.mark}-{number}"} for number in range(300)]
        _job, told = self.run_tracked({"operation_type": "create", "model": PARTNER, "data": data}, max_chunk_size=300)
        self.assertEqual({change[1]: change[5]["name"] for change in told}, {n: f"P{n}" for n in range(300) if n % 10 != 3})
        made = dict(self.sql("SELECT ref, id FROM res_partner WHERE ref LIKE %s", f"{self.mark}-%"))
        self.assertEqual({change[3] for change in told}, set(made.values()))
        self.assertEqual(len(told), len(made))

    def test_a_chunk_that_was_rolled_back_is_not_told(self):
        _job, told = self.run_tracked(create("A", False, "B", "C"), rollback="chunk", max_chunk_size=2)
        self.assertEqual([change[1] for change in told], [2, 3])

    def test_a_job_that_was_undone_is_not_told_and_one_that_was_not_is(self):
        job_id, told = self.run_tracked(create("A"), create(False), rollback="job")
        self.assertEqual((told, self.job(job_id)["state"]), ([], "failed"))
        _job, told = self.run_tracked(create("A"), create("B"), rollback="job")
        self.assertEqual([change[0] for change in told], ["op-1", "op-2"])

    def test_a_chunk_that_is_run_again_after_a_conflict_is_told_once(self):
        ids = self.make_partners(4)
        seen = []

        def probe(partners):
            partners.write({"color": 3})
            seen.append(partners)
            if len(seen) == 1:
                partners.flush_recordset()
                raise psycopg2.errors.SerializationFailure("lost")

        self.set_probe(probe)
        with mute_logger("odoo.addons.batch_executor.run.lane", "odoo.addons.batch_executor.run.control"):
            _job, told = self.run_tracked(self.probe(ids, track_fields=["color", "display_name"]))
        self.assertEqual([change[1:5] for change in told], [(n, "update", id_, {"color": 0}) for n, id_ in enumerate(ids)])

    def test_operations_that_share_a_chunk_are_told_apart(self):
        ids = self.make_partners(3)
        operations = [update({"function": f"f{id_}"}, id_, operation_id=f"of-{id_}") for id_ in ids]
        _job, told = self.run_tracked(*operations)
        self.assertEqual([(change[0], change[5]["function"]) for change in told], [(f"of-{id_}", f"f{id_}") for id_ in ids])

    def test_an_upsert_and_an_import_tell_what_they_made_and_what_they_changed(self):
        [old] = self.make_partners(1, function="a")
        key = {"operation_type": "upsert", "model": PARTNER, "key": ["ref"]}
        rows = [{"ref": f"{self.mark}-new", "name": "New"}, {"ref": f"{self.mark}-0", "function": "b"}]
        _job, told = self.run_tracked(
            {**key, "data": rows}, {**key, "data": [{"ref": f"{self.mark}-new", "function": "c"}]}, max_concurrency=1
        )
        new = next(change[3] for change in told if change[2] == "create")
        self.assertEqual(
            [change[:4] for change in told],
            [("op-1", 1, "update", old), ("op-1", 0, "create", new), ("op-2", 0, "update", new)],
        )
        self.assertEqual(told[0][4:], ({"function": "a"}, {"function": "b"}))
        columns = {"operation_type": "load", "model": PARTNER, "fields": ["id", ".id", "name", "category_id/id", "child_ids/name"]}
        self.sql("INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('__import__', %s, 'res.partner', %s)", self.mark, old)
        with self.committed() as env:
            tag = env["res.partner.category"].create({"name": self.mark})
            env["ir.model.data"].create({"module": "batch_test", "name": self.mark, "model": tag._name, "res_id": tag.id})
        rows = [[self.mark, "", "Old", f"batch_test.{self.mark}", ""], [f"x.{self.mark}", "", "Other", "", "Child"], ["", str(new), "Newer", "", ""]]
        _job, told = self.run_tracked({**columns, "data": rows})
        self.assertEqual([change[1:3] for change in told], [(0, "update"), (2, "update"), (1, "create")])
        by_place = {change[1]: change for change in told}
        self.assertEqual((by_place[0][3], by_place[0][5]["category_id"], by_place[0][4]["category_id"]), (old, tag.ids, []))
        self.assertEqual((by_place[2][3], by_place[2][4]["name"], by_place[2][5]["name"]), (new, "New", "Newer"))
        self.assertEqual(len(by_place[1][5]["child_ids"]), 1)

    def test_records_that_are_left_alone_are_not_told(self):
        ids = self.make_partners(4, function="a")
        data = [{"id": id_, "function": "b" if number % 2 else "a"} for number, id_ in enumerate(ids)]
        told = {}
        for skip in (True, False):
            _job, told[skip] = self.run_tracked({"operation_type": "update", "model": PARTNER, "data": data}, skip_unchanged=skip)
        self.assertEqual([change[1:4] for change in told[True]], [(1, "update", ids[1]), (3, "update", ids[3])])
        self.assertEqual(told[False], [])

    def test_what_goes_with_a_deleted_record_is_not_told(self):
        parent, child, other = self.make_partners(3, country_id=1)
        self.sql("UPDATE res_partner SET parent_id = %s WHERE id = %s", parent, child)
        _job, told = self.run_tracked({"operation_type": "delete", "model": PARTNER, "record_ids": [child, other]})
        self.assertEqual([change[1:4] for change in told], [(0, "delete", child), (1, "delete", other)])
        self.assertEqual((told[0][4]["parent_id"][0], told[0][4]["country_id"][0], told[0][5]), (parent, 1, {}))

    def test_calls_and_actions_tell_the_fields_they_are_asked_for(self):
        ids = self.make_partners(2)
        self.set_probe(lambda partners: partners.write({"function": "x", "color": 7}))
        with self.committed() as env:
            model_id = env["ir.model"]._get_id(PARTNER)
            code = "records.write({'function': 'y'})"
            action = env["ir.actions.server"].create({"name": self.mark, "state": "code", "model_id": model_id, "code": code})
        _job, told = self.run_tracked(
            self.probe(ids, track_fields=["function", "contact_address"]),
            self.probe(ids),
            {"operation_type": "action", "model": PARTNER, "action": action.id, "record_ids": ids, "track_fields": ["function"]},
            max_concurrency=1,
        )
        self.assertEqual([change[0] for change in told], ["op-1", "op-1", "op-3", "op-3"])
        self.assertEqual([change[4:] for change in told[1:3]], [({"function": False}, {"function": "x"}), ({"function": "x"}, {"function": "y"})])
        for wrong, words in (
            (self.probe(ids, track_fields=["nope"]), "no field 'nope'"),
            (self.probe(ids, track_fields=[]), "one or more field names"),
            (self.probe(ids, track_fields=["function", 3]), "one or more field names"),
            ({**self.probe(ids, track_fields=["function"]), "record_ids": None}, "track_fields goes with record_ids"),
        ):
            with self.assertRaisesRegex(BatchValidationError, words):
                self.submit(wrong)

    def test_what_the_submitter_may_not_read_is_not_told(self):
        ids = self.make_partners(2, function="a", city="x")
        function, city = self.registry[PARTNER]._fields["function"], self.registry[PARTNER]._fields["city"]
        with patch.object(function, "groups", "base.group_system"):
            self.set_probe(lambda partners: partners.sudo().write({"function": "b", "city": "y"}))
            _job, told = self.run_tracked(self.probe(ids, track_fields=["city"]), update({"color": 2}, ids[0]))
            self.assertEqual([change[4] for change in told], [{"city": "x"}] * 2 + [{"color": 0}])
            with self.assertRaisesRegex(BatchValidationError, "may not read field 'function'"):
                self.submit(self.probe(ids, track_fields=["function"]))
            with patch.object(city, "groups", "base.group_system"):
                _job, told = self.run_tracked({"operation_type": "delete", "model": PARTNER, "record_ids": ids})
        self.assertFalse(any({"function", "city"} & change[4].keys() for change in told))
        self.assertEqual(len(told), 2)

    def test_records_that_the_submitter_may_not_read_are_left_out(self):
        tags = "res.partner.category"
        with self.committed() as env:
            hidden, seen, leaving = env[tags].create([{"name": "a", "color": color} for color in (9, 0, 0)]).ids
            rule = env["ir.rule"].create(
                {"name": self.mark, "model_id": env["ir.model"]._get_id(tags), "domain_force": "[('color', '!=', 9)]",
                 "perm_write": False, "perm_create": False, "perm_unlink": False}
            )  # fmt: skip
        try:
            data = [{"id": hidden, "name": "b"}, {"id": seen, "name": "b"}, {"id": leaving, "name": "b", "color": 9}]
            new = {"operation_type": "create", "model": tags, "data": [{"name": "n", "color": 9}]}
            job_id, told = self.run_tracked({"operation_type": "update", "model": tags, "data": data}, new)
            self.assertEqual(self.failures(job_id), [])
            self.assertEqual([change[4:] for change in told if change[3] != seen], [({}, {})] * 2)
        finally:
            with self.committed() as env:
                rule.with_env(env).unlink()
        told = self.told(job_id)
        self.assertEqual({change[3]: change[4] for change in told if change[2] == "update"}, {
            seen: {"name": "a"}, leaving: {"name": "a", "color": 0}})  # fmt: skip
        self.assertEqual([change[5] for change in told if change[2] == "create"], [{"name": "n", "color": 9}])

    def test_only_who_may_see_a_job_reads_what_it_has_changed(self):
        job_id, told = self.run_tracked(create("A"))
        with self.committed() as env:
            groups = [env.ref(name).id for name in ("base.group_user", "batch_executor.group_batch_user")]
            other = env["res.users"].create({"name": "o", "login": f"o{self.mark}", "group_ids": [Command.set(groups)]})
        with self.committed(other.id) as env:
            self.assertRaises(AccessError, env["batch.job"].browse(job_id).changes)
            self.assertFalse(env["batch.change"].search([("job_id", "=", job_id)]))
        with self.committed(2) as env:
            self.assertEqual(env["batch.change"].search_count([("job_id", "=", job_id)]), len(told))
            self.assertRaises(AccessError, env["batch.change"].search([("job_id", "=", job_id)]).write, {"before": "{}"})

    def test_values_are_shown_to_who_may_read_them(self):
        """Of records that are gone, to the submitter alone."""
        city = self.registry[PARTNER]._fields["city"]
        with self.committed() as env:
            secret = env["ir.config_parameter"].create({"key": self.mark, "value": "secret"})
            partner = env[PARTNER].create({"name": "A", "ref": f"{self.mark}-0"})
            manager = self.new_user(env, f"m{self.mark}", *SUBMITTER, "batch_executor.group_batch_manager", "base.group_allow_export").id
        with self.committed(2) as env:
            operations = [
                {"operation_type": "delete", "model": "ir.config_parameter", "record_ids": secret.ids},
                update({"function": "seen", "city": "hidden"}, partner.id),
                {"operation_type": "create", "model": "ir.config_parameter", "data": [{"key": f"{self.mark}-2", "value": "secret"}]},
            ]
            job_id = env["batch.job"].submit(operations, track_changes=True, max_concurrency=1)["job_id"]
        self.work()
        self.addCleanup(self.sql, "DELETE FROM ir_config_parameter WHERE key = %s", f"{self.mark}-2")

        def told(user_id):
            with self.committed(user_id) as env:
                job = env["batch.job"].browse(job_id)
                changes = env["batch.change"].search([("job_id", "=", job_id)], order="id")
                said = [{field["name"] for field in change.all_differences["fields"]} for change in changes]
                values = [{**json.loads(change.values_before), **json.loads(change.values_after)} for change in changes]
                self.assertEqual([{**change["before"], **change["after"]} for change in job.changes()["changes"]], values)
                self.assertEqual([set(row) for row in values], said)
                self.assertEqual(changes.export_data(["values_after"])["datas"][1][0], changes[1].values_after)
                found = env["batch.change"].search([("job_id", "=", job_id), ("values_after", "ilike", "SECRET")])
                for name in ("before", "after", "kept"):
                    self.assertRaises(AccessError, changes.read, [name])
                    self.assertRaises(AccessError, changes.search, [(name, "ilike", "secret")])
                hidden = [change.all_differences["hidden"] for change in changes]
                return values, changes.mapped("label")[0], len(found), hidden

        values, label, found, hidden = told(2)
        self.assertEqual(([row.get("value") for row in values], label, found, hidden), (["secret", None, "secret"], self.mark, 2, [False] * 3))
        with patch.object(city, "groups", "base.group_system"):
            values, label, found, hidden = told(manager)
        self.assertEqual((values, label, found), ([{}, {"function": "seen"}, {}], f"#{secret.id}", 0))
        self.assertEqual(hidden, [True, True, True])
        with patch.object(city, "groups", fields.NO_ACCESS):  # the submitter may lose a right as well
            values, _label, _found, hidden = told(2)
        self.assertEqual((values[1], hidden), ({"function": "seen"}, [False, True, False]))

    def test_all_languages_are_kept_where_a_write_changes_them(self):
        with self.committed() as env:
            env["res.lang"]._activate_lang("fr_FR")
            self.addCleanup(self.sql, "UPDATE res_lang SET active = false WHERE code = 'fr_FR'")
            one, two = env["res.partner.category"].create([{"name": "a"}, {"name": "b"}]).ids
            env["res.partner.category"].browse(two).with_context(lang="fr_FR").name = "bé"
            env["res.groups"].browse(env.ref("base.group_partner_manager").ids)
        for lang, kept in (("en_US", [None, '{"name":{"en_US":"b","fr_FR":"bé"}}']), ("fr_FR", ['{"name":{"en_US":"en_US"}}', '{"name":{"en_US":"en_US","fr_FR":"bé"}}'])):
            with self.committed(self.user_id, lang=lang) as env:
                data = [{"id": one, "name": lang}, {"id": two, "name": lang}]
                job_id = env["batch.job"].submit(
                    [{"operation_type": "update", "model": "res.partner.category", "data": data}], track_changes=True
                )["job_id"]
            self.work()
            self.assertEqual([k for (k,) in self.sql("SELECT kept FROM batch_change WHERE job_id = %s ORDER BY id", job_id)], kept)

    def test_a_record_that_was_there_before_is_not_told_as_created(self):
        there, new = f"there-{self.mark}@example.com", f"new-{self.mark}@example.com"
        model = "mail.blacklist"  # its `create` returns the entry that there is
        with self.committed(2) as env:
            env[model].create({"email": there})
            for operation in (
                {"operation_type": "create", "data": [{"email": there}, {"email": new}]},
                {"operation_type": "load", "fields": ["email"], "data": [[new], [there]]},
            ):
                with self.subTest(operation["operation_type"]):
                    answer = env["batch.job"].execute([{**operation, "model": model}], track_changes=True)
                    [result] = answer["results"]
                    self.assertEqual((result["created_records"], result["updated_records"]), (1, 1))
                    made = env[model].search([("email", "=", new)])
                    self.assertEqual([(change["action"], change["record_id"]) for change in answer["changes"]], [("create", made.id)])
                    made.unlink()
            old, new = env[PARTNER].create([{"name": "old"}, {"name": "new"}])
            self.startPatcher(patch.object(self.registry[PARTNER], "create", lambda *_args: old + old + new))
            data = [{"ref": f"{self.mark}-{number}"} for number in range(3)]
            operation = {"operation_type": "upsert", "model": PARTNER, "key": ["ref"], "data": data}
            answer = env["batch.job"].execute([operation], track_changes=True)
            self.assertEqual((answer["results"][0]["updated_records"], answer["changes"]), (3, []))
            env.cr.rollback()

    def test_what_other_companies_hold_is_not_remembered(self):
        with self.committed() as env:
            other = env["res.company"].create({"name": self.mark})
            partner = env["res.partner"].create({"name": "A", "barcode": "own", "ref": f"{self.mark}-0"})
            partner.with_company(other).barcode = "secret"
        self.set_probe(lambda partners: partners.with_company(other.id).sudo().write({"barcode": "another"}))
        _job, told = self.run_tracked(update({"barcode": "new"}, partner.id), self.probe([partner.id], track_fields=["barcode"]))
        self.assertEqual([change[4:] for change in told], [({"barcode": "own"}, {"barcode": "new"})])
        self.assertEqual(self.sql("SELECT kept FROM batch_change WHERE record_id = %s AND model = %s", partner.id, PARTNER), [(None,)])
        with self.committed(2) as env:
            self.assertNotIn("kept", env["batch.change"].fields_get())

    def test_a_value_without_a_json_form_fails_its_record_alone(self):
        ids = self.make_partners(4)
        data = [{"id": id_, "comment": f"note {number}"} for number, id_ in enumerate(ids)]
        read = fields.Html.convert_to_read

        def as_object(field, value, record, use_display_name=True):
            return object() if value and "note 2" in value else read(field, value, record, use_display_name)

        self.patch(fields.Html, "convert_to_read", as_object)
        operation = {"operation_type": "update", "model": PARTNER, "data": data}
        job_id, told = self.run_tracked(operation)
        self.assertEqual([change[1] for change in told], [0, 1, 3])
        [failure] = self.failures(job_id)
        self.assertEqual((failure["index"], failure["error_type"]), (2, "UserError"))
        self.assertIn("Notes", failure["error"])
        comments = [("<p>note 0</p>",), ("<p>note 1</p>",), (None,), ("<p>note 3</p>",)]
        self.assertEqual(self.values("comment"), comments)
        with self.committed(self.user_id) as env:
            [entry] = env["batch.job"].execute([operation], track_changes=True)["results"]
        self.assertEqual([failure["index"] for failure in entry["failures"]], [2])

    def test_fields_of_another_record_shown_on_this_one_are_told(self):
        with self.committed() as env:
            user = env["res.users"].create({"name": "Old", "login": f"u{self.mark}"})
        with self.committed(2) as env:
            job = env["batch.job"]
            [change] = job.execute([update({"name": "New", "phone": "1"}, user.id, model="res.users")], track_changes=True)["changes"]
        self.assertEqual((change["before"], change["after"]), ({"name": "Old", "phone": False}, {"name": "New", "phone": "1"}))
#: Tables in which a job leaves rows of its own: it tells of its end, and wakes lanes.
OF_THE_JOB = {"mail_message", "mail_notification", "mail_followers", "ir_cron_trigger", "mail_message_res_partner_rel", "bus_bus"}
