"""The description of the API that machines read: OpenAPI 3.1, made from the tables that requests are read by and answers built by."""

import json
from typing import Any

from . import openapi_files
from .answers import ANSWERS, ID, list_of, object_of, one_of, or_false
from .operations import SUBMITTED
from .operations.base import Form, OperationType
from .operations.keys import COMMON, SHARED, named
from .verbs import VERBS, Verb

Schema = dict[str, Any]

ABOUT = """\
Batch Executor runs any number of operations on Odoo's records, in the background or at once.

A request names its user by an API key (`Authorization: Bearer …`) or by a session. In requests null and false both mean "not given";
in answers an absent value is false. What all of it means: docs/api.md.
"""
#: What all verbs take.
_CONTEXT: dict[str, Schema] = {"context": named("Context")}
#: How a job is named: by the routes in one of two ways, by JSON-2 in the last one.
_JOB: tuple[dict[str, Schema], ...] = ({"job_id": named("JobId")}, {"uuid": named("JobUuid")})
_IDS: dict[str, Schema] = {"ids": {**list_of(named("JobId")), "minItems": 1, "maxItems": 1}}
_PROBLEM = object_of(
    {
        "operation": {**or_false({"type": "integer", "minimum": 0}), "description": "Place of the operation, from 0."},
        "record": {**or_false({"type": "integer", "minimum": 0}), "description": "Place in the operation's data, from 0."},
        "key": {**or_false({"type": "string"}), "description": "The key or the option."},
        "message": {"type": "string"},
    },
    {"row": {"type": "integer", "minimum": 1, "description": "Number of the row in the file that was sent."}},
    "Something that is wrong with a submission.",
)
_EXCEPTION = object_of(
    {
        "name": {
            "type": "string",
            "description": "The class: `odoo.addons.batch_executor.exceptions.BatchValidationError`, `odoo.exceptions.MissingError`, …",
        },
        "message": {"type": "string", "description": "For people."},
        "arguments": {
            **list_of({}),
            "description": "Those of the exception. Of a `BatchValidationError` the second one is the list of all `Problem`s.",
        },
    },
    description="An error as Odoo tells it.",
)
_RPC_ID: Schema = {"description": "Comes back with the answer."}
_REFUSAL = object_of(
    {
        "jsonrpc": one_of("2.0"),
        "id": _RPC_ID,
        "error": object_of({"code": {"type": "integer"}, "message": {"type": "string"}, "data": named("Exception")}),
    },
    description="An error in the envelope of JSON-RPC: its `data` says what it is.",
)
_HTML = {"text/html": {"schema": {"type": "string"}}}


def description(version: str) -> Schema:
    """The description, as plain values that can be written as JSON.

    :param version: of the addon
    """
    return {
        "openapi": "3.1.0",
        "info": {"title": "Batch Executor", "version": version, "description": ABOUT, "license": {"name": "LGPL-3.0-or-later"}},
        "servers": [{"url": "/", "description": "The Odoo server."}],
        "security": [{"key": []}, {"session": []}],
        "tags": [
            {"name": "routes", "description": "A route for each verb, in the envelope of JSON-RPC 2.0. Errors have status 200."},
            {"name": "json2", "description": "The same verbs by Odoo's JSON-2, without an envelope. Errors have a status of their own."},
            {"name": "files", "description": "Files to and from jobs."},
        ],
        "paths": {
            **{path: item for name, verb in VERBS.items() for path, item in _paths(name, verb)},
            **dict(openapi_files.paths(_DATABASE)),
        },
        "components": {
            "schemas": {**_operations(), **SHARED, **_parameters(), **ANSWERS, **_errors(), **openapi_files.SCHEMAS},
            "responses": {**_responses(), **openapi_files.RESPONSES},
            "parameters": {"Database": _DATABASE_HEADER},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key of the user."},
                "session": {"type": "apiKey", "in": "cookie", "name": "session_id"},
            },
        },
    }


def as_text(values: Schema) -> str:
    """The description as it stands in docs/openapi.json."""
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


_DATABASE: Schema = {"$ref": "#/components/parameters/Database"}
_DATABASE_HEADER: Schema = {
    "name": "X-Odoo-Database",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "Names the database, where the server has several.",
}


