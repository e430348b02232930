"""The operation type `action`: a server action on records, with the rights of the job's user."""

from odoo import Command

from .case import create
from .operations_case import OperationsCase


def action(given, *ids, model="res.partner", **keys):
    """An operation that runs a server action on these records."""
    keys = {**keys, "record_ids": list(ids)} if ids else keys
    return {"operation_type": "action", "model": model, "action": given, **keys}


class ActionsCase(OperationsCase):
    """Server actions that an administrator has made: `code` on partners."""

    def server_action(self, code, model="res.partner", **values):
        with self.committed(self.admin.id) as env:
            model_id = env["ir.model"]._get_id(model)
            values = {"name": "Tested", "model_id": model_id, "state": "code", "code": code, **values}
            return env["ir.actions.server"].create(values).id


class TestActionOperations(ActionsCase):
    def test_it_runs_on_the_records_chunk_by_chunk_as_the_user(self):
        run = self.server_action(
            "records.write({'city': '%s of %s' % (len(records), env.user.login), 'street': str(record.id)})\n"
            "if env.su or env.context['active_model'] != 'res.partner':\n    raise UserError('wrong environment')"
        )
        ids = self.partners(*(f"Action {n}" for n in range(5)))
        entry = self.run_one(action(run, *ids), max_chunk_size=4)
        self.assertEqual((entry["result"], entry["record_count"]), (True, 5))
        self.assertEqual(
            self.read(ids, "city", "street"),
            [(f"4 of {self.user.login}", str(ids[0]))] * 4 + [(f"1 of {self.user.login}", str(ids[4]))],
        )

    def test_a_record_that_fails_stands_alone(self):
        run = self.server_action(
            "for partner in records:\n"
            "    if partner.ref == 'bad':\n"
            "        raise UserError('not this one')\n"
            "    partner.write({'city': 'done'})"
        )
        ids = self.partners(*(f"Alone {n}" for n in range(8)))
        with self.committed() as env:
            env["res.partner"].browse(ids[5]).ref = "bad"
        entry = self.run_one(action(run, *ids, 999994))
        self.assertEqual((entry["processed_records"], entry["failed_records"]), (7, 2))
        self.assertFailsWith(entry, "not this one", index=5)
        self.assertFailsWith(entry, "999994", index=8)
        self.assertEqual([city for (city,) in self.read(ids, "city")], ["done"] * 5 + [False] + ["done"] * 2)

    def test_records_by_domain_or_reference_and_the_action_by_external_id(self):
        run = self.server_action("records.write({'city': 'Named'})")
        with self.committed() as env:
            env["ir.model.data"].create(
                {"module": "__test_batch__", "name": "named", "model": "ir.actions.server", "res_id": run}
            )
        ids = self.partners("Domain A", "Domain B", ref="action-domain")
        entry = self.run_one(action("__test_batch__.named", domain=[("ref", "=", "action-domain")]))
        self.assertEqual(entry["processed_records"], 2)
        results = self.run_job(
            [create("Made", operation_id="made"), action(run, record_ids={"$ref": "made"})]
        )["results"]
        self.assertEqual([city for (city,) in self.read([*ids, *results[0]["result"]], "city")], ["Named"] * 3)

    def test_an_action_that_is_returned_is_a_warning(self):
        run = self.server_action(
            "records.write({'city': 'asked'})\n"
            "action = {'type': 'ir.actions.act_window', 'name': 'Sure?', 'res_model': 'res.partner'}"
        )
        ids = self.partners("Warned")
        entry = self.run_one(action(run, *ids))
        self.assertEqual((entry["state"], entry["warnings"][0]["warning_type"]), ("completed", "ActionReturned"))
        self.assertIn("Sure?, res.partner", entry["warnings"][0]["message"])
        entry = self.run_one(action(run, *ids), strict=True)
        self.assertEqual((entry["state"], entry["failures"][0]["error_type"]), ("failed", "ActionReturned"))

    def test_it_runs_inside_a_request_as_well(self):
        run = self.server_action("records.write({'city': 'at once'})")
        ids = self.partners("Inline")
        result = self.door.execute([action(run, *ids)])
        self.assertEqual((result["state"], self.read(ids, "city")), ("completed", [("at once",)]))

    def test_wrong_ones_are_refused(self):
        other = self.server_action("pass", model="res.users")
        with self.committed(self.admin.id) as env:
            closed = self.server_action("pass", group_ids=[Command.set(env.ref("base.group_system").ids)])
            cron = env["ir.cron"].create({"name": "C", "model_id": env["ir.model"]._get_id("res.partner"), "code": "pass"})
            scheduled = cron.ir_actions_server_id.id
        self.addCleanup(self._delete, "ir.cron", cron.id)
        foreign = self.server_action("pass")
        self.sql("UPDATE ir_act_server SET write_uid = %s WHERE id = %s", self.other.id, foreign)
        for given in (None, "x", 1.5, -1, [], 2**31 - 1, 2**40, "no.such", "base.main_partner", other, closed, scheduled, foreign):
            with self.subTest(given=given):
                error = self.assertRefused(self.door.submit, [action(given, 1)], name="BatchValidationError")
                self.assertEqual({problem["key"] for problem in error.problems}, {"action"})
        for keys in ({}, {"record_ids": "x"}, {"record_ids": [1], "domain": []}):
            error = self.assertRefused(self.door.submit, [action(self.server_action("pass"), **keys)])
            self.assertEqual({problem["key"] for problem in error.problems}, {"record_ids"})

    def _delete(self, model, record_id):
        with self.committed() as env:
            env[model].browse(record_id).unlink()

    def test_what_was_changed_by_somebody_else_meanwhile_no_longer_runs(self):
        run = self.server_action("records.write({'city': 'approved'})")
        ids = self.partners("Trusted")
        status = self.door.submit([action(run, *ids)])
        self.sql("UPDATE ir_act_server SET write_uid = %s WHERE id = %s", self.other.id, run)
        self.work()
        [entry] = self.result_of(status["job_id"])["results"]
        self.assertEqual(entry["failures"][0]["error_type"], "AccessError")
        self.assertFailsWith(entry, self.other.login)
        self.assertEqual(self.read(ids, "city"), [(False,)])

    def test_groups_are_those_of_the_moment_it_runs(self):
        run = self.server_action("records.write({'city': 'allowed'})")
        ids = self.partners("Grouped")
        status = self.door.submit([action(run, *ids)])
        with self.committed(self.admin.id) as env:
            env["ir.actions.server"].browse(run).group_ids = env.ref("base.group_system")
        self.work()
        [entry] = self.result_of(status["job_id"])["results"]
        self.assertFailsWith(entry, "groups")
        self.assertEqual(self.read(ids, "city"), [(False,)])


class TestQuiet(OperationsCase):
    def messages(self, ids):
        with self.committed() as env:
            return env["mail.message"].search_count([("model", "=", "res.partner"), ("res_id", "in", ids)])

    def test_quiet_leaves_no_chatter(self):
        loud = self.run_job([create("Loud")])["results"][0]["result"]
        result = self.run_job([create("Silent")], quiet=True)
        self.assertEqual((self.messages(loud), self.messages(result["results"][0]["result"])), (1, 0))
        with self.committed(self.user.id) as env:
            self.assertTrue(env["batch.job"].browse(result["job_id"]).quiet)
        inline = self.door.execute([create("Silent inline")], quiet=True)
        self.assertEqual(self.messages(inline["results"][0]["result"]), 0)

    def test_what_the_caller_sets_stays(self):
        keys = {"tracking_disable": False, "mail_create_nolog": False}
        ids = self.run_job([create("Logged", context=keys)], quiet=True)["results"][0]["result"]
        self.assertEqual(self.messages(ids), 1)
        status = self.door.call("submit", operations=[create("Logged too")], quiet=True, context=keys)
        self.work()
        self.assertEqual(self.messages(self.result_of(status["job_id"])["results"][0]["result"]), 1)
