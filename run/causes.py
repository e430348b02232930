"""The causes of a job's failures, for people."""

from odoo.tools.misc import formatLang

from ..store.summary import failure_causes


def causes_of(env, job_id, counted_to):
    """The most frequent causes of the failures of a job that stand. Reads a limited number of rows, however many there are.

    :param int job_id: id of a job that the caller may see
    :param int counted_to: most failures of a cause to count
    :returns: dict with `causes`: dicts with `error_type`, `cause`, `count` ("10,000+" where there are more), `model`, `message` (an
        example) and `domain` (its failures); and `more`: whether there are causes that are not among them
    """
    rows = failure_causes(env.cr, job_id, counted_to)
    return {
        "causes": [
            {
                "error_type": row["error_type"],
                "cause": row["cause"],
                "count": formatLang(env, min(row["number"], counted_to), digits=0) + ("+" if row["number"] > counted_to else ""),
                "model": row["model"],
                "message": row["message"],
                "domain": cause_domain(job_id, row["error_type"], row["cause"]),
            }
            for row in rows
        ],
        "more": bool(rows) and rows[0]["found"] > len(rows),
    }


def cause_domain(job_id, error_type, cause):
    """The domain of the failures of one cause that stand."""
    return [
        ["job_id", "=", job_id],
        ["error_type", "=", error_type],
        ["cause", "=", cause],
        ["retried_at", "=", False],
        ["dismissed_at", "=", False],
    ]
