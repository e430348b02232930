"""A lane's memory is bounded by its chunks, not by its job, that of an HTTP worker not by the file it gets: watched from outside.

`BATCH_MEMORY_RECORDS=200000 scripts/test tests/test_memory.py` takes minutes; by default the jobs are smaller, and so
is what they may cost. So does `BATCH_MEMORY_FILE_MB=500 BATCH_MEMORY_ROW=1100 scripts/test tests/test_memory.py -k file`.
"""

import os
from pathlib import Path

import requests

from odoo.tests.common import BaseCase, get_db_name

from .chaos import Chaos
from .extras import needs_scripts

RECORDS = int(os.environ.get("BATCH_MEMORY_RECORDS", 20_000))
#: MB a worker may grow by, from idle and from its tenth chunk on.
FROM_IDLE_MB, FROM_TENTH_CHUNK_MB = (30, 20) if RECORDS > 100_000 else (8, 6)
#: MB of a file, bytes of its rows, and MB that a worker may grow by while it takes the file.
FILE_MB = int(os.environ.get("BATCH_MEMORY_FILE_MB", 80))
ROW_SIZE = int(os.environ.get("BATCH_MEMORY_ROW", 5_000))
MOST_OF_FILE_MB = 100 if FILE_MB >= 500 else 50
MODEL = "res.partner.category"
CHUNK = 500


@needs_scripts
class TestMemory(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.chaos = chaos = Chaos(get_db_name(), cron_workers=0)
        cls.enterClassContext(chaos)
        chaos.add_lanes("lanes")
        chaos.client.call("res.users", "search_count", [])  # which waits until the other server answers

    def test_records_found_by_a_domain(self):
        self.insert("warm", 2000)
        self.measure(self.update("warm"))
        self.insert("many", RECORDS)
        sizes = self.measure(self.update("many"))
        print(f"update by a domain, {RECORDS} records: {sizes}")
        [(updated,)] = self.chaos.cluster.sql("SELECT count(*) FROM res_partner_category WHERE color = 7")
        self.assertEqual(updated, 2000 + RECORDS)
        self.check(sizes)

    def test_records_sent_with_the_job(self):
        self.measure(self.create("warm sent", 2000))
        sizes = self.measure(self.create("sent", RECORDS))
        print(f"create, {RECORDS} records: {sizes}")
        self.check(sizes)

    def test_a_file_that_is_imported(self):
        with requests.Session() as session:
            self.url = f"http://127.0.0.1:{self.chaos.servers[0].port}"
            login = {"params": {"db": get_db_name(), "login": "admin", "password": "admin"}}
            self.assertIn("result", session.post(f"{self.url}/web/session/authenticate", json=login, timeout=90).json())
            self.send(session, 2**20)
            [worker] = self.http_workers()
            Path(f"/proc/{worker}/clear_refs").write_text("5")  # the peak is counted from here
            idle, started = resident(worker), cpu_s(worker)
            status = self.send(session, FILE_MB * 2**20)
            sizes = {"idle": idle, "peak": resident(worker, "VmHWM"), "end": resident(worker)}
            print(f"a file of {FILE_MB} MB, {status['total']} rows: {sizes} MB, {cpu_s(worker) - started:.1f} s of computing")
            self.assertEqual(self.http_workers(), [worker], "the worker was replaced meanwhile")
            self.assertEqual(status["total"], FILE_MB * 2**20 // ROW_SIZE)
            self.assertLess(sizes["peak"] - sizes["idle"], MOST_OF_FILE_MB)
            session.post(f"{self.url}/batch/v1/cancel", json={"params": {"uuid": status["uuid"]}}, timeout=90)

    def send(self, session, size):
        answer = session.post(
            f"{self.url}/batch/v1/import",
            params={"model": MODEL, "draft": "1"},
            data=Rows(size, ROW_SIZE),
            headers={"Content-Type": "text/csv"},
            timeout=600,
        )
        self.assertEqual(answer.status_code, 200, answer.text[:2000])
        return answer.json()

    def check(self, sizes):
        self.assertLess(sizes["peak"] - sizes["idle"], FROM_IDLE_MB)
        self.assertLess(sizes["end"] - sizes["tenth chunk"], FROM_TENTH_CHUNK_MB)

    # -- jobs --------------------------------------------------------------------------------------

    def insert(self, name, count):
        self.chaos.cluster.sql(
            "INSERT INTO res_partner_category (name, active) SELECT jsonb_build_object('en_US', %s || n), true"
            " FROM generate_series(1, %s) AS n",
            f"{name} ", count,
        )  # fmt: skip

    def update(self, name):
        domain = [["name", "=like", f"{name} %"]]
        return {"operation_type": "update", "model": MODEL, "domain": domain, "data": {"color": 7}}

    def create(self, name, count):
        # long enough for the records to be seen, should a worker keep them
        data = [{"name": f"{name} {number} ".ljust(500, "."), "color": 1} for number in range(count)]
        return {"operation_type": "create", "model": MODEL, "data": data}

    # -- measuring ---------------------------------------------------------------------------------

    def measure(self, operation):
        """Run a job; returns how large its worker was, in MB: idle, after ten chunks, at its peak and at the end."""
        chaos = self.chaos
        worker = self.worker()
        Path(f"/proc/{worker}/clear_refs").write_text("5")  # the peak is counted from here
        sizes = {"idle": resident(worker)}
        job = chaos.client.submit(operation, max_chunk_size=CHUNK)

        def look():
            if "tenth chunk" not in sizes:
                [(done,)] = chaos.cluster.sql(
                    "SELECT count(*) FROM batch_chunk WHERE job_id = %s AND kind = 'records' AND state = 'done'", job
                )
                if done >= 10:
                    sizes["tenth chunk"] = resident(worker)

        chaos.wait(job, look, every_s=0.1)
        self.assertEqual(chaos.client.status(job)["state"], "completed")
        self.assertEqual(self.worker(), worker, "the worker was replaced meanwhile")
        return {**sizes, "peak": resident(worker, "VmHWM"), "end": resident(worker)}

    def worker(self):
        """The process of the one cron worker."""
        [worker] = self.chaos.servers[-1].workers()
        return worker

    def http_workers(self):
        """The processes that answer requests."""
        children = self.chaos.servers[0].workers()
        return [child for child in children if b"gevent" not in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")]


class Rows:
    """A CSV that is made while it is sent."""

    def __init__(self, size, row_size):
        self.row_size = row_size
        self.count = size // row_size
        self.left = iter(range(-1, self.count))
        self.rest = b""

    def __len__(self):
        return len("id,name\n") + self.count * self.row_size

    def __iter__(self):
        return iter(lambda: self.read(2**16), b"")

    def read(self, size):
        while len(self.rest) < size and (number := next(self.left, None)) is not None:
            head = f"memory.row_{number},Row {number} " if number >= 0 else "id,name"
            self.rest += head.ljust(self.row_size - 1 if number >= 0 else 0, ".").encode() + b"\n"
        block, self.rest = self.rest[:size], self.rest[size:]
        return block


def cpu_s(process):
    """Seconds of computing of a process so far."""
    user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def resident(process, what="VmRSS"):
    """MB of memory a process holds."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) // 1024
    raise LookupError(what)
