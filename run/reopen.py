"""Put failed and cancelled records back for a retry, and subtract them from the counters.

This goes through the chunks of a job in steps. The call of `retry` makes the first step, lanes make the others. Each step is a
short transaction that also stores how far it got. No chunk of the job runs until all steps are done.
"""

import json
import logging
from dataclasses import replace

from ..engine import states
from ..engine.payload import BadPayload, Payload
from ..engine.steps import take_some
from ..store import chosen, release, rerun, retry, retry_counters
from ..store.changes import delete_changes
from ..store.findings import retire_warnings
from ..store.job import read_job
from ..store.limit_queue import hold_shares
from ..store.references import ids_by_name, needed_by
from ..store.rows import NewChunk, insert_chunks

_logger = logging.getLogger(__name__)

#: Most chunks that one step reads, and most records that it puts back; it puts back at least one chunk's.
LOOKED_AT_ONCE = 5_000
REOPENED_AT_ONCE = 5_000
#: What a damaged payload raises, or damaged values of a failure: no JSON, NULL, or nested too deeply.
UNREADABLE = (ValueError, TypeError, RecursionError)


def step(env, job_id):
    """One step: put back what runs again among the next chunks of a locked job.

    :param int job_id: id of a locked job
    :returns: whether this was the last step
    """
    job = read_job(env.cr, job_id)
    if job.reopening_chosen and not job.is_atomic:
        return _chosen_step(env, job)
    rows = retry.chunks_after(env.cr, job_id, job.reopened_to, LOOKED_AT_ONCE)
    wanted = rows if job.is_atomic else [row for row in rows if row["is_wanted"]]
    taken, left = take_some(wanted, REOPENED_AT_ONCE)
    if job.is_atomic:
        _await_driver(env.cr, job_id, taken)
    else:
        _put_back_failed(env, job_id, [row["id"] for row in taken if row["state"] == states.DONE])
        _put_back_cancelled(env, job_id, [row["id"] for row in taken if row["state"] == states.CANCELLED])
    if left or len(rows) == LOOKED_AT_ONCE:
        retry_counters.set_reopened_to(env.cr, job_id, left[0]["id"] - 1 if left else rows[-1]["id"])
        return False
    _end_reopening(env.cr, job_id, job.is_atomic)
    return True


def _chosen_step(env, job):
    """As `step`, for a retry of only the failures that were chosen last."""
    rows = chosen.chosen_after(env.cr, job.id, job.chosen, job.reopened_to, REOPENED_AT_ONCE)
    by_chunk = {}
    for row in rows:
        by_chunk.setdefault(row["chunk_id"], set()).add(row["id"])
    _put_back_failed(env, job.id, list(by_chunk), by_chunk)
    if len(rows) == REOPENED_AT_ONCE:
        retry_counters.set_reopened_to(env.cr, job.id, rows[-1]["id"])
        return False
    _end_reopening(env.cr, job.id, is_atomic=False)
    return True


def _end_reopening(cr, job_id, is_atomic):
    """End the retry's steps, so that the job runs."""
    if is_atomic:
        retire_warnings(cr, job_id)
        delete_changes(cr, job_id)
        rerun.begin_anew(cr, job_id)
    else:
        release.start_releasing(cr, job_id)
        release.release_step(cr, read_job(cr, job_id))
    retry_counters.end_reopening(cr, job_id)


# -- records that failed, or were skipped ----------------------------------------------------------


