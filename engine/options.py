"""The options of a submission: defaults and allowed values."""

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from .failure_limit import read_share
from .problems import Problems
from .reader import absent, is_name
from .settings import bounds
from .values import MAX_INTEGER

ROLLBACK_RECORD, ROLLBACK_CHUNK, ROLLBACK_JOB = "record", "chunk", "job"
ROLLBACKS = (ROLLBACK_RECORD, ROLLBACK_CHUNK, ROLLBACK_JOB)
#: Options refused by `execute`: a job in the caller's own transaction can't wait, be found again or call back.
QUEUED_ONLY = ("draft", "run_at", "idempotency_key", "on_complete", "notify")
#: Of which ends of a job people are told: of all, of those with failures, or of none.
ALWAYS, FAILURES, NEVER = "always", "failures", "never"
NOTIFY = (ALWAYS, FAILURES, NEVER)

#: What `quiet` adds to the context, where the caller does not set it.
QUIET_CONTEXT = dict.fromkeys(
    (
        "tracking_disable",
        "mail_create_nolog",
        "mail_create_nosubscribe",
        "mail_notrack",
        "mail_activity_automation_skip",
    ),
    True,
)


@dataclass(slots=True)
class Options:
    """How a job runs; names and units as in the API (`timeout` in seconds, `run_at` naive in UTC)."""

    name: str | None = None
    max_chunk_size: int = 0
    max_concurrency: int = 5
    timeout: float | None = None
    retry_attempts: int = 3
    rollback: str = ROLLBACK_RECORD
    max_failures: int | None = None
    max_failures_share: float | None = None  # percentage: `max_failures` was given as a share
    dry_run: bool = False
    strict: bool = False
    quiet: bool = False
    track_changes: bool = False
    skip_unchanged: bool = False
    priority: int = 0
    run_at: datetime | None = None
    idempotency_key: str | None = None
    draft: bool = False
    on_complete: Any = None
    notify: str | None = None

    @property
    def is_atomic(self) -> bool:
        """Whether the whole job runs in one transaction."""
        return self.dry_run or self.rollback == ROLLBACK_JOB


def parse_options(raw: dict, defaults: dict, problems: Problems, *, inline: bool = False) -> Options:
    """Check the options of `submit`, or, with `inline`, of `execute`.

    :param raw: the options as the caller sent them
    :param defaults: values of options that were not given
    :param problems: invalid options are added to it and keep their default; nothing is raised
    """
    options = Options(**defaults)
    for name, value in raw.items():
        reader = READERS.get(name)
        if reader is None:
            problems.add(f"unknown option {name!r}", key=str(name))
        elif absent(value):
            continue
        elif inline and name in QUEUED_ONLY:
            problems.add(f"option {name!r} needs a queued job: use submit", key=name)
        else:
            try:
                setattr(options, name, reader(value))
            except ValueError as error:
                problems.add(str(error), key=name)
    if isinstance(options.max_failures, float):
        options.max_failures_share, options.max_failures = options.max_failures or None, None if options.max_failures else 0
    return options


def _integer(low: int, high: int = MAX_INTEGER):
    def read(value):
        if value.__class__ is not int or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return read


def _failures(value):
    """A number of records, or a percentage as a float."""
    share = read_share(value) if isinstance(value, str) else None
    if share is not None:
        return share
    if value.__class__ is not int or not 0 <= value <= MAX_INTEGER:
        raise ValueError(f'must be a whole number from 0 to {MAX_INTEGER}, or a share from "0%" to "100%"')
    return value


def _seconds(value):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 86_400:
        raise ValueError("must be a number of seconds above 0, at most 86400")
    return float(value)


def _boolean(value):
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _text(limit: int):
    def read(value):
        if not is_name(value) or len(value) > limit:
            raise ValueError(f"must be a text of 1 to {limit} characters")
        return value

    return read


def _one_of(values: tuple):
    def read(value):
        if value not in values:
            raise ValueError(f"must be one of {', '.join(values)}")
        return value

    return read


def _instant(value):
    """A datetime or ISO-8601 text (UTC where it has no zone) as a naive UTC datetime, as Odoo stores them."""
    if not isinstance(value, datetime):
        if not isinstance(value, str):
            raise ValueError("must be an ISO-8601 date and time, as 2030-01-31T06:00:00Z")
        try:
            value = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
        except ValueError:
            raise ValueError("must be an ISO-8601 date and time, as 2030-01-31T06:00:00Z") from None
    if value.tzinfo is not None:
        try:
            value = value.astimezone(timezone.utc).replace(tzinfo=None)
        except OverflowError:
            raise ValueError("is out of range") from None
    return value.replace(microsecond=0)


def _action(value):
    if value.__class__ is int and value > 0:
        return value
    if is_name(value) and value.count(".") == 1:
        return value
    raise ValueError("must be the id or the external id (module.name) of a server action")


READERS = {
    "name": _text(256),
    "max_chunk_size": _integer(*bounds("max_chunk_size")),
    "max_concurrency": _integer(*bounds("max_concurrency")),
    "timeout": _seconds,
    "retry_attempts": _integer(*bounds("retry_attempts")),
    "rollback": _one_of(ROLLBACKS),
    "max_failures": _failures,
    "dry_run": _boolean,
    "strict": _boolean,
    "quiet": _boolean,
    "track_changes": _boolean,
    "skip_unchanged": _boolean,
    "priority": _integer(-MAX_INTEGER),
    "run_at": _instant,
    "idempotency_key": _text(256),
    "draft": _boolean,
    "on_complete": _action,
    "notify": _one_of(NOTIFY),
}
