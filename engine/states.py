"""The states of jobs, operations and chunks, and the rules that derive them from counters."""

DRAFT = "draft"
PENDING = "pending"
RUNNING = "running"
PAUSED = "paused"
COMPLETED = "completed"
PARTIAL = "partial"
FAILED = "failed"
CANCELLED = "cancelled"
SKIPPED = "skipped"

JOB_STATES = (DRAFT, PENDING, RUNNING, PAUSED, COMPLETED, PARTIAL, FAILED, CANCELLED)
JOB_FINAL = (COMPLETED, PARTIAL, FAILED, CANCELLED)
JOB_ACTIVE = (PENDING, RUNNING)
JOB_UNFINISHED = (DRAFT, PENDING, RUNNING, PAUSED)

OPERATION_STATES = (PENDING, RUNNING, COMPLETED, PARTIAL, FAILED, SKIPPED, CANCELLED)
OPERATION_FINAL = (COMPLETED, PARTIAL, FAILED, SKIPPED, CANCELLED)
#: States that count as a failed operation; a cancelled one counts neither as failed nor as completed.
OPERATION_FAILED = (PARTIAL, FAILED, SKIPPED)

#: States of a chunk: `pending` waits for a lane; `blocked` for other operations or an earlier round; `held` for the job's driver,
#: the chunk that runs all others of the job in one transaction. `done` has run, whether its records succeeded or not.
BLOCKED = "blocked"
AWAITING_DRIVER = "held"
DONE = "done"
CHUNK_STATES = (BLOCKED, AWAITING_DRIVER, PENDING, RUNNING, DONE, CANCELLED)

#: Kinds of chunks: what running one does.
RECORDS = "records"  # apply the operation to the chunk's records
RESOLVE = "resolve"  # find one page of an operation's records and create chunks of them
ATOMIC = "atomic"  # the driver: run all other chunks of the job in one transaction
CALLBACK = "callback"  # run the job's server action
CHUNK_KINDS = (RECORDS, RESOLVE, ATOMIC, CALLBACK)


def operation_state(total: int, processed: int, failed: int, cancelled: int) -> str:
    """State of an operation, from its counters of records."""
    if processed + failed + cancelled < total:
        return RUNNING if processed or failed or cancelled else PENDING
    if processed == total:
        return COMPLETED
    if processed:
        return PARTIAL
    return FAILED if failed else CANCELLED


def counted_state(total: int, processed: int, failed: int, cancelled: int, is_open: bool, is_skipped: bool) -> str:
    """Like `operation_state`, also for an operation with a selection or with skipped records.

    :param is_open: its selection has more pages
    :param is_skipped: some of its records were skipped because of what they depend on
    """
    if is_open:
        return RUNNING
    state = operation_state(total, processed, failed, cancelled)
    return SKIPPED if is_skipped and state == CANCELLED else state


def job_state(*, total: int, processed: int, failed: int, cancelled: bool) -> str:
    """Final state of a job whose chunks are all settled, from its counters of records.

    :param cancelled: the job was cancelled before everything had run
    """
    if cancelled:
        return CANCELLED
    if processed == total:
        return COMPLETED
    if processed:
        return PARTIAL
    return FAILED
