"""Lines of the log say which chunk they are about, also those that other code writes while a chunk runs."""

import io
import json
import logging
import os
import threading
from unittest.mock import patch

from odoo.modules.module import Manifest

from odoo.addons import batch_executor
from odoo.addons.batch_executor.run.log_records import VARIABLE, ChunkFilter, JsonFormatter, set_up_log

from .committed_case import committed
from .lane_case import LaneCase

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
OTHER = "odoo.addons.test_batch_other"
PLAIN = "%(levelname)s %(name)s: %(message)s %(perf_info)s"


class TestLogRecords(LaneCase):
    def setUp(self):
        super().setUp()
        self.text = io.StringIO()
        self.startPatcher(patch.object(threading.current_thread(), "dbname", self.registry.db_name, create=True))
        self.handler = logging.StreamHandler(self.text)
        self.handler.setFormatter(logging.Formatter(PLAIN))
        logger = logging.getLogger("odoo.addons")
        logger.addHandler(self.handler)
        self.addCleanup(logger.removeHandler, self.handler)
        self.addCleanup(logger.setLevel, logger.level)
        logger.setLevel(logging.INFO)

    def run_job(self):
        """Run a job whose code writes a line and submits another job; returns the ids of the job and of its chunk."""

        def probe(partners):
            logging.getLogger(OTHER).warning("Something about %s partner", len(partners))
            try:
                raise ValueError("said of a partner")
            except ValueError:
                logging.getLogger(OTHER).warning("With a traceback", exc_info=True)
            partners.env["batch.job"].submit([self.creates(1)], name="inner")

        self.set_probe(probe)
        job = self.submit(self.probe(self.make_partners(1)))
        self.sql("UPDATE batch_job SET traceparent = %s WHERE id = %s", TRACEPARENT, job)
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")
        return job, self.chunks(job)[0]["id"]

    def test_what_the_manifest_has_odoo_call_once_for_each_process_sets_up_the_handlers_of_the_server(self):
        for form, formatter in (("", logging.Formatter), ("json", JsonFormatter)):
            with patch.dict(os.environ, {VARIABLE: form}), patch.object(logging.getLogger(), "handlers", [self.handler]):
                getattr(batch_executor, Manifest.for_addon("batch_executor")["post_load"])()
            self.assertIs(type(self.handler.formatter), formatter)
        self.assertEqual([type(each) for each in self.handler.filters], [ChunkFilter])

    def test_as_json(self):
        set_up_log([self.handler], "json")
        set_up_log([self.handler], "json")
        self.assertEqual(len(self.handler.filters), 1, "once is enough")
        job, chunk = self.run_job()
        logging.getLogger(OTHER).warning("About nothing,\n“in two lines”")
        lines = [json.loads(line) for line in self.text.getvalue().splitlines()]
        about = {"batch_job_id": job, "batch_chunk_id": chunk, "batch_attempt": 1, "traceparent": TRACEPARENT, "trace_id": TRACE}
        said, failed = [line for line in lines if line["logger"] == OTHER and "batch_job_id" in line]
        self.assertEqual({**said, **about}, said)
        self.assertEqual((said["level"], said["message"], said["database"]), ("WARNING", "Something about 1 partner", self.registry.db_name))
        self.assertRegex(said["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertIn("ValueError: said of a partner", failed["exception"])
        [ended] = [line for line in lines if line["message"].startswith(f"job {job} (") and "is completed" in line["message"]]
        self.assertEqual((ended["batch_job_id"], ended["trace_id"]), (job, TRACE))
        self.assertEqual(lines[-1]["message"], "About nothing,\n“in two lines”")
        self.assertFalse(about.keys() & lines[-1].keys())

    def test_as_text(self):
        set_up_log([self.handler], "")
        job, chunk = self.run_job()
        logging.getLogger(OTHER).warning("About nothing")
        lines = self.text.getvalue().splitlines()
        self.assertIn(f"WARNING {OTHER}: Something about 1 partner [job {job} chunk {chunk}]", lines)
        self.assertIn(f"WARNING {OTHER}: About nothing ", lines)
        self.assertFalse([line for line in lines if "batch_executor" in line and line.endswith("]")], "our own lines say it themselves")

    def test_a_job_that_is_submitted_by_a_job_belongs_to_its_trace(self):
        self.run_job()
        with committed() as env:
            inner = env["batch.job"].search([("user_id", "=", self.user_id), ("name", "=", "inner")])
            self.assertEqual(inner.traceparent, TRACEPARENT)
            self.assertEqual(inner.state, "completed")