# -- what is sent ----------------------------------------------------------------------------------


def _operations():
    """The schemas of the types of operations, and of an operation of any type."""
    names = {name: f"{name.capitalize()}Operation" for name in SUBMITTED}
    # each has its own `operation_type`; a `discriminator` besides would confuse generators where a type has several forms
    any_type = {"oneOf": [named(name) for name in names.values()], "description": "One entry of a submission."}
    return {"Operation": any_type, **{names[name]: _operation(kind) for name, kind in SUBMITTED.items()}}


def _operation(kind: OperationType) -> Schema:
    forms = [_form(kind, form) for form in kind.forms]
    about = (type(kind).__doc__ or "").partition("\n")[0]
    return {"oneOf": forms, "description": about} if len(forms) > 1 else {**forms[0], "description": about}


def _form(kind: OperationType, form: Form) -> Schema:
    required = {"operation_type": one_of(kind.name, *kind.aliases), "model": COMMON["model"], **form.required}
    return closed(required, COMMON | form.optional)


def closed(required: dict[str, Schema], optional: dict[str, Schema]) -> Schema:
    """An object that has these keys and no other ones."""
    return {**object_of(required, {key: schema for key, schema in optional.items() if key not in required}), "additionalProperties": False}


def _parameters():
    """The schemas of what verbs take: as params of a route, and as the body of JSON-2."""
    schemas = {"JobId": ID, "JobUuid": {"type": "string", "description": "The `uuid` of the job."}}
    for name, verb in VERBS.items():
        required = {key: verb.parameters[key] for key in verb.required}
        optional = verb.parameters | _CONTEXT
        if verb.on_job:
            schemas[params_name(name)] = {"oneOf": [closed(way | required, optional) for way in _JOB]}
            schemas[body_name(name)] = closed(_IDS | required, optional)
        else:
            schemas[params_name(name)] = closed(required, optional)
    return schemas


def params_name(name: str) -> str:
    """The name of the schema of a verb's params: all verbs without parameters have the same ones."""
    return f"{_camel(name)}Params" if VERBS[name].parameters else "JobParams"


def body_name(name: str) -> str:
    """The name of the schema of a verb's body in JSON-2."""
    return params_name(name).replace("Params", "Body") if VERBS[name].on_job else params_name(name)


def _camel(name: str) -> str:
    return "".join(map(str.capitalize, name.split("_")))


# -- routes ----------------------------------------------------------------------------------------


def _paths(name: str, verb: Verb):
    """The paths of a verb with what they offer: its route, and JSON-2."""
    envelope = object_of(
        {"params": named(params_name(name))},
        {"jsonrpc": one_of("2.0"), "id": _RPC_ID, "method": {"type": "string", "description": "Not read."}},
    )
    answer = object_of({"jsonrpc": one_of("2.0"), "id": _RPC_ID, "result": named(verb.answer)})
    route = _operation_of(name, verb, "routes", envelope, {"oneOf": [answer, named("Refusal")]})
    route["responses"]["400"] = {"$ref": "#/components/responses/Unreadable"}
    yield f"/batch/v1/{name}", {"post": route}
    json2 = _operation_of(f"{name}_json2", verb, "json2", named(body_name(name)), named(verb.answer))
    json2["security"] = [{"key": []}]
    json2["responses"]["default"] = {"$ref": "#/components/responses/Refused"}
    yield f"/json/2/batch.job/{name}", {"post": json2}


def _operation_of(operation_id: str, verb: Verb, tag: str, body: Schema, answer: Schema) -> Schema:
    return {
        "operationId": operation_id,
        "tags": [tag],
        "summary": verb.summary,
        "parameters": [_DATABASE],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "200": {"description": "Done." if tag == "json2" else "Done, or refused.", "content": {"application/json": {"schema": answer}}},
        },
    }


def _responses():
    return {
        "Unreadable": {"description": "The body is no JSON object.", "content": _HTML},
        "Refused": {"description": "Refused: nothing was done.", "content": {"application/json": {"schema": named("Exception")}}},
    }


def _errors():
    return {"Problem": _PROBLEM, "Exception": _EXCEPTION, "Refusal": _REFUSAL}
