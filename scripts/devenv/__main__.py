"""The entry of all scripts next door: `python3 scripts/devenv COMMAND ...`.

It runs twice: with the machine's Python, which checks the arguments and builds the environment, then in that environment.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent
sys.path[0] = str(SCRIPTS)

from devenv import venv  # noqa: E402
from devenv.console import CannotDo, say  # noqa: E402

#: The module of each command, and the function in it.
COMMANDS = {
    "bench": ("bench.main", "main"),
    "chaos": ("testing", "chaos"),
    "demo": ("demo", "main"),
    "lint": ("lint", "main"),
    "odoo": ("odoo_bin", "main"),
    "test": ("testing", "test"),
}
#: These hand the arguments they do not know to another program; they are in `rest`, then.
WRAPPERS = {"chaos", "odoo", "test"}


def main(arguments: list[str]) -> int:
    options = parse(*arguments)
    folder = venv.locate(bench=options.command == "bench")
    if Path(sys.prefix).resolve() == folder.resolve():
        module, function = COMMANDS[options.command]
        return getattr(importlib.import_module(f"devenv.{module}"), function)(options)
    python = folder / "bin" / "python"
    return os.execve(python, [python, Path(__file__).parent, *arguments], {**os.environ, "PYTHONPATH": str(SCRIPTS)})


def parse(command: str, *arguments: str) -> argparse.Namespace:
    is_wrapper = command in WRAPPERS
    parser = argparse.ArgumentParser(prog=f"scripts/{command}", add_help=not is_wrapper, allow_abbrev=False)
    add = parser.add_argument
    if command == "demo":
        add("--records", type=_positive, metavar="N", help="so many contacts only (default: all 28,000)")
        add("--port", type=_positive, metavar="P", help="serve on this port (default: 8069 where free)")
        add("--no-run", action="store_true", help="start the servers, submit nothing")
        add("--stop", action="store_true", help="stop the servers and the PostgreSQL of an earlier run")
    elif command in ("test", "chaos"):
        add("--keep-db", action="store_true")
        add("--minutes", type=float, default=5)
    elif command == "odoo":
        add("--db")
    elif command == "lint":
        add("--fix", action="store_true", help="let ruff and eslint mend what they can")
    elif command == "bench":
        add("--quick", action="store_true", help="two minutes, fewer records, nothing written")
        add("--rounds", type=_positive, metavar="N", help="rounds (default 3, with --quick 1)")
        add("--only", default="", metavar="ROW,...", help="just these rows, nothing written")
        add("--no-write", action="store_true", help="print the table, leave docs/ alone")
    options, rest = parser.parse_known_args(arguments)
    if rest and not is_wrapper:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return argparse.Namespace(**vars(options), command=command, rest=rest)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above zero")
    return int(text)


if __name__ == "__main__":
    # Leave through the `finally` clauses, which drop what was made for this run.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        sys.exit(main(sys.argv[1:]))
    except CannotDo as problem:
        say(f"cannot go on: {problem}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
