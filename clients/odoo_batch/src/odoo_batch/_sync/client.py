# Made from _async/client.py by scripts/make_sync.py: change that one.
"""The client: hands operations, files and DataFrames over as jobs."""

from __future__ import annotations

import contextlib
import json
import os
import uuid as uuids
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from .. import dataframes, wire
from ..config import Config, find_config, read_config
from ..errors import AccessDenied, ConnectionFailed, NotFound, Refused
from ..files import CSV, PIECE_BYTES, Source, digest
from ..parts import cut, encode_operations, part_name
from .job import Job
from .transport import JSON, Transport, wire_status

#: Bytes of operations in one request; more are sent in several, into a draft.
REQUEST_BYTES = 16 << 20
#: Seconds that the server may take for `execute`.
EXECUTE_S = 600.0
#: What the operation of a file is called.
FILE = "file"
#: Key of the context of a draft: a hash of what it is filled with.
CONTENT = "odoo_batch_content"


class Client(Transport):
    """A client of the batch API of one server, with the API key of one user.

    Requests that can be repeated without doing anything twice are sent again when the connection breaks or the server is restarting.
    `submit` and the imports always can, as each is sent with an idempotency key.

    :param url: address of the server; default: `ODOO_URL`
    :param key: API key of a user in the group *Batch / User*; default: `ODOO_KEY`
    :param db: database; default: `ODOO_DB`, and not needed where the server has just one
    :param timeout: seconds without a sign of the server after which a request has failed; large ones and `execute` have more
    :param attempts: how often a request is sent before it has failed; the pauses between them grow to 15 seconds
    :ivar piece_bytes: most bytes of a file in one request; more are sent in several
    :raises ConfigError: the address or the key is missing
    """

    piece_bytes = PIECE_BYTES

    def __init__(
        self, url: str | None = None, key: str | None = None, db: str | None = None, *, timeout: float = 60.0, attempts: int = 8
    ):
        self._open(find_config(url, key, db), timeout, attempts)

    @classmethod
    def from_config(
        cls, config: Config | str | os.PathLike[str] = "connection.conf", *, timeout: float = 60.0, attempts: int = 8
    ) -> Client:
        """A client with a configuration, or with that in the `connection.conf` of fluvo or odoo-import-export-client.

        :raises ConfigError: the file can't be read, or something is missing
        """
        client = cls.__new__(cls)
        client._open(config if isinstance(config, Config) else read_config(config), timeout, attempts)
        return client

    def __enter__(self) -> Client:
        return self

    # -- handing over ------------------------------------------------------------------------------

    def submit(self, operations: Sequence[Mapping[str, Any]], **options: Any) -> Job:
        """Hand operations over as a job, which the server checks as a whole, stores and runs.

        Operations that are more than one request can hold are sent in several, and started at the end; `create`, `update`, `upsert`
        and `load` are cut for that where it does not change their meaning. Their results are put together again.

        :param operations: operation objects as the API takes them
        :param options: `name`, `rollback`, `dry_run`, `quiet`, `context`, ...: see the API; an `idempotency_key` is made up if there is none
        :returns: the job
        :raises Refused: with all problems; nothing is stored
        """
        operations = list(operations)
        bodies = encode_operations(operations)
        options = {"idempotency_key": str(uuids.uuid4()), **options}
        if sum(map(len, bodies)) > REQUEST_BYTES:
            return self._submit_in_parts(operations, bodies, options)
        params = b'{"operations":[' + b",".join(bodies) + b"]," + wire.encoded(options)[1:]
        return Job(self, wire_status(self._rpc("submit", params)))

    def _submit_in_parts(
        self, operations: Sequence[Mapping[str, Any]], bodies: Sequence[bytes], options: dict[str, Any]
    ) -> Job:
        large = {str(one.get("model")) for one, body in zip(operations, bodies, strict=True) if _is_large_load(one, body)}
        one2many = {model: self._one2many(model) for model in large}
        groups = list(cut(operations, bodies, REQUEST_BYTES, one2many))  # first, as it refuses what can't be cut
        keep_draft = bool(options.pop("draft", False))
        job = self._draft(options, digest(["submit", REQUEST_BYTES], (part.body for group in groups for part in group)))
        if job.state != "draft":
            return job
        stored = job._operation_names()
        try:
            for group in groups:
                name = group[0].name
                if name in stored:
                    continue
                try:
                    job._append_bodies([part.body for part in group])
                except Refused:
                    # the last request of a process that was killed may have been at work still, and have stored it
                    if name not in job._operation_names():
                        raise
        except Refused as refused:
            self._give_up(job)
            raise Refused(refused.message, [_in_input(problem, group) for problem in refused.problems]) from None
        return job if keep_draft else self._started(job)

    def execute(self, operations: Sequence[Mapping[str, Any]], **options: Any) -> dict[str, Any]:
        """Run operations at once, in one transaction, and return the result object of the API.

        It is not sent again once the server may have seen it.

        :param operations: as for `submit`, at most 5,000 records unless the server is set otherwise
        :param options: as for `submit`, without `draft`, `run_at`, `idempotency_key`, `on_complete`, `notify` and `limit`
        :raises Refused: with all problems; nothing has run
        :raises AnswerLost: it is not known whether it has run
        """
        bodies = encode_operations(list(operations))
        params = b'{"operations":[' + b",".join(bodies) + b"]" + (b"," + wire.encoded(options)[1:] if options else b"}")
        result: dict[str, Any] = self._rpc("execute", params, repeat=False, patience=EXECUTE_S)
        return result

    def load_file(
        self,
        file: str | os.PathLike[str] | IO[Any],
        model: str,
        *,
        type: str | None = None,
        key: str | Sequence[str] | None = None,
        csv: Mapping[str, Any] | None = None,
        on_progress: Callable[[int, int], object] | None = None,
        **options: Any,
    ) -> Job:
        """Hand a file over as a job: CSV (the first row names the columns, as for Odoo's import) or NDJSON (an object of values a line).

        A file that is more than one request should hold is sent in pieces, and started at the end; unless it has to stay whole, as an
        update, or an import whose rows refer to later ones. If that is interrupted, calling again with the same `idempotency_key` goes on
        where it stopped. The result is one entry, in the order of the file; but records that had to wait for later ones come last.

        :param file: a path, or an open file
        :param model: technical name of the model
        :param type: `load` (the default for CSV), `create` (the default for NDJSON), `update` or `upsert`
        :param key: for an upsert, the names of the fields that identify a record; makes `upsert` the default type
        :param csv: how to read a CSV file, names as in Odoo's import: `separator`, `quoting`, `encoding`, `date_format`, ...
        :param on_progress: called with the number of bytes that have been sent, and of all
        :param options: options of `submit`, and `operation_id`, `return_ids`, `group_by` of the operation
        :returns: the job
        :raises Refused: with all problems, which name the `row` of the file; nothing is stored
        """
        tell = on_progress or _ignore
        keys = [key] if isinstance(key, str) else list(key or ())
        parameters = {"model": model, "type": type or ("upsert" if keys else None), "key": keys or None}
        options = {"idempotency_key": str(uuids.uuid4()), **options}
        with Source(file) as source:
            settings = source.settings(dict(csv or {}))
            # an update is never cut: records that it names twice take effect in their order
            is_whole = source.size <= self.piece_bytes or type == "update"
            lines = [] if is_whole or source.media_type != CSV else self._one2many(model)
            if is_whole or (type in (None, "load") and source.refers_ahead(self.piece_bytes, settings, lines)):
                # named so that the operations that the server makes of it are one entry of the result
                sent = {**options, **parameters, **settings, "operation_id": part_name(options.get("operation_id") or FILE, 0)}
                return Job(self, self._send_file("/batch/v1/import", sent, source.whole(tell)))
            own: dict[str, Any] = {name: options.pop(name) for name in ("operation_id", "return_ids", "group_by") if name in options}
            return self._load_in_pieces(source, {**own, **parameters, **settings}, wire.typed(options), tell, lines)

    def _load_in_pieces(
        self,
        source: Source,
        parameters: dict[str, Any],
        options: dict[str, Any],
        tell: Callable[[int, int], object],
        lines: Sequence[str],
    ) -> Job:
        asked = [self.piece_bytes, wire.query(parameters), source.media_type, sorted(lines)]
        base = parameters.pop("operation_id", None) or FILE
        keep_draft = bool(options.pop("draft", False))
        job = self._draft(options, digest(asked, source.whole(_ignore).chunks()))
        if job.state != "draft":
            return job
        stored = job._operation_names()
        try:
            for piece in source.pieces(self.piece_bytes, parameters, tell, lines):
                name = part_name(base, piece.first)
                if name not in stored:
                    sent = {**parameters, "operation_id": name, "first_row": piece.first_row}
                    try:
                        job._append_piece(sent, piece)
                    except Refused:
                        # the last request of a process that was killed may have been at work still, and have stored it
                        if name not in job._operation_names():
                            raise
        except Refused:
            self._give_up(job)
            raise
        return job if keep_draft else self._started(job)

    def load_dataframe(
        self, frame: Any, model: str, *, key: str | Sequence[str] | None = None, type: str | None = None, **options: Any
    ) -> Job:
        """Hand a DataFrame of pandas or polars over as a job. Results are in the order of its rows.

        With `key` its rows are values of records, by the names of fields, and `upsert`ed; so they are with `type` `create` or `update`
        (which takes a column `id`). Without, its columns are named as in Odoo's import (`id`, `country_id/id`, ...), and it is `load`ed.
        Missing values (NaN, NaT, null) empty a field. Times with a zone are converted to UTC, times without one are in UTC.

        :param frame: a `pandas.DataFrame` or `polars.DataFrame`; an index is ignored
        :param model: technical name of the model
        :param key: names of the columns that identify a record
        :param type: `load`, `create`, `update`, `upsert`, if it does not follow from `key`
        :param options: options of `submit`, and `operation_id`, `return_ids`, `group_by` of the operation
        :returns: the job
        :raises Refused: with all problems; nothing is stored
        :raises TypeError: a column holds what Odoo has no form for
        """
        keys = [key] if isinstance(key, str) else list(key or ())
        kind = type or ("upsert" if keys else "load")
        operation = dataframes.operation_of(frame, model, kind, keys)
        for name in ("operation_id", "return_ids", "group_by"):
            if name in options:
                operation[name] = options.pop(name)
        job = self.submit([operation], **options)
        job._library = dataframes.library_of(frame)
        return job

    def _one2many(self, model: str) -> list[str]:
        """The names of the one2many fields of a model; none where it can't be read: the server says why when it gets the data."""
        asked = wire.encoded({"attributes": ["type"]})
        try:
            fields = self._send("POST", f"/json/2/{model}/fields_get", asked, JSON)
        except (AccessDenied, NotFound, Refused):
            return []
        return [name for name, field in fields.items() if field["type"] == "one2many"]

    def _draft(self, options: Mapping[str, Any], content: str) -> Job:
        """The draft with this idempotency key; another one where that was given up.

        :param content: a hash of what it is to be filled with, and of how that is cut: the same key with another one is refused
        """
        key, number = options["idempotency_key"], 1
        context = options.get("context") or {}
        if isinstance(context, Mapping):
            context = {**context, CONTENT: content}
        while True:
            named = key if number == 1 else f"{key}:{number}"
            sent = {**options, "context": context, "draft": True, "idempotency_key": named}
            job = Job(self, wire_status(self._rpc("submit", wire.encoded(sent))))
            if not job.status["duplicate"]:
                return job
            if not self._is_given_up(job):
                self._check_content(job, named, content)
                return job
            number += 1

    def _is_given_up(self, job: Job) -> bool:
        """Whether it was cancelled, as last seen, while it was a draft: it was not filled to its end. One that was cancelled later stays what it is."""
        return job.state == "cancelled" and not self._read(job, "awaited_since")  # when it was started

    def _read(self, job: Job, field: str) -> Any:
        """The value of a field of `batch.job` that is not in its status."""
        [found] = self._send("POST", "/json/2/batch.job/read", wire.encoded({"ids": [job.id], "fields": [field]}), JSON)
        return found[field]

    def _check_content(self, job: Job, key: str, content: str) -> None:
        """Check that a job is filled with this: the server only compares the options of drafts, which are empty at first."""
        if json.loads(self._read(job, "context") or "{}").get(CONTENT) != content:
            message = f"{key!r} was used before, for another submission, or for one that was cut otherwise"
            raise Refused(message, [{"operation": False, "record": False, "key": "idempotency_key", "message": message}])

    def _started(self, job: Job) -> Job:
        """Start a draft that is full, unless that was done: by an earlier process which did not see the answer."""
        try:
            return job.start()
        except Refused:
            job.refresh()
            if job.state == "draft" or self._is_given_up(job):
                raise
            return job

    def _give_up(self, job: Job) -> None:
        with contextlib.suppress(ConnectionFailed, Refused):  # what it was given up for says more, and a draft does nothing
            job.refresh()
            if job.state == "draft":
                job.cancel()

    # -- jobs that are there -----------------------------------------------------------------------

    def job(self, job: int | str) -> Job:
        """A job by its id or its uuid.

        :raises NotFound: there is none, or this user may not see it
        """
        params = {"job_id": int(job)} if str(job).isdecimal() else {"uuid": job}
        return Job(self, wire_status(self.call("status", **params)))

    def jobs(self, *, limit: int = 20, state: str | Sequence[str] | None = None) -> list[Job]:
        """The newest jobs that this user may see.

        :param limit: at most so many; each is a request of its own
        :param state: only those in this state, or in one of these
        """
        states = [state] if isinstance(state, str) else list(state or ())
        return self._find([["state", "in", states]] if states else [], limit)

    def find_job(self, idempotency_key: str) -> Job | None:
        """The newest job that was submitted with this key; None if there is none."""
        keys = [["idempotency_key", "=", idempotency_key], ["idempotency_key", "=like", f"{_literal(idempotency_key)}:%"]]
        found = self._find(["|", *keys], 1)
        return found[0] if found else None

    def _find(self, domain: list[Any], limit: int) -> list[Job]:
        asked = {"domain": domain, "limit": limit, "order": "id desc"}
        response = self._send("POST", "/json/2/batch.job/search", wire.encoded(asked), JSON)
        return [self.job(job_id) for job_id in response]


def _is_large_load(operation: Mapping[str, Any], body: bytes) -> bool:
    return operation.get("operation_type") == "load" and len(body) > REQUEST_BYTES


def _in_input(problem: dict[str, Any], group: Sequence[Any]) -> dict[str, Any]:
    """A problem of a request with parts, with its place in the input."""
    place = problem.get("operation")
    if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(group):
        return problem
    record, part = problem.get("record"), group[place]
    if isinstance(record, int) and not isinstance(record, bool):
        record += part.first
    return {**problem, "operation": part.operation, "record": record}


def _literal(text: str) -> str:
    for sign in "\\%_":
        text = text.replace(sign, f"\\{sign}")
    return text


def _ignore(_sent: int, _total: int) -> None:
    """Nobody wants to know."""
