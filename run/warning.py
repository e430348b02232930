"""Warnings: what Odoo reports without raising. A method may return an action that asks the user for input; an import may warn."""

from ..engine.isolation import Suspects
from ..engine.outcome import ACTION_RETURNED, IMPORT_WARNING, Warned
from .errors import MESSAGE_LIMIT, storable

#: Tags of client actions that only show something: they are no warnings, as the method has done its work.
HARMLESS_TAGS = frozenset(("display_notification", "reload", "reload_context", "soft_reload"))


class WarningRefused(Exception):
    """With `strict`: an attempt had warnings, and counts as failed.

    :param warned: list of `Warned`, not empty
    """

    def __init__(self, warned):
        self.warning_type = warned[0].warning_type
        self.message = "\n".join(dict.fromkeys(warning.message for warning in warned))
        super().__init__(self.message)


def refuse(warnings, positions):
    """With `strict`: fail an attempt because of its warnings.

    :param dict warnings: position -> list of `Warned`, not empty
    :param positions: all positions of the attempt
    :raises Suspects: only some positions have warnings
    :raises WarningRefused: all positions have warnings
    """
    if len(warnings) < len(positions):
        raise Suspects(set(warnings))
    raise WarningRefused(warnings[positions[0]])


def warning_of(value, env):
    """The warning in the return value of a called method.

    :param value: what the method returned
    :returns: a `Warned` if it is an action that needs a user; None otherwise
    """
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str) or not kind.startswith("ir.actions.") or kind == "ir.actions.act_window_close":
        return None
    tag = value.get("tag")
    if kind == "ir.actions.client" and isinstance(tag, str) and tag in HARMLESS_TAGS:
        return None
    name = value.get("name") or value.get("display_name") or env._("An action")
    what = value.get("res_model") or tag or value.get("report_name") or value.get("url") or kind
    return Warned(ACTION_RETURNED, storable(f"{name}, {what}", MESSAGE_LIMIT))


def import_warning(message):
    """The `Warned` for a message of type "warning" from `Model.load`, with its field and its hint.

    :param dict message: as `Model.load` returns it
    """
    text = str(message.get("message") or "")
    if field := message.get("field"):
        text = f"{field}: {text}"
    if hint := _hint(message.get("moreinfo")):
        text = f"{text} ({hint})"
    return Warned(IMPORT_WARNING, storable(text, MESSAGE_LIMIT))


def _hint(moreinfo):
    """The text of an import message's hint, which may be a text, a list of possible values, or an action that shows them."""
    if isinstance(moreinfo, dict):
        moreinfo = moreinfo.get("help") or moreinfo.get("name")
    if isinstance(moreinfo, (list, tuple)):
        return ", ".join(map(str, moreinfo))
    return moreinfo and str(moreinfo)
