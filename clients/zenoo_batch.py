"""Zenoo RPC's `BatchExecutor`, executed inside the server by the Odoo addon `batch_executor`.

Copy this file next to your code and change one import:

    from zenoo_batch import BatchExecutor  # was: from zenoo_rpc.batch import BatchExecutor

It takes the same arguments, clients, operations and callbacks, and gives the same results.
"""

import asyncio
import inspect
import logging
import time
import uuid
from dataclasses import fields, is_dataclass
from enum import Enum

from zenoo_rpc.batch.exceptions import BatchExecutionError, BatchValidationError
from zenoo_rpc.batch.operations import OperationStatus
from zenoo_rpc.exceptions import ConnectionError, TimeoutError, ValidationError

logger = logging.getLogger(__name__)

#: Seconds between two looks at a job: the first pause, what it grows by, and the longest.
FIRST_PAUSE_S, GROWTH, LONGEST_PAUSE_S = 0.1, 1.5, 5.0
#: Operations, or failures, fetched at once.
PAGE = 1000


class BatchExecutor:
    """Sends all operations as one job, waits for it, and reports as the original does.

    Beyond the original, `job` holds the server's last status, and `failures` each record that has failed.

    :param client: a `ZenooClient` that is logged in
    :param max_chunk_size: most records in one chunk
    :param max_concurrency: most chunks in flight at once
    :param timeout: seconds one attempt at one chunk may take
    :param retry_attempts: attempts after a transient failure, of a chunk as of a call to the server
    """

    def __init__(self, client, max_chunk_size=100, max_concurrency=5, timeout=None, retry_attempts=3):
        self.client = client
        self.max_chunk_size = max_chunk_size
        self.max_concurrency = max_concurrency
        self.timeout = timeout
        self.retry_attempts = retry_attempts
        self.stats = {
            "total_operations": 0,
            "completed_operations": 0,
            "failed_operations": 0,
            "total_records": 0,
            "processed_records": 0,
            "start_time": None,
            "end_time": None,
        }
        self.job = None
        self.failures = []

    async def execute_operations(self, operations, progress_callback=None, **options):
        """Run operations as one job, and wait for its end.

        :param operations: the original's operation objects, or operations of the API as dicts
        :param progress_callback: function or coroutine function, called with `completed`, `total`, `percentage`, `stats`
        :param options: more options of `submit`: `name`, `rollback`, `max_failures`, `dry_run`, ...
        :returns: `{"results": [...], "stats": {...}, "duration": seconds}`, one result per operation, in order
        :raises BatchValidationError: the server refuses the operations; its `validation_errors` say why
        :raises BatchExecutionError: the job can't be submitted, or be followed to its end
        """
        if not operations:
            return {"results": [], "stats": self.stats}
        self.failures = []
        self.stats.update(start_time=time.time(), end_time=None)
        try:
            await self._submit(operations, options)
            await self._follow(progress_callback)
            entries = await self._pages("result", "results")
            if self.job["stats"]["failed_records"]:
                self.failures = await self._pages("failures", "failures")
        except BatchValidationError:
            raise
        except Exception as error:
            raise BatchExecutionError(f"Batch execution failed: {error}") from error
        finally:
            self.stats["end_time"] = time.time()
        for failure in self.failures:
            logger.error("%(operation_id)s, record %(index)s failed: %(error)s", failure)
        results = list(map(self._report, operations, entries))
        succeeded = sum(result["success"] for result in results)
        self.stats.update(completed_operations=succeeded, failed_operations=len(results) - succeeded)
        return {"results": results, "stats": self.stats, "duration": self.stats["end_time"] - self.stats["start_time"]}

    def get_stats(self):
        """The counters, with the rates once a job has ended."""
        stats = dict(self.stats)
        if stats["start_time"] and stats["end_time"]:
            stats["duration"] = stats["end_time"] - stats["start_time"]
            if stats["duration"] > 0:
                stats["operations_per_second"] = stats["completed_operations"] / stats["duration"]
                stats["records_per_second"] = stats["processed_records"] / stats["duration"]
        return stats

    # -- the job -----------------------------------------------------------------------------------

    async def _submit(self, operations, options):
        # its key makes it safe to send again what may have arrived
        options = {
            "max_chunk_size": self.max_chunk_size,
            "max_concurrency": self.max_concurrency,
            "timeout": self.timeout,
            "retry_attempts": self.retry_attempts,
            "idempotency_key": str(uuid.uuid4()),
            **options,
        }
        for operation in operations:
            _mark(operation, status=OperationStatus.EXECUTING, started_at=self.stats["start_time"])
        self._note(await self._call("submit", [_as_sent(operation) for operation in operations], **options))

    async def _follow(self, progress_callback):
        """Look at the job until it is final, less and less often; tell of each change."""
        pause, seen = FIRST_PAUSE_S, None
        while True:
            status = await self._call("status", [self.job["job_id"]])
            self._note(status)
            if progress_callback and status["completed"] != seen:
                await self._tell(progress_callback, status)
                pause, seen = FIRST_PAUSE_S, status["completed"]
            if status["finished_at"]:
                return
            await asyncio.sleep(pause)
            pause = min(pause * GROWTH, LONGEST_PAUSE_S)

    async def _tell(self, progress_callback, status):
        progress = {key: status[key] for key in ("completed", "total", "percentage")}
        try:
            answer = progress_callback({**progress, "stats": dict(self.stats)})
            if inspect.isawaitable(answer):
                await answer
        except Exception:
            logger.exception("The progress callback failed; the job goes on.")

    def _note(self, status):
        self.job, counts = status, status["stats"]
        self.stats.update({name: counts[name] for name in self.stats if name in counts})

    async def _pages(self, verb, key):
        found, offset = [], 0
        while offset is not False:
            page = await self._call(verb, [self.job["job_id"]], offset=offset, limit=PAGE)
            found += page[key]
            offset = page["next_offset"]
        return found

    async def _call(self, method, argument, **options):
        """A method of `batch.job`; called again, a bounded number of times, while the server can't be reached."""
        pause, attempt = FIRST_PAUSE_S, 0
        while True:
            try:
                return await self.client.execute_kw("batch.job", method, [argument], options)
            except ValidationError as error:
                raise _refusal(error) from error
            except (ConnectionError, TimeoutError):
                attempt += 1
                if attempt > self.retry_attempts:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * GROWTH, LONGEST_PAUSE_S)

    # -- the report --------------------------------------------------------------------------------

    def _report(self, operation, entry):
        """The result of an operation, and its state, as the original has them."""
        success, outcome = _outcome(operation, entry)
        _mark(
            operation,
            status=OperationStatus.COMPLETED if success else OperationStatus.FAILED,
            completed_at=self.stats["start_time"] + entry["duration"],
            **{"result" if success else "error": outcome},
        )
        return {
            "success": success,
            **{key: entry[key] for key in ("operation_id", "operation_type", "model", "record_count")},
            "result" if success else "error": outcome,
            "duration": entry["duration"],
        }


