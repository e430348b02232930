"""The answers of the API as JSON Schemas: what `engine/report.py` and its like build."""

from typing import Any

from . import change, states
from .effects import EFFECT_COLUMNS, EFFECTS
from .operation import CALL
from .operations import TYPES
from .operations.keys import named
from .outcome import ACTION_RETURNED, IMPORT_WARNING
from .progress import COUNTERS

Schema = dict[str, Any]

_FALSE: Schema = {"const": False}
_TEXT: Schema = {"type": "string"}
_BOOLEAN: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {"type": "number", "minimum": 0}
ID: Schema = {"type": "integer", "minimum": 1}
_INSTANT: Schema = {"type": "string", "format": "date-time"}
_ANY_VALUES: Schema = {"type": "object", "additionalProperties": True}


def one_of(*texts: str) -> Schema:
    """One of some texts."""
    return {"type": "string", "enum": list(texts)}


def or_false(schema: Schema) -> Schema:
    """A value, or false where it is absent."""
    return {"anyOf": [schema, _FALSE]}


def list_of(items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": items}


def object_of(properties: dict[str, Schema], optional: dict[str, Schema] | None = None, description: str = "") -> Schema:
    """An object that has these keys, and may have the optional ones."""
    schema: Schema = {"type": "object", "properties": properties | (optional or {}), "required": list(properties)}
    return {**schema, "description": description} if description else schema


def _status(**of_job: Schema) -> dict[str, Schema]:
    """The keys of a status.

    :param of_job: the keys that only a stored job has a value for
    """
    return {
        "state": one_of(*states.JOB_STATES),
        "completed": _COUNT,
        "total": _COUNT,
        "percentage": {"type": "number", "minimum": 0, "maximum": 100},
        "stats": named("Stats"),
        "duration": {**_NUMBER, "description": "Seconds that the job was worked on."},
        "eta": or_false(_INSTANT),
        "created_at": _INSTANT,
        "started_at": or_false(_INSTANT),
        "finished_at": or_false(_INSTANT),
        "error": or_false(_TEXT),
        "duplicate": {**_BOOLEAN, "description": "An earlier submission with this `idempotency_key` has stored the job."},
        **of_job,
    }


def _entry(name: str) -> Schema:
    """An operation of one type in a result."""
    kind = TYPES[name]
    effects = dict.fromkeys(EFFECT_COLUMNS, _COUNT) if kind.has_effects else {}
    result: Schema = _BOOLEAN
    if kind.produces_ids:
        result = {
            "anyOf": [list_of(or_false(ID)), _BOOLEAN],
            "description": "Ids aligned with `data`, false where there is none; with `return_ids` false, whether all have succeeded.",
        }
    elif name == CALL:
        result = {"description": "What the method returned, if it was called once; else whether all records have succeeded."}
    outcomes = {"outcomes": list_of({"enum": [*EFFECTS, False]})} if kind.has_effects else {}
    return object_of(
        {
            "operation_id": _TEXT,
            "operation_type": {"type": "string", "const": name},
            "model": _TEXT,
            "state": one_of(*states.OPERATION_STATES),
            "success": {**_BOOLEAN, "description": "Every record has succeeded."},
            "record_count": _COUNT,
            "processed_records": _COUNT,
            "failed_records": _COUNT,
            **effects,
            "result": result,
            "error": or_false(_TEXT),
            "failures": list_of(named("RecordFailure")),
            "warning_count": _COUNT,
            "warnings": list_of(named("RecordWarning")),
            "duration": _NUMBER,
        },
        outcomes,
    )


def entry_name(operation_type: str) -> str:
    """The name of the schema of an entry of this type."""
    return f"{operation_type.capitalize()}Entry"


def _page(key: str, entry: str) -> Schema:
    """A page of entries."""
    return object_of({key: list_of(named(entry)), "total": _COUNT, "next_offset": named("NextOffset")})


def _result(description: str) -> dict[str, Schema]:
    return {"results": {**list_of(named("Entry")), "description": description}, "next_offset": named("NextOffset")}


_FAILURE = {
    "index": {**_COUNT, "description": "The record's place in `data`."},
    "record_id": or_false(ID),
    "error_type": _TEXT,
    "error": _TEXT,
    "attempts": _COUNT,
}
_WARNING = {
    "index": {**_COUNT, "description": "The record's place in `data`."},
    "record_id": or_false(ID),
    "warning_type": one_of(ACTION_RETURNED, IMPORT_WARNING),
    "message": _TEXT,
}
_ROW = {"row": {"type": "integer", "minimum": 1, "description": "The number of its row in the file it comes from."}}
_OF_OPERATION = {"operation_id": _TEXT}
_STORED = _status(
    job_id=ID,
    uuid={"type": "string", "format": "uuid"},
    name=_TEXT,
    waiting={**or_false(_TEXT), "description": "Why it waits, where its limit is used up; in the language of the caller."},
    url={**_TEXT, "description": "Path of the job's page in the backend."},
    origin_job_id={**or_false(ID), "description": "The plan that the job runs for real, or the job that it undoes."},
    traceparent={**or_false(_TEXT), "description": "That header of the request which has submitted the job (W3C Trace Context)."},
)
_UNSTORED = _status(**dict.fromkeys(("job_id", "uuid", "name", "waiting", "url", "origin_job_id", "traceparent"), _FALSE))

#: By name. Answers may get further keys in later versions.
ANSWERS: dict[str, Schema] = {
    "Stats": object_of(
        {**dict.fromkeys((*COUNTERS, "warnings"), _COUNT), "operations_per_second": _NUMBER, "records_per_second": _NUMBER}
    ),
    "NextOffset": {**or_false(_COUNT), "description": "`offset` of the next page; false after the last one."},
    "Status": object_of(_STORED, description="The state and the progress of a job."),
    "Result": object_of(_STORED | _result("The operations of this page, in the order of the submission.")),
    "Executed": object_of(
        _UNSTORED | _result("All operations, in the order of the submission."), {"changes": list_of(named("Change"))}
    ),
    "Failures": _page("failures", "Failure"),
    "Warnings": _page("warnings", "Warning"),
    "Changes": _page("changes", "Change"),
    "Entry": {"oneOf": [named(entry_name(name)) for name in TYPES], "description": "An operation of a result."},
    **{entry_name(name): _entry(name) for name in TYPES},
    "RecordFailure": object_of(_FAILURE, _ROW, "Why a record failed."),
    "RecordWarning": object_of(_WARNING, _ROW, "What Odoo has said of a record without raising."),
    "Failure": object_of(_OF_OPERATION | _FAILURE, _ROW, "Why a record failed."),
    "Warning": object_of(_OF_OPERATION | _WARNING, _ROW, "What Odoo has said of a record without raising."),
    "Change": object_of(
        {
            "operation_id": _TEXT,
            "index": _COUNT,
            "model": _TEXT,
            "record_id": ID,
            "action": one_of(*dict(change.ACTION_LABELS)),
            "before": {**_ANY_VALUES, "description": "Values in the form of `read`."},
            "after": {**_ANY_VALUES, "description": "Values in the form of `read`."},
        },
        description="What one operation has changed of one record.",
    ),
}
