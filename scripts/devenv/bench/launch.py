"""Set up what the benchmark needs, then run it in the Python environment of Odoo and of its peers."""

from __future__ import annotations

import os

from .. import environment
from . import options, overlay


def main(arguments: list[str]) -> int:
    options.parse(arguments)  # a mistake is told before anything is set up
    env = overlay.put_over(environment.prepare())
    os.execve(env.python, [env.python, "-m", "devenv.bench", *arguments], {**os.environ, **env.variables})
