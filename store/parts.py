"""Stores new chunks made from a claimed one: those its selection has found, and the rest of its records."""

from dataclasses import replace
from itertools import accumulate, repeat

from odoo.tools import SQL

from ..engine import place, states
from .release import BEHIND_PAGES, PAGES
from .rows import NewChunk, insert_chunks
from .sql import fetch


def insert_found(cr, claim, outcome):
    """Store the chunks that one page of a selection has found, and the selection's next page.

    No page may find what a record of an earlier one has become: where there are several, the chunks wait until the last one has ended.
    Chunks that run one at a time come behind all pages anyway.

    :param claim: the `Claim` of the page
    :param outcome: its `Outcome`
    """
    state = states.AWAITING_DRIVER if claim.is_atomic else states.PENDING
    must_wait = not (claim.is_atomic or claim.is_ordered) and (outcome.more is not None or claim.round_no is not None)
    earlier_pages = claim.payload.items[0].get("offset", 0) if outcome.found else 0
    befores = accumulate((len(payload) for payload, _keys in outcome.found), initial=earlier_pages)
    chunks = [
        NewChunk(
            job_id=claim.job_id,
            kind=states.RECORDS,
            operation_type=claim.operation_type,
            model=claim.model,
            payload=payload,
            state=states.BLOCKED if must_wait else state,
            sequence=place.found(claim.sequence, before),
            group_keys=group_keys,
            round_no=BEHIND_PAGES if must_wait else None,
        )
        for (payload, group_keys), before in zip(outcome.found, befores, strict=False)
    ]
    if outcome.more is not None:
        page = NewChunk(
            job_id=claim.job_id,
            kind=states.RESOLVE,
            operation_type=claim.operation_type,
            model=claim.model,
            payload=replace(claim.payload, items=[outcome.more]),
            state=state,
            sequence=claim.sequence,
            wait_ids=[] if claim.waits else None,
            round_no=PAGES if must_wait else None,
        )
        chunks.append(page)
    insert_chunks(cr, chunks)


def insert_beside(cr, claim, payloads, kept):
    """Store records cut off a claimed chunk as new chunks.

    They may run in parallel with it; where the order of its records matters, they run after it, one after the other.

    :param claim: the `Claim` of the chunk
    :param list payloads: one for each new chunk
    :param int kept: records left in the claimed chunk
    """
    in_order = claim.round_no is not None and claim.operation_id
    insert_like(cr, claim, payloads, kept, _rounds_after(cr, claim, len(payloads)) if in_order else None)


def insert_like(cr, claim, payloads, kept, rounds=None):
    """Store chunks that differ from a claimed one in their records only.

    :param claim: the `Claim` of that chunk
    :param list payloads: one for each new chunk
    :param int kept: records left in the claimed chunk
    :param list rounds: the `round_no` of each, if they must wait for the claimed chunk and for each other; else they get the
        `round_no` of the claimed chunk and need not wait
    """
    state = states.AWAITING_DRIVER if claim.is_atomic and claim.kind == states.RECORDS else states.PENDING
    befores = accumulate(map(len, payloads), initial=kept)
    insert_chunks(
        cr,
        (
            NewChunk(
                job_id=claim.job_id,
                kind=claim.kind,
                operation_type=claim.operation_type,
                model=claim.model,
                payload=payload,
                state=state if rounds is None else states.BLOCKED,
                sequence=place.behind(claim.sequence, before),
                wait_ids=[] if claim.waits else None,
                group_keys=claim.group_keys,
                round_no=claim.round_no if rounds is None else round_no,
            )
            for payload, before, round_no in zip(payloads, befores, rounds or repeat(None), strict=False)
        ),
    )


def _rounds_after(cr, claim, count):
    """`count` round numbers between the round of a claimed chunk and the next round of its operation."""
    query = SQL(
        "SELECT min(round_no) FROM batch_chunk WHERE operation_id = %s AND round_no > %s AND finished_at IS NULL",
        claim.operation_id,
        claim.round_no,
    )
    [(following,)] = fetch(cr, query)
    step = ((following or claim.round_no + 1) - claim.round_no) / (2 * count)
    return [claim.round_no + step * (number + 1) for number in range(count)]
