"""How many records of each model a job has created, updated and deleted, by the changes that it remembers."""

from odoo.tools.misc import formatLang

from ..engine.change import ACTION_LABELS
from ..store.changes import count_kinds
from .contents import model_labels


def kinds_of(env, job_id, counted_to):
    """Changes of a job by model and action. Reads a limited number of them, however many there are.

    :param int job_id: id of a job that the caller may see
    :param int counted_to: most changes to count
    :returns: dict with `models`: dicts with `model`, `label` and `counts` (action -> number as text; none is left out); and `total`, as text:
        "10,000+" where there are more than were counted; False for none
    """
    rows = count_kinds(env.cr, job_id, counted_to + 1)
    counted = sum(number for _model, _action, number in rows)
    more = "+" if counted > counted_to else ""
    labels = model_labels(env, {model for model, _action, _number in rows})
    by_model = {}
    for model, action, number in rows:
        by_model.setdefault(model, {})[action] = formatLang(env, min(number, counted_to), digits=0) + more
    return {
        "models": [
            {"model": model, "label": labels[model], "counts": {action: counts.get(action, "") for action, _label in ACTION_LABELS}}
            for model, counts in by_model.items()
        ],
        "total": formatLang(env, min(counted, counted_to), digits=0) + more if counted else False,
    }
