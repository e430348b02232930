"""The page of metrics, the dashboard and the alert rules name the metrics that there are."""

import json
import re
import subprocess

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.tests.common import BaseCase, get_db_name

from odoo.addons.batch_executor.engine.metrics import COUNTER, HISTOGRAM, METRICS, PREFIX
from odoo.addons.batch_executor.run import log_records
from odoo.addons.batch_executor.run.metrics import exposition

from . import docs
from .extras import is_installed, needs, prometheus_program

if is_installed("grafana_foundation_sdk"):
    from grafana_foundation_sdk.cog import encoder, plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

if is_installed("yaml"):
    import yaml

NAME = re.compile(rf"\b{PREFIX}[a-z_]+")


def names_of(name):
    """The names under which a metric is asked for."""
    suffixes = {COUNTER: ("_total",), HISTOGRAM: ("_bucket", "_sum", "_count")}.get(METRICS[name].kind, ("",))
    return {f"{PREFIX}{name}{suffix}" for suffix in suffixes}


#: Of Grafana: the version of a dashboard's form that 10.4 writes, and those of its panels and units that may be used here.
SCHEMA, PANELS, UNITS = 39, {"heatmap", "stat", "table", "timeseries"}, {"ops", "percentunit", "s", "short"}
ASKED_FOR = set().union(*map(names_of, METRICS))


def lost(ours, known, place=""):
    """Where one JSON document has what another lacks."""
    if isinstance(ours, dict) and isinstance(known, dict):
        return [found for key, value in ours.items() for found in lost(value, known.get(key), f"{place}.{key}")]
    if isinstance(ours, list) and isinstance(known, list) and len(ours) == len(known):
        return [found for number, pair in enumerate(zip(ours, known, strict=True)) for found in lost(*pair, f"{place}[{number}]")]
    return [] if ours == known else [place]


class TestMetricsPage(BaseCase):
    def test_the_table_says_what_there_is(self):
        rows = re.findall(r"^\| `(\w+)` \| (\w+).* \| (.*) \|$", docs.read("docs/metrics.md"), re.MULTILINE)
        shown = {name: (kind, text) for name, kind, text in rows if name.startswith(PREFIX)}
        kinds = {f"{PREFIX}{name}{'_total' if metric.kind == COUNTER else ''}": metric for name, metric in METRICS.items()}
        self.assertEqual(shown.keys(), kinds.keys())
        for name, metric in kinds.items():
            kind, text = shown[name]
            self.assertEqual(kind, "gauge" if name == f"{PREFIX}info" else metric.kind, name)
            for value in metric.values:
                self.assertIn(f"`{value}`", text, name)

    def test_questions_name_metrics_that_there_are(self):
        questions = "".join(block.text for block in docs.blocks("docs/metrics.md") if block.language == "promql")
        self.assertTrue(NAME.findall(questions))
        self.assertLessEqual(set(NAME.findall(questions)), ASKED_FOR)

    def test_the_example_of_the_log_has_the_keys_of_a_line(self):
        [example] = [block.json() for block in docs.blocks("docs/metrics.md") if block.language == "json"]
        self.assertLessEqual({*log_records.ABOUT, "trace_id"}, example.keys())