def _put_back_failed(env, job_id, chunk_ids, only=None):
    """Put failed records back: those of one chunk become one new chunk, as they share its parameters.

    :param dict only: chunk id -> ids of the failures to put back; None: all failures that stand
    """
    standing = retry.standing_failures(env.cr, chunk_ids)
    wanted = {}
    for chunk_id, failures in standing.items():
        if meant := [failure for failure in failures if _is_meant(failure, only and only[chunk_id])]:
            wanted[chunk_id] = meant
    new, left, shared, broken = [], {}, {}, {}
    for chunk in retry.chunks_as_run(env.cr, list(wanted)):
        try:
            old = Payload.decode(chunk["payload"])
            failures = wanted[chunk["id"]] = _with_sets(old, wanted[chunk["id"]], standing[chunk["id"]])
            payload = _failed_part(chunk, old, failures)
        except UNREADABLE as error:
            broken[chunk["id"]] = error
            continue
        new.append(_new_chunk(env.cr, job_id, chunk, payload))
        left[chunk["id"]] = _left_standing(standing[chunk["id"]], failures)
        shared[chunk["id"]] = [(failure["operation_id"], failure["is_skipped"]) for failure in failures]
    _end_unreadable(env, job_id, broken)
    if new:
        insert_chunks(env.cr, new)
        retry.retire_failures(env.cr, job_id, [failure["id"] for chunk_id in left for failure in wanted[chunk_id]])
        _take_from_counters(env.cr, job_id, retry.reduce_to_remaining(env.cr, left), shared)


def _is_meant(failure, only):
    """Whether a failure is to be put back: it was not dismissed, and is among `only`, if that is given."""
    return not failure["is_dismissed"] and (only is None or failure["id"] in only)


def _with_sets(payload, meant, standing):
    """The failures to put back; of an operation whose method gets all its records at once, all that stand."""
    if not payload.is_whole:
        return meant
    operations = {failure["operation_id"] for failure in meant}
    return [failure for failure in standing if failure["operation_id"] in operations]


def _failed_part(chunk, payload, failures):
    """The payload of only the failed records of a chunk, with their corrected values, in the order in which they ran.

    :raises ValueError, TypeError, RecursionError: the values can't be read, see `UNREADABLE`
    """
    payload = replace(payload, is_retry=True)
    if chunk["kind"] == states.RESOLVE:
        return payload
    places = {place: number for number, place in enumerate(zip(payload.operations, payload.indexes, strict=True))}
    failures = sorted(
        failures, key=lambda failure: places.get((failure["operation_id"], failure["index"]), len(places))
    )
    return replace(
        payload,
        items=[json.loads(failure["values"]) for failure in failures],
        operations=[failure["operation_id"] for failure in failures],
        indexes=[failure["index"] for failure in failures],
    )


def _new_chunk(cr, job_id, chunk, payload):
    """A new chunk that runs a part of an old one again. It waits for the operations it depends on, as they may run again too."""
    needed = _waits_of(cr, job_id, payload) if chunk["waits"] else None
    waits_for_round = chunk["round_no"] is not None and not payload.is_shared
    return NewChunk(
        job_id=job_id,
        kind=chunk["kind"],
        operation_type=chunk["operation_type"],
        model=chunk["model"],
        payload=payload,
        state=states.BLOCKED if needed or waits_for_round else states.PENDING,
        sequence=chunk["sequence"],
        wait_ids=needed,
        group_keys=chunk["group_keys"],
        round_no=chunk["round_no"],
    )


def _waits_of(cr, job_id, payload):
    """Ids of the operations that the payload depends on, or must come after."""
    wanted = {name for names in needed_by(cr, payload.operations).values() for name in names}
    return list(ids_by_name(cr, job_id, wanted.union(payload.params.get("after", ()))).values())


def _left_standing(standing, taken):
    """`(failed, skipped)`: how many failures and skips of a chunk still stand without those that run again."""
    skipped = sum(bool(failure["is_skipped"]) for failure in standing)
    taken_skipped = sum(bool(failure["is_skipped"]) for failure in taken)
    return len(standing) - skipped - (len(taken) - taken_skipped), skipped - taken_skipped


# -- chunks that were never run --------------------------------------------------------------------


