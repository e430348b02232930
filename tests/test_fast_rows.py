"""What a lane writes is what Odoo writes: the same work in two databases, all their tables compared, ids included."""

from collections import Counter
from unittest.mock import patch

from odoo import Command
from odoo.tests.common import BaseCase

from odoo.addons.batch_executor.run.fast.family import LEARNED, Family

from .extras import needs_scripts
from .twins import Twins

#: Records of a case, and of a chunk; in the last chunk are too few to be worth it.
RECORDS, CHUNK = 21, 9
INBOX, MAILED = "twin-inbox", "twin-mailed"


def cut(items):
    return [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]


def set_up(env):
    """What the cases need; returns ids by name."""
    users = env["res.users"].with_context(no_reset_password=True).create([
        {
            "name": login,
            "login": login,
            "email": f"{login}@example.com",
            "notification_type": "inbox" if login == INBOX else "email",
            "group_ids": [Command.link(env.ref("base.group_user").id)],
        }
        for login in (INBOX, MAILED)
    ])  # fmt: skip
    products = env["product.product"].create([{"name": f"Product {number}", "list_price": 5 + number} for number in range(3)])
    customer = env["res.partner"].create({"name": "Customer", "email": "customer@example.com", "user_id": users[0].id})
    template = env["mail.template"].create({
        "name": "Stage",
        "model_id": env["ir.model"]._get_id("project.task"),
        "subject": "{{ object.name }} moved",
        "body_html": "<p>It is <t t-out='object.stage_id.name'/></p>",
        "partner_to": str(customer.id),
    })  # fmt: skip
    stages = env["project.task.type"].create([{"name": "One"}, {"name": "Two", "mail_template_id": template.id}])
    project = env["project.project"].create({"name": "Project", "type_ids": [Command.set(stages.ids)]})
    project.message_subscribe(users.partner_id.ids)
    for trigger in ("on_create", "on_write"):
        automation = env["base.automation"].create({
            "name": f"Count messages {trigger}",
            "model_id": env["ir.model"]._get_id("res.partner"),
            "trigger": trigger,
            "filter_domain": "[('ref', 'like', 'counted')]",
            "trigger_field_ids": [Command.link(env["ir.model.fields"]._get("res.partner", "city").id)] if trigger == "on_write" else [],
        })  # fmt: skip
        env["ir.actions.server"].create({
            "name": "Count",
            "model_id": env["ir.model"]._get_id("res.partner"),
            "state": "code",
            "base_automation_id": automation.id,
            "usage": "base_automation",
            "code": "for record in records:\n"
            "    texts = record.message_ids.mapped('body')\n"
            "    followers = record.message_partner_ids.mapped('name')\n"
            "    record.write({'function': '%s %s %s' % (len(texts), texts, followers)})",
        })  # fmt: skip
    return {
        "users": users.ids,
        "products": products.ids,
        "customer": customer.id,
        "stages": stages.ids,
        "project": project.id,
        "lead_stages": env["crm.stage"].search([]).ids,
        "tags": env["res.partner.category"].create([{"name": "A", "color": 1}, {"name": "B", "color": 2}]).ids,
    }


