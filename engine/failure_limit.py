"""After how many failed records a job stops: a number, or a share of its records."""

import math
import re

#: `max_failures` of a stored job without a limit: an integer field of Odoo can't be null.
NO_LIMIT = -1

#: A percentage from 0% to 100%, in the words that regular expressions have in any language.
SHARE = r"^\s*(100(\.0{1,6})?|0?[0-9]{1,2}(\.[0-9]{1,6})?)\s*%\s*$"
_SHARE = re.compile(SHARE, re.ASCII)


def read_share(text: str) -> float | None:
    """The percentage in a text like `5%`; None where it is none from 0% to 100%."""
    match = _SHARE.fullmatch(text)
    return float(match[1]) if match else None


def has_limit(max_failures: int, share: float) -> bool:
    """Whether a job has a limit of failures."""
    return max_failures != NO_LIMIT or share > 0


def most_failures(max_failures: int, share: float, total: int) -> float:
    """The job stops once more records than this have failed.

    :param max_failures: a number of records, or `NO_LIMIT`
    :param share: percentage of the job's records; 0: `max_failures` counts
    :param total: records of the job, as far as they are known
    """
    if share > 0:
        return math.floor(round(total * share / 100, 6))
    return math.inf if max_failures == NO_LIMIT else max_failures
