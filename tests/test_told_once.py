"""The end of a job is told once, whatever other modules and crashes do."""

from unittest.mock import patch

from odoo.tools import mute_logger

from odoo.addons.batch_executor.run import tell
from odoo.addons.batch_executor.store import told

from .told_case import SHORT_S, TELL_LOG, ToldCase


class TestToldOnce(ToldCase):
    def test_by_many_lanes(self):
        jobs = [self.long_job(self.creates(1)) for _number in range(12)]
        self.work(lanes=3)
        for job in jobs:
            self.assertEqual((len(self.ends(job)), len(self.notified(job))), (1, 1))

    def test_by_another_lane_if_the_first_one_dies_after_the_end(self):
        job = self.long_job()
        self.work_untold(job)
        self.work()
        self.assertEqual((len(self.ends(job)), len(self.notified(job))), (1, 1))

    def test_if_a_lane_dies_while_it_tells(self):
        job = self.long_job()
        killed = self.lose_connection(times=1)
        with mute_logger(TELL_LOG, "odoo.sql_db"):
            self.work()
        self.assertTrue(killed)
        self.assertEqual((len(self.ends(job)), len(self.notified(job))), (1, 1))

    def test_an_attempt_is_counted_before_it_is_made(self):
        job = self.long_job()
        self.lose_connection(times=100)
        with mute_logger(TELL_LOG, "odoo.sql_db"):
            for attempt in range(1, told.MOST_ATTEMPTS + 1):
                self.work(seconds=SHORT_S)
                self.assertEqual(self.job(job)["tell_attempts"], attempt)
                self.pass_time()
        self.work(seconds=SHORT_S)
        self.assertEqual((self.ends(job), self.job(job)["tell_at"]), ([], None), "given up")

    def test_an_attempt_that_was_cut_off_is_made_again(self):
        job = self.long_job()
        self.lose_connection(times=2)  # one try for all, one for each
        with mute_logger(TELL_LOG, "odoo.sql_db"):
            self.work(seconds=SHORT_S)
        self.assertEqual(self.ends(job), [])
        self.pass_time()
        self.work(seconds=SHORT_S)
        self.assertEqual((len(self.ends(job)), len(self.notified(job))), (1, 1))
        self.pass_time()
        self.work(seconds=SHORT_S)
        self.assertEqual(len(self.ends(job)), 1)

    def test_a_lane_stays_for_the_next_attempt_if_it_has_the_time(self):
        job = self.long_job()
        self.lose_connection(times=2)
        with mute_logger(TELL_LOG, "odoo.sql_db"), patch.object(told, "NEXT_ATTEMPT_S", 1):
            self.work()
        self.assertEqual(len(self.ends(job)), 1)

    def test_ends_for_which_no_time_is_left_are_told_later_and_no_attempt_counts(self):
        jobs = [self.long_job(self.creates(1)) for _number in range(3)]
        posted = []

        def post(job, original, values):
            posted.append(job.id)
            return original(job, **values)

        self.set_post(post)
        with self.open_lane() as lane:
            lane.control.looked_around_at = float("inf")
            while claim := lane.claim():
                lane.work_on(claim)
            lane.control.looked_around_at = 0.0
            lane.control.time_left = lambda: 0 if posted else SHORT_S
            lane.control.look_around()
        first, *others = sorted(jobs, key=lambda job: job not in posted)
        self.assertEqual((posted, len(self.ends(first))), ([first], 1))
        for job in others:
            self.assertEqual((self.ends(job), self.job(job)["tell_attempts"]), ([], 0))
            self.assertTrue(self.job(job)["tell_at"])
        self.work()
        for job in jobs:
            [_end] = self.ends(job)
            self.assertEqual(len(self.notified(job)), 1)

    def test_the_last_attempt_does_not_count_if_somebody_locks_the_job(self):
        job = self.long_job()
        self.work_untold(job)
        self.sql("UPDATE batch_job SET tell_attempts = %s WHERE id = %s", told.MOST_ATTEMPTS - 1, job)
        with self.open_lane() as lane:
            with lane.control.transaction() as env:
                taken = told.take_due(env.cr)
            self.assertEqual((taken, self.job(job)["tell_at"]), ([job], None))
            with self.committed() as env:
                env.cr.execute("SELECT id FROM batch_job WHERE id = %s FOR NO KEY UPDATE", [job])
                missed = tell.tell(self.registry, taken, lambda: True)
            self.assertEqual(missed, [job])
            lane.control.give_back_ends(missed)
        self.assertEqual(self.job(job)["tell_attempts"], told.MOST_ATTEMPTS - 1)
        self.work()
        self.assertEqual(len(self.ends(job)), 1)


class TestOtherModules(ToldCase):
    def test_an_error_is_logged_and_concerns_one_job(self):
        bad, good = self.long_job(name="Bad"), self.long_job(name="Good")

        def post(job, original, values):
            if job.id == bad:
                raise ValueError("no gateway")
            return original(job, **values)

        self.set_post(post)
        with self.assertLogs(TELL_LOG, "ERROR") as logged:
            self.work()
        self.assertIn("no gateway", "\n".join(logged.output))
        self.assertEqual(self.job(bad)["state"], "completed")
        self.assertEqual((self.ends(bad), len(self.ends(good))), ([], 1))

    def test_what_takes_too_long_is_cut_off(self):
        self.startPatcher(patch.object(tell, "TELL_S", 0.3))
        self.startPatcher(patch.object(told, "NEXT_ATTEMPT_S", 0))
        job = self.long_job()
        self.set_post(lambda job, original, values: job.env.cr.execute("SELECT pg_sleep(600)"))
        with mute_logger(TELL_LOG, "odoo.sql_db"):
            self.work()
        self.assertEqual((self.job(job)["state"], self.ends(job)), ("completed", []))

    def test_it_cannot_commit(self):
        job = self.long_job()
        self.set_post(lambda job, original, values: job.env.cr.commit())  # pylint: disable=unknown-option-value,invalid-commit
        with mute_logger(TELL_LOG):
            self.work()
        self.assertEqual((self.job(job)["state"], self.ends(job)), ("completed", []))
