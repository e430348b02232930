"""Values of a failed record that its submitter has changed are checked as `submit` would check this record now."""

import json

from odoo.exceptions import ValidationError

from ..engine.mended import is_same_kind, new_refs, parse_mended
from ..engine.payload import dumps
from ..engine.problems import Problems
from .check import Checker


def checked(env, text, before, kind, model, params):
    """Changed values of a failed record, as they are stored.

    :param env: of the submitter
    :param str text: the values, as JSON
    :param str before: the same before the change
    :param str kind: type of the operation
    :param str model: technical name of its model
    :param dict params: of the chunk it has failed in
    :raises ValidationError: with all that is wrong with them
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
            problems.add(env._("it must stay one record, of the form it had: %s", before[:200]))
        for name in new_refs(item, old):
            problems.add(env._("a $ref to %r can't be added: this record did not wait for it", name))
    except RecursionError as error:
        raise ValidationError(env._("Not valid JSON: %s", error)) from error
    if problems:
        messages = (f"- {problem.key}: {problem.message}" if problem.key else f"- {problem.message}" for problem in problems.kept)
        raise ValidationError("\n".join([env._("These values can't be run:"), *messages]))
    return dumps(item)
