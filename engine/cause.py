"""The cause of a failure: its message without what varies from record to record, so that equal causes have equal texts."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

#: Stands for what varies.
GAP = "…"
#: Characters kept of a cause: it is part of an index.
CAUSE_LIMIT = 200
#: Characters read of a message, and most values of a record that are looked for in it.
READ_LIMIT = 1_000
MOST_VALUES = 200
#: Shorter values are only found in quotation marks: they may stand in a message by chance.
SHORTEST = 4

#: Texts in quotation marks; an apostrophe within a word is none.
QUOTED = re.compile(r"""(?<!\w)'([^'\n]+)'(?!\w)|"([^"\n]+)"|“([^”\n]+)”|«([^»\n]+)»|‘([^’\n]+)’|„([^“”\n]+)[“”]""")  # noqa: RUF001
#: A technical name, such as `res.partner` or `country_id`: it says what is wrong, not with which record.
TECHNICAL = re.compile(r"[a-z][a-z0-9]*(?:[._/][a-z0-9]+)+")
#: Words before the quoted name of a field, in the languages of the addon.
NAMES_A_FIELD = re.compile(r"\b(?:field|column|feld|spalte|champ|colonne|campo|columna)s?\s*:?\s*$", re.IGNORECASE)
VARYING = re.compile(
    r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"  # a uuid
    r"|[^\s@'\"<>()]+@[^\s@'\"<>()]+"  # an e-mail address
    r"|(?:(?<!\w)-)?\d+(?:[.,:/-]\d+)*"  # a number, a date, a time
)
LISTED = re.compile(rf"{GAP}(?:\s*[,;]?\s*{GAP})+")
BLANKS = re.compile(r"\s+")


def cause_of(message: str | None, item: Any = None) -> str:
    """The cause that a message tells, at most `CAUSE_LIMIT` characters on one line.

    Numbers, quoted names and values of the record become "…"; names of fields and models stay.

    :param message: of the failure
    :param item: what was to be run, as JSON values
    """
    text = (message or "")[:READ_LIMIT]
    values = {value for value in islice(_texts(item), MOST_VALUES) if value in text}
    text = QUOTED.sub(lambda found: _unquoted(found, values), text)
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= SHORTEST:
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", GAP, text)
    text = BLANKS.sub(" ", LISTED.sub(GAP, VARYING.sub(GAP, text))).strip()
    return text if len(text) <= CAUSE_LIMIT else text[: CAUSE_LIMIT - 1] + GAP


def _unquoted(found: re.Match, values: set[str]) -> str:
    """A quoted text, or its quotation marks around a gap if it varies."""
    whole, name = found[0], next(filter(None, found.groups()))
    is_fixed = TECHNICAL.fullmatch(name) or NAMES_A_FIELD.search(found.string, 0, found.start())
    return whole if is_fixed and name not in values else f"{whole[0]}{GAP}{whole[-1]}"


def _texts(item: Any) -> Iterator[str]:
    """All texts among the values of an item, at any depth; names of fields are none."""
    stack = [item]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            if value.strip():
                yield value
        elif isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, (list, tuple)):
            stack += value
