"""Rows in bulk, by copying one that Odoo has made."""

from __future__ import annotations

from odoo.tools import SQL


def copy(cr, table: str, id_: int, count: int, **overrides: SQL) -> list[int]:
    """Copy a row `count` times; returns the ids.

    :param overrides: expressions for columns that differ; `number` in them counts from 1
    """
    cr.execute(
        """
        SELECT attname
          FROM pg_attribute
         WHERE attrelid = %s::regclass
           AND attnum > 0
           AND NOT attisdropped
           AND attgenerated = ''
           AND attname <> 'id'
        """,
        [table],
    )
    columns = [column for (column,) in cr.fetchall()]
    values = [overrides.get(column) or SQL.identifier("model", column) for column in columns]
    cr.execute(
        SQL(
            "INSERT INTO %s (%s) SELECT %s FROM %s AS model, generate_series(1, %s) AS number WHERE model.id = %s RETURNING id",
            SQL.identifier(table),
            SQL(", ").join(map(SQL.identifier, columns)),
            SQL(", ").join(values),
            SQL.identifier(table),
            count,
            id_,
        )
    )
    return [row_id for (row_id,) in cr.fetchall()]
