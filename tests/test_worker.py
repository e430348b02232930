"""`odoo-bin batch`: lanes as processes of their own, which share the queue, end when they are told to, and come back when they die."""

import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

from odoo import sql_db
from odoo.tests.common import BaseCase, get_db_name
from odoo.tools import config, mute_logger

from odoo.addons.batch_executor.run.worker import databases as worker_databases
from odoo.addons.batch_executor.run.worker import process, supervisor
from odoo.addons.batch_executor.run.worker.databases import CALLS, Database, Databases
from odoo.addons.batch_executor.run.worker.process import LaneProcess
from odoo.addons.batch_executor.run.worker.supervisor import Child, Supervisor

from . import docs
from .chaos import EFFECTS, Chaos, is_alive
from .extras import needs_scripts
from .server import Worker, shared_cluster

#: An addon that has a partner's `write` start processes, end each by another signal, and write down by which each has ended.
CHILDREN = """
import os, signal, subprocess, time
from odoo.addons.base.models.res_partner import ResPartner

SIGNALS = signal.SIGTERM, signal.SIGINT, signal.SIGHUP
original = ResPartner.write

def started(number):
    child = subprocess.Popen(["sleep", "600"])
    child.send_signal(number)
    return child.wait(20)

def forked(number):
    child = os.fork()
    if not child:
        try:
            time.sleep(20)
        finally:
            os._exit(0)
    os.kill(child, number)
    return -os.WTERMSIG(os.waitpid(child, 0)[1])

def write(self, vals):
    if vals.get("function") == "count":
        vals = {**vals, "comment": str([*map(started, SIGNALS), forked(signal.SIGTERM)])}
    return original(self, vals)

ResPartner.write = write
"""
#: An addon that has a worker try broken models again each second.
IMPATIENT = """
from odoo.addons.batch_executor.run.worker import databases
databases.FIRST_LOAD_PAUSE_S = databases.LAST_LOAD_PAUSE_S = 1.0
"""


