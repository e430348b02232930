"""The case that runs the command `odoo-batch` as a user does: in processes of its own."""

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from odoo.tests.common import get_db_name

from .api_case import ApiCase
from .case import PATIENCE_S
from .client_package import SOURCES, make_importable
from .doors import base_url

#: Exit codes.
DONE, ERROR, PARTIAL, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 3, 4, 130


class CommandCase(ApiCase):
    """Runs `odoo-batch` in a folder of its own, against the server of the tests."""

    def setUp(self):
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.addCleanup(self._end_processes)
        self._processes = []
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("ODOO_", "XDG_"))},
            "ODOO_URL": base_url(),
            "ODOO_KEY": self.user.key,
            "ODOO_DB": get_db_name(),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "PYTHONPATH": str(SOURCES),
            "PYTHONDONTWRITEBYTECODE": "",  # processes start many times
        }

    def start(self, *arguments, stdin=subprocess.DEVNULL, **environment):
        """Start the command; it is killed at the end of the test."""
        process = subprocess.Popen(
            [sys.executable, "-m", "odoo_batch.cli", *map(str, arguments)], cwd=self.folder, stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**self.environment, **environment},
        )  # fmt: skip
        self._processes.append(process)
        return process

    def run_command(self, *arguments, expect=DONE, text=None, **environment):
        """What the command prints to stdout and stderr, after checking its exit code."""
        process = self.start(*arguments, stdin=subprocess.PIPE, **environment)
        out, err = process.communicate(text, timeout=PATIENCE_S)
        self.assertEqual(process.returncode, expect, f"{arguments}\n{out}\n{err}")
        self.assertNotIn("Traceback", err)
        return out, err

    def answer(self, *arguments, expect=DONE, **options):
        """The object that the command prints with `--json`."""
        return json.loads(self.run_command(*arguments, "--json", expect=expect, **options)[0])

    def inside(self, *arguments, expect=DONE, **environment):
        """As `run_command`, in this process: where it is all about what the command says. Paths have to be absolute."""
        make_importable()
        from odoo_batch.cli.run import run

        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _stream in range(2))
        environment = {name: self.environment[name] for name in self.environment if name.startswith(("ODOO_", "XDG_"))} | environment
        with redirect_stdout(out), redirect_stderr(err), patch.dict(os.environ, environment), ExitStack() as last:
            try:
                code = run(list(map(str, arguments)), last)
            except SystemExit as end:
                code = end.code
        out, err = (stream.buffer.getvalue().decode() for stream in (out, err))
        self.assertEqual(code, expect, f"{arguments}\n{out}\n{err}")
        return out, err

    def inside_answer(self, *arguments, expect=DONE):
        """The object that the command prints with `--json`, in this process."""
        return json.loads(self.inside(*arguments, "--json", expect=expect)[0])

    def file(self, name, *lines):
        """A file in the folder of the command."""
        path = self.folder / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    def states(self):
        """What loads are remembered."""
        return [json.loads(path.read_text()) for path in (self.folder / "state").rglob("*.json")]

    def partners(self, *names):
        """How many partners have each of these names."""
        with self.committed(active_test=False) as env:
            return [env["res.partner"].search_count([("name", "=", name)]) for name in names]

    def jobs(self):
        """The ids of the jobs of the user that this test has made, oldest first."""
        return [job_id for (job_id,) in self.sql("SELECT id FROM batch_job WHERE user_id = %s ORDER BY id", self.user.id)]

    def _end_processes(self):
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()
