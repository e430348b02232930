"""`execute`: the same engine, inside the caller's own transaction."""

from odoo import Command
from odoo.exceptions import AccessError, ConcurrencyError
from odoo.tests import new_test_user

from odoo.addons.batch_executor.exceptions import BatchExecutionError, BatchValidationError

from .case import FINAL, STATUS_KEYS, BatchCase, create, entry_keys, nulls_in, update

BAD = {**create(operation_id="bad"), "data": [{}]}


class TestExecute(BatchCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partners = cls.env["res.partner"].create([{"name": f"Inline {n}", "ref": "inline"} for n in range(6)])

    def execute(self, *operations, **options):
        jobs = self.env["batch.job"].search_count([])
        result = self.jobs.execute(list(operations), **options)
        self.assertEqual(set(result), STATUS_KEYS | {"results", "next_offset"})
        self.assertEqual(list(nulls_in(result)), [])
        self.assertIn(result["state"], FINAL)
        for entry in result["results"]:
            self.assertEqual(set(entry), entry_keys(entry))
        self.assertEqual(self.env["batch.job"].search_count([]), jobs, "nothing is queued")
        self.assertEqual((result["job_id"], result["next_offset"]), (False, False))
        return result

    def test_all_types_run_at_once_in_the_callers_transaction(self):
        ids = self.partners.ids
        result = self.execute(
            create("Now A", "Now B", operation_id="made"),
            update({"city": "Now"}, *ids[:2]),
            {
                "operation_type": "upsert",
                "model": "res.partner",
                "key": ["ref"],
                "data": [{"ref": "inline-up", "name": "U"}],
            },
            {
                "operation_type": "load",
                "model": "res.partner",
                "fields": ["name", "country_id/id"],
                "data": [["L", "base.be"]],
            },
            {
                "operation_type": "call",
                "model": "res.partner",
                "method": "search_count",
                "args": [[["id", "in", {"$ref": "made"}]]],
            },
            {
                "operation_type": "call",
                "model": "res.partner",
                "method": "write",
                "args": [{"street": "S"}],
                "domain": [("ref", "=", "inline")],
            },
            {"operation_type": "delete", "model": "res.partner", "data": [ids[5]]},
        )
        self.assertEqual([entry["state"] for entry in result["results"]], ["completed"] * 7)
        self.assertEqual((result["state"], result["percentage"]), ("completed", 100.0))
        made, _updated, upserted, loaded, count, _called, _deleted = (entry["result"] for entry in result["results"])
        self.assertEqual(
            self.env["res.partner"].browse(made + upserted + loaded).mapped("name"), ["Now A", "Now B", "U", "L"]
        )
        self.assertEqual(count, 2)
        self.assertEqual(self.partners[:2].mapped("city"), ["Now", "Now"])
        self.assertEqual(set(self.partners[:5].mapped("street")), {"S"})
        self.assertFalse(self.partners[5].exists())

    def test_a_failing_record_fails_alone(self):
        result = self.execute(
            {**create(), "data": [{"name": "Good"}, {}, {"name": "Good too"}]}, update({"city": "x"}, 999990)
        )
        first, second = result["results"]
        self.assertEqual((first["state"], second["state"], result["state"]), ("partial", "failed", "partial"))
        self.assertEqual([bool(id_) for id_ in first["result"]], [True, False, True])
        self.assertEqual(first["failures"][0]["index"], 1)
        self.assertEqual(
            (second["failures"][0]["record_id"], second["failures"][0]["error_type"]), (999990, "MissingError")
        )

    def test_a_key_the_database_does_not_take_fails_its_record_alone(self):
        rows = [{"color": 2**40, "name": "Too large"}, {"color": 77, "name": "Fits"}]
        upsert = {"operation_type": "upsert", "model": "res.partner", "key": ["color"], "data": rows}
        result = self.execute(upsert, {**upsert, "data": [{"color": 78, "name": "x"}]})
        self.assertEqual([bool(id_) for entry in result["results"] for id_ in entry["result"]], [False, True, True])

    def test_rollback_chunk_and_job(self):
        chunk = self.execute(
            {**create(), "data": [{"name": "EC"}, {}, {"name": "EC"}, {"name": "EC"}]},
            rollback="chunk",
            max_chunk_size=2,
        )
        self.assertEqual(
            [failure["error_type"] for failure in chunk["results"][0]["failures"]], ["RolledBack", "ValidationError"]
        )
        self.assertEqual(self.env["res.partner"].search_count([("name", "=", "EC")]), 2)
        job = self.execute(create("EJ"), BAD, create("EJ"), rollback="job")
        self.assertEqual(
            (job["state"], job["stats"]["processed_records"], job["stats"]["failed_records"]), ("failed", 0, 3)
        )
        self.assertIn("rolled back", job["error"])
        self.assertEqual([len(entry["failures"]) for entry in job["results"]], [0, 1, 0])
        self.assertFalse(self.env["res.partner"].search([("name", "=", "EJ")]))
        self.assertEqual(self.execute(create("EJ"), rollback="job")["state"], "completed")
        self.assertTrue(self.env["res.partner"].search([("name", "=", "EJ")]))

    def test_dry_run_reports_and_leaves_nothing(self):
        result = self.execute(
            create("ED", operation_id="a"), update({"name": "ED"}, {"$ref": "a", "index": 0}), BAD, dry_run=True
        )
        self.assertEqual([entry["state"] for entry in result["results"]], ["completed", "completed", "failed"])
        self.assertFalse(self.env["res.partner"].search([("name", "=", "ED")]))

    def test_max_failures_stops(self):
        result = self.execute(BAD, create("EM"), max_failures=0, max_chunk_size=1, max_concurrency=1)
        self.assertEqual([entry["state"] for entry in result["results"]], ["failed", "cancelled"])
        self.assertEqual((result["state"], result["completed"], result["total"]), ("failed", 2, 2))
        self.assertIn("more than", result["error"])

    def test_priority_order_and_dependencies(self):
        result = self.execute(
            create("E", operation_id="low", priority=-1), create("E", operation_id="waits", depends_on=["low"], priority=9),
            create("E", operation_id="high", priority=5), create("E", operation_id="skipped", depends_on=["bad"]), BAD,
            max_concurrency=1,
        )  # fmt: skip
        entries = {entry["operation_id"]: entry for entry in result["results"]}
        self.assertEqual(entries["skipped"]["state"], "skipped")
        self.assertIn("bad", entries["skipped"]["error"])
        order = sorted(("low", "waits", "high"), key=lambda name: entries[name]["result"][0])
        self.assertEqual(order, ["high", "low", "waits"])

    def test_what_needs_a_queue_is_refused(self):
        for option, value in (
            ("draft", True),
            ("run_at", "2030-01-01"),
            ("idempotency_key", "k"),
            ("on_complete", 1),
            ("nonsense", 1),
        ):
            with self.subTest(option=option), self.assertRaises(BatchValidationError) as caught:
                self.jobs.execute([create("A")], **{option: value})
            self.assertEqual([problem["key"] for problem in caught.exception.validation_errors], [option])

    def test_more_than_the_limit_is_refused_before_or_as_soon_as_it_is_known(self):
        self.env["ir.config_parameter"].set_param("batch_executor.execute_limit", "3")
        with self.assertRaisesRegex(BatchValidationError, "submit"):
            self.jobs.execute([create(*"ABCD")])
        self.assertEqual(self.execute(create(*"ABC"))["state"], "completed")
        selection = {
            "operation_type": "update",
            "model": "res.partner",
            "data": {"city": "limit"},
            "domain": [("ref", "=", "inline")],
        }
        with self.assertRaisesRegex(BatchExecutionError, "submit"):
            self.jobs.execute([selection])
        self.assertNotIn("limit", self.partners.mapped("city"))

    def test_an_empty_list_is_no_error_where_nothing_is_queued(self):
        try:
            result = self.jobs.execute([])
        except BatchValidationError as error:
            self.assertTrue(error.validation_errors)
        else:
            self.assertEqual((result["state"], result["results"]), ("completed", []))

    def test_a_conflict_is_the_callers_to_run_again(self):
        action = self.env["ir.actions.server"].create(
            {"name": "conflict", "model_id": self.env.ref("base.model_res_partner").id, "state": "code", "code": "pass"}
        )

        def conflict(self):
            raise ConcurrencyError("somebody else was faster")

        self.patch(type(action), "run", conflict)
        call = {"operation_type": "call", "model": "ir.actions.server", "method": "run", "record_ids": [action.id]}
        with self.assertRaises(ConcurrencyError):
            self.env["batch.job"].execute([create("Kept?"), call])
        self.assertFalse(self.env["res.partner"].search([("name", "=", "Kept?")]))

    def test_code_that_ends_the_transaction_fails_and_harms_nobody(self):
        action = self.env["ir.actions.server"].create({
            "name": "commits", "model_id": self.env.ref("base.model_res_partner").id, "state": "code",
            "code": "env.cr.commit()",
        })  # fmt: skip
        call = {"operation_type": "call", "model": "ir.actions.server", "method": "run", "record_ids": [action.id]}
        result = self.env["batch.job"].with_user(self.env.ref("base.user_admin")).execute([call, create("Unharmed")])
        self.assertEqual([entry["state"] for entry in result["results"]], ["failed", "completed"])
        self.assertIn("commit", result["results"][0]["error"])

    def test_a_batch_inside_a_batch_is_guarded_as_well(self):
        action = self.env["ir.actions.server"].create({
            "name": "nests", "model_id": self.env.ref("base.model_res_partner").id, "state": "code",
            "code": "env['batch.job'].execute([{'operation_type': 'create', 'model': 'res.partner', 'data': [{'name': 'Nested'}]}])\n"
                    "env.cr.commit()",
        })  # fmt: skip
        call = {"operation_type": "call", "model": "ir.actions.server", "method": "run", "record_ids": [action.id]}
        [entry] = self.env["batch.job"].with_user(self.env.ref("base.user_admin")).execute([call])["results"]
        self.assertEqual(entry["state"], "failed")
        self.assertIn("commit", entry["error"])
        self.assertFalse(self.env["res.partner"].search([("name", "=", "Nested")]), "undone with what it belongs to")

    def test_a_timeout_fails_the_record_that_does_not_fit(self):
        action = self.env["ir.actions.server"].create({
            "name": "sleeps", "model_id": self.env.ref("base.model_res_partner").id, "state": "code",
            "code": "env.cr.execute('SELECT pg_sleep(20)')",
        })  # fmt: skip
        call = {"operation_type": "call", "model": "ir.actions.server", "method": "run", "record_ids": [action.id]}
        result = (
            self.env["batch.job"]
            .with_user(self.env.ref("base.user_admin"))
            .execute([call, create("Fits")], timeout=0.3)
        )
        self.assertEqual([entry["state"] for entry in result["results"]], ["failed", "completed"])
        self.assertEqual(result["results"][0]["failures"][0]["error_type"], "TimeoutError")

    def test_only_batch_users_may(self):
        outsider = new_test_user(self.env, "batch-outsider", groups="base.group_user,base.group_partner_manager")
        with self.assertRaises(AccessError):
            self.env["batch.job"].with_user(outsider).execute([create("A")])
        outsider.group_ids = [Command.link(self.env.ref("batch_executor.group_batch_user").id)]
        self.assertEqual(self.env["batch.job"].with_user(outsider).execute([create("A")])["state"], "completed")

    def test_records_with_different_values_are_read_and_written_together(self):
        def statements(name, count):
            refs = [f"{name}-{n}" for n in range(count)]
            partners = self.env["res.partner"].create([{"name": ref, "ref": ref} for ref in refs])
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            rows = [{"id": partner.id, "comment": f"of {partner.id}"} for partner in partners]
            self.execute({"operation_type": "update", "model": "res.partner", "data": rows})
            keyed = [{"ref": ref, "comment": f"by key {ref}"} for ref in refs]
            self.execute({"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": keyed})
            self.assertEqual(partners.mapped("comment"), [f"<p>by key {ref}</p>" for ref in refs])
            return self.env.cr.sql_log_count - before

        statements("first", 5)  # what is asked only once
        few, many = statements("few", 5), statements("many", 50)
        self.assertLess(many - few, 2 * 45, "fewer statements than there are records more")
