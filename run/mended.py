"""Check the values of a failed record that its submitter has corrected, as `submit` would check them now."""

import json

from odoo.exceptions import ValidationError

from ..engine.mended import is_same_kind, new_refs, parse_mended
from ..engine.payload import dumps
from ..engine.problems import Problems
from .check import Checker


def checked(env, text, before, kind, model, params):
    """Check the corrected values of a failed record.

    :param env: the submitter's environment
    :param str text: the new values, as JSON
    :param str before: the old values, as JSON
    :param str kind: type of the operation
    :param str model: name of its model
    :param dict params: parameters of the chunk in which the record failed
    :returns: the new values as normalized JSON
    :raises ValidationError: the values can't be run; the message lists all problems
    """
    try:
        item, old = json.loads(text or ""), json.loads(before)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValidationError(env._("Not valid JSON: %s", error)) from error
    problems = Problems()
    try:
        operation = parse_mended(kind, model, item, params, problems)
        if operation and not problems:
            Checker(env, problems).check([operation])
        if operation and not problems and not is_same_kind(operation, item, params):
            problems.add(env._("it must remain one record, of the same form as before: %s", before[:200]))
        for name in new_refs(item, old):
            problems.add(env._("a $ref to %r can't be added, because the record did not wait for that operation", name))
    except RecursionError as error:
        raise ValidationError(env._("Not valid JSON: %s", error)) from error
    if problems:
        messages = (f"- {problem.key}: {problem.message}" if problem.key else f"- {problem.message}" for problem in problems.kept)
        raise ValidationError("\n".join([env._("These values can't be run:"), *messages]))
    return dumps(item)
