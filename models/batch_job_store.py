from dataclasses import replace

from odoo import models
from odoo.tools import SQL

from ..engine import place, states
from ..engine.payload import dumps
from ..store import release
from ..store.references import ids_by_name, mark_awaited
from ..store.rows import NewChunk, NewOperation, insert_chunks, insert_operations
from ..store.sizing import expected_s


class BatchJob(models.Model):
    """Storing planned operations and chunks: in bulk, whatever their number."""

    _inherit = "batch.job"

    def _store(self, operations, plans):
        """Store operations and the chunks planned for them, after those the job has already.

        :param list operations: parsed `Operation`s
        :param list plans: their `ChunkPlan`s
        :raises TypeError, ValueError: something has no JSON form; nothing is stored then
        """
        self.ensure_one()
        self.flush_recordset()
        ids = dict(
            zip(
                (operation.position for operation in operations), self._next_operation_ids(len(operations)), strict=True
            )
        )
        awaited = set().union(*(plan.waits for plan in plans))
        names = ids_by_name(self.env.cr, self.id, awaited)  # those the job holds already
        mark_awaited(self.env.cr, names.values())
        names.update(
            (operation.operation_id, ids[operation.position])
            for operation in operations
            if operation.operation_id in awaited
        )
        rows = (
            self._new_operation(operation, ids[operation.position], operation.operation_id in awaited)
            for operation in operations
        )
        insert_operations(self.env.cr, rows)
        after = self._last_sequence() + 1
        if self.is_atomic:
            plans = sorted(plans, key=lambda plan: plan.level)
            places = [(place.planned(number), states.AWAITING_DRIVER) for number in range(len(plans))]  # each after what it needs
        else:
            places = [
                (plan.sequence, states.BLOCKED if plan.waits or plan.round_no else states.PENDING) for plan in plans
            ]
        chunks = (
            self._new_chunk(plan, after + sequence, state, ids, names)
            for plan, (sequence, state) in zip(plans, places, strict=True)
        )
        insert_chunks(self.env.cr, chunks)
        if awaited:
            # some have nothing to do
            ended = release.ended_among(self.env.cr, [names[name] for name in awaited])
            release.release_waiting(self.env.cr, self.id, ended)
        self._count(operations, expected_s(self.env.cr, plans))

    def _next_operation_ids(self, count):
        """Reserve ids, so that chunks know their operations before either is stored."""
        rows = self.env.execute_query(
            SQL("SELECT nextval('batch_operation_id_seq') FROM generate_series(1, %s)", count)
        )
        return [id_ for (id_,) in rows]

    def _new_operation(self, operation, id_, is_awaited):
        needs = None
        if operation.depends_on or operation.whole_refs:
            needs = dumps([*operation.depends_on, *sorted(operation.whole_refs)])
        count = len(operation.items)
        empty = not count and operation.selection is None and not needs
        return NewOperation(
            id=id_,
            job_id=self.id,
            position=operation.position,
            operation_id=operation.operation_id,
            operation_type=operation.type,
            model=operation.model,
            priority=operation.priority,
            details=_details(operation),
            depends_on=needs,
            return_ids=operation.return_ids,
            data_length=operation.data_length,
            state=states.COMPLETED if empty else states.PENDING,
            is_awaited=is_awaited,
            record_count=count,
        )

    def _new_chunk(self, plan, sequence, state, ids, names):
        payload = replace(plan.payload, operations=[ids[position] for position in plan.payload.operations])
        if plan.after:
            payload.params = {**payload.params, "after": sorted(plan.after)}
        return NewChunk(
            job_id=self.id,
            kind=plan.kind,
            operation_type=plan.operation_type,
            model=plan.model,
            payload=payload,
            state=state,
            sequence=sequence,
            wait_ids=[names[name] for name in plan.waits] if plan.waits else None,
            group_keys=plan.group_keys,
            round_no=plan.round_no,
        )

    def _last_sequence(self):
        """The last place taken in a draft, none of whose chunks has run."""
        [(last,)] = self.env.execute_query(
            SQL(
                """
                SELECT greatest(
                    (SELECT max(sequence) FROM batch_chunk WHERE job_id = %(job)s AND state = 'pending'),
                    (SELECT max(sequence) FROM batch_chunk WHERE job_id = %(job)s AND state IN ('blocked', 'held'))
                )
                """,
                job=self.id,
            )
        )
        return -1 if last is None else last + 1

    def _count(self, operations, expected_work):
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_job
                   SET total_operations = total_operations + %s,
                       completed_operations = completed_operations + %s,
                       total_records = total_records + %s,
                       expected_work = expected_work + %s
                 WHERE id = %s
                """,
                len(operations),
                sum(
                    not (operation.record_count or operation.selection or operation.depends_on or operation.whole_refs)
                    for operation in operations
                ),
                sum(operation.record_count for operation in operations),
                expected_work,
                self.id,
            )
        )
        self.invalidate_recordset()


def _details(operation):
    """What the operation does besides its data, for people."""
    if not (operation.params or operation.selection or operation.group_by or operation.context):
        return None
    details = {key: value for key, value in operation.params.items() if key != "duplicates"}
    if operation.selection:
        details.update(operation.selection)
    if operation.group_by:
        details["group_by"] = operation.group_by
    if operation.context:
        details["context"] = operation.context
    return dumps(details) if details else None
