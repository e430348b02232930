# Made from _async/job.py by scripts/make_sync.py: change that one.
"""A job on the server: its state, its results, and the verbs that steer it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from .. import dataframes, wire
from ..errors import AnswerLost, BatchError, JobFailed, Refused, WaitTimeout
from ..files import Piece
from ..parts import merged, replaced
from ..progress import progress_of

if TYPE_CHECKING:
    from .client import Client

#: Seconds between two questions, where the server can't wait for a change: the first pause, and the longest.
PAUSE_S, LONGEST_PAUSE_S = 0.2, 3.0
#: Seconds that the server may take to write a file before it sends it.
DOWNLOAD_S = 600.0
#: Entries in one answer.
PAGE = 1000


class Job:
    """A job, with its status as last seen.

    :ivar status: the status object of the API
    """

    def __init__(self, client: Client, status: dict[str, Any]):
        self._client = client
        self._library: str | None = None
        self.status = status

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.state}: {self.status['completed']} of {self.status['total']}>"

    @property
    def id(self) -> int:
        """The id."""
        return int(self.status["job_id"])

    @property
    def uuid(self) -> str:
        """The uuid, by which files of the job are named too."""
        return str(self.status["uuid"])

    @property
    def url(self) -> str:
        """The address of its form in the backend."""
        return f"{self._client.config.url}{self.status['url']}"

    @property
    def name(self) -> str:
        """The name."""
        return str(self.status["name"])

    @property
    def state(self) -> str:
        """The state, as last seen: `draft`, `pending`, `running`, `paused`, or `completed`, `partial`, `failed`, `cancelled`."""
        return str(self.status["state"])

    @property
    def is_finished(self) -> bool:
        """Whether it was final, as last seen."""
        return bool(self.status["finished_at"])

    def refresh(self, wait: float = 0) -> Job:
        """Read the status anew.

        :param wait: seconds for which the server may wait for a change before it answers, at most 20
        """
        params: dict[str, Any] = {"wait": wait} if wait else {}
        self.status = self._client.call("status", job_id=self.id, **params)
        return self

    def wait(
        self,
        progress: bool | Callable[[dict[str, Any]], object] = False,
        timeout: float | None = None,
        check: bool = False,
    ) -> Job:
        """Wait until the job is final.

        :param progress: True: show it on stderr; or a function that is called with each new status
        :param timeout: seconds after which to give up waiting; the job runs on
        :param check: raise an exception unless all records have succeeded
        :returns: the job
        :raises WaitTimeout: the time is over
        :raises JobFailed: the job is not `completed` (with `check`)
        """
        end = None if timeout is None else time.monotonic() + timeout
        pause = PAUSE_S
        with progress_of(progress) as shown:
            self.refresh()
            shown.show(self.status)
            while not self.is_finished:
                left = self._client.wait_s if end is None else end - time.monotonic()
                if left <= 0:
                    raise WaitTimeout(f"Batch job {self.id} is still {self.state} after {timeout:g} s.")
                asked_at, before = time.monotonic(), self._progress()
                self.refresh(wait=max(min(self._client.wait_s, round(left, 1)), 0.1))
                shown.show(self.status)
                # the server can't always wait, and some changes come one after the other
                could_wait = self._progress() != before or time.monotonic() - asked_at > 1
                pause = PAUSE_S if could_wait else min(pause * 1.5, LONGEST_PAUSE_S)
                if not self.is_finished:
                    time.sleep(pause if end is None else max(min(pause, end - time.monotonic()), 0))
        if check and self.state != "completed":
            page = self._client.call("failures", job_id=self.id, limit=20)
            raise JobFailed(self.status, page["failures"])
        return self

    def _progress(self) -> tuple[Any, ...]:
        return self.status["state"], self.status["completed"], self.status["total"]

    # -- reading -----------------------------------------------------------------------------------

    def result(self, outcomes: bool = False) -> list[dict[str, Any]]:
        """One entry for each operation, in the order in which they were submitted, their `result` aligned with the data.

        :param outcomes: whether each entry says what became of each record: created, updated, unchanged, deleted
        """
        return merged(self._pages("result", "results", **({"outcomes": True} if outcomes else {})))

    def failures(self) -> list[dict[str, Any]]:
        """All records that failed, each with `operation_id`, `index` in its data, `error_type` and `error`; of a file also its `row`."""
        return list(map(replaced, self._pages("failures", "failures")))

    def warnings(self) -> list[dict[str, Any]]:
        """What Odoo has warned of, record by record."""
        return list(map(replaced, self._pages("warnings", "warnings")))

    def changes(self) -> list[dict[str, Any]]:
        """What a job with `track_changes` has changed, in the order in which it took effect."""
        return list(map(replaced, self._pages("changes", "changes")))

    def failures_dataframe(self, library: str | None = None) -> Any:
        """The failed records as they were sent, with `_operation`, `_index`, `_error_type` and `_error`: to be mended and sent again.

        `load_dataframe` leaves these four columns out.

        :param library: `pandas` or `polars`; default: that of the DataFrame the job was made from, or the one that is installed
        """
        response = self._client._send("GET", self._path("failures.ndjson"), read=_checked, patience=DOWNLOAD_S)
        return dataframes.frame_of_failures(response.text, library or self._library)

    def download(self, name: str, path: str | os.PathLike[str]) -> Path:
        """Save one of the job's files: `failures.csv`, `results.csv`, `changes.csv`; also `.ndjson`, and `.xlsx` where there is one.

        :param name: name of the file on the server
        :param path: where to put it; it is there only once it is complete
        """
        target = Path(path)
        partial = target.with_name(f"{target.name}.part")
        try:
            self._client._send("GET", self._path(name), patience=DOWNLOAD_S, save=partial)
            return partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def _path(self, name: str) -> str:
        return f"/batch/v1/jobs/{self.uuid}/{name}"

    def _pages(self, verb: str, key: str, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        offset: Any = 0
        while offset is not False:
            page = self._client.call(verb, job_id=self.id, offset=offset, limit=PAGE, **params)
            found += page[key]
            offset = page["next_offset"]
        return found

    # -- steering ----------------------------------------------------------------------------------

    def start(self) -> Job:
        """Start a draft."""
        return self._steer("start", lambda: self.state != "draft")

    def cancel(self) -> Job:
        """Start nothing more; what runs right now ends."""
        return self._steer("cancel", lambda: self.is_finished)

    def pause(self) -> Job:
        """Start nothing more until `resume`."""
        return self._steer("pause", lambda: self.state == "paused")

    def resume(self) -> Job:
        """Go on."""
        return self._steer("resume", lambda: self.state not in ("draft", "paused"))

    def run_now(self) -> Job:
        """Start a job that waits for its `run_at` at once."""
        return self._steer("run_now", lambda: self.state == "running" or self.is_finished)

    def retry(self) -> Job:
        """Run the failed and cancelled records again, in this job."""
        self.refresh()
        finished_at = self.status["finished_at"]
        return self._steer("retry", lambda: self.status["finished_at"] != finished_at)

    def apply(self) -> Job:
        """Do for real what a finished dry run has planned.

        :returns: the new job
        """
        return self._derive("apply")

    def undo(self) -> Job:
        """Take back what a finished job with `track_changes` has changed.

        :returns: the new job
        """
        return self._derive("undo")

    def _steer(self, verb: str, is_done: Callable[[], bool]) -> Job:
        """Call a verb; where its answer was lost, look at the job before calling it again."""

        def look() -> Job | None:
            self.refresh()
            return self if is_done() else None

        def call() -> Job:
            self.status = self._client.call(verb, repeat=False, job_id=self.id)
            return self

        return self._once(call, look)

    def _derive(self, verb: str) -> Job:
        """Call a verb that makes a job of this one; where its answer was lost, look whether that is there before calling it again."""

        def look() -> Job | None:
            found = self._client._find([["origin_job_id", "=", self.id], ["origin_kind", "=", verb]], 1)
            return found[0] if found else None

        def call() -> Job:
            return Job(self._client, self._client.call(verb, repeat=False, job_id=self.id))

        return self._once(call, look)

    def _once(self, call: Callable[[], Job], look: Callable[[], Job | None]) -> Job:
        """Do something once, although answers may get lost.

        After a lost answer the first request may still be at work. A second one then waits for it, and is refused, as it was done.

        :param call: does it
        :param look: gives what it gave, if it was done
        """
        lost: AnswerLost | None = None
        for attempt in range(1, self._client.attempts + 1):
            try:
                return call()
            except AnswerLost as error:
                lost = error
            except Refused:
                if lost is None or not (seen := look()):
                    raise
                return seen
            time.sleep(wire.pause_before(attempt))
            if seen := look():
                return seen
        raise lost or BatchError("no attempt was made")

    # -- filling a draft ---------------------------------------------------------------------------

    def append(self, operations: Sequence[Mapping[str, Any]]) -> Job:
        """Add operations to a draft.

        :param operations: as for `submit`; the names of those that have no `operation_id` are made up
        :raises Refused: with all problems, nothing is added; or the job is no draft
        """
        first = self.status["stats"]["total_operations"] + 1
        named = [{"operation_id": f"op-{first + place}", **operation} for place, operation in enumerate(operations)]
        return self._append_bodies([wire.encoded(operation) for operation in named])

    def _append_bodies(self, bodies: Sequence[bytes]) -> Job:
        params = b'{"job_id":%d,"operations":[%s]}' % (self.id, b",".join(bodies))

        def call() -> Job:
            self.status = self._client._rpc("append", params, repeat=False)
            return self

        return self._once(call, self._look_for_more())

    def _append_piece(self, parameters: Mapping[str, Any], piece: Piece) -> Job:
        def call() -> Job:
            self.status = self._client._send_file(self._path("append"), parameters, piece, repeat=False)
            return self

        return self._once(call, self._look_for_more())

    def _look_for_more(self) -> Callable[[], Job | None]:
        """Whether a draft has more operations than now: nobody else adds to it."""
        before = self.status["stats"]["total_operations"]

        def look() -> Job | None:
            self.refresh()
            return self if self.status["stats"]["total_operations"] > before else None

        return look

    def _operation_names(self) -> set[str]:
        """The names of the operations that are there."""
        if not self.status["stats"]["total_operations"]:
            return set()
        return {entry["operation_id"] for entry in self._pages("result", "results")}


def _checked(response: httpx.Response) -> httpx.Response:
    wire.check(response)
    return response
