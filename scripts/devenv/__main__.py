"""The entry of all scripts next door: `python3 scripts/devenv COMMAND ...`.

It runs twice: with the machine's Python, which checks the arguments and builds the environment, then in that environment.
"""

import argparse
import os
import pkgutil
import signal
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from devenv import venv  # noqa: E402
from devenv.base import SCRIPTS, CannotDo, say  # noqa: E402

#: What each command calls.
COMMANDS = {
    "bench": "devenv.bench.main:main",
    "chaos": "devenv.testing:test",
    "demo": "devenv.demo:main",
    "lint": "devenv.lint:main",
    "odoo": "devenv.databases:odoo",
    "release": "devenv.release:main",
    "openapi": "devenv.openapi:main",
    "screenshots": "devenv.screenshots:main",
    "soak": "devenv.testing:test",
    "test": "devenv.testing:test",
    "translations": "devenv.translations:main",
}
#: These hand the arguments they do not know to another program; they are in `rest`, then.
WRAPPERS = {"chaos", "odoo", "screenshots", "soak", "test"}


def main(arguments: list[str]) -> int:
    options = parse(*arguments)
    folder = venv.locate(bench=options.command == "bench")
    if Path(sys.prefix).resolve() == folder.resolve():
        return pkgutil.resolve_name(COMMANDS[options.command])(options)
    python = folder / "bin" / "python"
    return os.execve(python, [python, Path(__file__).parent, *arguments], {**os.environ, "PYTHONPATH": str(SCRIPTS)})


def parse(command: str, *arguments: str) -> argparse.Namespace:
    is_wrapper = command in WRAPPERS
    parser = argparse.ArgumentParser(prog=f"scripts/{command}", add_help=not is_wrapper, allow_abbrev=False)
    parser.set_defaults(command=command)
    add = parser.add_argument
    if command == "demo":
        add("--records", type=_positive, metavar="N", help="so many contacts only (default: all 28,000)")
        add("--port", type=_positive, metavar="P", help="serve on this port (default: 8069 where free)")
        add("--no-run", action="store_true", help="start the servers, submit nothing")
        add("--stop", action="store_true", help="stop the servers and the PostgreSQL of an earlier run")
    elif command in ("test", "chaos", "soak"):
        add("--keep-db", action="store_true")
        add("--minutes", type=float, default=60 if command == "soak" else 5)
    elif command == "odoo":
        add("--db")
    elif command == "lint":
        add("--fix", action="store_true", help="let ruff and eslint mend what they can")
        add("--only", default="", metavar="CHECK", help="just this check")
    elif command == "release":
        add("version", help="19.0.x.y.z")
        add("--no-commit", action="store_true", help="change the files and build the wheel, nothing else")
    elif command == "bench":
        add("--quick", action="store_true", help="two minutes, one round, fewer records, nothing written")
        add("--only", default="", metavar="ROW,...", help="just these rows, nothing written")
        add("--rounds", type=_positive, metavar="N", help="so many rounds (default: 3, with --quick 1)")
    if not is_wrapper:
        return parser.parse_args(arguments)
    options, options.rest = parser.parse_known_args(arguments)
    return options


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
        sys.exit(say(f"cannot go on: {problem}") or 1)
    except KeyboardInterrupt:
        sys.exit(130)