class TestSupervisor(BaseCase):
    """What the process does that looks after lanes; here they are programs of one line."""

    def lane(self, program):
        lane = Child(1, [sys.executable, "-c", program])
        self.addCleanup(lambda: lane.send(signal.SIGKILL))
        return lane

    def end(self, lane):
        """Start a lane whenever it is due, and wait until it has ended."""
        lane.due_at = 0.0
        lane.start_if_due()
        lane.process.wait(30)
        with mute_logger(supervisor.__name__):
            lane.reap()

    def test_a_lane_that_keeps_dying_is_started_after_pauses_that_grow(self):
        lane = self.lane("raise SystemExit(1)")
        self.end(lane)
        self.assertEqual(lane.pause_s, supervisor.FIRST_PAUSE_S)
        for _time in range(2):
            self.end(lane)
        self.assertEqual(lane.pause_s, 4 * supervisor.FIRST_PAUSE_S)
        lane.pause_s = supervisor.LONGEST_PAUSE_S
        self.end(lane)
        self.assertEqual(lane.pause_s, supervisor.LONGEST_PAUSE_S)

    def test_one_that_has_worked_or_was_renewed_is_started_at_once(self):
        lane = self.lane("import time; time.sleep(60)")
        lane.start_if_due()
        lane.renew()
        lane.process.wait(30)
        with mute_logger(supervisor.__name__):
            lane.reap()
        self.assertEqual(lane.pause_s, 0.0)
        lane.start_if_due()
        lane.started_at -= supervisor.SHORT_LIFE_S
        lane.send(signal.SIGKILL)
        lane.process.wait(30)
        with self.assertLogs(supervisor.__name__, "WARNING") as logged:
            lane.reap()
        self.assertEqual(lane.pause_s, 0.0)
        self.assertIn("has ended by SIGKILL", logged.output[0])

    def test_a_lane_that_can_not_be_started_is_tried_again_after_pauses_that_grow(self):
        lane = self.lane("import time; time.sleep(60)")
        command, lane.command = lane.command, ["/nowhere/python"]
        files = os.listdir("/proc/self/fd")
        for times in (1, 2):
            lane.due_at = 0.0
            with self.assertLogs(supervisor.__name__, "ERROR") as logged:
                lane.start_if_due()
            self.assertIn("lane 1 can't be started", logged.output[0])
            self.assertEqual(lane.pause_s, times * supervisor.FIRST_PAUSE_S)
        self.assertFalse(lane.is_alive or lane.is_ready)
        self.assertGreater(lane.due_in_s, 0)
        with patch.object(os, "pipe", side_effect=OSError("too many open files")), mute_logger(supervisor.__name__):
            lane.due_at = 0.0
            lane.start_if_due()
        self.assertEqual(os.listdir("/proc/self/fd"), files)
        lane.command, lane.due_at = command, 0.0
        lane.start_if_due()
        self.assertTrue(lane.is_alive)

    def test_a_lane_that_is_down_is_started_at_once_when_it_is_to_be_renewed(self):
        lane = self.lane("raise SystemExit(1)")
        self.end(lane)
        lane.due_at += 60
        lane.renew()
        self.assertFalse(lane.is_renewed)
        self.assertLessEqual(lane.due_in_s, 0)
        lane.command = [sys.executable, "-c", f"import os, time; os.write(int(os.environ['{process.READY_FD}']), b'.'); time.sleep(60)"]
        lane.start_if_due()
        self.assertTrue(select.select([lane.ready_fd], [], [], 30)[0])
        self.assertTrue(lane.is_ready)

    def test_one_that_is_told_to_stop_while_it_starts_lanes_starts_no_more(self):
        worker = Supervisor([sys.executable, "-c", "import time; time.sleep(60)"], 5)
        self.addCleanup(lambda: [lane.send(signal.SIGKILL) for lane in worker.lanes])
        worker.lanes[1].start_if_due = lambda: os.kill(os.getpid(), signal.SIGTERM)
        worker.run()
        self.assertEqual([bool(lane.started_at) for lane in worker.lanes], [True, False, False, False, False])

    def test_lanes_are_renewed_one_after_the_other(self):
        ready = f"import os, time; os.write(int(os.environ['{process.READY_FD}']), b'.'); time.sleep(600)"
        worker = Supervisor([sys.executable, "-c", ready], 2)
        self.addCleanup(lambda: [lane.send(signal.SIGKILL) for lane in worker.lanes])
        first, second = worker.lanes

        def wait_until_ready(*lanes):
            for lane in lanes:
                lane.start_if_due()
                self.assertTrue(select.select([lane.ready_fd], [], [], 30)[0])

        wait_until_ready(first, second)
        worker._on_hangup(signal.SIGHUP, None)
        worker._renew()
        worker._renew()
        self.assertEqual([lane.is_renewed for lane in worker.lanes], [True, False])
        first.process.wait(30)
        with mute_logger(supervisor.__name__):
            first.reap()
        worker._renew()
        self.assertFalse(second.is_renewed, "the first one is not back yet")
        wait_until_ready(first)
        worker._renew()
        self.assertTrue(second.is_renewed)

    def test_a_lane_ends_when_it_has_grown_and_when_nobody_looks_after_it(self):
        lane = LaneProcess(1, 0)
        with patch.dict(config._runtime_options, {"limit_memory_soft": 0}):
            self.assertFalse(lane.must_end())
        with patch.dict(config._runtime_options, {"limit_memory_soft": 1}):
            lane.looked_at = 0.0
            self.assertFalse(lane.must_end(), "it has not run a chunk yet")
            lane.has_worked, lane.looked_at = True, 0.0
            self.assertTrue(lane.must_end())
        lane = LaneProcess(1, 0)
        lane.supervisor = os.getpid()
        with self.assertLogs(process.__name__, "WARNING") as logged:
            self.assertTrue(lane.must_end())
        self.assertIn("its supervisor is gone", logged.output[0])

    def test_models_that_can_not_be_loaded_are_tried_again_by_the_same_process_after_pauses_that_grow(self):
        lane, database = LaneProcess(1, 0), Database(get_db_name())
        fails = patch.object(process, "Registry", side_effect=ValueError("broken on purpose"))
        with patch.object(worker_databases, "obstacle", return_value=None), fails, mute_logger(process.__name__):
            for pause_s in (30.0, 60.0):
                self.assertTrue(database.is_ready())
                lane._work_for(database)
                self.assertEqual(database.load_pause_s, pause_s)
                self.assertFalse(database.is_ready(), "its pause has just begun")
                self.assertTrue(database.is_waiting)
                database.load_at = time.monotonic()
            database.load_pause_s = worker_databases.LAST_LOAD_PAUSE_S
            database.broke()
            self.assertEqual(database.load_pause_s, worker_databases.LAST_LOAD_PAUSE_S)
            self.assertFalse(lane.is_outdated)

            database.broken_models -= 1  # as after an update of its modules
            self.assertTrue(database.is_ready())
            lane._work_for(database)
            self.assertTrue(lane.is_outdated, "their code may have changed too")

    def test_databases_are_those_of_the_list_and_each_lane_begins_with_another(self):
        own = get_db_name()
        with patch.dict(config._runtime_options, {"db_name": [], "batch_database_list": True}):
            databases = Databases(1)
            self.assertIsNotNone(databases.next())
            self.assertIn(own, databases.known)
            self.assertTrue(databases.are_several)
        with patch.dict(config._runtime_options, {"db_name": ["north", "south"], "batch_database_list": False}):
            self.assertEqual([Databases(number).next().name for number in (1, 2)], ["south", "north"])
            databases = Databases(1)
            first = databases.next()
            first.visited(None)
            self.assertEqual(databases.next().name, "north")
            with mute_logger("odoo.sql_db"):
                self.assertFalse(databases.next().is_ready(), "there is none of this name")

    def test_a_database_that_calls_is_next_though_another_one_has_work(self):
        with patch.dict(config._runtime_options, {"db_name": ["north", "south"], "batch_database_list": False}):
            databases = Databases(2)
            self.addCleanup(databases.close)
            north, south = databases.next(), databases.known["south"]
            south.due_at = float("inf")  # had nothing to do: comes when it calls
            south.seen_at = time.monotonic()
            north.visited(0.0)  # its turn is over, it has more
            self.assertIs(databases.next(), north)
            self.call("south")
            self.assertIs(self.next_other(databases, north), south)

            south.broke()
            south.due_at = north.due_at = float("inf")
            self.assertIsNone(databases.next())
            self.call("south", "north")
            self.assertIs(self.next_other(databases, None), north)

    def call(self, *names):
        """Call for work in databases, as Odoo does; whoever listens hears all of it at once."""
        with sql_db.db_connect("postgres").cursor() as cr:
            cr.execute("SELECT pg_notify(%s, name) FROM unnest(%s) WITH ORDINALITY AS called (name, place) ORDER BY place", [CALLS, list(names)])

    def next_other(self, databases, than):
        """Whose turn is next, once it is another one's: PostgreSQL takes a moment to pass a call on."""
        deadline = time.monotonic() + 20
        while (found := databases.next()) is than and time.monotonic() < deadline:
            if than:
                than.seen_at = time.monotonic()
            time.sleep(0.01)
        return found

    def test_the_unit_for_systemd_is_sound(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("needs systemd-analyze")
        text = (docs.ROOT / "docs/batch-executor.service").read_text()
        self.assertIn("ExecStart=/usr/bin/odoo batch ", text)
        with tempfile.TemporaryDirectory() as folder:
            unit = Path(folder, "batch-executor.service")
            unit.write_text(text.replace("/usr/bin/odoo", "/bin/true").replace("=odoo\n", "=root\n"))
            verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60)
        self.assertEqual((verified.returncode, verified.stdout + verified.stderr), (0, ""))