def _put_back_cancelled(env, job_id, chunk_ids):
    """Put chunks that were cancelled before they ran back; they keep their rows and payloads."""
    shared, broken = {}, {}
    for chunk in retry.shared_payloads(env.cr, chunk_ids):
        try:
            shared[chunk["id"]] = [(operation, True) for operation in Payload.decode(chunk["payload"]).operations]
        except BadPayload as error:
            broken[chunk["id"]] = error
    _end_unreadable(env, job_id, broken)
    if chunk_ids := [chunk_id for chunk_id in chunk_ids if chunk_id not in broken]:
        _take_from_counters(env.cr, job_id, retry.put_back_cancelled(env.cr, chunk_ids), shared)


# -- a job in one transaction ----------------------------------------------------------------------


def _await_driver(cr, job_id, chunks):
    """Make chunks of a job in one transaction await a new driver; delete the old driver and the chunk of the old action."""
    chunk_ids = [chunk["id"] for chunk in chunks if chunk["kind"] in (states.RECORDS, states.RESOLVE)]
    _mend(cr, job_id, chunk_ids)
    hold_shares(cr, [job_id])
    rerun.delete_chunks(cr, [chunk["id"] for chunk in chunks if chunk["kind"] in (states.ATOMIC, states.CALLBACK)])
    rerun.await_driver(cr, chunk_ids)


def _mend(cr, job_id, chunk_ids):
    """Write the corrected values of failed records into the payloads of their chunks.

    A record whose failure can't be read runs again as it was sent.
    """
    standing = retry.standing_failures(cr, chunk_ids)
    for chunk in retry.chunks_as_run(cr, list(standing)):
        try:
            payload = replace(Payload.decode(chunk["payload"]), is_retry=True)
        except BadPayload:
            continue  # the driver fails on this chunk, and so does the whole job
        mended = {(failure["operation_id"], failure["index"]): failure["values"] for failure in standing[chunk["id"]]}
        for position, place in enumerate(zip(payload.operations, payload.indexes, strict=True)):
            if place in mended and chunk["kind"] == states.RECORDS:
                try:
                    payload.items[position] = json.loads(mended[place])
                except UNREADABLE as error:
                    _logger.warning("chunk %s, place %s: runs again as it was sent", chunk["id"], place, exc_info=error)
        rerun.store_payload(cr, chunk["id"], payload)
    retry.retire_failures(cr, job_id, [failure["id"] for failures in standing.values() for failure in failures])


# -- both ------------------------------------------------------------------------------------------


def _take_from_counters(cr, job_id, given_up, shared):
    """Subtract the records that run again from the counters of the operations and of the job.

    :param list given_up: `GivenUp`s, one for each chunk
    :param dict shared: chunk id -> list of `(operation id, whether it was skipped)`, one for each record that runs again
    """
    by_operation = {}
    for chunk in given_up:
        if chunk.operation_id is not None:
            _add(by_operation, chunk.operation_id, chunk.failed, chunk.cancelled, chunk.found)
            continue
        for operation_id, is_skipped in shared[chunk.chunk_id]:
            _add(by_operation, operation_id, int(not is_skipped), int(bool(is_skipped)), 0)
    before = retry_counters.open_operations(cr, by_operation)
    # an operation that was cancelled as a whole was not counted as failed
    retry_counters.take_from_job(cr, job_id, given_up, sum(state in states.OPERATION_FAILED for state in before))


def _add(counts, key, *numbers):
    counts[key] = [total + number for total, number in zip(counts.get(key, (0, 0, 0)), numbers, strict=True)]


def _end_unreadable(env, job_id, broken):
    """Log and mark chunks that can't be read: they can't run again. The retry continues with the others.

    :param dict broken: chunk id -> exception
    """
    for chunk_id, error in broken.items():
        _logger.error("job %s chunk %s: can't be read, so it can't be run again", job_id, chunk_id, exc_info=error)
    if broken:
        message = env._("Internal error: this chunk can't be read, so its records can't be run again.")
        retry.end_unreadable(env.cr, list(broken), message)
