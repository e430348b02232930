"""What an operation would do to its first records: they are run for real in the caller's transaction, and rolled back."""

from dataclasses import dataclass, field

from ..engine.operation import DELETE
from .differences import BRIEF, field_difference, parts_of
from .submission import execute
from .value_words import ValueWords

#: Records that are tried.
TRIED = 10
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
    changes: list = field(default_factory=list)  # of `field_difference`
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
    before = _values(records, told)

    def look(_progress):
        env.invalidate_all()
        after = _values(records.exists(), told)
        for record_id, changes in _differences(env, model._name, before, after).items():
            trials[record_id].changes = changes

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
    """Names of the fields whose values are compared: those an update writes; else all readable ones that are stored."""
    names = operation.get("data")
    if names is None:
        names = [name for name, one in model._fields.items() if one.store and one.type != "one2many"]
    shown = model.fields_get(names, ["type"])
    return [name for name in names if name in shown and name not in UNTOLD and shown[name]["type"] not in UNTOLD_TYPES]


def _values(records, names):
    """id -> values of records."""
    return {values["id"]: values for values in records.read(names)}


def _differences(env, model, before, after):
    """id -> the first fields of a record that differ."""
    changed = {
        record_id: [name for name, value in values.items() if value != before[record_id][name]][: BRIEF.fields]
        for record_id, values in after.items()
    }
    words = ValueWords(env)
    words.learn(
        (model, name, part)
        for record_id, names in changed.items()
        for name in names
        for part in parts_of(before[record_id][name], after[record_id][name])
    )
    return {
        record_id: [
            field_difference(words, model, name, before[record_id][name], after[record_id][name], BRIEF) for name in names
        ]
        for record_id, names in changed.items()
    }
