"""The metrics: counters are exact and never go back, gauges tell of the moment, and only the key opens them."""

import hashlib
import sys
from collections import Counter
from unittest.mock import patch

import requests

from odoo.exceptions import AccessError
from odoo.tests.common import BaseCase
from odoo.tools import mute_logger

from odoo.addons.batch_executor.engine import metrics, states
from odoo.addons.batch_executor.engine.verdict import CONFLICT
from odoo.addons.batch_executor.run.interruption import Interruption
from odoo.addons.batch_executor.run.metrics import values
from odoo.addons.batch_executor.run.metrics_key import PARAMETER, forget_key
from odoo.addons.batch_executor.store.awake import lane_number
from odoo.addons.batch_executor.store.metrics import count_up, totals

from .api_case import ApiCase
from .case import PATIENCE_S, create
from .doors import base_url
from .extras import is_installed, needs
from .lane_case import LaneCase

if is_installed("prometheus_client"):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
    from prometheus_client.parser import text_string_to_metric_families as parse

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5"


def chunk(kind=states.RECORDS, state=states.DONE, duration=0.2, processed=0, failed=0, cancelled=0, created=0):
    return {
        "kind": kind, "state": state, "duration": duration, "processed_records": processed, "failed_records": failed,
        "cancelled_records": cancelled, "created_records": created, "updated_records": None, "unchanged_records": 0,
        "deleted_records": 0, "warning_count": 0,
    }  # fmt: skip


class TestCountsOfChunks(BaseCase):
    def counts(self, *chunks, is_atomic=False):
        return {name: number for name, number in metrics.of_chunks(chunks, is_atomic).items() if number}

    def test_records_and_chunks_by_what_became_of_them(self):
        found = self.counts(
            chunk(processed=3, created=3), chunk(processed=2, failed=1), chunk(failed=4), chunk(cancelled=5),
            chunk(state=states.CANCELLED, duration=None, cancelled=6), chunk(processed=1, cancelled=1),
        )  # fmt: skip
        self.assertEqual([found[f"records:{outcome}"] for outcome in ("succeeded", "failed", "not_run")], [6, 5, 12])
        self.assertEqual(
            [found[f"chunks:{outcome}"] for outcome in ("succeeded", "partial", "failed", "not_run")], [2, 1, 1, 2]
        )
        self.assertEqual(found["record_effects:created"], 3)

    def test_the_histogram_has_what_has_run(self):
        found = self.counts(chunk(duration=0.05), chunk(duration=0.06), chunk(duration=301), chunk(state=states.CANCELLED, duration=None))
        self.assertEqual([found[f"chunk_duration_seconds:{bound}"] for bound in ("0.05", "0.1", "+Inf")], [1, 1, 1])
        self.assertAlmostEqual(found["chunk_duration_seconds:sum"], 301.11)
        self.assertAlmostEqual(found["lane_busy_seconds"], 301.11)

    def test_the_time_of_a_driver_contains_that_of_the_chunks_it_runs(self):
        found = self.counts(chunk(duration=1), chunk(duration=2), chunk(states.ATOMIC, duration=4), is_atomic=True)
        self.assertEqual((found["lane_busy_seconds"], found["chunk_duration_seconds:sum"]), (4, 3))
        self.assertEqual(self.counts(chunk(states.CALLBACK, duration=1)), {"lane_busy_seconds": 1})

    def test_every_counter_that_is_stored_is_a_metric(self):
        stored = {
            metrics.key(name, value)
            for name, metric in metrics.METRICS.items()
            for value in (*metric.values, *([*metrics.BUCKETS, metrics.SUM] if metric.kind == metrics.HISTOGRAM else ())) or (None,)
        }
        counted = metrics.of_chunks([chunk(processed=1), chunk(failed=1), chunk(cancelled=1), chunk(processed=1, failed=1)], False)
        self.assertLessEqual(set(counted), stored)


class CountingCase(LaneCase):
    def setUp(self):
        super().setUp()
        self.before = self.totals()

    def totals(self):
        with self.registry.cursor() as cr:
            return Counter(totals(cr))

    def added(self):
        """What was counted since the test began; nothing goes back."""
        now = self.totals()
        self.assertFalse(self.before - now, "a counter went back")
        return now - self.before

    def values(self):
        with self.committed() as env:
            return Counter(values(env))

    def others(self):
        """Rows of those who are no lanes."""
        return self.sql("SELECT count(*) FROM batch_metric WHERE lane IS NULL")[0][0]


