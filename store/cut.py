"""Cuts a claimed block of records to the size of a chunk, where the engine chooses the size (`max_chunk_size` 0)."""

from odoo.tools import SQL

from ..engine import sizing, states
from .chunk_row import read_claim
from .parts import insert_beside
from .sizing import choose_size


def needs_cutting(row):
    """Whether a claimed chunk is a block whose size the engine chooses.

    :param dict row: of the chunk, with `CHUNK_COLUMNS` and `JOB_COLUMNS`
    """
    return row["max_chunk_size"] == 0 and row["kind"] == states.RECORDS and row["record_count"] > 0


def cut_to_size(cr, row, is_alone):
    """Keep as many records of a block as the next chunk should have; store the rest as pending chunks.

    While the best size is not known yet, the rest is stored as one block; later it is cut into chunks at once.

    :param dict row: of the claimed chunk, with `in_flight`; updated to what is kept
    :param bool is_alone: whether no other lane is known to work on the job
    :raises ChunkBroken: the row can't be read
    """
    count = row["record_count"]
    choice = choose_size(
        cr,
        row["model"],
        row["operation_type"],
        len(row["payload"]) / count,
        target_s=row["timeout"] / 2 if row["timeout"] else sizing.TARGET_S,
        remaining=max(row["remaining"], count),
        lanes=row["in_flight"] + 1,
        is_alone=is_alone,
    )
    if count <= choice.size:
        return
    first, rest = read_claim(row).payload.cut(choice.size)
    if rest is None:
        return
    row["payload"] = first.encode()
    insert_beside(cr, read_claim(row), rest.split(choice.size) if choice.is_settled else [rest], len(first))
    row["record_count"], row["operation_id"] = len(first), first.sole_operation
    cr.execute(
        SQL(
            "UPDATE batch_chunk SET payload = %s, record_count = %s, operation_id = %s WHERE id = %s",
            row["payload"],
            row["record_count"],
            row["operation_id"],
            row["id"],
        )
    )
