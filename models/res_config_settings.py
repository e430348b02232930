from odoo import fields, models

from .batch_job_api import SETTINGS


def _parameter(name, label, help_text):
    return fields.Integer(label, config_parameter=f"batch_executor.{name}", default=SETTINGS[name], help=help_text)


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    batch_lanes = _parameter(
        "lanes", "Lanes", "Chunks that may run at once. More than there are cron workers are of no use."
    )
    batch_max_chunk_size = _parameter("max_chunk_size", "Chunk Size", "Most records in a chunk. 0: adaptive.")
    batch_max_concurrency = _parameter("max_concurrency", "Concurrency", "Most chunks of one job in flight at once.")
    batch_retry_attempts = _parameter("retry_attempts", "Retries", "Attempts after a transient failure.")
    batch_max_records = _parameter("max_records", "Records per Submission", "A submission with more is refused.")
    batch_max_operations = _parameter(
        "max_operations", "Operations per Submission", "A submission with more is refused."
    )
    batch_max_jobs = _parameter("max_jobs", "Unfinished Jobs per User", "A user with this many can submit no more.")
    batch_execute_limit = _parameter("execute_limit", "Records at Once", "Most records that may run inside a request.")
    batch_keep_days = _parameter(
        "keep_days", "Keep Finished Jobs (days)", "Finished jobs are deleted after this. 0: never."
    )
    batch_keep_draft_days = _parameter(
        "keep_draft_days", "Keep Drafts (days)", "Drafts nobody started are deleted after this. 0: never."
    )

    def set_values(self):
        result = super().set_values()
        for name in SETTINGS:
            # Odoo forgets a parameter that is 0; here 0 says something
            self.env["ir.config_parameter"].sudo().set_param(f"batch_executor.{name}", str(self[f"batch_{name}"]))
        self.env["batch.job"].sudo()._set_lanes(max(self.batch_lanes, 1))
        return result
