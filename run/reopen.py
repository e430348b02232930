"""Putting back what runs again in a retry, and the counters with it.

A job is walked through chunk by chunk, in steps: the first one by the retry itself, the others by lanes, each in a short
transaction that also notes how far it has come. Nothing of the job runs until all of it has been put back.
"""

import json
import logging

from ..engine import states
from ..engine.payload import BadPayload, Payload
from ..engine.steps import take_some
from ..store import release, rerun, retry, retry_counters
from ..store.findings import retire_warnings
from ..store.job import read_job
from ..store.references import ids_by_name, needed_by
from ..store.rows import NewChunk, insert_chunks

_logger = logging.getLogger(__name__)

#: Chunks that one step of a retry looks at, and records of those it puts back, at most (but for the last chunk's).
LOOKED_AT_ONCE = 5_000
REOPENED_AT_ONCE = 5_000


def step(env, job_id):
    """Put back what is to run again among the next chunks of a (locked) job.

    :returns: whether these were the last ones
    """
    job = read_job(env.cr, job_id)
    rows = retry.chunks_after(env.cr, job_id, job.reopened_to, LOOKED_AT_ONCE)
    wanted = rows if job.is_atomic else [row for row in rows if row["is_wanted"]]
    taken, left = take_some(wanted, REOPENED_AT_ONCE)
    if job.is_atomic:
        _await_driver(env.cr, taken)
    else:
        _put_back_failed(env, job_id, [row["id"] for row in taken if row["state"] == states.DONE])
        _put_back_cancelled(env, job_id, [row["id"] for row in taken if row["state"] == states.CANCELLED])
    if left or len(rows) == LOOKED_AT_ONCE:
        retry_counters.note_reopened(env.cr, job_id, left[0]["id"] - 1 if left else rows[-1]["id"])
        return False
    _end_reopening(env.cr, job_id, job.is_atomic)
    return True


def reopen_failures(env, job_id, failures):
    """Put just these failed records of a (locked) job back.

    :param dict failures: chunk id -> ids of its failures that are meant
    """
    chunks = retry.chunks_by_id(env.cr, list(failures))
    while chunks:
        taken, chunks = take_some(chunks, REOPENED_AT_ONCE)
        _put_back_failed(env, job_id, [chunk["id"] for chunk in taken], failures)
    _end_reopening(env.cr, job_id, is_atomic=False)


def _end_reopening(cr, job_id, is_atomic):
    """All of a job is put back: let it run."""
    if is_atomic:
        retire_warnings(cr, job_id)
        rerun.begin_anew(cr, job_id)
    else:
        release.start_releasing(cr, job_id)
        release.release_step(cr, read_job(cr, job_id))
    retry_counters.end_reopening(cr, job_id)


# -- records that failed, or were skipped ----------------------------------------------------------


def _put_back_failed(env, job_id, chunk_ids, only=None):
    """Put the failed records of chunks back, those of one chunk in one new chunk, as they share its parameters.

    :param dict only: chunk id -> ids of the failures that are meant; None: all that stand
    """
    standing = retry.standing_failures(env.cr, chunk_ids)
    wanted = {}
    for chunk_id, failures in standing.items():
        if meant := [failure for failure in failures if only is None or failure["id"] in only[chunk_id]]:
            wanted[chunk_id] = meant
    new, left, shared, broken = [], {}, {}, {}
    for chunk in retry.chunks_as_run(env.cr, list(wanted)):
        failures = wanted[chunk["id"]]
        try:
            payload = _failed_part(chunk, failures)
        except ValueError as error:  # `BadPayload`, or values that are no JSON
            broken[chunk["id"]] = error
            continue
        new.append(_new_chunk(env.cr, job_id, chunk, payload))
        left[chunk["id"]] = _left_standing(standing[chunk["id"]], failures)
        shared[chunk["id"]] = [(failure["operation_id"], failure["is_skipped"]) for failure in failures]
    _set_aside(env, job_id, broken)
    if new:
        insert_chunks(env.cr, new)
        retry.retire_failures(env.cr, [failure["id"] for chunk_id in left for failure in wanted[chunk_id]])
        _take_from_counters(env.cr, job_id, retry.leave_standing(env.cr, left), shared)


def _failed_part(chunk, failures):
    """The payload of just the failed records of a chunk, with the values they were mended to, in the order they were run in.

    :raises BadPayload: it can't be read
    """
    payload = Payload.decode(chunk["payload"])
    if chunk["kind"] == states.RESOLVE:
        return payload
    places = {place: number for number, place in enumerate(zip(payload.operations, payload.indexes, strict=True))}
    failures = sorted(
        failures, key=lambda failure: places.get((failure["operation_id"], failure["index"]), len(places))
    )
    return Payload(
        [json.loads(failure["values"]) for failure in failures],
        [failure["operation_id"] for failure in failures],
        [failure["index"] for failure in failures],
        payload.params,
        payload.context,
    )


