"""A real Prometheus reads the metrics of real servers: the dashboard has data, and its alerts tell what is wrong.

Its settings are those of docs/metrics.md, but for addresses and intervals.
"""

import json
import re
import tempfile
import time
from pathlib import Path

from odoo.tests.common import BaseCase, get_db_name

from . import docs
from .chaos import Chaos
from .extras import is_installed, needs, needs_scripts, prometheus_program

if is_installed("yaml"):
    import yaml

#: Seconds between two scrapes, and between two points of a graph.
SCRAPE_S, STEP_S = 1, 2
#: What Grafana makes of it, where the data source knows how often is scraped.
RATE_INTERVAL = f"{max(STEP_S + SCRAPE_S, 4 * SCRAPE_S)}s"
#: Panels, and lines of panels, that show zero while all is well.
TROUBLE = {
    "Jobs waiting", "Oldest waiting", "Lane seen", "Oldest: job that waits", "Warnings: warnings",
    "Attempts that are made again, per second: {{reason}}", "Attempts that are made again, per second: lost workers",
}  # fmt: skip
DASHBOARD = "docs/grafana.json"
LATE = "clock_timestamp() AT TIME ZONE 'UTC' - interval '1 hour'"


@needs_scripts
@needs("prometheus_client", "yaml")
class TestPrometheus(BaseCase):
    """The server only answers; the lanes are processes of another one, which can be gone."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        program = prometheus_program("prometheus")
        from devenv import prometheus  # only scripts/test has it

        cls.chaos = Chaos(get_db_name(), cron_workers=0, pace_s=0.02)
        cls.enterClassContext(cls.chaos)
        cls.lanes = cls.chaos.add_lanes("lanes", 2)
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.prometheus = cls.enterClassContext(prometheus.running(program, folder, cls.settings(folder)))
        cls.began_at = time.time()
        chaos = cls.chaos
        chaos.wait_until(lambda: cls.ask("batch_executor_info"))
        chaos.wait(chaos.client.submit(chaos.creates("scraped", 5)))
        long = chaos.creates("shown", 3000)
        long["data"].append({})  # a record that fails: the last one
        cls.jobs = [chaos.client.submit(long, max_chunk_size=10) for _number in range(2)]
        cls.addClassCleanup(lambda: chaos.cluster.sql("UPDATE batch_job SET ready = false WHERE ready"))

    @classmethod
    def settings(cls, folder):
        """Write the settings of the page as a file; returns its path."""
        call = cls.chaos.client.call
        action = call("batch.settings", "action_make_metrics_key", [call("batch.settings", "create", {})])
        key = folder / "odoo-batch.key"
        key.write_text(action["context"]["default_metrics_key"])
        [example] = [yaml.safe_load(block.text) for block in docs.blocks("docs/metrics.md") if block.language == "yaml"]
        [scraped] = example["scrape_configs"]
        scraped["scheme"] = "http"
        scraped["static_configs"] = [{"targets": [cls.target()]}]
        scraped["authorization"]["credentials_file"] = str(key)
        del scraped["http_headers"]  # the server has one database, and Prometheus may be an older one
        example["rule_files"] = [str(docs.ROOT / "docs" / name) for name in example["rule_files"]]
        example["global"] = {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": "1s"}
        settings = folder / "prometheus.yml"
        settings.write_text(yaml.safe_dump(example))
        return settings

    @classmethod
    def target(cls):
        return f"127.0.0.1:{cls.chaos.client.server.port}"

    # -- what Prometheus says ----------------------------------------------------------------------

    @classmethod
    def ask(cls, expression, *, of_all=False):
        """The values of an expression: of this moment, or of all since the test began. An empty list where it has none."""
        if of_all:
            now = time.time()
            path, when = "query_range", {"start": now - STEP_S * ((now - cls.began_at) // STEP_S), "end": now, "step": STEP_S}
        else:
            path, when = "query", {}
        found, warnings = cls.prometheus.ask(path, query=expression, **when)
        if warnings:
            raise AssertionError(f"{expression}: {warnings}")
        pairs = [pair for series in found["result"] for pair in series.get("values", [series.get("value")])]
        return [value for value in (float(text) for _time, text in pairs) if value == value]  # not those that are NaN

    def scrape(self, times=1):
        """Wait until Prometheus has read so many answers to questions that it asks from now on."""
        for _time in range(times):
            now = time.time()
            self.chaos.wait_until(lambda now=now: max(self.ask("timestamp(batch_executor_info)"), default=0) > now)

    def alerts(self):
        """Each alert that is pending or firing, by its name."""
        return {alert["labels"]["alertname"]: alert for alert in self.prometheus.ask("alerts")[0]["alerts"]}

    def wait_for_alert(self, name, state="pending"):
        self.chaos.wait_until(lambda: self.alerts().get(name, {}).get("state") == state)
        return self.alerts()[name]

    def targets(self):
        """The queries of the dashboard: the line's name, as its panel and legend say, and the expression as Grafana asks it."""
        dashboard = json.loads(docs.read(DASHBOARD))
        chosen = {"job": ".*", "instance": ".*", "__rate_interval": RATE_INTERVAL}
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                name = ": ".join(filter(None, [panel["title"], target["legendFormat"]]))
                expression = re.sub(r"\$(\w+)", lambda match: chosen[match[1]], target["expr"])
                yield name, expression

    # -- in this order -----------------------------------------------------------------------------

    def test_1_the_dashboard_has_data_while_jobs_run(self):
        self.chaos.wait_until(lambda: self.ask("sum(batch_executor_chunk_duration_seconds_count) > 10"))
        self.scrape(times=3)
        known = set()
        for name, expression in self.targets():
            known.add(name)
            with self.subTest(name):
                values = self.ask(expression, of_all=True)
                self.assertTrue(values, expression)
                self.assertGreaterEqual(min(values), 0)
                self.assertTrue(self.ask(expression), "now")
                if name not in TROUBLE:
                    self.assertGreater(max(values), 0)
        self.assertLessEqual(TROUBLE, known)

    def test_1_variables_of_the_dashboard_offer_what_there_is(self):
        offered = {}
        for variable in json.loads(docs.read(DASHBOARD))["templating"]["list"]:
            if variable["type"] == "query":
                [(selector, label)] = re.findall(r"^label_values\((.*), (\w+)\)$", variable["query"]["query"])
                offered[variable["name"]], _warnings = self.prometheus.ask(f"label/{label}/values", **{"match[]": selector.replace("$job", ".*")})
        self.assertEqual(offered, {"job": ["odoo-batch"], "instance": [self.target()]})

    def test_2_rules_are_read_and_none_alerts_while_all_is_well(self):
        expected = re.findall(r"- alert: (\w+)", docs.read("docs/alerts.yml"))

        def rules():
            return [rule for group in self.prometheus.ask("rules")[0]["groups"] for rule in group["rules"]]

        self.chaos.wait_until(lambda: all(rule["health"] != "unknown" for rule in rules()))
        self.assertEqual([(rule["name"], rule["health"], rule.get("lastError", "")) for rule in rules()], [(name, "ok", "") for name in expected])
        self.assertEqual(self.alerts(), {})

    def test_3_workers_that_die_are_told_at_once(self):
        lost = "batch_executor_lost_workers_total"
        for _kill in range(4):
            [before] = self.ask(lost)
            self.chaos.wait_until(lambda: len(self.chaos.workers()) == 2)  # one notices what became of the other, and wakes the next one
            self.chaos.wait_until(self.chaos.kill_worker)
            self.chaos.wait_until(lambda before=before: self.ask(f"{lost} > {before}"))
        self.wait_for_alert("BatchWorkersAreLost", "firing")
        self.assertRegex(self.alerts()["BatchWorkersAreLost"]["annotations"]["description"], r"^\d.* chunks lost theirs")

    def test_4_without_lanes_jobs_wait_until_one_is_back(self):
        chaos = self.chaos
        self.lanes.kill()
        for job in self.jobs:
            chaos.client.call("batch.job", "cancel", [job])
        waiting = chaos.client.submit(chaos.creates("waited", 1), self.warned())
        chaos.cluster.sql(f"UPDATE batch_job SET create_date = {LATE} WHERE id = %s", waiting)
        chaos.cluster.sql(f"UPDATE batch_metric SET seen_at = {LATE}")
        gone = self.wait_for_alert("BatchLanesGone")
        self.assertRegex(gone["annotations"]["description"], r"^Last seen 1h 0m \d+s ago")
        self.wait_for_alert("BatchJobsWait")

        type(self).lanes = chaos.add_lanes("back", 2)
        chaos.wait(waiting)
        self.assertEqual(chaos.client.status(waiting)["state"], "completed")
        chaos.wait_until(lambda: not self.alerts().keys() & {"BatchLanesGone", "BatchJobsWait"})
        self.scrape(times=2)
        for name, expression in self.targets():
            with self.subTest(name):
                self.assertGreater(max(self.ask(expression, of_all=True)), 0, "nothing of this was shown in all the time")

    def warned(self):
        """An operation that warns: a method opens a wizard instead of doing its work."""
        call = self.chaos.client.call
        code = "action = {'type': 'ir.actions.act_window', 'name': 'Sure?', 'res_model': 'res.partner'}"
        model = call("ir.model", "search", [["model", "=", "res.partner"]])[0]
        action = call("ir.actions.server", "create", {"name": "Warn", "state": "code", "model_id": model, "code": code})
        return {"operation_type": "call", "model": "ir.actions.server", "method": "run", "record_ids": [action]}

    def test_5_a_server_that_is_gone_is_missed(self):
        self.chaos.client.server.kill()
        missed = self.wait_for_alert("BatchMetricsMissing")
        self.assertEqual(missed["labels"].get("instance"), self.target())
