"""What became of each record of a job, as the rows of its chunks tell it: entries, to be put in the order of its operations and their data.

The records of a retry are in the old chunk and in the new one: of entries about the same record, that of the newest chunk holds.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

from . import states
from .effects import EFFECT_COLUMNS, EFFECTS, decode_effects
from .operations import PRODUCES_IDS
from .payload import BadPayload, Payload, named_id

SUCCEEDED, FAILED, SKIPPED, CANCELLED, PENDING = "succeeded", "failed", "skipped", "cancelled", "pending"
#: All outcomes; entries hold their places here. `succeeded` is said of calls and the like, which tell no effect.
OUTCOMES = (*EFFECTS, SUCCEEDED, FAILED, SKIPPED, CANCELLED, PENDING)
CODES = {outcome: code for code, outcome in enumerate(OUTCOMES)}
#: In place of an outcome: the operation shared its chunk with others, and its own row tells it.
TOLD_BY_OPERATION = len(OUTCOMES)
#: In place of an index: the outcome of all records of the operation that nothing names, as the payload of their chunk is damaged.
UNNAMED = -1
#: In the item of a selection: the ids that it has found in a dry run, and how many its earlier pages have found.
FOUND, OFFSET = "found", "offset"


class Entry(NamedTuple):
    """The outcome of a record, in whole numbers; ids are 0 where there is none."""

    operation_id: int
    index: int
    chunk_id: int
    code: int  # place in `OUTCOMES`, or `TOLD_BY_OPERATION`
    record_id: int
    failure_id: int


def entries_of(chunk: dict, failures: dict) -> Iterator[Entry]:
    """Yield an entry for each record of a chunk.

    :param chunk: its row, see `store.outcomes.chunks_after`
    :param failures: those of its records that have not run again: (operation, index) -> (id, whether it was skipped, record id or None)
    """
    if chunk["kind"] == states.RECORDS:
        yield from _of_records(chunk, failures) if chunk["payload"] else _of_effects(chunk)
    elif chunk["kind"] == states.RESOLVE:
        yield from _of_selection(chunk, failures)


def _of_effects(chunk):
    """All records of the chunk have succeeded, and its effects name them."""
    ids = _made(chunk)
    for index, effect in decode_effects(chunk["outcomes"]):
        yield Entry(chunk["operation_id"], index, chunk["id"], CODES[effect], ids.get(index, 0), 0)


def _of_records(chunk, failures):
    try:
        payload = Payload.decode(chunk["payload"])
    except BadPayload:
        yield from _of_damaged(chunk, failures)
        return
    effects, rest = dict(decode_effects(chunk["outcomes"])), _rest(chunk)
    ids = _made(chunk) if chunk["operation_type"] in PRODUCES_IDS else None
    for operation_id, index, item in zip(payload.operations, payload.indexes, payload.items, strict=True):
        record_id = (named_id(item) or 0) if ids is None else ids.get(index, 0)
        failure_id, is_skipped, _record_id = failures.get((operation_id, index), (0, False, None))
        if failure_id:
            code = CODES[SKIPPED if is_skipped else FAILED]
        else:
            code = CODES[effects[index]] if index in effects else rest
        yield Entry(operation_id, index, chunk["id"], code, record_id, failure_id)


def _of_damaged(chunk, failures):
    for (operation_id, index), (failure_id, is_skipped, record_id) in failures.items():
        yield Entry(operation_id, index, chunk["id"], CODES[SKIPPED if is_skipped else FAILED], record_id or 0, failure_id)
    if chunk["operation_id"] is not None:
        yield from _of_effects(chunk)
        yield Entry(chunk["operation_id"], UNNAMED, chunk["id"], _rest(chunk), 0, 0)


def _rest(chunk):
    """The code of records of which nothing else tells what became of them."""
    if chunk["state"] != states.DONE:
        return CODES[CANCELLED if chunk["state"] == states.CANCELLED else PENDING]
    if chunk["operation_id"] is None:
        return TOLD_BY_OPERATION
    # with effects told of others, it was rolled back, or runs again elsewhere
    return CODES[SUCCEEDED if chunk["processed_records"] and not chunk["outcomes"] else FAILED]


def _of_selection(chunk, failures):
    """A page of a selection: records that it has found have chunks of their own, unless these were rolled back together with it.

    A page that could not find any counts as one record.
    """
    try:
        [item] = Payload.decode(chunk["payload"]).items
    except (BadPayload, ValueError):
        item = {}
    item = item if isinstance(item, dict) else {}
    first, found = item.get(OFFSET, 0), item.get(FOUND, [])
    failures = {index: failure for (_operation, index), failure in failures.items()}
    succeeded, failed, cancelled = (chunk[f"{name}_records"] or 0 for name in ("processed", "failed", "cancelled"))
    good = _only_effect(chunk, succeeded)
    failed -= sum(not is_skipped for _id, is_skipped, _record_id in failures.values())
    for place in range(succeeded + (chunk["failed_records"] or 0) + cancelled):
        failure_id, is_skipped, record_id = failures.get(place, (0, False, None))
        if failure_id:
            code = CODES[SKIPPED if is_skipped else FAILED]
        elif succeeded:  # in the order in which they ran
            code, succeeded = good, succeeded - 1
        elif failed > 0:
            code, failed = CODES[FAILED], failed - 1
        else:
            code = CODES[CANCELLED]
        record_id = record_id or (found[place] if place < len(found) else None)
        yield Entry(chunk["operation_id"], first + place, chunk["id"], code, named_id(record_id) or 0, failure_id)


def _only_effect(chunk, succeeded):
    """The code of the effect on all records that succeeded; where there were several, nobody knows which had which."""
    for effect, column in zip(EFFECTS, EFFECT_COLUMNS, strict=True):
        if succeeded and chunk[column] == succeeded:
            return CODES[effect]
    return CODES[SUCCEEDED]


def _made(chunk):
    """Place in the data -> id of the record that was made there."""
    indexes, ids = json.loads(chunk["result"] or "[[],[]]")
    return dict(zip(indexes, ids, strict=True))
