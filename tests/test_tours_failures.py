from .browser_case import BrowserCase
from .case import create


class TestToursOfFailures(BrowserCase):
    """Failures mended in a real browser: by cause, field by field, and by a file; lanes are at work beside it."""

    def make_job(self, name, *data):
        with self.committed(self.user.id) as env:
            job_id = env["batch.job"].submit([{**create(), "data": list(data)}], name=name)["job_id"]
        self.work()
        return job_id

    def state_of(self, job_id):
        with self.committed() as env:
            job = env["batch.job"].browse(job_id)
            return job.state, job.processed_records, job.dismissed_records

    def test_a_cause_is_listed_mended_and_dismissed(self):
        wrong = [{"name": f"Tour X{number}", "type": f"nonsense {number}"} for number in range(3)]
        job = self.make_job("Tour causes", {"name": "Fine"}, *wrong, {"name": False})
        with self.lanes_at_work():
            self.run_tour("batch_failure_causes")
        self.assertEqual(self.state_of(job), ("partial", 4, 1))

    def test_a_record_is_mended_field_by_field(self):
        job = self.make_job("Tour fields", {"name": False, "type": "nonsense"})
        with self.lanes_at_work():
            self.run_tour("batch_failure_by_field")
            self.wait_until(lambda: self.state_of(job)[0] == "completed", "the retry")
        with self.committed() as env:
            made = env["res.partner"].search([("name", "=", "By field")])
            self.assertEqual((made.type, made.country_id.code), ("other", "BE"))

    def test_a_file_is_downloaded_mended_and_uploaded(self):
        job = self.make_job("Tour file", {"name": "Fine"}, {"name": "Wrong", "type": "nonsense"})
        with self.lanes_at_work():
            self.run_tour("batch_failure_file")
        self.assertEqual(self.state_of(job), ("completed", 2, 0))
