"""What a job has changed, for people: which record, and the values before and after, with what differs marked."""

from dataclasses import asdict, dataclass

from ..engine.change import UPDATE
from ..engine.difference import Difference, difference, shortened
from ..engine.payload import dumps
from .readable import readable_changes
from .record_names import name_in_values, names_by_model
from .value_words import TEXTS, ValueWords

#: Number of parts that say the difference of two lists of ids.
STAY_GONE_NEW = 3


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a change is said."""

    fields: int  # most fields
    around: int  # most characters on each side of what differs
    longest: int  # most characters of a value
    read: int | None = None  # changes whose values take more bytes are not read


#: In a list, and in the form of a single change.
BRIEF = Extent(fields=4, around=25, longest=60, read=20_000)
FULL = Extent(fields=1_000, around=500, longest=5_000)


def describe_changes(env, ids, extent):
    """Say some changes.

    :param env: of the reader, who may see them
    :param ids: of rows of `batch.change`
    :param Extent extent: how much
    :returns: dict id -> dict with `label` (the record's name, which may be empty), `exists` (the reader may read the record) and `found`: dict with
        `fields`, `more` (how many fields are not among them) `too_long` (the values were not read) and
        `hidden` (the reader may not see some values). Each field is a dict with `name`,
        `label`, `head`, `before`, `after`, `tail`; `before` of a created and `after` of a deleted record are None.
    """
    rows = readable_changes(env, ids, extent.read)
    names = names_by_model(env, [(row["model"], row["record_id"]) for row in rows])
    picked = {row["id"]: _pick(env, row, extent.fields) for row in rows}
    words = ValueWords(env)
    words.learn(
        (row["model"], name, value)
        for row in rows
        for name in picked[row["id"]]
        for value in parts_of(row["before"].get(name), row["after"].get(name))
    )
    return {
        row["id"]: {
            "label": names.get((row["model"], row["record_id"])) or name_in_values(env, row["model"], {**row["before"], **row["after"]}),
            "exists": (row["model"], row["record_id"]) in names,
            "found": {
                "fields": [_field(words, row, name, extent) for name in picked[row["id"]]],
                "more": len(_changed(row)) - len(picked[row["id"]]),
                "too_long": row["too_long"],
                "hidden": row["hidden"],
            },
        }
        for row in rows
    }


def names_of_changes(env, ids):
    """What changes say of the names of their records, for records that are gone.

    :param ids: of changes; those that the reader may not see are left out
    :returns: dict id -> name, which may be empty
    """
    seen = env["batch.change"].search([("id", "in", ids)]) if ids else env["batch.change"]
    rows = readable_changes(env, seen.ids, BRIEF.read)
    return {row["id"]: name_in_values(env, row["model"], row["before"]) for row in rows}


def field_difference(words, model, name, before, after, extent):
    """Where two values of a field differ, in words.

    :param ValueWords words: which has learnt `parts_of` them
    :returns: a field as in `describe_changes`
    """
    found = _difference(words, model, name, parts_of(before, after), extent)
    return {"name": name, "label": words.field(model, name)["string"], **asdict(found)}


def parts_of(before, after):
    """The values that say a difference: those two; of lists of ids those that stay, those taken away and those added."""
    if not (isinstance(before, list) and isinstance(after, list) and all(isinstance(id_, int) for id_ in (*before, *after))):
        return before, after
    both = set(before) & set(after)
    parts = [id_ for id_ in before if id_ in both], [id_ for id_ in before if id_ not in both], [id_ for id_ in after if id_ not in both]
    return parts if parts[1] or parts[2] else (before, after)


def _difference(words, model, name, parts, extent):
    texts = [words.text(model, name, part) for part in parts]
    if len(texts) == STAY_GONE_NEW:
        stay, gone, new = texts
        return Difference(f"{stay}, " if stay else "", gone, new, "")
    if texts[0] == texts[1]:
        texts = [dumps(part) for part in parts]  # what differs has no words: HTML tags, an order
    if words.field(model, name)["type"] in TEXTS:
        return difference(*texts, extent.around, extent.longest)
    return Difference("", *(shortened(text, extent.longest) for text in texts), "")


def _changed(row):
    return list(dict.fromkeys((*row["before"], *row["after"])))


def _pick(env, row, most):
    """The first fields of a change; of a created or deleted record its name comes first."""
    names = _changed(row)
    rec_name = env[row["model"]]._rec_name if row["model"] in env else None
    if row["action"] != UPDATE and rec_name in names:
        names.remove(rec_name)
        names.insert(0, rec_name)
    return names[:most]


def _field(words, row, name, extent):
    if row["action"] == UPDATE:
        return field_difference(words, row["model"], name, row["before"].get(name), row["after"].get(name), extent)
    texts = {
        side: shortened(words.text(row["model"], name, row[side][name]), extent.longest) if name in row[side] else None
        for side in ("before", "after")
    }
    return {"name": name, "label": words.field(row["model"], name)["string"], "head": "", **texts, "tail": ""}
