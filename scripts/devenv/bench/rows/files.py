"""Files: `odoo-batch load` against `fluvo import`, both as people call them; and the memory of a worker that takes a large one in."""

import contextlib
import csv
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import requests

from ...base import CHECKOUT
from .. import jobs
from ..bench import PATIENCE_S, Bench
from ..measuring import Invalid, Measurement, Row, expect
from .loads import COUNTRIES, operation_of

FILE, CONNECTION = "partners.csv", "connection.conf"
#: One for both: `odoo-batch` reads the files of `fluvo`.
CONFIGURATION = """[Connection]
hostname = {host}
port = {port}
protocol = json2
database = {database}
login = admin
password = {key}
"""
#: Our command is this repository's, not one that is installed.
SOURCE = CHECKOUT / "clients" / "odoo_batch" / "src"
OURS = [sys.executable, "-m", "odoo_batch.cli", "load", FILE, "--model", jobs.PARTNER, "--connection-file", CONNECTION, "--wait"]
FLUVO = [
    str(Path(sys.prefix, "bin", "fluvo")), "import", "--connection-file", CONNECTION, "--file", FILE, "--model", jobs.PARTNER,
    "--worker", "2", "--size", "500",
]  # fmt: skip
COUNTED = """
    SELECT count(DISTINCT p.id), count(DISTINCT p.id) FILTER (WHERE p.country_id IS NOT NULL), max(p.write_date), count(m.id)
      FROM ir_model_data d
      JOIN res_partner p ON p.id = d.res_id
 LEFT JOIN mail_message m ON m.model = d.model AND m.res_id = p.id
     WHERE d.module = %s AND d.model = 'res.partner'
"""
UPLOAD = "/batch/v1/import"
#: What a row of the large file weighs, and how often the size of processes is looked at.
ROW_BYTES, SAMPLED_EVERY_S = 5_000, 0.02
MEGABYTE = 1024**2


@dataclass(frozen=True)
class Import:
    """A way of importing the file that both commands know.

    :param ours, fluvo: the options that ask for it
    :param is_again: whether all records are there already, and as in the file
    :param has_countries: whether the file has them, by external id
    """

    title: str
    ours: tuple = ()
    fluvo: tuple = ()
    goal: str = ""
    is_quiet: bool = True
    is_again: bool = False
    has_countries: bool = True


#: fluvo is quiet unless it is told not to be.
IMPORTS = {
    "chatter": Import("with chatter", (), ("--tracking-enable",), "≥ 1.3", is_quiet=False),
    "quiet": Import("quiet", ("--quiet",), (), "≥ 1.5"),
    "again": Import("a second time, unchanged", ("--quiet", "--skip-unchanged"), ("--skip-unchanged",), "≥ 3", is_again=True),
    "again-plain": Import("a second time, unchanged, without a column of a relation", ("--quiet", "--skip-unchanged"), ("--skip-unchanged",),
                          is_again=True, has_countries=False),
}  # fmt: skip


def _measure(bench: Bench, command: list[str], way: Import, options: tuple) -> float:
    """Seconds from the start of a command to its end; what it has done is looked at."""
    mark, count = f"b{jobs.new_mark()}", bench.scale.large
    rows = [_row(mark, number, way) for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), bench, rows)
        before = None
        if way.is_again:
            bench.submit_and_look([operation_of(rows)], quiet=True)
            [(*_counts, before, _messages)] = _counted(bench, mark)
        jobs.rest()
        started = time.monotonic()
        _run([*command, *options], folder)
        seconds = time.monotonic() - started
    [(partners, countries, written, messages)] = _counted(bench, mark)
    expect(partners, count, "partners")
    expect(countries, count if way.has_countries else 0, "countries")
    if not way.is_again:
        expect(messages, 0 if way.is_quiet else count, "messages")
    elif command is OURS and written != before:
        raise Invalid("partners that have not changed were written")
    return seconds


def _row(mark: str, number: int, way: Import) -> dict:
    row = {
        "id": f"{mark}.partner_{number}", "name": f"Contact {number}", "email": f"c{number}@{mark}.example.com", "city": "Springfield",
        "street": f"{number} Main Street",
    }  # fmt: skip
    return {**row, "country_id/id": list(COUNTRIES)[number % len(COUNTRIES)]} if way.has_countries else row


