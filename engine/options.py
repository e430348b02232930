"""The options of a submission: defaults and allowed values."""

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from .failure_limit import SHARE, read_share
from .kinds import Kind, boolean, integer, one_of, server_action, text
from .problems import Problems
from .reader import absent
from .settings import SETTINGS, bounds
from .values import MAX_INTEGER

ROLLBACK_RECORD, ROLLBACK_CHUNK, ROLLBACK_JOB = "record", "chunk", "job"
ROLLBACKS = (ROLLBACK_RECORD, ROLLBACK_CHUNK, ROLLBACK_JOB)
#: Options refused by `execute`: a job in the caller's own transaction can't wait, be found again or call back.
QUEUED_ONLY = ("draft", "run_at", "idempotency_key", "on_complete", "notify", "limit", "webhook")
#: Of which ends of a job people are told: of all, of those with failures, or of none.
ALWAYS, FAILURES, NEVER = "always", "failures", "never"
NOTIFY = (ALWAYS, FAILURES, NEVER)
#: Greatest `timeout`: a day.
MAX_TIMEOUT_S = 86_400

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
    limit: str | None = None
    limit_id: int | None = None  # of the limit with that name, once it is found
    webhook: str | None = None
    webhook_id: int | None = None  # of the webhook with that name, once it is found

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
                setattr(options, name, reader.read(value))
            except ValueError as error:
                problems.add(str(error), key=name)
    if isinstance(options.max_failures, float):
        options.max_failures_share, options.max_failures = options.max_failures or None, None if options.max_failures else 0
    return options


def _failures(value):
    """A number of records, or a percentage as a float."""
    share = read_share(value) if isinstance(value, str) else None
    if share is not None:
        return share
    if value.__class__ is not int or not 0 <= value <= MAX_INTEGER:
        raise ValueError(f'must be a whole number from 0 to {MAX_INTEGER}, or a share from "0%" to "100%"')
    return value


def _seconds(value):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= MAX_TIMEOUT_S:
        raise ValueError(f"must be a number of seconds above 0, at most {MAX_TIMEOUT_S}")
    return float(value)


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


def _like_setting(name, description):
    """An option with the bounds and the default of the setting of its name."""
    return integer(*bounds(name), f"{description} The default is a setting: {SETTINGS[name]}.")


#: What each option accepts; the words are those of the description that machines read.
READERS = {
    "name": text(256, "Shown in the backend. Made up where absent."),
    "max_chunk_size": _like_setting("max_chunk_size", "Most records in one chunk; 0: the server chooses, chunk by chunk."),
    "max_concurrency": _like_setting(
        "max_concurrency", "Most chunks of this job in flight at once; 1 runs everything strictly in order."
    ),
    "timeout": Kind(
        _seconds,
        {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": MAX_TIMEOUT_S,
            "description": "Seconds that one attempt at one chunk may take. No limit where absent.",
        },
    ),
    "retry_attempts": _like_setting("retry_attempts", "Further attempts at a chunk after a transient failure."),
    "rollback": one_of(ROLLBACKS, "What a failing record undoes: just itself (the default), its chunk, or the whole job."),
    "max_failures": Kind(
        _failures,
        {
            "type": ["integer", "string"],
            "minimum": 0,
            "maximum": MAX_INTEGER,
            "pattern": SHARE,
            "description": "Once more records than this have failed, nothing more starts: a number, or a share of the job's records "
            'like "5%". No limit where absent.',
        },
    ),
    "dry_run": boolean("Run everything in one transaction, report it, undo it."),
    "strict": boolean("What Odoo warns of without raising is a failure of that record."),
    "quiet": boolean("No chatter: no notes about new and changed records, no followers."),
    "track_changes": boolean("Remember of each record what it was before, and what it was afterwards."),
    "skip_unchanged": boolean("Update, upsert, load: a record that already holds every value sent is not written."),
    "priority": integer(-MAX_INTEGER, description="Higher jobs first; 0 where absent."),
    "run_at": Kind(
        _instant,
        {
            "type": "string",
            "format": "date-time",
            "description": "ISO-8601, in UTC where it has no zone; the job waits until then.",
        },
    ),
    "idempotency_key": text(
        256, "The same key from the same user again gives the first job, with `duplicate` true, and nothing new is stored."
    ),
    "draft": boolean("Keep the job open for `append`, until `start`."),
    "on_complete": server_action("Server action on `batch.job` (its id, or its external id), run once when the job is final."),
    "webhook": text(256, "Name of a webhook that managers have made for jobs of this company, or of all companies: where the status is POSTed to when the job is final."),
    "notify": one_of(NOTIFY, "Of which end of the job the submitter is told. The submitter's preference where absent."),
    "limit": text(256, "Name of a limit that managers have made: how much of it may run at once, or in a second, together with other jobs."),
}
