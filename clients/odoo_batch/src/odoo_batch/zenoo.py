"""A `BatchExecutor` for Zenoo RPC that runs operations inside the server, by the Odoo addon `batch_executor`.

Change one import:

    from odoo_batch.zenoo import BatchExecutor  # was: from zenoo_rpc.batch import BatchExecutor

It takes the same arguments, clients, operations and callbacks as Zenoo RPC's own, and returns the same results.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from zenoo_rpc.batch.exceptions import BatchExecutionError, BatchValidationError
from zenoo_rpc.batch.operations import OperationStatus
from zenoo_rpc.exceptions import ConnectionError, TimeoutError, ValidationError

logger = logging.getLogger(__name__)

#: The first pause between two requests for a job's status in seconds, the factor it grows by, and the longest pause in seconds.
FIRST_PAUSE_S, GROWTH, LONGEST_PAUSE_S = 0.1, 1.5, 5.0
#: Seconds for which the server is asked to wait for a change of the job.
WAIT_S = 10
#: Operations or failures fetched by one request.
PAGE = 1000


class BatchExecutor:
    """Sends all operations as one job, waits for its end, and returns the results in the form of Zenoo RPC's executor.

    Unlike that one, it also has `job`, the last status object of the server, and `failures`, a list of the records that failed.

    :param client: a `ZenooClient` that is logged in
    :param max_chunk_size: most records in one chunk; 0: adaptive
    :param max_concurrency: most chunks in flight at once; 1: strictly in order
    :param timeout: seconds one attempt at one chunk may take; None: no limit
    :param retry_attempts: attempts after a transient failure of a chunk, and after a failed request to the server
    """

    def __init__(
        self, client: Any, max_chunk_size: int = 100, max_concurrency: int = 5, timeout: float | None = None, retry_attempts: int = 3
    ):
        self.client = client
        self.max_chunk_size = max_chunk_size
        self.max_concurrency = max_concurrency
        self.timeout = timeout
        self.retry_attempts = retry_attempts
        self.stats: dict[str, Any] = {
            "total_operations": 0,
            "completed_operations": 0,
            "failed_operations": 0,
            "total_records": 0,
            "processed_records": 0,
            "start_time": None,
            "end_time": None,
        }
        self.job: dict[str, Any] | None = None
        self.failures: list[dict[str, Any]] = []

    async def execute_operations(
        self, operations: Sequence[Any], progress_callback: Callable[[dict[str, Any]], object] | None = None, **options: Any
    ) -> dict[str, Any]:
        """Run operations as one job, and wait for its end.

        :param operations: operation objects of Zenoo RPC, or operation objects of the API as dicts
        :param progress_callback: function or coroutine function, called with a dict of `completed`, `total`, `percentage`, `stats`
        :param options: more options of `submit`: `name`, `rollback`, `max_failures`, `dry_run`, ...
        :returns: `{"results": [...], "stats": {...}, "duration": seconds}`, one result per operation, in order
        :raises BatchValidationError: the server refuses the operations; `validation_errors` has the reasons
        :raises BatchExecutionError: the job can't be submitted, or its status or results can't be read
        """
        if not operations:
            return {"results": [], "stats": self.stats}
        self.failures = []
        self.stats.update(start_time=time.time(), end_time=None)
        try:
            self._note(await self._submit(operations, options))
            status = await self._follow(progress_callback)
            entries = await self._pages("result", "results")
            if status["stats"]["failed_records"]:
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

    def get_stats(self) -> dict[str, Any]:
        """The counters; after the end of a job also its duration in seconds and its rates per second."""
        stats = dict(self.stats)
        if stats["start_time"] and stats["end_time"]:
            stats["duration"] = stats["end_time"] - stats["start_time"]
            if stats["duration"] > 0:
                stats["operations_per_second"] = stats["completed_operations"] / stats["duration"]
                stats["records_per_second"] = stats["processed_records"] / stats["duration"]
        return stats

    # -- the job -----------------------------------------------------------------------------------

    async def _submit(self, operations: Sequence[Any], options: dict[str, Any]) -> dict[str, Any]:
        # with an idempotency key, the request can be sent again if it is unknown whether the server received it
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
        status: dict[str, Any] = await self._call("submit", [_as_sent(operation) for operation in operations], **options)
        return status

    async def _follow(self, progress_callback: Callable[[dict[str, Any]], object] | None) -> dict[str, Any]:
        """Read the job's status after each change, until the job is final, and return it; call the callback when records are done.

        The server waits for a change, unless too many others wait there: then the pauses between two calls grow.
        """
        pause, seen = FIRST_PAUSE_S, None
        while True:
            asked_at = time.monotonic()
            status: dict[str, Any] = await self._call("status", [self._job_id], wait=WAIT_S)
            self._note(status)
            if progress_callback and status["completed"] != seen:
                await self._tell(progress_callback, status)
            if status["finished_at"]:
                return status
            if status["completed"] != seen or time.monotonic() - asked_at > WAIT_S / 2:
                pause, seen = FIRST_PAUSE_S, status["completed"]
            await asyncio.sleep(pause)
            pause = min(pause * GROWTH, LONGEST_PAUSE_S)

    async def _tell(self, progress_callback: Callable[[dict[str, Any]], object], status: dict[str, Any]) -> None:
        progress = {key: status[key] for key in ("completed", "total", "percentage")}
        try:
            answer = progress_callback({**progress, "stats": dict(self.stats)})
            if inspect.isawaitable(answer):
                await answer
        except Exception:
            logger.exception("The progress callback failed; the job goes on.")

    @property
    def _job_id(self) -> int:
        assert self.job is not None
        return int(self.job["job_id"])

    def _note(self, status: dict[str, Any]) -> None:
        self.job, counts = status, status["stats"]
        self.stats.update({name: counts[name] for name in self.stats if name in counts})

    async def _pages(self, verb: str, key: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        offset: Any = 0
        while offset is not False:
            page = await self._call(verb, [self._job_id], offset=offset, limit=PAGE)
            found += page[key]
            offset = page["next_offset"]
        return found

    async def _call(self, method: str, argument: Any, **options: Any) -> Any:
        """Call a method of `batch.job`; repeat it up to `retry_attempts` times if the server can't be reached.

        :raises BatchValidationError: see `_refusal`
        """
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

    def _report(self, operation: Any, entry: dict[str, Any]) -> dict[str, Any]:
        """The result of an operation in the form of Zenoo RPC; also sets the state of the operation object."""
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


def _outcome(operation: Any, entry: dict[str, Any]) -> tuple[bool, Any]:
    """`(success, result or error)` of an operation, by the rules of Zenoo RPC.

    There, a create is a success if it has created any record, and its result is the list of their ids. An update with separate values
    for each record is always a success, and its result says whether all records were written.
    """
    if entry["success"]:
        return True, entry["result"]
    data: Any = getattr(operation, "data", None)
    if is_dataclass(operation) and entry["state"] in ("partial", "failed"):
        if entry["operation_type"] == "create" and entry["processed_records"]:
            return True, [record_id for record_id in entry["result"] if record_id]
        if entry["operation_type"] == "update" and isinstance(data, list):
            return True, False
    return False, entry["error"] or f"The operation was not run: it is {entry['state']}."


def _as_sent(operation: Any) -> Any:
    """An operation as a dict for JSON, without `return_ids`: Zenoo RPC ignores it and always returns the ids."""
    if not is_dataclass(operation):
        return operation
    values = {field.name: getattr(operation, field.name) for field in fields(operation) if field.name != "return_ids"}
    return {name: value.value if isinstance(value, Enum) else value for name, value in values.items()}


def _mark(operation: Any, **values: Any) -> None:
    if is_dataclass(operation):
        for name, value in values.items():
            setattr(operation, name, value)


def _refusal(error: Any) -> Any:
    """Zenoo RPC's `BatchValidationError` for that of the server; any other error unchanged."""
    data = error.context.get("raw_error", {}).get("data", {})
    if not data.get("name", "").endswith("BatchValidationError"):
        return error
    message, problems = data["arguments"]
    return BatchValidationError(message, validation_errors=problems)
