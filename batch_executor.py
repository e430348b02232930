"""Zenoo RPC's `BatchExecutor` for code inside the server, with the same operations, options and results. Uses `execute`."""

from dataclasses import asdict, dataclass, field
from typing import Any

from .engine import operation
from .run import submission


@dataclass
class BatchOperation:
    """Base class of the operations. The fields are the keys of the API's operation objects."""

    model: str
    data: Any = None
    operation_id: str | None = field(default=None, kw_only=True)
    priority: int = field(default=0, kw_only=True)
    context: dict | None = field(default=None, kw_only=True)
    depends_on: list[str] | None = field(default=None, kw_only=True)
    strict: bool | None = field(default=None, kw_only=True)
    operation_type: str = field(default="", init=False)

    def as_dict(self) -> dict:
        """The operation object of the API, without the fields that are None."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass
class CreateOperation(BatchOperation):
    """Create records from a list of value dicts."""

    return_ids: bool = True
    group_by: str | None = field(default=None, kw_only=True)
    operation_type: str = field(default=operation.CREATE, init=False)


@dataclass
class UpdateOperation(BatchOperation):
    """Write one dict of values on `record_ids` (or a `domain`), or a list of dicts each with its `id`."""

    record_ids: list[int] | None = None
    domain: list | None = field(default=None, kw_only=True)
    group_by: str | None = field(default=None, kw_only=True)
    operation_type: str = field(default=operation.UPDATE, init=False)


@dataclass
class DeleteOperation(BatchOperation):
    """Delete the records with the ids in `data` (or in a `domain`)."""

    domain: list | None = field(default=None, kw_only=True)
    operation_type: str = field(default=operation.DELETE, init=False)


@dataclass
class UpsertOperation(BatchOperation):
    """Update the records that the fields in `key` identify, or create them, from a list of value dicts."""

    key: list[str] = field(default_factory=list)
    return_ids: bool = True
    group_by: str | None = field(default=None, kw_only=True)
    operation_type: str = field(default=operation.UPSERT, init=False)


@dataclass
class LoadOperation(BatchOperation):
    """Import rows with Odoo's own import; `fields` are the names of the columns."""

    fields: list[str] = field(default_factory=list)
    return_ids: bool = True
    operation_type: str = field(default=operation.LOAD, init=False)


@dataclass
class CallOperation(BatchOperation):
    """Call a public method on `record_ids` or a `domain`, or once on the model."""

    method: str = ""
    args: list | None = None
    kwargs: dict | None = None
    set: bool | None = field(default=None, kw_only=True)
    track_fields: list[str] | None = field(default=None, kw_only=True)
    record_ids: list[int] | None = field(default=None, kw_only=True)
    domain: list | None = field(default=None, kw_only=True)
    group_by: str | None = field(default=None, kw_only=True)
    operation_type: str = field(default=operation.CALL, init=False)


@dataclass
class ActionOperation(BatchOperation):
    """Run a server action, given by id or external id, on `record_ids` or a `domain`."""

    action: int | str | None = None
    track_fields: list[str] | None = field(default=None, kw_only=True)
    record_ids: list[int] | None = field(default=None, kw_only=True)
    domain: list | None = field(default=None, kw_only=True)
    group_by: str | None = field(default=None, kw_only=True)
    operation_type: str = field(default=operation.ACTION, init=False)


class BatchExecutor:
    """Executes operations inside the caller's transaction, or submits them as a job.

    :param env: environment; everything runs as its user
    :param int max_chunk_size: most records in a chunk; 0: adaptive
    :param int max_concurrency: most chunks in flight at once; 1: strictly in order
    :param float timeout: seconds one attempt at one chunk may take; None: no limit
    :param int retry_attempts: for `submit`: attempts after a transient failure
    """

    def __init__(self, env, max_chunk_size=100, max_concurrency=5, timeout=None, retry_attempts=3):
        self.env = env
        self.max_chunk_size = max_chunk_size
        self.max_concurrency = max_concurrency
        self.timeout = timeout
        self.retry_attempts = retry_attempts
        self.stats = {}

    @property
    def _options(self):
        return {
            "max_chunk_size": self.max_chunk_size,
            "max_concurrency": self.max_concurrency,
            "timeout": self.timeout,
            "retry_attempts": self.retry_attempts,
        }

    def execute_operations(self, operations, progress_callback=None):
        """Run operations at once, in savepoints; nothing is committed.

        :param list operations: operation objects or dicts
        :param progress_callback: called with `{"completed", "total", "percentage", "stats"}` after every chunk of records
        :returns: `{"results": [...], "stats": {...}, "duration": seconds, ...}`, one result per operation, in order
        :raises BatchValidationError: the operations can't be run; `validation_errors` has the reasons
        :raises BatchExecutionError: the execution can't continue
        """
        if not operations:
            return {"results": [], "stats": self.stats, "duration": 0.0}
        result = submission.execute(self.env, _plain(operations), self._options, progress_callback)
        self.stats = result["stats"]
        return result

    def submit(self, operations, **options):
        """Queue operations as a job.

        :param list operations: operation objects or dicts
        :param options: options of `batch.job.submit`, which override those of this executor
        :returns: the `batch.job` record
        :raises BatchValidationError: operations or options are not valid; `validation_errors` has the reasons
        """
        status = self.env["batch.job"].submit(_plain(operations), **{**self._options, **options})
        return self.env["batch.job"].browse(status["job_id"])


def _plain(operations):
    return [operation.as_dict() if isinstance(operation, BatchOperation) else operation for operation in operations]