class TestCounters(CountingCase):
    def test_each_record_chunk_and_job_counts_once(self):
        job = self.submit({**self.creates(3), "data": [*self.creates(3)["data"], {}]}, max_chunk_size=2)
        self.work(lanes=2)
        self.assertEqual(self.check_counters(job)["state"], "partial")
        added = self.added()
        self.assertEqual((added["records:succeeded"], added["records:failed"], added["record_effects:created"]), (3, 1, 3))
        self.assertEqual((added["chunks:succeeded"], added["chunks:partial"], added["jobs_ended:partial"]), (1, 1, 1))
        [(seconds,)] = self.sql("SELECT sum(duration)::float FROM batch_chunk WHERE job_id = %s", job)
        self.assertAlmostEqual(added["chunk_duration_seconds:sum"], seconds, 2)
        self.assertEqual(sum(added[f"chunk_duration_seconds:{bound}"] for bound in metrics.BUCKETS), 2)

    def test_what_runs_again_counts_again_and_a_purge_takes_nothing_away(self):
        job = self.submit({"operation_type": "create", "model": "res.partner", "data": [{}]})
        self.work()
        self.call(job, "retry")
        self.work()
        self.sql("DELETE FROM batch_job WHERE id = %s", job)
        added = self.added()
        self.assertEqual((added["records:failed"], added["jobs_ended:failed"]), (2, 2))

    def test_a_job_in_one_transaction_counts_too(self):
        job = self.submit(self.creates(4), max_chunk_size=2, rollback="job")
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")
        added = self.added()
        self.assertEqual((added["records:succeeded"], added["chunks:succeeded"], added["jobs_ended:completed"]), (4, 2, 1))

    def test_what_a_verb_counts_is_moved_to_the_row_of_a_lane(self):
        job = self.submit(self.creates(4), max_chunk_size=2)
        self.call(job, "cancel")
        self.assertGreater(self.others(), 0)
        added = self.added()
        self.assertEqual((added["records:not_run"], added["chunks:not_run"], added["jobs_ended:cancelled"]), (4, 2, 1))
        self.work()
        self.assertEqual(self.others(), 0)
        self.assertEqual(self.added(), added)

    def test_lost_workers_and_attempts_that_are_made_again(self):
        self.submit(self.creates(1))
        with self.open_lane() as lane:
            lane.control.release(lane.claim(), Interruption(CONFLICT, "busy"), 1.5)
            self.sql("UPDATE batch_chunk SET run_at = NULL WHERE state = 'pending'")
            self.sql("UPDATE batch_job SET ready = true, wake_at = NULL WHERE NOT ready AND finished_at IS NULL")
            self.assertIsNotNone(lane.claim())
        added = self.added()
        self.assertEqual((added["chunk_retries:conflict"], added["lane_busy_seconds"]), (1, 1.5))
        self.sql("UPDATE batch_chunk SET claimed_at = claimed_at - interval '1 hour' WHERE state = 'running'")
        with mute_logger("odoo.addons.batch_executor.run.rescue"):
            self.work()
        added = self.added()
        self.assertEqual((added["lost_workers"], added["chunk_retries:lost"], added["records:succeeded"]), (1, 1, 1))

    def test_what_is_rolled_back_is_not_counted(self):
        with self.registry.cursor() as cr:
            count_up(cr, {"warnings": 7})
            cr.rollback()
        self.assertFalse(self.added())

    def test_no_lane_waits_for_another_one(self):
        with self.open_lane() as first, self.open_lane() as second:
            numbers = [lane_number(lane.control.cr) for lane in (first, second)]
            self.assertEqual(len({*numbers, None}), 3, numbers)
            count_up(first.control.cr, {"warnings": 1})
            second.control.cr.execute("SET LOCAL lock_timeout = '1s'")
            count_up(second.control.cr, {"warnings": 2})
            second.control.cr.commit()
            first.control.cr.commit()
        self.assertEqual(self.added(), {"warnings": 3})
        with self.open_lane() as third:
            self.assertEqual(lane_number(third.control.cr), min(numbers), "the number is free again")


class TestGauges(CountingCase):
    def test_jobs_by_state_and_what_waits(self):
        before = self.values()
        self.submit(self.creates(3))
        self.submit(self.creates(5), draft=True)
        self.submit(self.creates(7), run_at="2100-01-01T00:00:00Z")
        self.call(self.submit(self.creates(11)), "pause")
        now = self.values()
        for state in ("pending", "draft", "scheduled", "paused"):
            self.assertEqual(now[f"jobs:{state}"] - before[f"jobs:{state}"], 1, state)
        self.assertEqual(now["records_waiting"] - before["records_waiting"], 3 + 7 + 11)
        self.sql("UPDATE batch_job SET create_date = create_date - interval '1 hour' WHERE state IN ('pending', 'draft') AND user_id = %s", self.user_id)
        self.assertGreaterEqual(self.values()["oldest_waiting_seconds"], 3600)

    def test_lanes_and_what_they_run(self):
        self.work()
        self.sql("UPDATE batch_metric SET seen_at = seen_at - interval '1 hour'")
        self.assertGreaterEqual(self.values()["lane_last_seen_seconds"], 3600)
        self.submit(self.creates(1))
        with self.open_lane() as lane:
            self.assertEqual((self.values()["lanes_awake"], self.values()["lane_last_seen_seconds"]), (1, 0))
            lane.claim()
            self.sql("UPDATE batch_chunk SET claimed_at = claimed_at - interval '1 minute' WHERE state = 'running'")
            now = self.values()
            self.assertEqual((now["chunks_running"], now["jobs:running"]), (1, 1))
            self.assertGreaterEqual(now["oldest_running_chunk_seconds"], 60)
        self.assertEqual(self.values()["lanes_awake"], 0)
        self.assertLess(self.values()["lane_last_seen_seconds"], 1800, "seen when it went to sleep")
        self.sql("DELETE FROM batch_metric")
        self.before.clear()
        self.assertEqual(self.values()["lane_last_seen_seconds"], float("inf"))


