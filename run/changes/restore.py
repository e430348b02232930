"""Give translated fields back the texts of all languages."""

import json


def restore_languages(model, change, present):
    """Give a record's translated fields all languages back, after `write` has restored that of the context.

    :param model: the model, in the environment of the job's user, who was allowed to write the record
    :param dict change: with `record_id` and `kept`
    :param Present present: what the record held before the write
    """
    record = model.browse(change["record_id"])
    for name, texts in change["kept"].items():
        field = model._fields[name]
        if callable(field.translate):
            texts, _after = texts
        if not field.translate or not texts:
            continue  # without texts, the write has emptied all languages
        now = json.loads(present.raw(record.id, name) or "{}") if record.id in present else {}
        if callable(field.translate):
            # a write in one language takes the terms of all with it
            if {**now, model.env.lang or "en_US": texts.get(model.env.lang or "en_US")} != texts:
                _set_all(record, field, texts)
        elif wanted := _wanted(texts, now, model.env.lang or "en_US"):
            record.update_field_translations(name, wanted)


def translated_otherwise(model, change):
    """Names of fields that are translated in another way than at the time of a change, or have no column for languages any more.

    :param model, change: as of `restore_languages`; the fields exist
    """
    fields = model._fields
    return [name for name, texts in change["kept"].items() if fields[name].translate and not _takes(fields[name], texts)]


def translated_since(model, change, present):
    """Names of fields whose terms somebody has translated after a change: to bring the field back would discard that.

    :param model, change, present: as of `restore_languages`; the record exists
    """
    names = [name for name in change["kept"] if callable(model._fields[name].translate)]
    return [name for name in names if json.loads(present.raw(change["record_id"], name) or "{}") != change["kept"][name][1]]


def _takes(field, texts):
    """Whether a field can take what was kept of its languages: those before, and of one translated term by term those afterwards as well."""
    return bool(field.store and field.column_type) and callable(field.translate) == isinstance(texts, list)


def _wanted(texts, now, lang):
    """Language -> text, False for none: what a write of one language has not restored. Other people's languages stay."""
    if not now:  # all were emptied
        return {lang: False, **texts}
    return {} if lang in texts else {lang: False}


def _set_all(record, field, texts):
    """Set the texts of all languages at once, as Odoo's own method for translations does."""
    field._update_cache(record.with_context(prefetch_langs=True), dict(texts), dirty=True)
    record.modified([field.name])
