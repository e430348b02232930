"""Messages about changed fields: those of many records are created at once.

Odoo logs them record by record. What it asks of a record in between (is there a subtype, a text) doesn't depend on messages, where all
code of it is known. So `Logs` keeps what Odoo wants to log, and has it written by one call of the method that Odoo uses for each. Where
Odoo posts a message in between, those kept so far are written first: ids ascend in Odoo's order.
"""

from contextlib import contextmanager
from itertools import groupby as runs

from odoo.tools.mail import generate_tracking_message_id

from .family import LEAST
from .methods import all_known
from .switch import is_on

ATTRIBUTE = "batch_executor_logs"
TEMPLATES = "batch_executor_templates"
#: Methods that log a message, and those that are called between two messages.
LOGGING = (
    "_message_log",
    "_message_log_batch",
    "_message_create",
    "_message_compute_author",
    "_get_message_create_ignore_field_names",
    "_get_message_create_valid_field_names",
)  # fmt: skip
BETWEEN = ("_track_get_default_log_message", "_track_subtype", "message_post")
#: Odoo's modules that define those in between: none of them looks at messages of other records.
READ = tuple(
    f"odoo.addons.{name}."
    for name in (
        "account", "crm", "fleet", "hr_expense", "hr_holidays", "hr_maintenance", "hr_recruitment", "maintenance", "mass_mailing", "mrp",
        "project", "purchase", "rating", "repair", "sale", "sms", "stock_landed_costs", "stock_picking_batch", "website_event",
        "website_event_track", "website_partner",
    )
)  # fmt: skip
#: What Odoo's tracking gives when it logs a message.
KEPT_ARGUMENTS = {"author_id", "body", "tracking_value_ids"}


def logs_of(env):
    """The `Logs` of the tracking that goes on in the transaction of `env`, or None."""
    return getattr(env.cr, ATTRIBUTE, None)


@contextmanager
def logs_together(records):
    """While the body tracks the changes of records, keep the messages that it logs, and write them together.

    :param records: the records, in the environment in which messages are logged
    """
    if not _may_be_kept(records):
        yield
        return
    logs = Logs(records)
    setattr(records.env.cr, ATTRIBUTE, logs)
    try:
        yield
        logs.write_kept()
    finally:
        delattr(records.env.cr, ATTRIBUTE)


def _may_be_kept(records):
    return (
        is_on(records.env)
        and len(records) >= LEAST
        and logs_of(records.env) is None
        and all_known(records, *LOGGING, also=("odoo.addons.rating.",))
        and all_known(records, *BETWEEN, also=READ)
    )


def has_no_template(records):
    """Whether a change of fields never sends a template: no code defines which."""
    if not is_on(records.env):
        return False
    # asked for each record: kept for the transaction, as long as nobody replaces a method of the class
    kind = type(records)
    found = kind._track_template, kind._fallback_lang
    known = vars(records.env.cr).setdefault(TEMPLATES, {})
    if known.get(kind, (None,))[0] != found:
        known[kind] = found, all_known(records, "_track_template", "_fallback_lang")
    return known[kind][1]


class Logs:
    """Messages that Odoo's tracking wants to log.

    :param records: the records whose changes are tracked
    """

    def __init__(self, records):
        self.model = records.browse()
        self.kept = {}  # record id -> arguments
        self.written = {}  # of the call that writes some of them: record id -> arguments

    def keep(self, record, arguments):
        """Keep a message that is to be logged on a record; returns whether it is kept.

        :param dict arguments: of `_message_log`
        """
        is_plain = record.env == self.model.env and record._name == self.model._name and arguments.keys() <= KEPT_ARGUMENTS
        if not is_plain or len(record) != 1 or record.id in self.kept:
            return False
        self.kept[record.id] = arguments
        return True

    def write_kept(self):
        """Write the messages that are kept."""
        kept, self.kept = self.kept, {}
        for author_id, group in runs(kept.items(), key=lambda item: item[1].get("author_id")):
            self.written = dict(group)
            bodies = {id_: arguments.get("body", "") for id_, arguments in self.written.items()}
            try:
                self.model.browse(bodies)._message_log_batch(bodies, author_id=author_id)
            finally:
                self.written = {}

    def complete(self, vals_list):
        """Give messages that are being written what each has of its own.

        :param list vals_list: values of new messages
        """
        if not self.written:
            self.write_kept()  # another message comes in between
            return
        for number, vals in enumerate(vals_list):
            vals["tracking_value_ids"] = self.written[vals["res_id"]].get("tracking_value_ids", False)
            if number:
                vals["message_id"] = generate_tracking_message_id("message-notify")  # as in `_message_log_batch`
        self.written = {}
