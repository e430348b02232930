"""The verbs of the API: their parameters, and what they answer."""

from dataclasses import dataclass, field
from typing import Any

from .operations.keys import named
from .options import QUEUED_ONLY, READERS
from .values import MAX_INTEGER

#: Most entries in a page; a greater `limit` counts as this.
MAX_LIMIT = 10_000
#: Most seconds that `status` waits for a change; a longer `wait` counts as this. Proxies give up after a minute or so, and a worker is
#: held for as long.
MAX_WAIT_S = 20.0
#: Which operations `result` is asked for, where not for all.
ONLY_FAILED = "failed"

Schema = dict[str, Any]

_OPERATIONS = {"operations": {"type": "array", "items": named("Operation")}}
_OPTIONS = {name: kind.schema for name, kind in READERS.items()}
_OFFSET: Schema = {"type": "integer", "minimum": 0, "maximum": MAX_INTEGER, "description": "Entries to skip; 0 where absent."}
_LIMIT: Schema = {
    "type": "integer",
    "minimum": 1,
    "maximum": MAX_INTEGER,
    "description": f"Most entries to return, {MAX_LIMIT} at most; 1000 where absent.",
}
_PAGE = {"offset": _OFFSET, "limit": _LIMIT}
_WAIT: Schema = {
    "type": "number",
    "minimum": 0,
    "description": f"Seconds to wait for a change of the job, {MAX_WAIT_S:g} at most; 0 where absent.",
}
_ONLY: Schema = {"type": "string", "enum": [ONLY_FAILED], "description": "Only the operations with failures."}
_OUTCOMES: Schema = {"type": "boolean", "description": "Whether to tell what became of each record."}


@dataclass(frozen=True, slots=True)
class Verb:
    """What callers need to know of a verb."""

    summary: str
    #: Each with its JSON Schema; not those that all verbs have.
    parameters: dict[str, Schema] = field(default_factory=dict)
    #: Name of the schema of its answer.
    answer: str = "Status"
    #: Whether it is about one job, which is named by `job_id` or `uuid`.
    on_job: bool = True
    required: tuple[str, ...] = ()


#: A method of `batch.job` each, and a route.
VERBS = {
    "submit": Verb("Store a job; the lanes run it.", _OPERATIONS | _OPTIONS, on_job=False),
    "execute": Verb(
        "Run operations at once, inside the request's own transaction.",
        _OPERATIONS | {name: schema for name, schema in _OPTIONS.items() if name not in QUEUED_ONLY},
        "Executed",
        on_job=False,
        required=("operations",),
    ),
    "append": Verb("Add operations to a draft.", _OPERATIONS, required=("operations",)),
    "start": Verb("Queue a draft."),
    "status": Verb("The state and the progress of a job.", {"wait": _WAIT}),
    "result": Verb(
        "The status, and the result of each operation, a page at a time.", {**_PAGE, "only": _ONLY, "outcomes": _OUTCOMES}, "Result"
    ),
    "failures": Verb("The failures of a job that stand, a page at a time.", _PAGE, "Failures"),
    "warnings": Verb("What Odoo has said of records without raising, a page at a time.", _PAGE, "Warnings"),
    "changes": Verb("What a job with `track_changes` has changed, a page at a time.", _PAGE, "Changes"),
    "cancel": Verb("Start no further chunk; what has not run is cancelled."),
    "pause": Verb("Start no further chunk until `resume`."),
    "resume": Verb("Continue a paused job."),
    "run_now": Verb("Start a job that waits for its `run_at`."),
    "retry": Verb("Run the failed and cancelled records of a finished job again."),
    "apply": Verb("Run a finished dry run for real, as a new job."),
    "undo": Verb("Take back what a finished job with `track_changes` has changed, as a new job."),
}
