"""`ServerActionsCase`: makes and runs server actions of the type *Run as Batch Job*."""

from .test_action_operations import ActionsCase


class ServerActionsCase(ActionsCase):
    """Batch actions on partners, made by an administrator."""

    def batch_action(self, **values):
        with self.committed(self.admin.id) as env:
            values = {"name": "Batch it", "model_id": env["ir.model"]._get_id("res.partner"), "state": "batch", **values}
            return env["ir.actions.server"].create(values).id

    def run_action(self, action_id, *ids, user=None, **context):
        """Run an action as the backend does; returns the id of the job it opens."""
        if ids:
            context = {"active_model": "res.partner", "active_ids": list(ids), "active_id": ids[0], **context}
        with self.committed((user or self.user).id, **context) as env:
            opened = env["ir.actions.server"].browse(action_id).run()
        if not opened:
            return opened
        self.assertEqual((opened["res_model"], opened["views"]), ("batch.job", [[False, "form"]]))
        return opened["res_id"]

    def jobs_since(self, last):
        return [job_id for (job_id,) in self.sql("SELECT id FROM batch_job WHERE id > %s ORDER BY id", last)]

    def last_job(self):
        return self.sql("SELECT coalesce(max(id), 0) FROM batch_job")[0][0]
