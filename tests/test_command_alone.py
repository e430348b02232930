"""What `odoo-batch` does without a server: with its file, its memory, its streams, and what it is told."""

import errno
import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from io import BytesIO, StringIO
from pathlib import Path, PureWindowsPath
from unittest.mock import patch

from odoo.tests.common import BaseCase, tagged

from ..engine.options import READERS
from .client_package import SOURCES, make_importable
from .command_case import ERROR
from .extras import needs


class AloneCase(BaseCase):
    def setUp(self):
        super().setUp()
        make_importable()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.environment = {
            "ODOO_URL": "http://127.0.0.1:1", "ODOO_KEY": "key", "ODOO_DB": "", "XDG_STATE_HOME": str(self.folder / "state")
        }  # fmt: skip
        self.enterContext(patch.dict(os.environ, self.environment))

    def said(self, *arguments):
        """What the command says when it ends with 1."""
        from odoo_batch.cli.run import run

        with patch("sys.stdout", StringIO()), patch("sys.stderr", StringIO()) as err, ExitStack() as last:
            self.assertEqual(run([*map(str, arguments), "--attempts", "1"], last), ERROR)
            return err.getvalue()


@tagged("post_install", "-at_install")
@needs("httpx")
class TestStreams(AloneCase):
    def test_what_is_printed_last_is_not_lost(self):
        done = subprocess.run(
            [sys.executable, "-m", "odoo_batch.cli", "jobs", "--json", "--url", "nowhere"], capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": str(SOURCES), "PYTHONUNBUFFERED": ""},
        )  # fmt: skip
        self.assertEqual([done.returncode, done.stderr], [ERROR, ""])
        self.assertIn('"type": "ConfigError"', done.stdout)

    def test_a_console_that_lacks_most_signs(self):
        """As on Windows, whose consoles and pipes are in the code page of the country."""
        name = "\u00dcbersicht \u4e2d \U0001f600.csv"
        environment = {**os.environ, "PYTHONPATH": str(SOURCES), "PYTHONIOENCODING": "cp1252", "LC_ALL": "C.UTF-8"}
        for options in (), ("--json",):
            done = subprocess.run(
                [sys.executable, "-m", "odoo_batch.cli", "load", name, "--model", "res.partner", *options], capture_output=True,
                cwd=self.folder, env=environment,
            )  # fmt: skip
            out, err = done.stdout.decode("cp1252"), done.stderr.decode("cp1252")
            self.assertEqual(done.returncode, ERROR, err)
            if options:
                self.assertIn(f"{name} can't be read", json.loads(out)["error"]["message"])
                self.assertEqual(err, "")
            else:
                self.assertIn("\u00dcbersicht \\u4e2d \\U0001f600.csv can't be read", err)

    def test_a_reader_that_is_gone(self):
        from odoo_batch.cli.session import even_unread

        invalid = OSError(errno.EINVAL, "Invalid argument")
        for platform, error, is_raised in (
            ("linux", BrokenPipeError(errno.EPIPE, "Broken pipe"), False),
            ("win32", invalid, False),
            ("linux", invalid, True),
            ("win32", OSError(errno.ENOSPC, "No space left on device"), True),
        ):
            with self.subTest(platform=platform, error=error), ExitStack() as stack:
                stdout = stack.enter_context((self.folder / "stdout").open("w"))
                stack.enter_context(patch("sys.stdout", stdout))
                stack.enter_context(patch("sys.platform", platform))
                if is_raised:
                    stack.enter_context(self.assertRaises(OSError))
                with even_unread():
                    raise error

    def test_what_goes_wrong_is_said_in_a_line(self):
        file = self.folder / "some.csv"
        file.write_text("name\nSomebody\n")
        load = "load", file, "--model", "res.partner"
        for arguments, said in (
            ((*load, "--context", '{"number": NaN}'), "JSON"),
            ((*load, "--separator", ","), "can't be reached"),
            (("jobs", "--url", "http://a\x7fb"), "no address of a server"),
            (("load", "some\0.csv", "--model", "res.partner"), "can't be read"),
            (("load", self.folder, "--model", "res.partner"), "can't be read: Is a directory"),
            ((*load, "--option", "context={}"), "there is --context"),
        ):
            with self.subTest(said=said):
                lines = self.said(*arguments).splitlines()
                self.assertIn(said, "".join(lines))
                self.assertTrue(lines[-1].startswith(("odoo-batch: ", "The same command")), lines)


@tagged("post_install", "-at_install")
@needs("httpx")
class TestSecrets(AloneCase):
    def test_a_key_is_not_shown(self):
        from odoo_batch.config import find_config

        config = find_config("https://odoo.example.com", "geheim")
        self.assertNotIn("geheim", repr(config))
        self.assertEqual(config.key, "geheim")

    def test_a_password_in_an_address_is_neither_taken_nor_shown(self):
        for url in ("https://someone:geheim@odoo.example.com", "someone:geheim@odoo.example.com"):
            said = self.said("jobs", "--url", url)
            self.assertIn("leave that out", said)
            self.assertNotIn("geheim", said)

    def test_the_memory_of_a_load_is_its_owners(self):
        from odoo_batch.cli.state import State

        (self.folder / "state" / "odoo-batch").mkdir(parents=True)  # somebody else made it, for all to see
        before = os.umask(0)
        try:
            with State({"file": "some.csv"}) as state:
                state.begin("digest", 1)
                modes = {file.suffix: oct(file.stat().st_mode & 0o777) for file in (self.folder / "state" / "odoo-batch").iterdir()}
        finally:
            os.umask(before)
        self.assertEqual(modes, {".json": "0o600", ".lock": "0o600"})


