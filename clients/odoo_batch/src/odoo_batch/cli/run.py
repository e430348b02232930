"""One run of the command: from arguments to an exit code. Whatever goes wrong is said here."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from typing import Any

import httpx

from .._sync.client import Client
from .._version import __version__
from ..config import find_config, read_config
from ..errors import AccessDenied, BatchError, ConnectionFailed, NotFound, Refused
from ..progress import Silence, on_stderr
from . import exits, jobs, words
from .errors import UsageError
from .load import load
from .parser import VERBS, build
from .session import Session, as_json, even_unread

COMMANDS = {
    "load": load,
    "status": jobs.status,
    "jobs": jobs.jobs,
    "failures": jobs.failures,
    "export": jobs.export,
    **dict.fromkeys(VERBS, jobs.change),
}


def run(argv: Sequence[str], last: ExitStack) -> int:
    """Run the command with these arguments.

    :param last: gets what is to be done in the last moment of the process
    :returns: the exit code
    :raises SystemExit: the arguments are wrong, or ask for help
    """
    arguments = build(__version__).parse_args(argv)
    progress = Silence() if arguments.no_progress else on_stderr()
    _hear(progress)
    try:
        with closing(progress), _client(arguments) as client:
            return COMMANDS[arguments.command](Session(client, arguments, progress, last))
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except (BatchError, UsageError, OSError, ValueError, httpx.HTTPError, httpx.InvalidURL) as error:
        return _said(error, arguments)


def _client(arguments: argparse.Namespace) -> Client:
    """The client of the server that the arguments, the file or the environment name; the arguments win."""
    url, key, db = arguments.url, arguments.api_key, arguments.db
    if arguments.config:
        config = read_config(arguments.config)
        url, key, db = url or config.url, key or config.key, db or config.db
        # what the file does not say is not taken from the environment: that may be about another server
        return Client.from_config(find_config(url, key, db, environ={}), attempts=arguments.attempts)
    return Client(url, key, db, attempts=arguments.attempts)


def _hear(progress: Silence) -> None:
    """Note what the client logs: that the server does not answer, and that it tries again."""
    handler = logging.Handler()
    handler.emit = lambda record: progress.note(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("odoo_batch")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _said(error: Exception, arguments: argparse.Namespace) -> int:
    """Say what went wrong; returns the exit code."""
    found = error.problems if isinstance(error, Refused) else []
    if arguments.json:
        told: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
        with even_unread():
            print(as_json({"error": {**told, **({"problems": found} if found else {})}}), flush=True)
    else:
        print("\n".join(_lines(error, found, arguments)), file=sys.stderr)
    return exits.REFUSED if isinstance(error, (Refused, AccessDenied, NotFound)) else exits.ERROR


def _lines(error: Exception, found: Sequence[dict[str, Any]], arguments: argparse.Namespace) -> Iterator[str]:
    # the message of a refusal lists its problems, for those who see nothing else
    text = str(error) or type(error).__name__
    yield f"odoo-batch: {text.splitlines()[0] if found else text}"
    yield from words.problems(found)
    if isinstance(error, ConnectionFailed) and arguments.command == "load":
        yield "The same command goes on where it was."
    if isinstance(error, AccessDenied) and "apikey" in str(error):  # Odoo's own message
        yield "An API key is made in Odoo: My Preferences / Security / Add API Key."
        if arguments.config and not arguments.api_key:
            yield f"In {arguments.config} it is the password: Odoo takes it in the place of one, so other programs go on working."
