"""A job works in the company of its submission, whatever company its user has by the time it runs."""

from odoo.fields import Command

from .undo_case import UndoCase


class TestJobCompany(UndoCase):
    def setUp(self):
        super().setUp()
        self.use_new_user()
        with self.committed() as env:
            user = env["res.users"].browse(self.user_id)
            self.first = user.company_id.id
            self.second = env["res.company"].create({"name": f"Company {self.mark}"}).id
            user.company_ids = [Command.link(self.second)]
        [self.partner] = self.make_partners(1)
        with self.committed() as env:
            for company, code in ((self.first, "first"), (self.second, "second")):
                env["res.partner"].browse(self.partner).with_company(company).barcode = f"{self.mark}-{code}"

    def switch_to(self, company):
        with self.committed() as env:
            env["res.users"].browse(self.user_id).company_id = company

    def codes(self):
        """The code of the partner in each company; barcodes depend on it."""
        with self.committed() as env:
            partner = env["res.partner"].browse(self.partner)
            codes = [partner.with_company(company).barcode for company in (self.first, self.second)]
        return [code and code.removeprefix(f"{self.mark}-") for code in codes]

    def write(self, code):
        return self.update([self.partner], barcode=f"{self.mark}-{code}")

    def test_a_job_that_runs_later(self):
        job = self.submit(self.write("new"))
        self.switch_to(self.second)
        self.work()
        self.assertEqual((self.failures(job), self.codes()), ([], ["new", "second"]))

    def test_each_page_and_chunk_of_a_job(self):
        self.make_partners(4, street=self.mark)
        seen = []
        self.set_probe(lambda partners: seen.extend(partners.env.company.ids * len(partners)))
        call = self.probe([])
        del call["record_ids"]
        job = self.submit({**call, "domain": [("street", "=", self.mark)]}, max_chunk_size=2)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            lane.work_on(lane.claim())
        self.switch_to(self.second)
        self.work()
        self.assertEqual((self.failures(job), seen), ([], [self.first] * 4))

    def test_an_undo(self):
        self.switch_to(self.second)
        job = self.done(self.write("new"))
        self.assertEqual(self.codes(), ["first", "new"])
        self.switch_to(self.first)
        with self.committed(self.user_id) as env:
            self.assertEqual(env["batch.job"].browse(job).undo_preview()["changed"], 0)
        undo = self.undo(job)
        self.assertEqual((self.failures(undo), self.codes()), ([], ["first", "second"]))

    def test_a_plan_that_is_run_for_real(self):
        plan = self.done(self.write("new"), dry_run=True)
        self.switch_to(self.second)
        applied = self.call(plan, "apply")["job_id"]
        self.work()
        self.assertEqual((self.failures(applied), self.codes()), ([], ["new", "second"]))

    def test_the_companies_of_a_context_count_first(self):
        with self.committed(self.user_id, allowed_company_ids=[self.second]) as env:
            job = env["batch.job"].submit([self.write("new")])["job_id"]
        self.work()
        self.assertEqual((self.failures(job), self.codes()), ([], ["first", "new"]))

    def test_the_company_that_was_taken_from_the_user_is_refused(self):
        job = self.submit(self.write("new"))
        with self.committed() as env:
            env["res.users"].browse(self.user_id).write({"company_id": self.second, "company_ids": [Command.set([self.second])]})
        self.work()
        self.assertEqual((self.errors(job), self.codes()), ([(0, "AccessError")], ["first", "second"]))

    def test_the_context_stays_as_it_was_sent_where_the_user_has_not_moved(self):
        seen = []
        self.set_probe(lambda partners: seen.append((partners.env.context.get("allowed_company_ids"), set(partners.env.companies.ids))))
        self.submit(self.probe([self.partner]))
        self.work()
        self.switch_to(self.second)
        self.submit(self.probe([self.partner]))
        self.switch_to(self.first)
        self.work()
        self.assertEqual(seen, [(None, {self.first, self.second}), ([self.second, self.first], {self.first, self.second})])
