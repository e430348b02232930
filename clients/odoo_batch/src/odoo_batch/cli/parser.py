"""The arguments of the command."""

from __future__ import annotations

import argparse
import json
import re
import sys
from typing import Any, NoReturn

from .exits import ERROR
from .words import STATES

DESCRIPTION = """\
Load files into Odoo, and follow what becomes of them. The work is done by the server (addon batch_executor):
the command may be killed, the job goes on, and the same command again finds it.

  export ODOO_URL=https://odoo.example.com ODOO_KEY=<your API key>
  odoo-batch load partners.csv --model res.partner --wait
"""
EPILOG = """\
exit codes:
  0  all records succeeded (or: the job is handed over, what was asked is done)
  1  wrong usage, no connection, or an unexpected error
  2  partial: some records failed
  3  failed or cancelled: no record succeeded, or all was rolled back, or the job was cancelled
  4  refused by the server: problems in the file, wrong key, no rights, no such job
  130  left by Ctrl+C

connection:
  --url, --api-key and --db, else the variables ODOO_URL, ODOO_KEY and ODOO_DB, or a file by --config. The API key is
  made in Odoo under My Preferences > Security > Add API Key. Prefer the variable or the file to --api-key:
  arguments can be seen by others on the same machine.
"""
LOAD = """\
Load a file: CSV with column names as in Odoo's own import (id, name, country_id/id, child_ids/name, ...), or JSON
lines (.ndjson, .jsonl) with the values of a record each. `-` reads standard input.

The file is handed over to a job of the server. With --wait the command follows it to its end, says what became of the
records by its exit code, and writes those that failed beside the file, ready to be mended and loaded again.

Interrupted at any moment (Ctrl+C, kill -9, a lost connection), the same command goes on with the same job, and nothing
is stored twice. Once a load is over, the same command is a new load.
"""
LOAD_EXAMPLES = """\
examples:
  odoo-batch load partners.csv --model res.partner --wait
  odoo-batch load prices.csv --model product.template --key default_code --skip-unchanged --quiet
  odoo-batch load partners.csv --model res.partner --dry-run --track-changes --wait    # then: odoo-batch apply JOB
  odoo-batch load export.csv --model res.partner --separator ';' --encoding latin-1 --option max_concurrency=2
  zcat feed.ndjson.gz | odoo-batch load - --model res.partner --key ref --wait
"""
EXPORT_EXAMPLES = """\
examples:
  odoo-batch export 42 > results.csv
  odoo-batch export 42 failures -o failures.xlsx
  odoo-batch export 42 changes -o changes.ndjson
"""
#: Greatest number that the server takes.
MOST = 2**31 - 1
#: The verbs that change a job and return it, with what they do.
VERBS = {
    "retry": "run the failed and cancelled records of a job again",
    "cancel": "cancel a job: what runs finishes, nothing more starts",
    "pause": "pause a job",
    "resume": "resume a job that is paused",
    "undo": "take back what a job with tracked changes has changed: a new job",
    "apply": "run a plan (a finished dry run) for real: a new job",
}


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes end with 1: for `argparse` that is 2, which is a partial success here."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**{"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False, **arguments})

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(ERROR, f"{self.prog}: {message}\n")


