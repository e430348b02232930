"""What a job consists of, in words."""

from odoo.tools.misc import formatLang

#: Entries of a summary that are spelt out.
SPELT_OUT = 2


def describe(env, contents):
    """What a job consists of, as "Create 1,000 × Contact"; empty for a draft without operations.

    :param env: decides the language, and which models are called by their names: those that the user may read
    :param list contents: of `engine.contents.sum_up`
    :rtype: str
    """
    if not contents:
        return ""
    types = dict(env["batch.operation"].fields_get(["operation_type"], ["selection"])["operation_type"]["selection"])
    models = model_labels(env, {model for _type, model, _operations, _records in contents[:SPELT_OUT]})
    parts = [
        env._("%(type)s %(count)s × %(model)s", type=types.get(kind, kind), count=formatLang(env, records, digits=0), model=models[model])
        if records
        else env._("%(type)s %(model)s", type=types.get(kind, kind), model=models[model])
        for kind, model, _operations, records in contents[:SPELT_OUT]
    ]
    if len(contents) > SPELT_OUT:
        parts.append("…")
    return ", ".join(parts)


def model_labels(env, models):
    """The names of models for people; technical names of those that the user may not read.

    :param models: technical names
    :returns: dict technical name -> name
    """
    return {entry["model"]: entry["display_name"] for entry in env["ir.model"].display_name_for(list(models))}
