"""Run operations in the caller's transaction. Plan, loop and results are those of a job; chunks and results stay in memory."""

from collections.abc import Iterable
from dataclasses import replace
from heapq import heappop, heappush

from ..engine import place, states
from ..engine.failure_limit import NO_LIMIT, most_failures
from ..engine.operation import UPSERT
from ..engine.options import ROLLBACK_JOB
from ..exceptions import BatchExecutionError, TransactionEnded
from . import selection
from .chunk import Records, run_chunk
from .inline_results import InlineResults
from .interruption import Interruption
from .numbers import stopped
from .references import References
from .settings import get_setting
from .upsert_lock import lock_inline
from .whole_job import Chunks, WholeJob


def execute(env, operations, plans, options, progress_callback=None):
    """Run parsed operations in their planned chunks, one after the other, each in savepoints. Nothing is committed.

    A conflict with another transaction can't be resolved inside this one. Its exception is raised, so that Odoo runs the
    caller's RPC call again.

    :param env: the caller's environment
    :param operations: parsed `Operation`s
    :param plans: their `ChunkPlan`s
    :param options: the parsed `Options`
    :param progress_callback: called with `{"completed", "total", "percentage", "stats"}` after every chunk of records
    :returns: the result object
    :raises BatchExecutionError: the execution can't continue
    :raises Exception: a conflict, as PostgreSQL or Odoo raised it
    """
    # user code never runs with more rights than the user has, even if the caller uses sudo
    env = env(su=False)
    results = InlineResults(env, operations, options.track_changes)
    chunks = InlineChunks(env, plans, options, results, progress_callback)
    known = sum(operation.record_count for operation in operations)
    limit = NO_LIMIT if options.max_failures is None else options.max_failures
    whole_job = WholeJob(
        env,
        chunks,
        is_dry_run=options.dry_run,
        all_or_nothing=options.rollback == ROLLBACK_JOB,
        most_failures=lambda found: most_failures(limit, options.max_failures_share or 0, known + found),
    )
    try:
        results.error = whole_job.run() or results.error
    except Interruption as error:
        if isinstance(error.__cause__, Exception):
            raise error.__cause__ from None
        raise BatchExecutionError(str(error), results.unfinished, results.answer()) from error
    except TransactionEnded as error:
        raise BatchExecutionError(str(error), results.unfinished, results.answer()) from error
    return results.answer()


class InlineChunks(Chunks):
    """Planned chunks in memory, in the order of their `sequence`, as in the table of a stored job.

    :param env: the user's environment
    :param plans: `ChunkPlan`s
    :param options: the parsed `Options`
    :param InlineResults results: where the outcomes are kept
    :param progress_callback: see `execute`
    """

    def __init__(self, env, plans: Iterable, options, results, progress_callback):
        self.env = env
        self.options = options
        self.results = results
        self.progress_callback = progress_callback
        self.waiting = []  # a heap of (sequence, number, chunk)
        self.count = 0
        for number, chunk in enumerate(sorted(plans, key=lambda chunk: chunk.level)):
            self.add(replace(chunk, sequence=place.planned(number)))

    def add(self, chunk):
        """Queue a chunk by its `sequence`; equal ones keep the order in which they were added."""
        self.count += 1
        heappush(self.waiting, (chunk.sequence, self.count, chunk))

    def next_chunk(self, last):
        """As `Chunks.next_chunk`; chunks are `ChunkPlan`s."""
        return heappop(self.waiting)[-1] if self.waiting else None

    def run(self, chunk, has_savepoint):
        """As `Chunks.run`; each attempt always has its own savepoint."""
        return self._find(chunk) if chunk.kind == states.RESOLVE else self._run_records(chunk)

    def _find(self, chunk):
        """Run one page of a selection; returns its `Outcome`.

        :raises Interruption: all pages together find more records than `execute` may run
        """
        env = self._env(chunk)
        outcome = selection.find(
            env,
            chunk.model,
            chunk.payload,
            References(self.results),
            self.options.max_chunk_size,
            self.options.timeout,
            timeout_fails=True,
        )
        found = chunk.payload.items[0].get("offset", 0) + outcome.found_records
        limit = get_setting(env, "execute_limit")
        if outcome.more is None and found > limit:
            raise Interruption(
                "limit",
                env._(
                    "The selection of %(name)s finds %(count)s records, more than the %(limit)s that may run at once: use submit.",
                    name=self.results.name_of(chunk),
                    count=found,
                    limit=limit,
                ),
            )
        return outcome

    def _run_records(self, chunk):
        env = self._env(chunk)
        references = References(self.results)
        if chunk.operation_type == UPSERT and references.needs(chunk.payload) is None:
            lock_inline(env, chunk.model, chunk.payload, self.options.timeout)
        records = Records(
            chunk.operation_type,
            chunk.model,
            chunk.payload,
            rollback=self.options.rollback,
            strict=self.options.strict,
            skips_unchanged=self.options.skip_unchanged,
            tracks_changes=self.options.track_changes,
            timeout_s=self.options.timeout,
            may_rest=False,
            keep_trying=True,
            in_order=self.options.max_concurrency == 1,
        )
        return run_chunk(env, records, references)

    def _env(self, chunk):
        return self.env(context={**self.env.context, **chunk.payload.context})

    def settle(self, chunk, outcome, duration):
        """As `Chunks.settle`; also calls the progress callback after a chunk of records."""
        before = chunk.payload.items[0].get("offset", 0) if chunk.kind == states.RESOLVE else 0
        for payload, _group_keys in outcome.found:
            self.add(replace(chunk, kind=states.RECORDS, payload=payload, sequence=place.found(chunk.sequence, before)))
            before += len(payload)
        if outcome.more is not None:
            self.add(replace(chunk, payload=replace(chunk.payload, items=[outcome.more])))
        self.results.add(chunk, outcome, duration)
        if self.progress_callback and chunk.kind == states.RECORDS:
            status = self.results.status()
            self.progress_callback({key: status[key] for key in ("completed", "total", "percentage", "stats")})

    def cancel_rest(self, failed):
        """As `Chunks.cancel_rest`; sets the error of the call."""
        if not self.waiting:
            return
        self.results.cancel_rest()
        self.results.error = stopped(self.env, failed, self.options.max_failures, self.options.max_failures_share)

    def undo(self, is_dry_run, reason):
        """As `Chunks.undo`."""
        self.results.undo(is_dry_run, reason)