@needs_scripts
class TestWorker(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cluster = shared_cluster(get_db_name())
        cls.second = f"{cluster.database}_second"
        cluster.sql(f'CREATE DATABASE "{cls.second}" TEMPLATE "{cluster.database}"', database="postgres")
        cls.chaos = Chaos(get_db_name(), cron_workers=0, pace_s=0.03)  # its own server only takes the calls: it has no lanes
        cls.enterClassContext(cls.chaos)
        cluster.sql(EFFECTS.replace("PACE", "0.03"), database=cls.second)

    def start(self, name, *options, **keys):
        """Start a worker; it is gone at the end of the test."""
        worker = Worker(self.chaos.cluster, name, *options, **keys).start()
        self.addCleanup(worker.kill)
        return worker

    def addons(self, **codes):
        """Make addons of one file each; returns their folder, and the variables of a worker that finds them."""
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name, code in codes.items():
            (folder / name).mkdir()
            (folder / name / "__manifest__.py").write_text(str({"name": name, "author": "test", "license": "LGPL-3"}))
            (folder / name / "__init__.py").write_text(code)
        return folder, {"ODOO_ADDONS_PATH": f"{os.environ['ODOO_ADDONS_PATH']},{folder}"}

    def test_options_that_make_no_sense_are_refused(self):
        for option, text in (
            ("--lanes=0", "from 1 to 500"), ("--lanes=100000", "from 1 to 500"), ("--nice=20", "from 0 to 19"), ("--init=base", "are installed"),
            ("--database=", "say for which databases"),
        ):  # fmt: skip
            worker = Worker(self.chaos.cluster, "refused", option).start()
            self.addCleanup(worker.kill)
            self.assertEqual(worker.process.wait(60), 2, option)
            self.assertIn(text, worker.log)

    def documented(self):
        """The commands of the page and of the unit for systemd: (variables, arguments) of each."""
        [line] = docs.blocks("docs/worker.md")[0].text.splitlines()
        words = shlex.split(line)
        command = words.index("odoo-bin")
        unit = dict(line.split("=", 1) for line in docs.read("docs/batch-executor.service").splitlines() if line.startswith(("Environment=", "ExecStart=")))
        return [(words[:command], words[command + 1 :]), (shlex.split(unit["Environment"]), shlex.split(unit["ExecStart"])[1:])]

    def start_outside(self, name, arguments, configuration, *variables):
        """Start a worker where nothing but its command tells where the addon is."""
        worker = Worker(self.chaos.cluster, name, environment=dict(variable.split("=", 1) for variable in variables))
        known = {"/etc/odoo/odoo.conf": str(configuration), "production": worker.cluster.database}
        worker.environment = {key: known.get(value, value) for key, value in worker.environment.items()}
        worker.options = [re.sub("|".join(known), lambda found: known[found[0]], argument) for argument in arguments]
        others = {key: value for key, value in os.environ.items() if key not in ("ODOO_RC", "ODOO_ADDONS_PATH")}
        with patch.dict(os.environ, {**others, "HOME": str(self.chaos.cluster.folder)}, clear=True):
            worker.start()
        self.addCleanup(worker.kill)
        return worker

    def test_it_starts_as_documented_where_only_the_configuration_names_the_folder_of_the_addon(self):
        folder = os.environ["ODOO_ADDONS_PATH"]
        configuration = self.chaos.cluster.folder / "addons.conf"
        configuration.write_text(f"[options]\naddons_path = {folder}\nbatch_lanes = 1\n")
        by_option = ["batch", "--config=/etc/odoo/odoo.conf", "--database=production"]
        for number, (variables, arguments) in enumerate([*self.documented(), ((), [f"--addons-path={folder}", *by_option])]):
            with self.subTest(arguments=arguments):
                worker = self.start_outside(f"outside {number}", [*arguments, "--lanes=1"], configuration, *variables)
                self.wait_for_lanes(worker, 1)
                worker.process.terminate()
                self.assertEqual(worker.process.wait(30), 0)
        refused = self.start_outside("by option", by_option, configuration)
        self.assertEqual(refused.process.wait(30), 1)
        self.assertIn("Unknown command 'batch'", refused.log)
        warned = self.start_outside("warned", ["batch", "--database=production"], configuration, f"ODOO_RC={configuration}")
        self.wait_for_lanes(warned, 1)
        self.assertIn("unknown option 'batch_lanes'", warned.log)
        self.assertIn("batch worker: 1 lanes for", warned.log)

    def wait_for_lanes(self, worker, count):
        """Wait until all lanes of a worker listen; returns their processes."""
        self.chaos.wait_until(lambda: len(self.awake(worker)) >= count)
        return self.awake(worker)

    def awake(self, worker, database=None):
        """Processes of lanes of a worker that are awake, which hold a lock each."""
        names = [f"odoo-{pid}" for pid in worker.workers()]
        rows = self.chaos.cluster.sql(
            "SELECT DISTINCT application_name FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'advisory'"
            " AND datname = %s AND application_name = ANY(%s)", database or self.chaos.cluster.database, names,
        )  # fmt: skip
        return sorted(int(name.removeprefix("odoo-")) for (name,) in rows)

    def busy(self, job):
        """Processes that have run chunks of a job."""
        rows = self.chaos.cluster.sql("SELECT DISTINCT worker FROM batch_chunk WHERE job_id = %s AND worker IS NOT NULL", job)
        return {int(worker.split(":")[1].split()[0]) for (worker,) in rows}

    def submit_to(self, database, name, count, **options):
        """Submit a job to another database of the cluster."""
        return self.chaos.client.server.client(database).submit(self.chaos.creates(name, count), **options)

    def done_in(self, database, job):
        """How many records of a job have run."""
        return self.chaos.cluster.sql("SELECT processed_records FROM batch_job WHERE id = %s", job, database=database)[0][0]

    def state_in(self, database, job):
        return self.chaos.cluster.sql("SELECT state FROM batch_job WHERE id = %s", job, database=database)[0][0]

    def test_1_two_workers_share_a_job_one_ends_when_told_and_a_killed_lane_comes_back(self):
        chaos, name, count = self.chaos, "worked", 400
        north, south = self.start("north", lanes=1), self.start("south", lanes=2)
        [told], lanes = self.wait_for_lanes(north, 1), self.wait_for_lanes(south, 2)
        job = chaos.client.submit(chaos.creates(name, count), max_chunk_size=10)
        chaos.wait_until(lambda: {told, *lanes} <= self.busy(job))
        [killed] = lanes[:1]
        chaos.wait_until(lambda: killed in chaos.workers())
        chaos.kill(killed)
        chaos.wait_until(lambda: told in chaos.workers())
        north.process.terminate()
        self.assertEqual(north.process.wait(60), 0)
        states = chaos.cluster.sql("SELECT DISTINCT state, attempt FROM batch_chunk WHERE job_id = %s AND worker LIKE %s", job, f"%:{told} %")
        self.assertEqual(states, [("done", 1)], "it has finished its chunks")
        chaos.wait(job)
        self.assertEqual(chaos.problems(job), [])
        effects, rows = chaos.created(name)
        self.assertEqual((effects, rows), ({f"chaos-{name}-{number}": 1 for number in range(count)},) * 2)
        after = self.wait_for_lanes(south, 2)
        self.assertEqual((set(lanes) - set(after), len(after)), ({killed}, 2), "another one was started instead")
        self.assertIn("has ended by SIGKILL", south.log)
        self.assertRegex(north.log + south.log, rf"job {job} \(.*\) is completed")

    def test_2_lanes_outlive_postgres_and_are_started_anew_when_models_change(self):
        chaos, name = self.chaos, "outlived"
        worker = self.start("east", lanes=1)
        lanes = self.wait_for_lanes(worker, 1)
        chaos.crash_postgres()
        self.assertEqual(self.wait_for_lanes(worker, 1), lanes, "the same process")
        job = chaos.client.submit(chaos.creates(name, 30))
        chaos.wait(job)
        self.assertEqual(chaos.problems(job), [])

        chaos.cluster.sql("INSERT INTO orm_signaling_registry DEFAULT VALUES")
        chaos.wait_until(lambda: not any(map(is_alive, lanes)))
        renewed = self.wait_for_lanes(worker, 1)
        worker.process.send_signal(signal.SIGHUP)
        chaos.wait_until(lambda: not any(map(is_alive, renewed)))
        self.wait_for_lanes(worker, 1)
        self.assertIsNone(worker.process.poll())

        operation = chaos.creates("stuck", 2)
        operation["data"][1]["ref"] = "chaos-stuck-poison"
        stuck = chaos.client.submit(operation, retry_attempts=0)
        chaos.wait_until(chaos.workers)
        worker.process.terminate()
        chaos.wait_until(lambda: "stops once" in worker.log)
        self.assertTrue(chaos.workers(), "a chunk is finished first")
        worker.process.terminate()
        self.assertEqual(worker.process.wait(30), 0)
        self.assertEqual(chaos.workers(), [])
        chaos.client.call("batch.job", "cancel", [stuck])

    def test_3_one_lane_works_for_databases_that_come_and_go(self):
        chaos, cluster = self.chaos, self.chaos.cluster
        later = f"{cluster.database}_later"
        addon = "UPDATE ir_module_module SET state = %s WHERE name = 'batch_executor'"
        databases = [cluster.database, self.second, later]
        worker = self.start("west", lanes=1, databases=databases)
        chaos.wait_until(lambda: f"database {later}: lanes wait" in worker.log)
        [lane] = worker.workers()
        cluster.sql(f'CREATE DATABASE "{later}" TEMPLATE "{self.second}"', database="postgres")
        jobs = {database: self.submit_to(database, f"turns{number}", 30) for number, database in enumerate(databases)}
        for database, job in jobs.items():
            chaos.wait_until(lambda database=database, job=job: self.state_in(database, job) == "completed")
        cluster.sql(f'DROP DATABASE "{later}" WITH (FORCE)', database="postgres")

        cluster.sql(addon, "uninstalled", database=self.second)
        chaos.wait_until(lambda: f"database {self.second}: lanes wait, the addon is not installed" in worker.log)
        waiting = self.submit_to(self.second, "waiting", 5)
        cluster.sql(addon, "installed", database=self.second)
        chaos.wait_until(lambda: self.state_in(self.second, waiting) == "completed")
        chaos.wait_until(lambda: worker.log.count(f"database {later}: lanes wait") == 2)

        # both have more to do than fits into a turn
        jobs = {database: self.submit_to(database, "long", 2000, max_chunk_size=10) for database in databases[:2]}
        for database in (databases[0], databases[1], databases[0]):
            done = self.done_in(database, jobs[database])
            chaos.wait_until(lambda database=database, done=done: self.done_in(database, jobs[database]) > done)
        self.assertEqual([self.state_in(database, job) for database, job in jobs.items()], ["running", "running"])
        for database, job in jobs.items():
            chaos.client.server.client(database).call("batch.job", "cancel", [job])
        self.assertEqual(worker.workers(), [lane], "all the time the same process")

    def test_4_a_database_that_can_not_be_loaded_is_tried_again_by_lanes_that_work_for_others(self):
        chaos, name = self.chaos, "beside_broken"
        broken = self.submit_to(self.second, "broken", 5)
        installed = "INSERT INTO ir_module_module (name, state) VALUES ('batch_broken', 'installed')"
        chaos.cluster.sql(installed, database=self.second)
        folder, found = self.addons(batch_broken="raise ValueError('broken on purpose')", batch_impatient=IMPATIENT)
        databases = [chaos.cluster.database, self.second]
        worker = self.start("broken", "--load=base,web,batch_impatient", lanes=1, databases=databases, environment=found)
        fault = f"the models of {self.second} can't be loaded"
        chaos.wait_until(lambda: fault in worker.log)
        [lane] = worker.workers()
        chaos.wait(chaos.client.submit(chaos.creates(name, 5)))
        chaos.wait_until(lambda: worker.log.count(fault) > 2)
        (folder / "batch_broken/__init__.py").write_text("")
        chaos.wait_until(lambda: self.state_in(self.second, broken) == "completed")
        self.assertEqual(worker.workers(), [lane], "all the time the same process")

    def test_5_processes_that_user_code_starts_can_be_ended(self):
        chaos = self.chaos
        pid_file = chaos.cluster.folder / "worker.pid"
        _folder, found = self.addons(batch_children=CHILDREN)
        worker = self.start("children", "--load=base,web,batch_children", f"--pidfile={pid_file}", lanes=1, environment=found)
        self.wait_for_lanes(worker, 1)
        self.assertEqual(pid_file.read_text(), str(worker.process.pid))
        [partner] = chaos.partners("children", 1)
        chaos.wait(chaos.client.submit(chaos.calls([partner])))
        [[comment]] = chaos.cluster.sql("SELECT comment FROM res_partner WHERE id = %s", partner)
        self.assertIn("[-15, -2, -1, -15]", comment or "")
        worker.process.terminate()
        self.assertEqual(worker.process.wait(30), 0)
        self.assertFalse(pid_file.exists())

    def test_6_a_lane_larger_than_its_limit_runs_chunks_and_the_pid_file_of_the_server_is_left_alone(self):
        chaos, folder = self.chaos, self.chaos.cluster.folder
        pid_file, configuration = folder / "server.pid", folder / "odoo.conf"
        pid_file.write_text("the server's")
        configuration.write_text(f"[options]\npidfile = {pid_file}\nlimit_memory_soft = 1\n")
        worker = self.start("large", f"--config={configuration}", lanes=1)
        chaos.wait(chaos.client.submit(chaos.creates("large", 2)))
        self.assertRegex(worker.log, "WARNING .* bytes of memory before its first chunk, more than limit_memory_soft")
        chaos.wait_until(lambda: "is started anew, as it has" in worker.log)
        worker.process.terminate()
        worker.process.wait(30)
        self.assertEqual(pid_file.read_text(), "the server's")