def _write(folder: Path, bench: Bench, rows: list[dict]) -> None:
    with (folder / FILE).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")  # fluvo's own
        writer.writeheader()
        writer.writerows(rows)
    address = urlsplit(bench.address)
    settings = {"host": address.hostname, "port": address.port, "database": bench.served.dbname, "key": bench.key}
    (folder / CONNECTION).write_text(CONFIGURATION.format(**settings))


def _run(command: list[str], folder: str) -> None:
    """Run a command in a folder of its own, where also its notes are."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "XDG_STATE_HOME": folder, "XDG_CACHE_HOME": folder}
    ended = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    if ended.returncode:
        raise Invalid(f"{command[0]} ended with {ended.returncode}: {(ended.stderr or ended.stdout)[-500:]}")


def _counted(bench: Bench, mark: str) -> list[tuple]:
    """Partners with an external id of this mark, those of them with a country, when the last was written, their messages."""
    return jobs.query(bench.served, COUNTED, mark)


def _upload(bench: Bench) -> dict[str, float]:
    """Megabytes by which an HTTP worker is larger at most while it takes a file in, which becomes a draft."""
    with tempfile.TemporaryFile() as small, tempfile.TemporaryFile() as large:
        _fill(small, MEGABYTE)
        for _both_workers in range(6):
            _send(bench, small)
        size = bench.scale.uploaded * MEGABYTE
        _fill(large, size)
        with _watched(bench.server) as growth:
            started = time.monotonic()
            _send(bench, large)
            seconds = time.monotonic() - started
    return {"": growth() / MEGABYTE, "speed": size / MEGABYTE / seconds}


def _fill(file, size: int) -> None:
    """Write partners into a file until it has this size."""
    file.write(b"name,ref,comment\n")
    filler, number = "Lorem ipsum dolor sit amet " * (ROW_BYTES // 27), 0
    while file.tell() < size:
        file.write("".join(f"Contact {at},REF-{at},{filler}\n" for at in range(number, number + 100)).encode())
        number += 100


def _send(bench: Bench, file) -> None:
    """Send a file over a connection of its own, so that any worker may take it; its draft is deleted."""
    file.seek(0)
    headers = {"Authorization": f"Bearer {bench.key}", "Content-Type": "text/csv"}
    with requests.Session() as session:
        session.trust_env = False
        address = f"{bench.address}{UPLOAD}?model={jobs.PARTNER}&draft=true"
        answer = session.post(address, data=file, headers=headers, timeout=PATIENCE_S)
    if not answer.ok:
        raise Invalid(f"the upload was answered with {answer.status_code}: {answer.text[:500]}")
    jobs.delete(bench.served, answer.json()["job_id"])


@contextlib.contextmanager
def _watched(server: psutil.Process) -> Iterator[Callable]:
    """Look at the memory of a server's processes meanwhile; what is yielded tells by how much one has grown at most."""
    before = {process: process.memory_info().rss for process in server.children(recursive=True)}
    most, over = dict(before), threading.Event()

    def look():
        while not over.wait(SAMPLED_EVERY_S):
            for process in before:
                with contextlib.suppress(psutil.NoSuchProcess):
                    most[process] = max(most[process], process.memory_info().rss)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield lambda: max(most[process] - size for process, size in before.items())
    finally:
        over.set()
        watcher.join()


def _measurements() -> Iterator[Measurement]:
    for key, way in IMPORTS.items():
        for name, title, command, options in (
            ("ours", "odoo-batch load", OURS, way.ours),
            ("fluvo", "fluvo import", FLUVO, way.fluvo),
        ):
            run = partial(_measure, command=command, way=way, options=options)
            text = " ".join((title, *options))
            yield Measurement(f"file-{key}-{name}", f"`{text}`, {{large:,}} partners {way.title}", "s", run, warms_up=True)


MEASUREMENTS = [
    *_measurements(),
    Measurement("upload", "growth of an HTTP worker over an upload of {uploaded:,} MB", "MB", _upload, units={"speed": "MB/s"}, once=True),
]
ROWS = [
    *(
        Row(f"fluvo-{key}", f"`odoo-batch load` of {{large:,}} partners {way.title}, against `fluvo import --worker 2 --size 500`",
            f"file-{key}-fluvo", f"file-{key}-ours", way.goal)
        for key, way in IMPORTS.items()
    ),
    Row("upload", "growth of an HTTP worker's memory over an upload of {uploaded:,} MB", "upload", goal="≤ 100", unit="MB"),
]  # fmt: skip
