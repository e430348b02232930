"""Errors of the command itself; what the server says are the errors of the client."""

from __future__ import annotations


class UsageError(Exception):
    """What was asked for can't be done as it was asked; nothing was sent."""


class Changed(UsageError):
    """The file has changed since its digest was made."""
