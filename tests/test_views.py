import json
from ast import literal_eval

from lxml import etree

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain
from odoo.modules.neutralize import get_neutralization_queries
from odoo.tests import Form
from odoo.tools.safe_eval import safe_eval

from odoo.addons.batch_executor.run.settings import get_setting

from .api_case import ApiCase
from .case import create, update

VIEWS = {
    "batch.job": ("list", "kanban", "form", "search", "calendar", "graph", "pivot"),
    "batch.operation": ("list", "form", "search"),
    "batch.chunk": ("list", "form", "search"),
    "batch.failure": ("list", "kanban", "form", "search", "pivot"),
}
LATER = "2199-01-01T00:00:00Z"


#: More than a hundred years, of which PostgreSQL finds no time.
MOST_DAYS = [(f"batch_keep_{what}days", days) for what in ("", "changes_", "draft_", "payload_") for days in (36_501, 2**31 - 1)]


class TestViews(ApiCase):
    """The backend's views, their buttons, and who may do what there."""

    def setUp(self):
        super().setUp()
        with self.committed(self.user.id) as env:
            operations = [
                create("View A", False, "View B", False, operation_id="contacts"),
                create("View C", operation_id="others", context={"lang": "en_US"}),
                update({"city": "Basel"}, 2_000_000_000, operation_id="update"),
                create("View D", operation_id="late", depends_on=["contacts"]),
            ]
            self.job_id = env["batch.job"].submit(operations, name="Views")["job_id"]
        self.work()

    def submit(self, **options):
        with self.committed(self.user.id) as env:
            return env["batch.job"].submit([create("View E", "View F")], **options)["job_id"]

    # -- views -------------------------------------------------------------------------------------

    def test_views_load_and_read_their_fields(self):
        for someone in (self.user, self.manager, self.admin):
            with self.committed(someone.id) as env:
                for model, types in VIEWS.items():
                    views = env[model].get_views([(False, view_type) for view_type in types])
                    fields = set(views["models"][model]["fields"]) - {"message_ids", "message_follower_ids"}
                    with self.subTest(user=someone.login, model=model):
                        found = env[model].web_search_read([], {name: {} for name in fields})
                        self.assertTrue(found["records"])

    def test_fields_of_the_engine_are_not_offered_for_filters_and_groups(self):
        with self.committed(self.user.id) as env:
            fields = env["batch.job"].fields_get(attributes=["searchable", "groupable", "sortable"])
            self.assertFalse(fields["steered_until"]["searchable"] or fields["chosen"]["groupable"])
            self.assertTrue(fields["state"]["searchable"] and fields["state"]["groupable"] and fields["priority"]["sortable"])

    def test_warnings_are_counted_beside_the_failures(self):
        with self.committed(self.manager.id) as env:
            for model in ("batch.job", "batch.operation", "batch.chunk"):
                for view_type in ("list", "form"):
                    with self.subTest(model=model, view=view_type):
                        arch = env[model].get_views([(False, view_type)])["views"][view_type]["arch"]
                        self.assertIn('name="warning_count"', arch)

    def test_forms_open(self):
        for someone in (self.user, self.manager):
            with self.committed(someone.id) as env:
                job = env["batch.job"].browse(self.job_id)
                for record in (job, job.operation_ids[0], job.chunk_ids[0], job.failure_ids[0]):
                    with self.subTest(user=someone.login, model=record._name):
                        self.assertTrue(Form(record).id)

    def test_forms_of_new_records_open(self):
        """Each form that lets people make a record, ours and Odoo's that we have extended."""
        with self.committed() as env:
            ours = env["ir.model.data"].search([("module", "=", "batch_executor"), ("model", "=", "ir.ui.view")]).mapped("res_id")
            models = set(env["ir.ui.view"].browse(ours).filtered(lambda view: view.type == "form").mapped("model"))
        self.assertLess({"batch.webhook", "batch.limit", "batch.wizard", "ir.actions.server", "ir.cron"}, models)
        for model in sorted(models):
            with self.subTest(model=model), self.committed((self.manager if model.startswith("batch.") else self.admin).id) as env:
                if etree.fromstring(env[model].get_view(view_type="form")["arch"]).get("create") not in ("0", "false", "False"):
                    self.assertFalse(Form(env[model]).id)

    def test_all_fields_of_new_records_are_computed(self):
        with self.committed() as env:
            for model in sorted(name for name in env if name.startswith("batch.") and not env[name]._abstract):
                with self.subTest(model=model), env.cr.savepoint():
                    self.assertIn("value", env[model].onchange({}, [], {name: {} for name in env[model]._fields}))

    def test_menus_are_those_of_the_group(self):
        names = {}
        for someone in (self.user, self.manager, self.admin):
            with self.committed(someone.id) as env:
                root = env.ref("batch_executor.batch_executor_menu_root")
                menus = env["ir.ui.menu"].browse(env["ir.ui.menu"]._visible_menu_ids())
                names[someone.login] = {menu.name for menu in menus if f"{root.id}/" in menu.parent_path}
        for_all = {"Batch", "Overview", "Jobs", "New", "Failed Records", "Warnings", "Operations"}
        self.assertEqual(names[self.user.login], for_all)
        self.assertEqual(names[self.manager.login], for_all | {"Configuration", "Settings", "Limits", "Webhooks", "Chunks", "Learned Sizes"})
        self.assertEqual(names[self.admin.login], names[self.manager.login])

    def test_settings_open(self):
        for someone in (self.manager, self.admin):
            with self.subTest(user=someone.login), self.committed(someone.id) as env:
                settings = Form(env["batch.settings"])
                self.assertEqual(settings.batch_max_concurrency, 5)
                self.assertEqual(settings.batch_max_records, 500_000)
        with self.committed(self.user.id) as env, self.assertRaises(AccessError):
            env["batch.settings"].create({}).action_save()

    def test_managers_change_settings_within_bounds(self):
        with self.settings(max_concurrency=5, keep_days=30, lanes=4, max_chunk_size=100):
            with self.committed(self.manager.id) as env:
                settings = env["batch.settings"].create({"batch_max_concurrency": 3, "batch_keep_days": 0})
                settings.action_save()
            with self.committed() as env:
                self.assertEqual(get_setting(env, "max_concurrency"), 3)
                self.assertEqual(get_setting(env, "keep_days"), 0)
                self.assertEqual(get_setting(env, "lanes"), 4)
            for name, value in (("batch_max_chunk_size", 10_001), ("batch_lanes", 0), ("batch_max_jobs", -1), *MOST_DAYS):
                with self.subTest(name=name), self.committed(self.manager.id) as env:
                    settings = env["batch.settings"].create({name: value, "batch_max_concurrency": 7})
                    self.assertRaises(ValidationError, settings.action_save)
            with self.committed() as env:
                self.assertEqual(get_setting(env, "max_concurrency"), 3, "none is changed")

    # -- what a job shows --------------------------------------------------------------------------

    def test_failures_are_summed_up_by_cause(self):
        with self.committed(self.user.id) as env:
            job = env["batch.job"].browse(self.job_id)
            self.assertEqual(job.state, "partial")
            first = job.failure_causes["causes"][0]
            self.assertEqual((first["count"], first["error_type"], first["model"]), ("2", "ValidationError", "res.partner"))
            self.assertIn("Contacts require a name", first["cause"])
            self.assertEqual(len(job.shown_failure_ids), 4)
            self.assertEqual(job.shown_operation_ids, job.operation_ids)

    # -- mending -----------------------------------------------------------------------------------

    def test_failures_of_dry_runs_are_listed_apart(self):
        with self.committed(self.user.id) as env:
            dry = env["batch.job"].submit([create(False)], dry_run=True)["job_id"]
        self.work()
        with self.committed(self.user.id) as env:
            search = etree.fromstring(env["batch.failure"].get_views([(False, "search")])["views"]["search"]["arch"])
            context = literal_eval(env.ref("batch_executor.batch_failure_action").sudo().context)
            defaults = [name.removeprefix("search_default_") for name in context]
            for names, jobs in ((defaults, [self.job_id]), (["dry_runs"], [dry])):
                domains = [literal_eval(search.xpath(f"//filter[@name='{name}']")[0].get("domain")) for name in names]
                self.assertEqual(env["batch.failure"].search(Domain.AND(domains)).job_id.ids, jobs)

    def test_values_are_laid_out_and_stored_compact(self):
        with self.committed(self.user.id) as env:
            failure = env["batch.job"].browse(self.job_id).failure_ids[0]
            self.assertEqual(failure.pretty_values, '{\n  "name": false\n}')
            with Form(failure) as form:
                form.pretty_values = '{\n  "name": "View mended",\n "color": 12345678901234567890 }'
            self.assertEqual(failure.values, '{"name":"View mended","color":12345678901234567890}')

    def test_mended_record_is_run_again_alone(self):
        with self.committed(self.user.id) as env:
            failure = env["batch.job"].browse(self.job_id).failure_ids[0]
            failure.pretty_values = '{"name": "View mended"}'
            failure.action_retry()
        self.work()
        with self.committed(self.user.id) as env:
            job = env["batch.job"].browse(self.job_id)
            self.assertEqual((job.state, job.failed_records), ("partial", 2))
            self.assertEqual(env["res.partner"].search_count([("name", "=", "View mended")]), 1)
            with self.assertRaises(UserError):
                env["batch.failure"].search([("retried_at", "!=", False)]).pretty_values = "{}"

    def test_only_values_of_the_same_kind_can_be_mended(self):
        with self.committed(self.user.id) as env:
            failure = env["batch.job"].browse(self.job_id).failure_ids[0]
            for text in ("{nonsense", "[1]", "", False):
                with self.subTest(text=text), self.assertRaises(ValidationError):
                    failure.write({"pretty_values": text})
            for name in ("message", "error_type", "is_skipped", "retried_at", "attempts"):
                with self.subTest(field=name), self.assertRaises(AccessError):
                    failure.write({name: False})

    def test_traceback_is_for_managers(self):
        with self.committed(self.user.id) as env:
            self.assertNotIn("traceback", env["batch.failure"].fields_get())
        with self.committed(self.manager.id) as env:
            self.assertIn("traceback", env["batch.failure"].fields_get())

    def shown(self, job_id, path):
        """Whether the form of a job shows a part of it, by its path in the view."""
        with self.committed(self.user.id) as env:
            form = etree.fromstring(env["batch.job"].get_views([(False, "form")])["views"]["form"]["arch"])
            [found] = form.xpath(path)
            return not safe_eval(found.get("invisible") or "False", env["batch.job"].browse(job_id).read()[0])

    def test_a_job_in_one_transaction_says_why_its_operations_stand_still(self):
        with self.committed(self.user.id) as env:
            jobs = env["batch.job"]
            both = [jobs.submit([create("View G")], dry_run=dry_run)["job_id"] for dry_run in (True, False)]
        self.work()
        text = "//p[contains(., 'show once it has ended')]"
        self.assertEqual([self.shown(job_id, text) for job_id in both], [False, False], "it has ended")
        self.sql("UPDATE batch_job SET state = 'running', finished_at = NULL WHERE id = ANY(%s)", both)
        self.assertEqual([self.shown(job_id, text) for job_id in both], [True, False])
        self.sql("UPDATE batch_job SET state = 'completed', finished_at = now() WHERE id = ANY(%s)", both)

    def test_a_job_that_never_ran_has_no_start(self):
        job_id = self.submit(run_at=LATER)
        with self.committed(self.user.id) as env:
            env["batch.job"].browse(job_id).cancel()
        started = "//field[@name='started_at']"
        self.assertEqual([self.shown(id_, started) for id_ in (job_id, self.job_id)], [False, True])

    # -- buttons -----------------------------------------------------------------------------------

    def test_buttons_of_a_job(self):
        job_id = self.submit(draft=True)
        with self.committed(self.user.id) as env:
            job = env["batch.job"].browse(job_id)
            for button, state in (
                ("start", "pending"),
                ("pause", "paused"),
                ("resume", "pending"),
                ("cancel", "cancelled"),
            ):
                getattr(job, f"action_{button}")()
                self.assertEqual(job.state, state)
            job.action_retry()
            self.assertEqual(job.state, "pending")
            job.action_cancel()
            with self.assertRaises(UserError):
                job.action_cancel()

    def test_lists_of_a_job(self):
        with self.committed(self.user.id) as env:
            job = env["batch.job"].browse(self.job_id)
            counts = {}
            for name in ("operations", "chunks", "failures"):
                action = env.ref(f"batch_executor.batch_job_{name}_action").sudo()
                domain = literal_eval(action.domain.replace("active_id", str(job.id)))
                counts[name] = env[action.res_model].search_count(domain)
            self.assertEqual(counts["operations"], 4)
            self.assertEqual(counts["failures"], 4)
            self.assertTrue(counts["chunks"])

    def test_records_of_an_operation(self):
        with self.committed(self.user.id) as env:
            operations = {
                operation.operation_id: operation for operation in env["batch.job"].browse(self.job_id).operation_ids
            }
            self.assertEqual(
                {name: operation.has_records for name, operation in operations.items()},
                {"contacts": True, "others": True, "update": False, "late": False},
            )
            action = operations["contacts"].action_view_records()
            partners = env[action["res_model"]].search(action["domain"])
            self.assertEqual(sorted(partners.mapped("name")), ["View A", "View B"])
            action = operations["contacts"].action_view_failures()
            self.assertEqual(env[action["res_model"]].search_count(action["domain"]), 2)

    def test_records_that_an_operation_was_run_on(self):
        with self.committed(self.user.id) as env:
            partners = env["res.partner"].create([{"name": "View G"}, {"name": "View H"}])
            job_id = env["batch.job"].submit([update({"city": "Bern"}, *partners.ids), create("View I")])["job_id"]
        self.work()
        with self.committed(self.user.id) as env:
            operation = env["batch.job"].browse(job_id).operation_ids[0]
            self.assertTrue(operation.has_records)
            action = operation.action_view_records()
            self.assertEqual(
                env[action["res_model"]].search(action["domain"]).ids,
                env["res.partner"].browse(partners.ids).sorted().ids,
            )

    def test_mass_action_does_what_it_can_and_says_what_not(self):
        waiting = [self.submit(run_at=LATER, name=f"Waiting {number}") for number in range(3)]
        with self.committed(self.user.id) as env:
            jobs = env["batch.job"].browse([*waiting, self.job_id])
            report = jobs.action_cancel()["params"]
            self.assertEqual(jobs.mapped("state"), ["cancelled"] * 3 + ["partial"])
            self.assertEqual(report["type"], "warning")
            self.assertIn("Done for 3 of 4 jobs.", report["message"])
            self.assertIn("1 not (\u2068Views\u2069): A finished job can't be cancelled.", report["message"])
            report = jobs.action_retry()["params"]
            self.assertEqual(report["type"], "success")
            self.assertEqual(set(jobs.mapped("state")), {"pending"})
            jobs.action_cancel()

    # -- rights ------------------------------------------------------------------------------------

    def test_counters_cant_be_written(self):
        for someone in (self.user, self.manager):
            with self.committed(someone.id) as env:
                job = env["batch.job"].browse(self.job_id)
                for values in (
                    {"processed_records": 9},
                    {"state": "completed"},
                    {"user_id": self.other.id},
                    {"max_chunk_size": 9},
                ):
                    with self.subTest(user=someone.login, values=values), self.assertRaises(AccessError):
                        job.write(values)
                job.write({"name": "Views, renamed"})
                for records in (job.operation_ids[0], job.chunk_ids[0]):
                    with self.subTest(user=someone.login, model=records._name), self.assertRaises(AccessError):
                        records.write({"processed_records": 9})

    def test_a_name_is_as_long_as_submit_takes_it(self):
        with self.committed(self.user.id) as env:
            job = env["batch.job"].browse(self.job_id)
            for name in ("x" * 257, "x" * 5_000, " ", ""):
                with self.subTest(len(name)), self.assertRaisesRegex(ValidationError, "text of 1 to 256 characters"):
                    job.write({"name": name})
            job.write({"name": "x" * 256})
            self.assertEqual(job.sudo().name, "x" * 256)

    def test_nothing_of_others_is_shown(self):
        with self.committed(self.other.id) as env:
            for model in VIEWS:
                self.assertFalse(env[model].search([]), model)
            with self.assertRaises(AccessError):
                env["batch.job"].browse(self.job_id).action_retry()
        with self.committed(self.manager.id) as env:
            self.assertIn(self.job_id, env["batch.job"].search([]).ids)

    # -- copies ------------------------------------------------------------------------------------

    def test_neutralized_copy_pauses_its_jobs(self):
        job_id = self.submit(run_at=LATER)
        with self.committed() as env:
            [query] = get_neutralization_queries(["batch_executor"])
            env.cr.execute(query)
            env.invalidate_all()
            job = env["batch.job"].browse(job_id)
            self.assertEqual((job.state, job.ready, job.wake_at), ("paused", False, False))
            self.assertEqual(env["batch.job"].browse(self.job_id).state, "partial")

    def test_context_is_laid_out(self):
        job_id = self.submit(run_at=LATER)
        with self.committed(self.user.id) as env:
            self.assertIsInstance(json.loads(env["batch.job"].browse(job_id).pretty_context), dict)
