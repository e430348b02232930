"""Whether requests and answers are as the description that machines read says: strictly, as it is also the whole truth."""

import copy
import functools

from odoo.addons.batch_executor.engine.answers import ANSWERS
from odoo.addons.batch_executor.engine.openapi import description
from odoo.addons.batch_executor.engine.verbs import VERBS

from .extras import is_installed

if is_installed("jsonschema_rs"):
    import jsonschema_rs


@functools.cache
def whole():
    """The description, where answers have no other keys than those it names."""
    found = copy.deepcopy(description("0"))
    for name in ANSWERS:
        _close(found["components"]["schemas"][name])
    return found


def _close(schema):
    if isinstance(schema, dict):
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            _close(part)
    elif isinstance(schema, list):
        for part in schema:
            _close(part)


@functools.cache
def _validator(name):
    schema = {"$ref": f"#/components/schemas/{name}", "components": whole()["components"]}
    return jsonschema_rs.Draft202012Validator(schema)


def differences(name, value):
    """What is not as the schema of this name says, in words; nothing where there is no validator to be had."""
    if not is_installed("jsonschema_rs"):
        return []
    return [f"{name}{list(error.instance_path)}: {error.message[:500]}" for error in _validator(name).iter_errors(value)]


def check_answer(verb, answer):
    """Check the answer to a verb.

    :raises AssertionError: it is not as described
    """
    if verb in VERBS and (found := differences(VERBS[verb].answer, answer)):
        raise AssertionError(f"{verb} answers what is not described:\n" + "\n".join(found[:20]))


def with_whole_numbers(value):
    """The value with integers as any program writes them: 1 where a schema takes 1.0 for the same."""
    if isinstance(value, dict):
        return {key: with_whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_whole_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def fitting(operation):
    """The operation with what no schema can say: each row has a value for each column, a number, and the key fields."""
    data = operation.get("data")
    if operation["operation_type"] == "load":
        operation["data"] = [[False] * len(operation["fields"]) for _row in data]
    elif operation["operation_type"] == "upsert":
        keys = [operation["key"]] if isinstance(operation["key"], str) else operation["key"]
        operation["data"] = [{**values, **dict.fromkeys(keys, False)} for values in data]
    if "row_numbers" in operation:
        operation["row_numbers"] = list(range(1, len(data) + 1))
    return operation
