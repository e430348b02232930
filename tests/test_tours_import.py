"""The background import through Odoo's own import screen, in a real browser."""

from .browser_case import BrowserCase
from .case import PATIENCE_S, SUBMITTER
from .test_import import as_csv

CONTACTS = "/odoo/action-base.action_partner_form"
#: Rows of the file, titles and blank rows counted.
LAST, MISTAKES, BLANK = 2003, [2, 777, 1500, 2003], [5, 6, 1000]
RECORDS = LAST - 1 - len(BLANK)


def partners():
    """A CSV file of partners; of some the country is not found."""
    rows = [["Name", "Reference", "Country"]]
    for number in range(2, LAST + 1):
        country = "Atlantis" if number in MISTAKES else "Belgium"
        rows.append([] if number in BLANK else [f"Tour, {number}", "import-tour", country])
    return as_csv(*rows)


class TestImportTour(BrowserCase):
    @classmethod
    def set_up_users(cls, env):
        super().set_up_users(env)
        cls.outsider = cls.new_user(env, "import-outsider", *(name for name in SUBMITTER if "batch" not in name))

    def import_file(self, tour, name, content, kind="text/csv", login=None, seconds=PATIENCE_S, url=CONTACTS):
        """Run a tour that uploads this file."""
        values = {"name": name, "url": f"/batch_import_tour/{name}", "raw": content, "mimetype": kind}
        with self.committed() as env:
            attachment = env["ir.attachment"].create(values)
        try:
            self.start_tour(
                url, tour, login=login or self.user.login, timeout=seconds, cookies={"batch_import_file": name}
            )
        finally:
            with self.committed() as env:
                attachment.with_env(env).unlink()

    def test_a_file_is_imported_while_the_browser_is_closed(self):
        self.import_file("batch_import_in_background", "partners.csv", partners())
        with self.committed() as env:
            job = env["batch.job"].search([("name", "=", "partners.csv")])
            self.assertEqual((job.state, job.user_id.id, job.total_records), ("pending", self.user.id, RECORDS))
            self.assertTrue(job.track_changes)
        self.work()
        with self.committed() as env:
            job = job.with_env(env)
            self.assertEqual((job.state, job.processed_records), ("partial", RECORDS - len(MISTAKES)))
            failures = env["batch.failure"].search([("job_id", "=", job.id)], order="file_row")
            self.assertEqual(failures.mapped("file_row"), MISTAKES)
            self.assertTrue(all("Atlantis" in failure.message for failure in failures))
            made = env["res.partner"].search([("ref", "=", "import-tour")])
            self.assertEqual((len(made), made.country_id.code), (RECORDS - len(MISTAKES), "BE"))

    def test_who_is_no_batch_user_sees_nothing_of_it(self):
        self.import_file("batch_import_is_for_batch_users", "partners.csv", partners(), login=self.outsider.login)

    def test_a_batch_is_made_from_a_file_of_json_lines(self):
        lines = b'{"name": "Tour line", "ref": "import-tour"}\n\n{"name": false}\n'
        self.import_file("batch_new_from_a_file", "lines.ndjson", lines, "application/x-ndjson", url="/odoo/batch-jobs")
        self.work()
        with self.committed() as env:
            job = env["batch.job"].search([("name", "=", "lines.ndjson")])
            self.assertEqual((job.state, job.failure_ids.file_row), ("partial", 3))

    def test_records_are_updated_by_a_key_from_a_spreadsheet(self):
        with self.committed() as env:
            old = env["res.partner"].create({"name": "Tour old", "ref": "import-tour-1"})
        rows = as_csv(["Name", "Reference", "Country"], ["Tour new", "import-tour-1", "Belgium"], ["Tour made", "import-tour-2", ""])
        self.import_file("batch_upsert_from_a_spreadsheet", "keyed.csv", rows, url="/odoo/batch-jobs")
        self.work()
        with self.committed() as env:
            self.assertEqual(env["batch.job"].search([("name", "=", "keyed.csv")]).state, "completed")
            found = env["res.partner"].search([("ref", "like", "import-tour-%")], order="ref")
            self.assertEqual(found.mapped("name"), ["Tour new", "Tour made"])
            self.assertEqual((found[0].id, found[0].country_id.code), (old.id, "BE"))
