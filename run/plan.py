"""What an operation would do to its first records: they are run for real in the caller's transaction, and rolled back."""

from dataclasses import dataclass, field

from odoo.exceptions import AccessError
from odoo.tools import format_date, format_datetime, html2plaintext

from ..engine.operation import DELETE
from .submission import execute

#: Records that are tried.
TRIED = 10
#: Most changed fields shown of one record, and most characters and names shown of one value.
FIELDS_SHOWN = 6
TEXT_SHOWN = 80
NAMES_SHOWN = 3
#: Seconds that the trial may take.
TIMEOUT_S = 30
#: Fields that change with every write, and types whose values no one can read.
UNTOLD = frozenset(("write_date", "write_uid", "__last_update", "display_name"))
UNTOLD_TYPES = frozenset(("binary", "json", "properties", "properties_definition"))


@dataclass(slots=True)
class Trial:
    """What became of one record."""

    record_id: int
    name: str
    changes: list = field(default_factory=list)  # (label of the field, text before, text after)
    error: str | None = None
    is_deleted: bool = False


@dataclass(slots=True)
class Plan:
    """What an operation would do: `count` records in all, of which the first were tried; and why the trial was ended."""

    count: int
    trials: list
    error: str | None = None


def plan_of(env, operation, options=None):
    """Try an operation on its first records.

    :param env: the caller's environment
    :param dict operation: with `record_ids` or `domain`
    :param dict options: of `execute`: `strict`, `quiet`
    :returns: a `Plan`
    :raises BatchValidationError: the operation would be refused
    :raises AccessError: the caller is no batch user
    """
    operation = dict(operation)
    model = env[operation["model"]]
    domain = operation.pop("domain", None)
    if domain is None:
        ids = list(operation["record_ids"])
        count = len(ids)
        ids = ids[:TRIED]
    else:
        ids = model.search(domain, order="id", limit=TRIED).ids
        count = len(ids) if len(ids) < TRIED else model.search_count(domain)
    records = model.browse(ids).exists()
    told = _told_fields(model, operation)
    trials = {record.id: Trial(record.id, record.display_name) for record in records}
    before = {record.id: _texts(record, told) for record in records}

    def look(_progress):
        env.invalidate_all()
        for record in records.exists():
            changed = _texts(record, told)
            trials[record.id].changes = [
                (told[name], text, changed[name]) for name, text in before[record.id].items() if text != changed[name]
            ][:FIELDS_SHOWN]

    asked = {**(options or {}), "dry_run": True, "max_chunk_size": TRIED, "timeout": TIMEOUT_S}
    result = execute(env, [{**operation, "record_ids": ids}], asked, look) if ids else {"results": [], "error": None}
    for entry in result["results"]:
        for failure in entry["failures"]:
            record_id = ids[failure["index"]]
            trial = trials.setdefault(record_id, Trial(record_id, str(record_id)))
            trial.error, trial.changes = failure["error"], []
        if operation["operation_type"] == DELETE:
            for trial in trials.values():
                trial.is_deleted = not trial.error
    return Plan(count, list(trials.values()), result["error"] or None)


def _told_fields(model, operation):
    """name -> label of the fields whose values are compared: those an update writes; else all readable ones that are stored."""
    names = operation.get("data")
    if names is None:
        names = [name for name, one in model._fields.items() if one.store and one.type != "one2many"]
    shown = model.fields_get(names, ["string", "type"])
    return {
        name: shown[name]["string"]
        for name in names
        if name in shown and name not in UNTOLD and shown[name]["type"] not in UNTOLD_TYPES
    }


def _texts(record, told):
    return {name: _text(record, name) for name in told}


def _text(record, name):
    """The value of a field, for people."""
    one, value, env = record._fields[name], record[name], record.env
    if one.relational:
        return _names(value)
    if one.type == "boolean":
        return env._("yes") if value else env._("no")
    if value is False or value is None:
        return ""
    if one.type == "datetime":
        return format_datetime(env, value)
    if one.type == "date":
        return format_date(env, value)
    if one.type == "html":
        value = html2plaintext(value)
    elif one.type in ("selection", "reference"):
        value = one.convert_to_export(value, record)
    text = str(value)
    return text if len(text) <= TEXT_SHOWN else text[: TEXT_SHOWN - 1] + "…"


def _names(records):
    """The first names of linked records; their ids where the user may not read them."""
    try:
        names = records[:NAMES_SHOWN].mapped("display_name")
    except AccessError:
        names = [f"#{record_id}" for record_id in records[:NAMES_SHOWN].ids]
    more = f", … ({len(records)})" if len(records) > NAMES_SHOWN else ""
    return ", ".join(map(str, names)) + more