class TestDashboard(BaseCase):
    def test_it_shows_every_metric_and_no_other(self):
        dashboard = json.loads(docs.read("docs/grafana.json"))
        expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        shown = set(NAME.findall("\n".join(expressions)))
        self.assertLessEqual(shown, ASKED_FOR)
        for name in METRICS:
            self.assertTrue(shown & names_of(name), f"no panel shows {name}")
        queries = [variable["query"]["query"] for variable in dashboard["templating"]["list"] if variable["type"] == "query"]
        self.assertLessEqual(set(NAME.findall("\n".join(queries))), ASKED_FOR)

    def test_import_asks_for_the_data_source_and_everything_follows_it(self):
        dashboard = json.loads(docs.read("docs/grafana.json"))
        [asked] = dashboard["__inputs"]
        self.assertEqual((asked["name"], asked["type"], asked["pluginId"]), ("DS_PROMETHEUS", "datasource", "prometheus"))
        [variable] = [entry for entry in dashboard["templating"]["list"] if entry["type"] == "datasource"]
        self.assertEqual((variable["query"], variable["current"]["value"]), ("prometheus", "${DS_PROMETHEUS}"))
        others = [entry for entry in dashboard["templating"]["list"] if entry is not variable]
        for holder in (*others, *dashboard["panels"], *(target for panel in dashboard["panels"] for target in panel["targets"])):
            self.assertEqual(holder["datasource"], {"type": "prometheus", "uid": f"${{{variable['name']}}}"})
        used = {("panel", panel["type"]) for panel in dashboard["panels"]} | {("datasource", "prometheus"), ("grafana", "grafana")}
        self.assertEqual({(entry["type"], entry["id"]) for entry in dashboard["__requires"]}, used)

    def test_its_parts_are_those_that_grafana_has(self):
        text = docs.read("docs/grafana.json")
        dashboard = json.loads(text)
        self.assertIsNone(dashboard["id"], "an import makes a new one")
        self.assertEqual(dashboard["schemaVersion"], SCHEMA)
        self.assertLessEqual({panel["type"] for panel in dashboard["panels"]}, PANELS)
        self.assertLessEqual(set(re.findall(r'"unit": "(.*)"', text)) | set(re.findall(r'"id": "unit",\s*"value": "(.*)"', text)), UNITS)
        numbers = [panel["id"] for panel in dashboard["panels"]]
        self.assertEqual(len(numbers), len(set(numbers)))
        variables = {variable["name"] for variable in dashboard["templating"]["list"]} | {"DS_PROMETHEUS"}
        self.assertLessEqual(set(re.findall(r"\$\{?(\w+)", text)), variables | {"__rate_interval", "__all"})
        for panel in dashboard["panels"]:
            self.assertTrue(panel["title"] and panel["description"], panel["id"])
            places = [target["refId"] for target in panel["targets"]]
            self.assertEqual(places, [*"ABCDEFGH"[: len(places)]], panel["title"])

    @needs("grafana_foundation_sdk")
    def test_the_types_of_grafana_know_all_of_it(self):
        """Grafana's own classes drop what they do not know; `__inputs` and `__requires` are of its exports, which they leave to Grafana."""
        plugins.register_default_plugins()
        ours = json.loads(docs.read("docs/grafana.json"))
        known = json.loads(encoder.JSONEncoder().encode(Dashboard.from_json(ours)))
        self.assertEqual(lost(ours, known), [".__inputs", ".__requires"])
        ours["panels"][0]["fieldConfig"]["defaults"]["units"] = "s"
        known = json.loads(encoder.JSONEncoder().encode(Dashboard.from_json(ours)))
        self.assertIn(".panels[0].fieldConfig.defaults.units", lost(ours, known), "the test would see a mistake")

    def test_panels_do_not_overlap(self):
        cells = [
            (x, y)
            for panel in json.loads(docs.read("docs/grafana.json"))["panels"]
            for place in [panel["gridPos"]]
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        self.assertEqual(len(cells), len(set(cells)))
        self.assertLess(max(x for x, _y in cells), 24)


class TestAlerts(BaseCase):
    @needs("yaml")
    def test_rules_name_metrics_that_there_are_and_the_page_explains_each(self):
        rules = [rule for group in yaml.safe_load(docs.read("docs/alerts.yml"))["groups"] for rule in group["rules"]]
        self.assertLessEqual(set(NAME.findall("\n".join(rule["expr"] for rule in rules))), ASKED_FOR)
        explained = re.findall(r"^\| `(Batch\w+)` \|", docs.read("docs/metrics.md"), re.MULTILINE)
        self.assertEqual([rule["alert"] for rule in rules], explained)
        for rule in rules:
            self.assertTrue(rule["labels"]["severity"] and rule["annotations"]["summary"] and rule["annotations"]["description"])

    def test_prometheus_accepts_the_rules_and_they_alert(self):
        self.promtool("check", "rules", "docs/alerts.yml")
        self.promtool("test", "rules", "tests/alerts_test.yml")

    @needs("prometheus_client")
    def test_prometheus_finds_nothing_wrong_with_the_metrics(self):
        with Registry(get_db_name()).cursor() as cr:
            text, _content_type = exposition(api.Environment(cr, SUPERUSER_ID, {}), "text/plain")
        self.promtool("check", "metrics", text=text)

    def promtool(self, *arguments, text=None):
        done = subprocess.run([prometheus_program("promtool"), *arguments], input=text, cwd=docs.ROOT, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode())