def _outcome(operation, entry):
    """Whether an operation counts as successful, and its result or error.

    The original takes a create for a success once it has made a record, and answers with the ids of those it has made; it takes
    an update with values of their own for each record for a success always, and answers whether all were written.
    """
    if entry["success"]:
        return True, entry["result"]
    if is_dataclass(operation) and entry["state"] in ("partial", "failed"):
        if entry["operation_type"] == "create" and entry["processed_records"]:
            return True, [record_id for record_id in entry["result"] if record_id]
        if entry["operation_type"] == "update" and isinstance(operation.data, list):
            return True, False
    return False, entry["error"] or f"The operation was not run: it is {entry['state']}."


def _as_sent(operation):
    """An operation as JSON has it; the original ignores `return_ids` and always gives the ids."""
    if not is_dataclass(operation):
        return operation
    values = {field.name: getattr(operation, field.name) for field in fields(operation) if field.name != "return_ids"}
    return {name: value.value if isinstance(value, Enum) else value for name, value in values.items()}


def _mark(operation, **values):
    if is_dataclass(operation):
        for name, value in values.items():
            setattr(operation, name, value)


def _refusal(error):
    """The server's `BatchValidationError` as the original's; any other error as it is."""
    data = error.context.get("raw_error", {}).get("data", {})
    if not data.get("name", "").endswith("BatchValidationError"):
        return error
    message, problems = data["arguments"]
    return BatchValidationError(message, validation_errors=problems)
