"""Operations from NDJSON files: checked as `submit` checks them, with the numbers of the lines."""

from ..engine.ndjson import read_lines
from ..engine.operation import UPSERT
from ..engine.problems import Problems
from .submission import problems_of


def read_operation(env, content, kind, model, key=()):
    """Read a file of records into an operation.

    :param env: the caller's environment
    :param bytes content: a JSON object on each line: the values of a record, with its `id` for an update
    :param str kind: create, update or upsert
    :param str model: name of the model
    :param key: names of the fields that identify a record, for an upsert
    :returns: `(operation, problems)`; a problem has the number of its line as `record`
    :raises AccessError: the caller is no batch user
    """
    problems = Problems()
    records, numbers = read_lines(content, problems)
    operation = {"operation_type": kind, "model": model, "data": records, "row_numbers": numbers}
    if kind == UPSERT:
        operation["key"] = list(key)
    found = problems_of(env, [operation])
    for problem in found.kept:
        line = False if problem.record is False else numbers[problem.record]
        problems.add(problem.message, record=line, key=problem.key)
    problems.count += found.count - len(found.kept)
    if not (records or problems):
        problems.add(env._("the file has no records"))
    problems.kept.sort(key=lambda problem: problem.record)
    return operation, problems
