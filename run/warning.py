"""What Odoo says without raising: an action that asks a person for something, a remark of the import."""

from ..engine.isolation import Suspects
from ..engine.outcome import Warned
from .errors import MESSAGE_LIMIT, storable

ACTION_RETURNED, IMPORT_WARNING = "ActionReturned", "ImportWarning"
#: Client actions that only show something: what was asked for has been done.
HARMLESS_TAGS = frozenset(("display_notification", "reload", "reload_context", "soft_reload"))


class WarningRefused(Exception):
    """Under `strict`: an attempt that went well but for what Odoo said of it."""

    def __init__(self, warned):
        self.warning_type = warned[0].warning_type
        self.message = "\n".join(dict.fromkeys(warning.message for warning in warned))
        super().__init__(self.message)


def refuse(warnings, positions):
    """Under `strict`: undo an attempt at some positions, because of what was said of all or of some of them.

    :raises Suspects: it was said of some
    :raises WarningRefused: it was said of all
    """
    if len(warnings) < len(positions):
        raise Suspects(set(warnings))
    raise WarningRefused(warnings[positions[0]])


def warning_of(value, env):
    """The warning in what a method called on records has returned; None where it asks nobody for anything."""
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
    """A message of type warning from `Model.load`, with its field and its hint."""
    text = str(message.get("message") or "")
    if field := message.get("field"):
        text = f"{field}: {text}"
    if hint := _hint(message.get("moreinfo")):
        text = f"{text} ({hint})"
    return Warned(IMPORT_WARNING, storable(text, MESSAGE_LIMIT))


def _hint(moreinfo):
    """What an import suggests: a text, a list of possible values, or an action that would show them."""
    if isinstance(moreinfo, dict):
        moreinfo = moreinfo.get("help") or moreinfo.get("name")
    if isinstance(moreinfo, (list, tuple)):
        return ", ".join(map(str, moreinfo))
    return moreinfo and str(moreinfo)
