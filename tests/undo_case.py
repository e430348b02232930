"""`UndoCase`: runs jobs that remember their changes, and undoes them."""



from .lane_case import LaneCase

NAMES = ["Partner 0", "Partner 1", "Partner 2"]


class UndoCase(LaneCase):
    def done(self, *operations, **options):
        """A tracked job that has run; its id."""
        job = self.submit(*operations, **{"track_changes": True, **options})
        self.work()
        return job

    def undo(self, job, lanes=1):
        """Undo a job; returns the id of the job that has done so."""
        status = self.call(job, "undo")
        self.assertEqual((status["origin_job_id"], status["state"]), (job, "pending"))
        self.work(lanes=lanes)
        self.check_counters(status["job_id"])
        return status["job_id"]

    def errors(self, job):
        return [(failure["index"], failure["error_type"]) for failure in self.failures(job)]

    def update(self, ids, **values):
        return {"operation_type": "update", "model": "res.partner", "record_ids": ids, "data": values}

    def names(self):
        return [name for _number, name in self.partners("name")]
