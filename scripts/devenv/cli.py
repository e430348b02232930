"""The command lines of all scripts; needs nothing but Python, so that a mistake is told before anything is set up."""

from __future__ import annotations

import argparse

#: The module of each command.
MODULES = {
    "bench": "devenv.bench.main",
    "chaos": "devenv.testing",
    "demo": "devenv.demo",
    "lint": "devenv.linting",
    "odoo": "devenv.odoo_bin",
    "test": "devenv.testing",
}
#: These hand the arguments they do not know to another program; they are in `rest`, then.
WRAPPERS = {"chaos", "odoo", "test"}


def parse(arguments: list[str]) -> argparse.Namespace:
    command, *arguments = arguments
    is_wrapper = command in WRAPPERS
    parser = argparse.ArgumentParser(prog=f"scripts/{command}", add_help=not is_wrapper, allow_abbrev=False)
    parser.set_defaults(command=command)
    _add_options(command, parser.add_argument)
    options, rest = parser.parse_known_args(arguments)
    if rest and not is_wrapper:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return argparse.Namespace(**vars(options), rest=rest)


def _add_options(command: str, add) -> None:
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
        add("--fix", action="store_true", help="let ruff mend what it can")
    elif command == "bench":
        add("--quick", action="store_true", help="two minutes, fewer records, nothing written")
        add("--rounds", type=_positive, metavar="N", help="rounds (default 3, with --quick 1)")
        add("--only", default="", metavar="ROW,...", help="just these rows, nothing written")
        add("--no-write", action="store_true", help="print the table, leave docs/ alone")


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above zero")
    return int(text)