@tagged("post_install", "-at_install")
@needs("httpx")
class TestState(AloneCase):
    def test_the_lock_is_held_until_the_end(self):
        from odoo_batch.cli.errors import UsageError
        from odoo_batch.cli.state import State

        identity = {"file": "some.csv"}
        with State(identity) as first:
            for _load in range(2):  # forgotten as by --restart, or a file that has changed
                first.begin("digest", 1)
                first.forget()
                with self.assertRaisesRegex(UsageError, "running already"):
                    State(identity).__enter__()
        self.assertEqual(list((self.folder / "state" / "odoo-batch").iterdir()), [])
        with State(identity) as second:
            self.assertIsNone(second.digest)


@tagged("post_install", "-at_install")
@needs("httpx")
class TestSource(AloneCase):
    def test_a_pipe_is_read_once(self):
        from odoo_batch.cli.source import Source

        content = b'{"name": "Somebody"}\n' * 10_000
        named = self.folder / "feed.csv"
        os.mkfifo(named)
        for name in (str(named), "/dev/fd/{}"):
            with self.subTest(name=name), ExitStack() as stack:
                if name != str(named):
                    reader, writer = os.pipe()
                    stack.callback(os.close, reader)
                    name, target = name.format(reader), writer
                else:
                    target = named
                thread = threading.Thread(target=_write, args=(target, content))
                thread.start()
                source = stack.enter_context(Source(name))
                thread.join()
                self.assertEqual([source.content().read() for _time in range(2)], [content] * 2)
                self.assertEqual(source.identity, f"-{source.digest}")
                expected = ("feed.csv", self.folder / "feed.failed.csv") if target == named else ("standard input", Path("stdin.failed.ndjson"))
                self.assertEqual((source.name, source.failed), expected)

    def test_names_of_files_on_windows(self):
        from odoo_batch.cli.files import kind_of, old_of
        from odoo_batch.cli.source import failed_of
        from odoo_batch.files import CSV, NDJSON, Source

        for name, failed, old, kind in (
            (r"C:\Exports 2024\Partners v1.2.CSV", r"C:\Exports 2024\Partners v1.2.failed.csv", r"C:\Exports 2024\Partners v1.2.old.CSV", "csv"),
            (r"\\server\share\a.b\feed.jsonl", r"\\server\share\a.b\feed.failed.ndjson", r"\\server\share\a.b\feed.old.jsonl", "ndjson"),
            ("C:feed.csv", "C:feed.failed.csv", "C:feed.old.csv", "csv"),
            ("../other/feed.xlsx", r"..\other\feed.failed.xlsx", r"..\other\feed.old.xlsx", "xlsx"),
        ):
            path = PureWindowsPath(name)
            with self.subTest(name=name), patch("odoo_batch.cli.files.Path", PureWindowsPath), patch("odoo_batch.files.Path", PureWindowsPath):
                self.assertEqual(kind_of(name), kind)
                self.assertEqual([str(failed_of(path, kind)), str(old_of(path))], [failed, old])
                file = BytesIO(b"")
                file.name = name
                source = Source(file)
                self.assertEqual((source.name, source.media_type), (path.name, NDJSON if kind == "ndjson" else CSV))

    def test_a_file_that_changes_is_not_given_away(self):
        from odoo_batch.cli.errors import Changed
        from odoo_batch.cli.source import Source

        file = self.folder / "some.csv"
        file.write_text("name\nSomebody\n")
        with Source(str(file)) as source:
            self.assertEqual(source.content().read(4), b"name")
            other = self.folder / "other.csv"
            other.write_text("name\nSomebody else\n")
            other.replace(file)
            self.assertEqual(source.content().read(), b"name\nSomebody\n", "it is that of the digest still")
        with Source(str(file)) as source:
            with file.open("a") as again:
                again.write("One more\n")
            with self.assertRaisesRegex(Changed, "some.csv has changed"):
                source.content().read(4)


@tagged("post_install", "-at_install")
@needs("httpx")
class TestWords(AloneCase):
    def test_why_a_job_waits(self):
        from odoo_batch.cli.words import summary

        stats = {"failed_records": 0, "records_per_second": 0.0}
        status = {"job_id": 41, "state": "running", "completed": 0, "total": 2, "percentage": 0.0, "stats": stats, "eta": False}
        for waiting in ({}, {"waiting": False}, {"waiting": "The limit shop is used up."}):
            lines = list(summary({**status, **waiting}))
            self.assertEqual(lines, ["Job 41 running: 0 of 2 records (0 %).", *filter(None, waiting.values())])


@tagged("post_install", "-at_install")
@needs("httpx")
class TestOptions(AloneCase):
    def test_options_mean_the_same_for_small_and_large_files(self):
        from odoo_batch import wire
        from odoo_batch.cli.handover import RESERVED
        from odoo_batch.cli.parser import _option

        for name, kind in READERS.items():
            for text in ("2024", "true") if name not in RESERVED else ():
                with self.subTest(option=name, text=text):
                    given = dict([_option(f"{name}={text}")])
                    self.assertEqual(wire.query(given), {name: text}, "in one request, as part of its address")
                    self.assertEqual(wire.typed(given), {name: kind.typed(text)}, "in several, as JSON")


def _write(target, content):
    with open(target, "wb") as file:
        file.write(content)
