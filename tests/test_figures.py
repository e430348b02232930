"""Figures in the backend: what lists sort, sum and group, and numbers on buttons that equal what they open."""

from ast import literal_eval
from unittest.mock import patch

from odoo.exceptions import ValidationError
from odoo.tests import Form
from odoo.tools import config

from ..models import batch_failure
from .lane_case import LaneCase

#: Fields of our models whose sum says something; those whose average does; all others have neither.
SUMMED = {
    "total_operations", "completed_operations", "failed_operations", "total_records", "processed_records", "failed_records",
    "cancelled_records", "dismissed_records", "record_count", "found_records", "warning_count", "duration", "samples",
    "created_records", "updated_records", "unchanged_records", "deleted_records",
}  # fmt: skip
AVERAGED = {
    "duration", "records_per_second", "operations_per_second", "attempt", "attempts", "claims", "size", "seconds_per_record",
}  # fmt: skip
ALLOWED = {"sum": SUMMED, "avg": AVERAGED}


class TestLists(LaneCase):
    def test_only_amounts_are_summed_and_only_measures_averaged(self):
        with self.committed() as env:
            for model in env.registry.values():
                if not model._name.startswith("batch.") or model._transient or model._abstract:
                    continue
                for name, found in env[model._name].fields_get(attributes=["type", "aggregator"]).items():
                    if found["type"] in ("integer", "float") and found.get("aggregator"):
                        with self.subTest(model=model._name, field=name):
                            self.assertIn(name, ALLOWED[found["aggregator"]])

    def test_jobs_are_sorted_searched_and_grouped_by_their_figures(self):
        jobs = [self.submit(self.creates(count)) for count in (4, 4, 2)]
        self.work()
        for job, worked_s in zip(jobs, (20, 10, 1), strict=True):
            self.sql("UPDATE batch_job SET worked_s = %s WHERE id = %s", worked_s, job)
        never = self.submit(self.creates(1), draft=True)
        with self.committed(self.user_id) as env:
            model = env["batch.job"]
            own = [("id", "in", [*jobs, never])]
            figures = {job.id: (job.duration, job.records_per_second) for job in model.search(own)}
            self.assertEqual([figures[job] for job in jobs], [(20.0, 0.2), (10.0, 0.4), (1.0, 2.0)])
            self.assertEqual(model.search(own, order="duration desc").ids, [*jobs, never])
            self.assertEqual(model.search(own, order="records_per_second").ids, [never, *jobs])
            self.assertEqual(model.search([*own, ("duration", ">=", 10)], order="id").ids, jobs[:2])
            self.assertEqual(model.search([*own, ("duration", "=", 0)]).ids, [never])
            self.assertEqual(model.search([*own, ("percentage", "=", 100)], order="id").ids, jobs)
            self.assertEqual(model.search([*own, ("operations_per_second", ">", 0.5)]).ids, [jobs[2]])
            found = model.formatted_read_group(own, ["state"], ["duration:avg", "records_per_second:avg"], order="state")
            averages = {row["state"]: (row["duration:avg"], row["records_per_second:avg"]) for row in found}
            self.assertAlmostEqual(averages["completed"][0], 31 / 3)
            self.assertAlmostEqual(averages["completed"][1], 2.6 / 3)
            self.assertEqual(averages["draft"], (0.0, 0.0))
            for name in ("duration", "records_per_second", "operations_per_second", "percentage"):
                self.assertTrue(model.fields_get([name])[name]["sortable"])
                self.assertTrue(model.fields_get([name])[name]["searchable"])

    def test_a_running_job_is_sorted_by_what_it_shows(self):
        job = self.submit(self.creates(4), max_chunk_size=2)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            lane.claim()
            self.sql("UPDATE batch_job SET worked_since = worked_since - interval '50 seconds' WHERE id = %s", job)
            with self.committed(self.user_id) as env:
                shown = env["batch.job"].browse(job)
                self.assertGreaterEqual(shown.duration, 50)
                self.assertTrue(env["batch.job"].search([("id", "=", job), ("duration", ">=", 50)]))
            self.call(job, "cancel")


