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
