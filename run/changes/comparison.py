"""Compares two images of the same records."""

from .image import X2MANY


def held(images, image, ids):
    """What records hold, as `read()` shows it: all fields of an image that are not empty.

    :param images: the `Images` that have taken it
    :param image: an `Image`
    :param ids: of records in it
    :returns: dict id -> dict name -> value
    """
    found = {id_: {} for id_ in ids}
    for column, values in zip(images.columns, image.values, strict=True):
        set_ = [(id_, value) for id_ in ids if (value := values[image.places[id_]]) is not None]
        shown = column.shown([value for _id, value in set_], [id_ for id_, _value in set_])
        for (id_, _value), value in zip(set_, shown, strict=True):
            if value is not False:
                found[id_][column.name] = value
    if image.others:
        for id_ in ids:
            others = image.others[image.places[id_]]
            found[id_].update((name, value) for name, value in others.items() if value is not False and value != [])
    return found


def differences(images, before, after):
    """What differs between two images, of the records that are in both.

    :param images: the `Images` that have taken them
    :param before: an `Image`
    :param after: a later one
    :returns: dict id -> `(values before, values after, what is kept besides or None)`, without records in which nothing differs
    """
    ids = [id_ for id_ in before.places if id_ in after.places]
    found = {}
    for column, olds, news in zip(images.columns, _of(before, ids), _of(after, ids), strict=True):
        if olds != news:
            changed = [place for place, (old, new) in enumerate(zip(olds, news, strict=True)) if old != new]
            olds, news = [olds[place] for place in changed], [news[place] for place in changed]
            _add(found, column, [ids[place] for place in changed], olds, news)
    if before.others:
        fields = images.model._fields
        for id_ in ids:
            old, new = before.others[before.places[id_]], after.others[after.places[id_]]
            for name in old:
                if name in new and not _is_same(fields[name].type, old[name], new[name]):
                    _put(found, id_, name, old[name], new[name])
    return found


def _of(image, ids):
    """The columns of an image for some of its records."""
    if len(ids) == len(image.places):  # both images are in the order of ids
        return image.values
    return [tuple(values[image.places[id_]] for id_ in ids) for values in image.values]


def _add(found, column, ids, olds, news):
    shown = zip(ids, olds, news, column.shown(olds, ids), column.shown(news, ids), strict=True)
    for id_, old, new, was, is_ in shown:
        if was != is_ or type(was) is not type(is_):
            _put(found, id_, column.name, was, is_)
        if column.keeps_more:
            is_more, more = column.kept(old, new)
            if is_more:
                before, after, kept = found.get(id_) or ({}, {}, None)
                found[id_] = before, after, {**(kept or {}), column.name: more}


def _put(found, id_, name, was, is_):
    entry = found.get(id_)
    if entry is None:
        entry = found[id_] = ({}, {}, None)
    entry[0][name], entry[1][name] = was, is_


def _is_same(kind, one, other):
    """Whether two values of a field are the same; the order of many records depends on other things."""
    return set(one or ()) == set(other or ()) if kind in X2MANY else one == other