class TestRoute(ApiCase):
    @classmethod
    def set_up_data(cls, env):
        settings = env["batch.settings"].with_user(cls.manager.id)
        cls.key = settings.create({}).action_make_metrics_key()["context"]["default_metrics_key"]
        cls.addClassCleanup(cls.close)

    @classmethod
    def close(cls):
        with cls.committed() as env:
            forget_key(env)

    def get(self, key=None, **headers):
        headers = {"Authorization": f"Bearer {key or self.key}", **headers}
        return requests.get(f"{base_url()}/batch/v1/metrics", headers=headers, timeout=PATIENCE_S)

    @needs("prometheus_client")
    def test_both_formats_are_read_by_the_parsers_of_prometheus(self):
        self.run_job([create("A", "B")])
        expected = {
            metrics.PREFIX + name: set(metric.values) for name, metric in metrics.METRICS.items() if metric.label
        }
        for accept, media_type, read in (("*/*", "text/plain", parse), (OPENMETRICS, "application/openmetrics-text", parse_openmetrics)):
            answer = self.get(Accept=accept)
            self.assertEqual((answer.status_code, answer.headers["Content-Type"].split(";")[0]), (200, media_type), answer.text)
            families = {family.name: family for family in read(answer.text)}
            names = {name.removesuffix("_info") if accept == OPENMETRICS else name for name in map(metrics.PREFIX.__add__, metrics.METRICS)}
            self.assertEqual(set(families), names)
            for name, family in families.items():
                self.assertTrue(family.documentation)
                if name in expected:
                    self.assertEqual({next(iter(sample.labels.values())) for sample in family.samples}, expected[name])
            samples = {(sample.name, *sample.labels.values()): sample.value for family in families.values() for sample in family.samples}
            self.assertGreaterEqual(samples["batch_executor_records_total", "succeeded"], 2)
            self.assertEqual(
                samples["batch_executor_chunk_duration_seconds_count",], samples["batch_executor_chunk_duration_seconds_bucket", "+Inf"]
            )

    def test_only_the_key_opens_them(self):
        for headers in ({"Authorization": ""}, {"Authorization": self.key}, {"Authorization": f"Basic {self.key}"}):
            self.assertEqual(self.get(**headers).status_code, 401, headers)
        for key in (self.manager.key, self.admin.key, self.key[:-1], self.key + "x", hashlib.sha256(self.key.encode()).hexdigest()):
            answer = self.get(key)
            self.assertEqual((answer.status_code, answer.headers["WWW-Authenticate"]), (401, "Bearer"))
            self.assertNotIn("batch_executor_", answer.text)
        self.assertEqual(requests.post(f"{base_url()}/batch/v1/metrics", timeout=PATIENCE_S).status_code, 405)

    def test_the_key_is_made_by_managers_and_not_stored(self):
        self.assertEqual(self.sql("SELECT value FROM ir_config_parameter WHERE key = %s", PARAMETER), [(hashlib.sha256(self.key.encode()).hexdigest(),)])
        for someone in (self.user, self.other):
            for method in ("action_make_metrics_key", "action_forget_metrics_key"):
                with self.committed(someone.id) as env, self.assertRaises(AccessError):
                    getattr(env["batch.settings"], method)()

    def test_a_new_key_replaces_the_old_one_and_none_closes_the_page(self):
        with self.committed(self.manager.id) as env:
            settings = env["batch.settings"].create({})
            self.assertTrue(settings.has_metrics_key)
            newer = settings.action_make_metrics_key()["context"]["default_metrics_key"]
        old, type(self).key = self.key, newer
        self.assertEqual((self.get(old).status_code, self.get(newer).status_code), (401, 200 if is_installed("prometheus_client") else 501))
        with self.committed(self.manager.id) as env:
            env["batch.settings"].action_forget_metrics_key()
        self.assertEqual(self.get(newer).status_code, 404)
        with self.committed(self.manager.id) as env:
            self.assertFalse(env["batch.settings"].create({}).has_metrics_key)
            type(self).key = env["batch.settings"].action_make_metrics_key()["context"]["default_metrics_key"]

    def test_a_server_without_the_package_says_so(self):
        with patch.dict(sys.modules, {"prometheus_client": None}), mute_logger("odoo.addons.batch_executor.controllers.batch_metrics"):
            answer = self.get()
        self.assertEqual(answer.status_code, 501)
        self.assertIn("pip install prometheus-client", answer.text)
