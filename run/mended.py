"""Check the values of failed records that their submitter has corrected, as `submit` would check them now."""

import json

from odoo.exceptions import ValidationError

from ..engine import states
from ..engine.mended import are_same_kind, new_refs, parse_mended
from ..engine.operations import TYPES
from ..engine.payload import Payload, dumps
from ..engine.problems import Problems
from ..store import chosen
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
    if problems := _problems(env, [item], [old], kind, model, params):
        raise ValidationError("\n".join([env._("These values can't be run:"), *(f"- {problem}" for problem in problems)]))
    return dumps(item)


def store_mended(env, rows, number):
    """Check and store corrected values of failures that stand, and choose these failures for a retry.

    :param env: the submitter's environment
    :param list rows: pairs `(failure, item)`: a dict of `store.chosen`, and what is to be run instead of its values
    :param int number: see `chosen.begin_choice`
    :returns: list of `(failure, problem)`; if there is one, the values of its chunk are not stored
    """
    by_chunk = {}
    for failure, item in rows:
        by_chunk.setdefault(failure["chunk_id"], []).append((failure, item))
    values, problems = {}, []
    for chunk_id, mended in by_chunk.items():
        refused = _refused(env, chunk_id, mended)
        problems += refused
        if not refused:
            values.update((failure["id"], dumps(item)) for failure, item in mended)
    chosen.choose_mended(env.cr, number, values)
    return problems


def _refused(env, chunk_id, mended):
    """The `(failure, problem)` pairs of corrected records of one chunk."""
    first = mended[0][0]
    try:
        kind, payload = chosen.chunk_as_run(env.cr, chunk_id)
        params = Payload.decode(payload).params
        old = [json.loads(failure["values"]) for failure, _item in mended]
    except (ValueError, TypeError, RecursionError):  # also `BadPayload`
        return [(first, env._("This record can't be run again: submit it anew."))]
    if kind == states.RESOLVE:
        return [(first, env._("What an operation is to find can't be changed: submit it anew."))]
    items = [item for _failure, item in mended]
    about = (first["operation_type"], first["model"], params)
    if not _problems(env, items, old, *about):
        return []
    return [
        (failure, problem)
        for (failure, item), before in zip(mended, old, strict=True)
        for problem in _problems(env, [item], [before], *about)
    ]


def _problems(env, items, old, kind, model, params):
    """What `submit` would say against these items, as texts.

    :param list old: what stood in the place of each
    """
    problems = Problems()
    if not TYPES[kind].is_submitted:
        return [env._("What an undo does can't be changed.")]
    try:
        operation = parse_mended(kind, model, items, params, problems)
        if operation and not problems:
            Checker(env, problems).check([operation])
        if operation and not problems and not are_same_kind(operation, items, params):
            problems.add(env._("it must remain one record, of the same form as before: %s", dumps(old[0])[:200]))
        for item, before in zip(items, old, strict=True):
            for name in new_refs(item, before):
                problems.add(env._("a $ref to '%s' can't be added, because the record did not wait for that operation", name))
    except RecursionError as error:
        problems.add(env._("Not valid JSON: %s", error))
    return [f"{problem.key}: {problem.message}" if problem.key else problem.message for problem in problems.kept]
