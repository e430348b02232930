from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..engine.webhook import is_plainly_private, is_url, keys_of, new_secret
from ..run.webhook import allows_private
from ..store.webhook import is_named_elsewhere, last_tries, names_taken

MANAGER = "batch_executor.group_batch_manager"


class BatchWebhook(models.Model):
    """Where the ends of jobs are sent to. Users see its name, to choose it; managers decide where requests go."""

    _name = "batch.webhook"
    _inherit = ["batch.named"]
    _description = "Batch Webhook"
    _order = "name, id"
    _field_of_actions = "batch_webhook_id"

    name = fields.Char(required=True, help="What the option webhook of a job names, as shop-A.")
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self.env.company,
        ondelete="restrict",
        index="btree_not_null",
        help="Only jobs of this company may name it, and only managers of this company see it. Empty: those of all companies.",
    )
    active = fields.Boolean(default=True, help="An archived webhook is not given to new jobs, and nothing is sent to it: it waits.")
    url = fields.Char("URL", required=True, groups=MANAGER, help="Where the status of a job is POSTed to when the job is final.")
    secret = fields.Char(
        required=True,
        copy=False,
        exportable=False,
        default=lambda self: new_secret(),
        groups=MANAGER,
        help="The receiver verifies the signature by it (Standard Webhooks). Several, separated by blanks, while it is changed.",
    )
    job_ids = fields.One2many("batch.job", "webhook_id", "Jobs", readonly=True)
    delivery_ids = fields.One2many("batch.delivery", "webhook_id", "Deliveries", readonly=True, groups=MANAGER)
    last_try_at = fields.Datetime("Last Try", compute="_compute_last", groups=MANAGER)
    last_result = fields.Char(compute="_compute_last", groups=MANAGER)
    last_failed = fields.Boolean("Last Try Failed", compute="_compute_last", groups=MANAGER)
    is_refused = fields.Boolean(
        "Private Address", compute="_compute_is_refused", groups=MANAGER, help="Its address is a private one, to which nothing is sent."
    )

    _name_uniq = models.UniqueIndex("(name)", "There is a webhook with this name already, perhaps an archived one or one of another company.")

    def _init_column(self, column_name):
        """As in Odoo; webhooks that were there before they had a company stay those of all."""
        return super()._init_column(column_name) if column_name != "company_id" else None

    @api.depends("delivery_ids.try_ids.error", "delivery_ids.try_ids.http_status")
    def _compute_last(self):
        Try = self.env["batch.delivery.try"].sudo()  # the last one may be of a job of a company that is not ticked
        tries = last_tries(self.env.cr, self.ids)
        everyone = Try.browse(tries.values())
        for webhook in self:
            last = Try.browse(tries.get(webhook.id)).with_prefetch(everyone.ids)
            webhook.last_try_at = last.started_at
            webhook.last_result = last.result
            webhook.last_failed = bool(last.error)

    @api.depends("url")
    def _compute_is_refused(self):
        is_allowed = allows_private(self.env)
        for webhook in self:
            webhook.is_refused = not is_allowed and is_plainly_private(webhook.url or "")

    @api.model_create_multi
    def create(self, vals_list):
        """As in Odoo, after what the database would refuse: the server's log would quote its statement, and with it the secret."""
        self.check_access("create")
        self._check_names([vals["name"] for vals in vals_list if vals.get("name")])
        for vals in vals_list:
            self._check_address(vals.get("url"))
        return super().create(vals_list)

    def write(self, vals):
        """As in Odoo, after what the database would refuse: see `create`.

        :param dict vals: as for `write` of any model
        """
        self.check_access("write")
        if vals.get("name"):
            self._check_names([vals["name"]] * len(self))
        return super().write(vals)

    def _check_names(self, names):
        self.flush_model(["name"])
        if len(set(names)) < len(names) or names_taken(self.env.cr, names, self.ids):
            raise ValidationError(self.env._("There is a webhook with this name already, perhaps an archived one or one of another company."))

    @api.constrains("url")
    def _check_url(self):
        for webhook in self:
            self._check_address(webhook.url)

    def _check_address(self, url):
        if not is_url(url or ""):
            raise ValidationError(
                self.env._("The URL must be http:// or https:// with a host, and without a password, as https://shop.example.com/batch.")
            )

    @api.constrains("company_id")
    def _check_jobs_have_company(self):
        self.env.flush_all()
        if is_named_elsewhere(self.env.cr, self.ids):
            raise ValidationError(self.env._("Jobs of other companies name this webhook: make another one."))

    @api.constrains("secret")
    def _check_secret(self):
        for webhook in self:
            try:
                keys_of(webhook.secret or "")
            except ValueError as error:
                raise ValidationError(
                    self.env._("The secret must be whsec_ and 24 to 64 bytes as base64; several are separated by blanks (%s).", error)
                ) from None

    def action_new_secret(self):
        """Add a new secret: requests are signed by both until the old one is removed."""
        for webhook in self:
            webhook.secret = f"{new_secret()} {webhook.secret.split()[0]}"
