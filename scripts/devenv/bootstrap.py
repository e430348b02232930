"""Set everything up, or steer the PostgreSQL server alone."""

from __future__ import annotations

import argparse

from . import chromium, databases, environment, paths, postgres
from .console import say


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/bootstrap", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    server = commands.add_parser("pg", help="steer the PostgreSQL server")
    server.add_argument("action", choices=["start", "stop", "status", "restart-immediate"])
    options = parser.parse_args(arguments)
    return _postgres(options.action) if options.command == "pg" else _everything()


def _everything() -> int:
    env = environment.prepare()
    chromium.ensure()
    databases.demo(env)
    say("everything is there: scripts/demo, scripts/test, scripts/lint, scripts/odoo")
    return 0


def _postgres(action: str) -> int:
    paths.prepare()
    if action == "start":
        postgres.start()
    elif action == "stop":
        postgres.stop()
    elif action == "restart-immediate":
        postgres.restart_immediate()
    elif not postgres.is_running():
        say("PostgreSQL is down")
        return 1
    else:
        say("PostgreSQL is up")
    return 0