class Work:
    """Work that is done in both databases."""

    def __init__(self, twins):
        self.twins = twins
        self.known = twins.both(set_up)

    def create(self, model, values_of):
        """Create records; returns their ids."""
        data = [values_of(number) for number in range(RECORDS)]
        newest = self.twins.both(lambda env: self.all(env, model)[-1:].id or 0)
        self.twins.run_plainly(lambda env, chunk: env[model].create([dict(values) for values in chunk]), cut(data))
        self.twins.run_in_lane({"operation_type": "create", "model": model, "data": data}, CHUNK)
        return self.twins.both(lambda env: self.all(env, model, newest).ids)

    @staticmethod
    def all(env, model, newer_than=0):
        return env[model].with_context(active_test=False).search([("id", ">", newer_than)], order="id")

    def update(self, model, ids, values_of):
        """Write values of its own on each record."""
        data = [[id_, values_of(number)] for number, id_ in enumerate(ids)]

        def write(env, chunk):
            for id_, values in chunk:
                env[model].browse(id_).write(dict(values))

        self.twins.run_plainly(write, cut(data))
        operation = {"operation_type": "update", "model": model, "data": [{"id": id_, **values} for id_, values in data]}
        self.twins.run_in_lane(operation, CHUNK)

    def call(self, model, ids, method):
        self.twins.run_plainly(lambda env, chunk: getattr(env[model].browse(chunk), method)(), cut(ids))
        operation = {"operation_type": "call", "model": model, "method": method, "record_ids": ids}
        self.twins.run_in_lane(operation, CHUNK)

    def partners(self):
        tags, users = self.known["tags"], self.known["users"]
        ids = self.create("res.partner", lambda number: {
            "name": f"Partner {number}", "email": f"p{number}@example.com", "city": "Bern", "comment": "<b>bold</b>",
        })  # fmt: skip
        self.update("res.partner", ids, lambda number: {
            "email": f"new{number}@example.com", "city": f"City {number}", "comment": f"<p>Note {number}</p>",
        })  # fmt: skip
        self.update("res.partner", ids, lambda number: {"user_id": users[number % 2], "function": f"Function {number}"})
        self.create("res.partner", lambda number: {
            "name": f"Tagged {number}",
            "category_id": [[6, 0, tags[: number % 3]]],
            "user_id": users[number % 2] if number % 5 else False,
            "child_ids": [[0, 0, {"name": f"Child {number}"}]] if number % 4 == 0 else [],
        })  # fmt: skip

    def rules(self):
        ids = self.create("res.partner", lambda number: {"name": f"Counted {number}", "ref": f"counted {number}"})
        self.update("res.partner", ids, lambda number: {"email": f"c{number}@example.com", "city": f"City {number}"})

    def products(self):
        ids = self.create("product.template", lambda number: {"name": f"Template {number}", "list_price": number + 0.5})
        self.update("product.template", ids, lambda number: {"list_price": number * 2, "name": f"Renamed {number}", "sale_ok": number % 2 == 0})

    def employees(self):
        ids = self.create("hr.employee", lambda number: {"name": f"Employee {number}", "work_email": f"e{number}@example.com"})
        self.update("hr.employee", ids, lambda number: {"job_title": f"Job {number}", "work_phone": f"+41 {number}"})

    def sale_orders(self):
        products, customer = self.known["products"], self.known["customer"]
        ids = self.create("sale.order", lambda number: {
            "partner_id": customer,
            "order_line": [[0, 0, {"product_id": product, "product_uom_qty": 1 + number % 5}] for product in products],
        })  # fmt: skip
        self.update("sale.order", ids, lambda number: {"client_order_ref": f"Order {number}"})
        self.call("sale.order", ids, "action_confirm")
        self.update("sale.order", ids, lambda number: {"client_order_ref": f"Ref {number}", "user_id": self.known["users"][number % 2]})

    def invoices(self):
        products, customer = self.known["products"], self.known["customer"]
        ids = self.create("account.move", lambda number: {
            "move_type": "out_invoice" if number % 2 else "out_refund",
            "partner_id": customer,
            "invoice_date": "2026-01-05",
            "invoice_line_ids": [[0, 0, {"product_id": product, "quantity": 1 + number % 5}] for product in products],
        })  # fmt: skip
        self.update("account.move", ids, lambda number: {"ref": f"Ref {number}", "invoice_date_due": f"2026-02-{number % 28 + 1:02}"})
        self.call("account.move", ids, "action_post")

    def leads(self):
        stages, users = self.known["lead_stages"], self.known["users"]
        ids = self.create("crm.lead", lambda number: {
            "name": f"Lead {number}", "email_from": f"l{number}@example.com", "type": "opportunity",
            "user_id": users[number % 2] if number % 3 else False,
        })  # fmt: skip
        self.update("crm.lead", ids, lambda number: {"expected_revenue": 100 + number, "phone": f"+41 {number}"})
        self.update("crm.lead", ids, lambda number: {"stage_id": stages[number % len(stages)], "name": f"Moved {number}"})
        self.update("crm.lead", ids, lambda number: {"email_from": f"x{number}@example.com", "stage_id": stages[number // 9 % len(stages)]})

    def tasks(self):
        stages, users = self.known["stages"], self.known["users"]
        ids = self.create("project.task", lambda number: {
            "name": f"Task {number}", "project_id": self.known["project"], "user_ids": [[6, 0, users[: number % 3]]],
        })  # fmt: skip
        self.update("project.task", ids, lambda number: {"name": f"Renamed {number}", "date_deadline": f"2026-03-{number % 28 + 1:02} 10:00:00"})
        self.update("project.task", ids, lambda number: {"stage_id": stages[number % 2], "name": f"Moved {number}"})


@needs_scripts
class TestFastRows(BaseCase):
    """All cases are run once; the tests look at what has come of it."""

    longMessage = False
    CASES = (Work.partners, Work.rules, Work.products, Work.employees, Work.sale_orders, Work.invoices, Work.leads, Work.tasks)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.copied = Counter()
        extend = Family.extend

        def counting(family, vals_list):
            copies = extend(family, vals_list)
            model = family.learned._fields.get("model") or family.learned._fields.get("res_model")
            cls.copied[family.learned._name, model and family.first[model.name]] += len(copies)
            return copies

        cls.twins = Twins()
        cls.enterClassContext(cls.twins)
        with patch.object(Family, "extend", counting):
            work = Work(cls.twins)
            for case in cls.CASES:
                case(work)
        cls.differences = cls.twins.differences()

    def test_all_tables_are_the_same(self):
        self.assertFalse(self.differences, "\n" + "\n".join(f"{table}: {text}" for table, text in self.differences.items()))

    def test_rules_have_seen_the_messages(self):
        with self.twins.env(self.twins.fast) as env:
            counted = env["res.partner"].search([("ref", "=", "counted 3")]).function
        self.assertTrue(counted.endswith("[Markup('<p>Contact created</p>')] ['Administrator']"), counted)

    def test_they_were_copies_where_odoo_writes_many_that_are_alike(self):
        once = RECORDS // CHUNK * (CHUNK - LEARNED)
        for model in ("res.partner", "product.template", "hr.employee", "sale.order"):
            self.assertGreaterEqual(self.copied["mail.message", model], once, self.copied)
            self.assertGreaterEqual(self.copied["mail.followers", model], once, self.copied)

    def test_messages_about_changed_fields_are_too(self):
        twice = 2 * (RECORDS // CHUNK * (CHUNK - LEARNED))
        for model in ("res.partner", "product.template", "hr.employee", "hr.version"):
            self.assertGreaterEqual(self.copied["mail.message", model], twice, self.copied)
