"""Run any Odoo command against the developer's database."""

from __future__ import annotations

import os

from . import databases, environment
from .console import CannotDo


def main(arguments: list[str]) -> int:
    env = environment.prepare()
    if arguments[:1] == ["--db"]:
        if len(arguments) < 2:
            raise CannotDo("--db needs the name of a database")
        name, arguments = arguments[1], arguments[2:]
    else:
        name = databases.demo(env)
    # Configuration and database go by environment, so that every command of Odoo
    # can be passed through unchanged, whatever options it knows.
    variables = {**os.environ, **env.variables, "PGDATABASE": name}
    os.execve(env.python, [*env.odoo, *arguments], variables)