def build(version: str) -> Parser:
    """The parser of `odoo-batch` with all its commands."""
    parser = Parser(prog="odoo-batch", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"odoo-batch {version}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    common, waiting, job = _common(), _waiting(), _job()
    _load(commands.add_parser(
        "load", parents=[common, waiting], help="load a CSV or NDJSON file", description=LOAD, epilog=LOAD_EXAMPLES
    ))  # fmt: skip
    commands.add_parser(
        "status", parents=[job, common, waiting], help="how far a job is",
        description="Say how far a job is; with --wait, follow it to its end. The exit code says what became of it.",
    )  # fmt: skip
    jobs = commands.add_parser("jobs", parents=[common], help="list your newest jobs", description="List your newest jobs.")
    jobs.add_argument("--state", choices=STATES, metavar="STATE", help=f"only jobs in this state: {', '.join(STATES)}")
    jobs.add_argument("--limit", type=_count, default=20, metavar="N", help="how many at most (20)")
    failures = commands.add_parser(
        "failures", parents=[job, common], help="the failed records of a job",
        description="List the failed records of a job with their causes, or write them to a file in the columns they were "
        "sent in: mend it there, and load that file.",
    )  # fmt: skip
    _output(failures)
    for verb, text in VERBS.items():
        parents = [job, common, waiting] if verb not in ("pause",) else [job, common]
        commands.add_parser(verb, parents=parents, help=text, description=f"{text[0].upper()}{text[1:]}.")
    export = commands.add_parser(
        "export", parents=[job, common], help="results, failures or changes of a job as a file",
        description="Write what became of each record (results), the failed records (failures) or what was changed "
        "(changes) as a file.", epilog=EXPORT_EXAMPLES,
    )  # fmt: skip
    export.add_argument(
        "what", nargs="?", choices=("results", "failures", "changes"), default="results", help="what to write (results)"
    )
    _output(export)
    return parser


def _common() -> Parser:
    common = Parser(add_help=False)
    group = common.add_argument_group("connection and output")
    group.add_argument("--url", help="address of Odoo (ODOO_URL)")
    group.add_argument("--api-key", metavar="KEY", help="API key (ODOO_KEY)")
    group.add_argument("--db", help="database, where the server has several (ODOO_DB)")
    group.add_argument(
        "-c", "--config", "--connection-file", metavar="FILE",
        help="a file with a section [Connection], as fluvo and odoo-import-export-client have it: connection.conf",
    )  # fmt: skip
    group.add_argument("--json", action="store_true", help="print the answer as JSON, errors as well")
    group.add_argument("--no-progress", action="store_true", help="show no progress")
    group.add_argument(
        "--attempts", type=_count, default=8, metavar="N", help="how often a request is tried while the server does not answer (8)"
    )
    return common


def _waiting() -> Parser:
    waiting = Parser(add_help=False)
    waiting.add_argument(
        "--wait", action=argparse.BooleanOptionalAction, default=False, help="follow the job to its end (--no-wait: hand it over)"
    )
    return waiting


def _job() -> Parser:
    job = Parser(add_help=False)
    job.add_argument("job", metavar="JOB", help="number, uuid or address of a job")
    return job


def _output(parser: Parser) -> None:
    parser.add_argument("-o", "--output", metavar="FILE", help="write to this file: .csv, .ndjson or .xlsx; -: standard output")
    parser.add_argument("--format", choices=("csv", "ndjson", "xlsx"), help="form of the file, where its name does not say it")


def _load(load: Parser) -> None:
    load.add_argument("file", metavar="FILE", help="the file; -: standard input")
    load.add_argument("-m", "--model", required=True, help="technical name of the model: res.partner")
    load.add_argument(
        "--type", choices=("load", "create", "update", "upsert"),
        help="what to do with each record: load as Odoo's import does (CSV), create (NDJSON), upsert (with --key)",
    )  # fmt: skip
    load.add_argument("--key", metavar="FIELD,...", type=_names, help="fields that identify a record: found by them, or created")
    load.add_argument("--quiet", action="store_true", help="no chatter: no notes, followers and tracking of values")
    load.add_argument("--skip-unchanged", action="store_true", help="don't write records that hold all their values already")
    load.add_argument("--track-changes", action="store_true", help="remember what is changed: for changes and undo")
    load.add_argument("--dry-run", action="store_true", help="run everything for real, and roll it back at the end")
    load.add_argument("--max-failures", type=_typed, metavar="N", help="stop after so many failures: 100, or 5%%")
    load.add_argument("--name", help="name of the job in Odoo (that of the file)")
    load.add_argument("--context", type=_context, metavar="JSON", help='Odoo\'s context: \'{"lang": "de_DE"}\'')
    load.add_argument(
        "--option", action="append", type=_option, default=[], metavar="NAME=VALUE",
        help="any other option of a job or of the import: max_concurrency=2, rollback=job, date_format=%%d.%%m.%%Y, ...",
    )  # fmt: skip
    load.add_argument("-s", "--separator", metavar="CHARACTER", help="of a CSV file (found out)")
    load.add_argument("--encoding", help="of the file (UTF-8): latin-1, ...")
    load.add_argument("--failed", metavar="FILE", help="where failed records are written (FILE.failed.csv beside the file)")
    load.add_argument(
        "--request-size", type=_count, metavar="MB", help="most of a file sent by one request (32): for a proxy that allows less"
    )
    load.add_argument("--restart", action="store_true", help="forget an interrupted load of this file, and start a new job")


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"names with commas between them are expected, not {text!r}")
    return names


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"NAME=VALUE is expected, not {text!r}")
    return name.strip(), value  # a text: the client reads it as the server does


def _typed(text: str) -> Any:
    """A number or a truth where the text is one: what `5%` or a name is, stays a text."""
    return json.loads(text) if re.fullmatch(r"true|false|(0|[1-9]\d*)(\.\d+)?", text) else text


def _context(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"no valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("a JSON object is expected")
    return value


def _count(text: str) -> int:
    if not re.fullmatch(r"0*[1-9]\d{0,9}", text, re.ASCII) or int(text) > MOST:
        raise argparse.ArgumentTypeError(f"a number from 1 to {MOST} is expected, not {text!r}")
    return int(text)