class TestButtons(LaneCase):
    def opened_by_job(self, env, job):
        """What the button for failures on the form of a job opens."""
        action = env.ref("batch_executor.batch_job_failures_action").sudo()
        return self.opened(env, literal_eval(action.domain.replace("active_id", str(job))), literal_eval(action.context))

    def opened_by_operation(self, env, operation):
        action = operation.action_view_failures()
        return self.opened(env, action["domain"], action["context"])

    def opened(self, env, domain, context):
        arch = env["batch.failure"].get_views([(False, "search")])["views"]["search"]["arch"]
        for key in context:
            name = key.removeprefix("search_default_")
            found = arch.split(f'name="{name}"')[1].split('domain="')[1].split('"')[0]
            domain = [*domain, *literal_eval(found)]
        return env["batch.failure"].search_count(domain)

    def check(self, job, expected, operations):
        with self.committed(self.user_id) as env:
            shown = env["batch.job"].browse(job)
            self.assertEqual(shown.failures_text, expected)
            self.assertEqual(self.opened_by_job(env, job), int(expected or 0))
            for operation, number in zip(shown.operation_ids, operations, strict=True):
                self.assertEqual(operation.failures_text, number)
                self.assertEqual(self.opened_by_operation(env, operation), int(number or 0))

    def test_the_number_on_the_button_is_that_of_the_list_it_opens(self):
        good, bad = self.creates(50)["data"], {"name": "x", "type": "nonsense"}
        operation = {"operation_type": "create", "model": "res.partner", "data": [*good, bad]}
        after = {**self.creates(3), "depends_on": ["op-1"]}
        for options, job_number, operation_numbers in (
            ({}, "1", ("1", False)),
            ({"rollback": "job"}, "1", ("1", False)),
            ({"rollback": "chunk", "max_chunk_size": 100}, "51", ("51", False)),
            ({"dry_run": True}, "1", ("1", False)),
            ({"max_failures": 0}, "1", ("1", False)),
        ):
            with self.subTest(**options):
                job = self.submit(operation, after, **options)
                self.work()
                self.check(job, job_number, operation_numbers)
                self.call(job, "retry")
                self.check(job, False, (False, False))
                self.work()
                self.check(job, job_number, operation_numbers)
                self.delete_partners()

    def test_more_than_are_counted_are_said_to_be_more(self):
        job = self.submit(self.creates(5, type="nonsense"))
        self.work()
        with self.committed(self.user_id) as env:
            shown = env["batch.job"].browse(job)
            before, batch_failure.COUNTED_AT_MOST = batch_failure.COUNTED_AT_MOST, 3
            try:
                self.assertEqual(shown.failures_text, "3+")
            finally:
                batch_failure.COUNTED_AT_MOST = before


class TestLaneSetting(LaneCase):
    def test_more_lanes_than_cron_workers_are_warned_of_with_the_numbers(self):
        workers = config["max_cron_threads"]
        with self.committed() as env, Form(env["batch.settings"]) as form:
            form.batch_lanes = max(workers, 1)
            self.assertEqual(bool(form.lanes_warning), workers < 1)
            form.batch_lanes = workers + 3
            self.assertIn(f"{workers + 3} lanes", form.lanes_warning)
            self.assertIn(f"only {workers} cron", form.lanes_warning)

    def test_a_server_without_lanes_warns_only_where_no_other_one_runs_them(self):
        for last, is_warned in (("1 minute", False), ("1 hour", True)):
            with self.subTest(last), patch.dict(config._runtime_options, {"max_cron_threads": 0}), self.committed() as env:
                env.cr.execute("UPDATE ir_cron SET lastcall = now() AT TIME ZONE 'UTC' - %s::interval WHERE is_batch_lane", [last])
                env.cr.execute("DELETE FROM ir_cron_progress")
                with Form(env["batch.settings"]) as form:
                    self.assertEqual("no cron worker" in (form.lanes_warning or ""), is_warned)

    def test_more_lanes_than_there_are_connections_for_are_refused(self):
        [(connections,)] = self.sql("SELECT current_setting('max_connections')::integer")
        most = connections // 2
        refused = self.assertRaisesRegex(ValidationError, rf"room for {most} lanes")
        with self.settings(lanes=4), self.committed() as env, refused:
            env["batch.settings"].create({"batch_lanes": most + 1}).action_save()
