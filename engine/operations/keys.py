"""The keys of operations as JSON Schemas: what `engine/reader.py`, `engine/spec.py` and the types next door accept.

Null and false count as "not given" in requests; the schemas leave that out, so that types made from them stay plain.
"""

from typing import Any

from ..kinds import boolean, integer
from ..reader import MAX_NAME
from ..references import INDEX, REF
from ..values import MAX_INTEGER

Schema = dict[str, Any]


def named(name: str) -> Schema:
    """The schema of this name, among those of the description."""
    return {"$ref": f"#/components/schemas/{name}"}


def _name(description: str) -> Schema:
    return {"type": "string", "maxLength": MAX_NAME, "pattern": r"\S", "description": description}


def _list_of(items: Schema, description: str, **more) -> Schema:
    return {"type": "array", "items": items, "description": description, **more}


_INDEX = integer(0, description="Place in the operation's data, from 0.").schema
_REF = {"type": "string", "minLength": 1, "description": "The `operation_id` of a create, an upsert or a load."}

#: Schemas that others refer to by name.
SHARED = {
    "Id": {"type": "integer", "minimum": 1, "description": "Id of a record."},
    "RefToAll": {
        "type": "object",
        "properties": {REF: _REF},
        "required": [REF],
        "additionalProperties": False,
        "description": "All ids that another operation has produced: this one waits for it to be completed.",
    },
    "RefToOne": {
        "type": "object",
        "properties": {REF: _REF, INDEX: _INDEX},
        "required": [REF, INDEX],
        "additionalProperties": False,
        "description": "One id that another operation has produced.",
    },
    "Ids": {
        "anyOf": [
            {"type": "array", "items": {"anyOf": [named("Id"), named("RefToOne"), named("RefToAll")]}},
            named("RefToAll"),
            named("RefToOne"),
        ],
        "description": "Ids of records, of which other operations may produce some.",
    },
    "Values": {
        "type": "object",
        "additionalProperties": True,
        "description": "Values by field name, x2many commands as anywhere in Odoo; ids may be references (`$ref`).",
    },
    "ValuesWithId": {
        "type": "object",
        "properties": {"id": {"anyOf": [named("Id"), named("RefToOne")]}},
        "required": ["id"],
        "additionalProperties": True,
        "description": "The id of an existing record, and its values by field name.",
    },
    "Domain": {"type": "array", "items": {}, "description": "A search domain; records are found when the operation starts."},
    "Context": {
        "type": "object",
        "additionalProperties": True,
        "properties": {
            "lang": {"type": "string"},
            "tz": {"type": "string"},
            "allowed_company_ids": {"type": "array", "items": named("Id")},
        },
        "description": "Odoo's context.",
    },
}

#: Of all types, besides `operation_type`.
COMMON: dict[str, Schema] = {
    "model": _name("Technical name of the model."),
    "operation_id": _name("Your own name of the operation, unique in the job; `op-1`, `op-2`, … where absent."),
    "depends_on": _list_of(
        _name("An `operation_id`."), "Operations that must have completed; else this one is skipped."
    ),
    "priority": integer(-MAX_INTEGER, description="Higher first; 0 where absent.").schema,
    "context": named("Context"),
    "strict": boolean("Over the job's option: whether what Odoo warns of is a failure.").schema,
}

IDS = {"record_ids": named("Ids")}
DOMAIN = {"domain": named("Domain")}
GROUP_BY = {"group_by": _name("Name of a field: records sharing its value never run in two lanes at once.")}
RETURN_IDS = {"return_ids": boolean("False keeps ids out of the result; true where absent.").schema}
ROW_NUMBERS = {
    "row_numbers": _list_of(
        {"type": "integer", "minimum": 1, "maximum": MAX_INTEGER},
        "For data from a file: the number of each row of `data` in it. Failures and warnings then name it, as `row`.",
    )
}
TRACK_FIELDS = {
    "track_fields": _list_of(
        _name("Name of a field."), "Fields to remember before and after, in a job with `track_changes`.", minItems=1
    )
}
RECORDS = {"data": _list_of(named("Values"), "The values of each record.")}
RECORDS_WITH_IDS = {"data": _list_of(named("ValuesWithId"), "The values of each record, with its id.")}
SAME_VALUES = {"data": named("Values")}
IDS_IN_DATA = {"data": named("Ids")}
ROWS = {"data": _list_of({"type": "array", "items": {}}, "Rows of as many values as there are columns.")}
COLUMNS = {"fields": _list_of(_name("Name of a column."), "Names of the columns, as in Odoo's import.", minItems=1)}
KEY = {
    "key": {
        "anyOf": [_name("Name of a field."), _list_of(_name("Name of a field."), "Names of fields.", minItems=1)],
        "description": "The fields that identify a record; each record of `data` holds them.",
    }
}
METHOD = {"method": _name("Name of a public method.")}
ARGUMENTS = {
    "args": _list_of({}, "Arguments of the method."),
    "kwargs": {"type": "object", "additionalProperties": True, "description": "Named arguments of the method."},
}
AS_A_SET = {"set": boolean("The method sees all its records in one call, whatever their number.").schema}
