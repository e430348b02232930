"""The states of jobs, operations and chunks, and what may follow what."""

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
#: What counts as a failed operation; one that was cancelled is neither that nor completed.
OPERATION_FAILED = (PARTIAL, FAILED, SKIPPED)

#: `pending` waits for a lane, `blocked` for other operations, `held` for the job's driver: the chunk that runs all others of a
#: job in one transaction. `done` has been run, whatever became of its records.
BLOCKED = "blocked"
AWAITING_DRIVER = "held"
DONE = "done"
CHUNK_STATES = (BLOCKED, AWAITING_DRIVER, PENDING, RUNNING, DONE, CANCELLED)

#: What running a chunk means.
RECORDS = "records"  # apply the operation to the chunk's records
RESOLVE = "resolve"  # find one page of an operation's records and make chunks of them
ATOMIC = "atomic"  # the driver: run all other chunks of the job in one transaction
CALLBACK = "callback"  # run the job's server action
CHUNK_KINDS = (RECORDS, RESOLVE, ATOMIC, CALLBACK)


def operation_state(total: int, processed: int, failed: int, cancelled: int) -> str:
    """State of an operation from what became of its records so far."""
    if processed + failed + cancelled < total:
        return RUNNING if processed or failed or cancelled else PENDING
    if processed == total:
        return COMPLETED
    if processed:
        return PARTIAL
    return FAILED if failed else CANCELLED


def counted_state(total: int, processed: int, failed: int, cancelled: int, is_open: bool, is_skipped: bool) -> str:
    """The same of an operation that finds its records itself, or was not run for what it depends on.

    :param is_open: there are pages of its records to come
    :param is_skipped: some records were not run for what they depend on
    """
    if is_open:
        return RUNNING
    state = operation_state(total, processed, failed, cancelled)
    return SKIPPED if is_skipped and state == CANCELLED else state


def job_state(*, total: int, processed: int, failed: int, cancelled: bool) -> str:
    """Final state of a job whose chunks have all been settled.

    :param cancelled: somebody cancelled the job before everything had run
    """
    if cancelled:
        return CANCELLED
    if processed == total:
        return COMPLETED
    if processed:
        return PARTIAL
    return FAILED
