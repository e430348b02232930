"""Messages and followers of many records."""

from odoo.fields import Command

from .family import CREATING, create_alike, may_be_alike
from .methods import all_known
from .switch import is_on
from .tracking import logs_of

CREATED = "batch_executor_created"

#: What a message is asked for by itself where it is not given; it may depend on the record.
GIVEN = {"email_from", "message_id", "model", "reply_to", "res_id"}


def create_messages(messages, vals_list, create, below):
    """Create messages as `mail.message.create` does; those of many records that are alike at once.

    :param messages: the model
    :param list vals_list: values of the messages
    :param create: the method that is overridden
    :param below: the class that overrides it
    """
    if logs := logs_of(messages.env):
        logs.complete(vals_list)
    tracked = "mail.tracking.value"
    apart = ("res_id", "message_id")
    untracked = [{name: value for name, value in vals.items() if name != "tracking_value_ids"} for vals in vals_list]
    if not (
        all(vals.keys() >= GIVEN and vals["res_id"] and vals["message_id"] and not vals.get("attachment_ids") for vals in vals_list)
        and all(_is_new(command) for vals in vals_list for command in vals.get("tracking_value_ids") or ())
        and may_be_alike(messages, untracked, apart)
        and all_known(messages, "create", below=below)
        and all_known(messages, "_invalidate_documents", "_is_thread_message", "_is_thread_message_visible")
        and all_known(messages.env[tracked], "create", *CREATING)
    ):
        return create(vals_list)
    created = create_alike(messages, untracked, apart, create)
    values = [
        dict(command[2], mail_message_id=message_id)
        for message_id, vals in zip(created._ids, vals_list, strict=True)
        for command in vals.get("tracking_value_ids") or ()
    ]
    if values:
        messages.env[tracked].create(values)
    if created[:1]._is_thread_message_visible(vals=vals_list[0]):
        created[:1]._invalidate_documents(vals_list[0]["model"], [vals["res_id"] for vals in vals_list])
    return created


def _is_new(command):
    """Whether a command of an x2many field creates a record."""
    return len(command) == len(Command.create({})) and command[0] == Command.CREATE


def create_followers(followers, vals_list, create, below):
    """Create followers as `mail.followers.create` does; those of many records that are alike at once.

    :param followers, vals_list, create, below: as for `create_messages`
    """
    apart = ("res_id",)
    if not (
        all(vals.get("res_id") for vals in vals_list)
        and may_be_alike(followers, vals_list, apart)
        and all_known(followers, "create", below=below)
        and all_known(followers, "_invalidate_documents")
    ):
        return create(vals_list)
    return create_alike(followers, vals_list, apart, create)


def creation_message(records, message, below):
    """As `mail.thread._creation_message`, which says the same of each record of a model: translated once in a lane's transaction.

    :param records: a record
    :param message: the method that is overridden
    :param below: the class that overrides it
    """
    env = records.env
    if not (is_on(env) and env.lang):
        return message()
    known, name = vars(env.cr).setdefault(CREATED, {}), env["ir.model"]._get(records._name).name
    if known.get((env, records._name), (None,))[0] != name:
        if not all_known(records, "_creation_message", below=below):
            return message()
        known[env, records._name] = name, message()
    return known[env, records._name][1]
