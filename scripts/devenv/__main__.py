"""The entry of all scripts next door: `python3 scripts/devenv COMMAND ...`.

It runs twice: with the machine's Python, which checks the arguments and builds the environment, then in that environment.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent
sys.path[0] = str(SCRIPTS)

from devenv import cli, console, venv  # noqa: E402


def main(arguments: list[str]) -> int:
    options = cli.parse(arguments)
    folder = venv.locate(bench=options.command == "bench")
    if Path(sys.prefix).resolve() == folder.resolve():
        return importlib.import_module(cli.MODULES[options.command]).main(options)
    python = folder / "bin" / "python"
    return os.execve(python, [python, Path(__file__).parent, *arguments], {**os.environ, "PYTHONPATH": str(SCRIPTS)})


if __name__ == "__main__":
    console.main(main)