def _new_chunk(cr, job_id, chunk, payload):
    """A chunk that runs a part of another one again; what that part depends on may run again as well."""
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
    """Ids of the operations that those of a payload depend on, or are to come after."""
    wanted = {name for names in needed_by(cr, payload.operations).values() for name in names}
    return list(ids_by_name(cr, job_id, wanted.union(payload.params.get("after", ()))).values())


def _left_standing(standing, taken):
    """How many failed and how many skipped records of a chunk still stand without those that run again."""
    skipped = sum(bool(failure["is_skipped"]) for failure in standing)
    taken_skipped = sum(bool(failure["is_skipped"]) for failure in taken)
    return len(standing) - skipped - (len(taken) - taken_skipped), skipped - taken_skipped


# -- what was never run ----------------------------------------------------------------------------


def _put_back_cancelled(env, job_id, chunk_ids):
    """Put chunks that were never run back as they are."""
    shared, broken = {}, {}
    for chunk in retry.shared_payloads(env.cr, chunk_ids):
        try:
            shared[chunk["id"]] = [(operation, True) for operation in Payload.decode(chunk["payload"]).operations]
        except BadPayload as error:
            broken[chunk["id"]] = error
    _set_aside(env, job_id, broken)
    if chunk_ids := [chunk_id for chunk_id in chunk_ids if chunk_id not in broken]:
        _take_from_counters(env.cr, job_id, retry.put_back_cancelled(env.cr, chunk_ids), shared)


# -- a job in one transaction ----------------------------------------------------------------------


def _await_driver(cr, chunks):
    """Let chunks of a job in one transaction wait for a new driver; its last driver, and its action, are over."""
    chunk_ids = [chunk["id"] for chunk in chunks if chunk["kind"] in (states.RECORDS, states.RESOLVE)]
    _mend(cr, chunk_ids)
    rerun.delete_chunks(cr, [chunk["id"] for chunk in chunks if chunk["kind"] in (states.ATOMIC, states.CALLBACK)])
    rerun.await_driver(cr, chunk_ids)


def _mend(cr, chunk_ids):
    """Put the values that failed records were mended to into their chunks."""
    standing = retry.standing_failures(cr, chunk_ids)
    for chunk in retry.chunks_as_run(cr, list(standing)):
        if chunk["kind"] != states.RECORDS:
            continue
        try:
            payload = Payload.decode(chunk["payload"])
        except BadPayload:
            continue  # its driver fails on it, and with it the whole job
        mended = {(failure["operation_id"], failure["index"]): failure["values"] for failure in standing[chunk["id"]]}
        for position, place in enumerate(zip(payload.operations, payload.indexes, strict=True)):
            if place in mended:
                payload.items[position] = json.loads(mended[place])
        rerun.store_payload(cr, chunk["id"], payload)
    retry.retire_failures(cr, [failure["id"] for failures in standing.values() for failure in failures])


# -- both ------------------------------------------------------------------------------------------


def _take_from_counters(cr, job_id, given_up, shared):
    """Take from the counters of operations and of the job what chunks have given up.

    :param list given_up: of `GivenUp`
    :param dict shared: chunk id -> `(operation id, whether it was skipped)` of each record that runs again
    """
    by_operation = {}
    for chunk in given_up:
        if chunk.operation_id is not None:
            _add(by_operation, chunk.operation_id, chunk.failed, chunk.cancelled, chunk.found)
            continue
        for operation_id, is_skipped in shared[chunk.chunk_id]:
            _add(by_operation, operation_id, int(not is_skipped), int(bool(is_skipped)), 0)
    before = retry_counters.open_operations(cr, by_operation)
    # operations that were cancelled as a whole were never counted as failed
    retry_counters.take_from_job(cr, job_id, given_up, sum(state in states.OPERATION_FAILED for state in before))


def _add(counts, key, *numbers):
    counts[key] = [total + number for total, number in zip(counts.get(key, (0, 0, 0)), numbers, strict=True)]


def _set_aside(env, job_id, broken):
    """Leave chunks as they are that can't be read: nobody can run them again, and the others go on.

    :param dict broken: chunk id -> what was raised
    """
    for chunk_id, error in broken.items():
        _logger.error("job %s chunk %s: can't be read, so it can't be run again", job_id, chunk_id, exc_info=error)
    if broken:
        message = env._("Internal error: it can't be read, so its records can't be run again.")
        retry.set_aside(env.cr, list(broken), message)
