"""The end of a job is told once, to those who want to know, whatever other modules and crashes do."""

import json
from unittest.mock import patch

from odoo.tools import mute_logger

from odoo.addons.batch_executor.run import tell
from odoo.addons.batch_executor.store import told

from .case import SUBMITTER
from .lane_case import LaneCase

TELL_LOG = "odoo.addons.batch_executor.run.tell"
LANG = "fr_BE"
#: Time of a lane that does not stay for the next attempt.
SHORT_S = told.NEXT_ATTEMPT_S / 2


class ToldCase(LaneCase):
    def setUp(self):
        super().setUp()
        self.use_new_user()
        self.set_user(notification_type="inbox")

    def set_user(self, **values):
        with self.committed() as env:
            env["res.users"].browse(self.user_id).write(values)

    def watch(self):
        """The submitter opens a browser."""
        self.sql("INSERT INTO mail_presence (user_id, status) VALUES (%s, 'online')", self.user_id)

    def long_job(self, *operations, **options):
        """A job that was submitted a minute ago."""
        job = self.submit(*(operations or (self.creates(2),)), **options)
        self.sql("UPDATE batch_job SET create_date = create_date - interval '1 minute' WHERE id = %s", job)
        return job

    def partial(self):
        """An operation whose second record fails."""
        operation = self.creates(3)
        operation["data"][1]["type"] = "nonsense"
        return operation

    def lines(self, job, *fields):
        """The chatter of a job, the oldest line first: plain texts, or values of these fields."""
        with self.committed() as env:
            messages = env["mail.message"].search([("model", "=", "batch.job"), ("res_id", "=", job)], order="id")
            if fields:
                return [tuple(message[name] for name in fields) for message in messages]
            return [" ".join(_plain(message.body).split()) for message in messages]

    def ends(self, job):
        """The lines about its end."""
        return [line for line in self.lines(job) if any(word in line for word in ("finished:", "failed:", "was cancelled"))]

    def notified(self, job):
        """`(notification type, subtype)` of what the submitter was notified of."""
        return self.sql(
            """
            SELECT notification.notification_type, data.name
              FROM mail_notification AS notification
              JOIN mail_message AS message ON message.id = notification.mail_message_id
              JOIN res_users AS users ON users.partner_id = notification.res_partner_id
              JOIN ir_model_data AS data ON data.model = 'mail.message.subtype' AND data.res_id = message.subtype_id
             WHERE message.model = 'batch.job' AND message.res_id = %s AND users.id = %s
             ORDER BY notification.id
            """,
            job,
            self.user_id,
        )

    def followed(self, job):
        """The subtypes that the submitter follows of a job; None: does not follow it."""
        with self.committed() as env:
            user = env["res.users"].browse(self.user_id)
            follower = env["batch.job"].browse(job).message_follower_ids.filtered(lambda one: one.partner_id == user.partner_id)
            return sorted(follower.subtype_ids.mapped("name")) if follower else None

    def shown(self, job):
        """The notifications in the submitter's browsers."""
        rows = self.sql("SELECT message FROM bus_bus WHERE message LIKE %s ORDER BY id", f"%{tell.BUS_TYPE}%")
        payloads = [json.loads(message)["payload"] for (message,) in rows]
        return [payload for payload in payloads if payload["job_id"] == job and payload.get("message")]

    def set_post(self, function):
        """Other modules change what happens when a message is posted."""
        original = self.registry["batch.job"].message_post
        self.startPatcher(
            patch.object(self.registry["batch.job"], "message_post", lambda job, **values: function(job, original, values))
        )

    def work_untold(self, job):
        """Run a job of one chunk to its end in a lane that dies before it looks around again."""
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            lane.control.looked_around_at = float("inf")
            self.assertIsNone(lane.claim())
        self.assertTrue(self.job(job)["finished_at"])
        self.assertEqual(self.ends(job), [])

    def lose_connection(self, times):
        """The first so many posts kill their connection, as the death of their lane would."""
        killed = []

        def post(job, original, values):
            message = original(job, **values)
            if len(killed) < times:
                killed.append(job)
                job.env.cr.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            return message

        self.set_post(post)
        return killed

    def pass_time(self):
        """The time of the next attempt has come."""
        self.sql("UPDATE batch_job SET tell_at = tell_at - interval '1 hour' WHERE tell_at IS NOT NULL")


def _plain(html):
    return str(html).replace("</p><p>", " / ").replace("<p>", "").replace("</p>", "").replace("\u2068", "").replace("\u2069", "")


class TestTold(ToldCase):
    def test_the_submitter_is_told_by_a_message_and_in_the_browser(self):
        self.watch()
        job = self.long_job(self.partial(), name="Import")
        self.work()
        self.assertEqual(self.ends(job), [f"Import finished: 2 succeeded, 1 failed, 1 cause / Submitted by lane-{self.mark}."])
        self.assertEqual(self.notified(job), [("inbox", "mt_job_failed")])
        self.assertEqual(self.followed(job), ["Discussions", "Job failed", "Job finished"])
        [shown] = self.shown(job)
        self.assertEqual((shown["type"], shown["sticky"]), ("warning", False))
        self.assertIn("finished: 2 succeeded, 1 failed, 1 cause", shown["message"])

    def test_what_it_looks_like_says_how_it_ended(self):
        self.watch()
        failing = {"operation_type": "create", "model": "res.partner", "data": [{"type": "nonsense", "name": "X"}]}
        for operation, kind, sticky, subtype in (
            (self.creates(1), "success", False, "mt_job_finished"),
            (failing, "danger", True, "mt_job_failed"),
        ):
            job = self.long_job(operation)
            self.work()
            [shown] = self.shown(job)
            self.assertEqual((shown["type"], shown["sticky"]), (kind, sticky))
            self.assertEqual(self.notified(job), [("inbox", subtype)])

    def test_a_quick_job_notifies_nobody(self):
        self.watch()
        job = self.submit(self.partial(), name="Quick")
        self.work()
        self.assertEqual(self.lines(job), ["Quick finished: 2 succeeded, 1 failed, 1 cause / Submitted by lane-" + self.mark + "."])
        self.assertEqual((self.notified(job), self.shown(job), self.followed(job)), ([], [], None))

    def test_nobody_is_notified_more_than_wanted(self):
        self.watch()
        expected = {
            "always": ([("inbox", "mt_job_finished")], [("inbox", "mt_job_failed")]),
            "failures": ([], [("inbox", "mt_job_failed")]),
            "never": ([], []),
        }
        for preference, (of_good, of_bad) in expected.items():
            with self.subTest(preference=preference):
                self.set_user(batch_notify=preference)
                good, bad = self.long_job(), self.long_job(self.partial())
                self.work()
                self.assertEqual((self.notified(good), self.notified(bad)), (of_good, of_bad))
                self.assertEqual((len(self.shown(good)), len(self.shown(bad))), (len(of_good), len(of_bad)))

    def test_a_job_can_say_otherwise(self):
        self.set_user(batch_notify="never")
        loud, default = self.long_job(notify="always"), self.long_job()
        self.work()
        self.assertEqual((len(self.notified(loud)), len(self.notified(default))), (1, 0))

    def test_the_preference_is_one_of_the_user(self):
        with self.committed(self.user_id) as env:
            env.user.write({"batch_notify": "never"})
            self.assertEqual(env.user.read(["batch_notify"])[0]["batch_notify"], "never")

    def test_no_browser_is_sent_anything_where_none_is_open(self):
        job = self.long_job()
        self.work()
        self.assertEqual((len(self.notified(job)), self.shown(job)), (1, []))

    def test_mail_is_left_to_the_queue(self):
        self.set_user(notification_type="email")
        job = self.long_job()
        self.work()
        self.assertEqual(self.notified(job), [("email", "mt_job_finished")])
        states = self.sql(
            """
            SELECT mail.state FROM mail_mail AS mail JOIN mail_message AS message ON message.id = mail.mail_message_id
             WHERE message.model = 'batch.job' AND message.res_id = %s
            """,
            job,
        )
        self.assertEqual(states, [("outgoing",)])

    def test_users_of_any_kind(self):
        def portal(env, user):
            user.group_ids = [(6, 0, env.ref("base.group_portal").ids)]
            user.group_ids |= env.ref("batch_executor.group_batch_user")

        changes = {
            "portal": portal,
            "without e-mail": lambda env, user: user.partner_id.write({"email": False}),
            "by mail, without e-mail": lambda env, user: user.write({"notification_type": "email", "email": False}),
            "partner archived": lambda env, user: env.cr.execute(
                "UPDATE res_partner SET active = false WHERE id = %s", [user.partner_id.id]
            ),
            "archived": lambda env, user: user.write({"active": False}),
        }
        for kind, change in changes.items():
            with self.subTest(user=kind), self.assertNoLogs(TELL_LOG, "WARNING"):
                with self.committed() as env:
                    user = self.new_user(env, f"told-{self.mark}-{len(kind)}", *SUBMITTER)
                with self.committed(user.id) as env:
                    job = env["batch.job"].submit([self.creates(1)], name="Any")["job_id"]
                self.sql("UPDATE batch_job SET create_date = create_date - interval '1 minute' WHERE id = %s", job)
                with self.committed() as env:
                    change(env, env["res.users"].browse(user.id))
                self.work()
                self.assertEqual(len(self.ends(job)), 1)

    def test_the_text_is_in_the_language_of_the_submitter(self):
        with self.committed() as env:
            env["res.lang"]._activate_lang(LANG)
            env["res.users"].browse(self.user_id).lang = LANG
            sign = env["res.lang"]._get_data(code=LANG).thousands_sep
        self.addCleanup(self.sql, "UPDATE res_lang SET active = false WHERE code = %s", LANG)
        job = self.long_job()
        self.work_untold(job)
        self.sql("UPDATE batch_job SET processed_records = 123456 WHERE id = %s", job)
        self.work()
        self.assertIn(f"123{sign}456", self.lines(job)[-1])

    def test_names_are_shown_as_names(self):
        job = self.long_job(name="<b>\u202ebold\u2069</b>")
        self.work()
        [(body,)] = self.lines(job, "body")[-1:]
        self.assertIn("\u2068&lt;b&gt;bold&lt;/b&gt;\u2069 finished", body)

    def test_who_has_cancelled_is_said(self):
        with self.committed() as env:
            manager = self.new_user(env, f"boss-{self.mark}", "batch_executor.group_batch_manager", "base.group_user")
        job = self.long_job(name="Import")
        with self.committed(manager.id) as env:
            env["batch.job"].browse(job).cancel()
        self.work()
        self.assertEqual(self.ends(job), [f"Import was cancelled by boss-{self.mark}: 2 not run"])
        self.assertEqual(self.lines(job)[1], "Cancelled.")
        self.assertEqual(self.notified(job), [("inbox", "mt_job_finished")])

    def test_a_submitter_who_has_cancelled_knows_it(self):
        self.watch()
        job = self.long_job()
        self.call(job, "cancel")
        self.work()
        self.assertEqual((len(self.ends(job)), self.notified(job), self.shown(job)), (1, [], []))

    def test_a_limit_of_failures_is_said(self):
        job = self.long_job(self.partial(), max_failures=0, max_chunk_size=1, max_concurrency=1, name="Import")
        self.work()
        [end] = self.ends(job)
        self.assertIn("Stopped: 1 record failed, more than the 0 allowed.", end)
        self.assertEqual(self.notified(job), [("inbox", "mt_job_failed")])

    def test_each_end_is_told_and_following_is_up_to_the_submitter(self):
        job = self.long_job(self.partial(), name="Import")
        self.work()
        with self.committed(self.user_id) as env:
            env["batch.job"].browse(job).message_unsubscribe(env.user.partner_id.ids)
        self.call(job, "retry")
        self.sql("UPDATE batch_job SET awaited_since = awaited_since - interval '1 minute' WHERE id = %s", job)
        self.work()
        self.assertEqual(len(self.ends(job)), 2)
        self.assertEqual((len(self.notified(job)), self.followed(job)), (1, None))

    def test_a_retry_that_is_quick_notifies_nobody(self):
        job = self.long_job(self.partial())
        self.work()
        self.call(job, "retry")
        self.work()
        self.assertEqual((len(self.ends(job)), len(self.notified(job))), (2, 1))

    def test_a_comment_makes_the_submitter_follow(self):
        job = self.submit(self.creates(1))
        with self.committed() as env:
            env["batch.job"].browse(job).message_post(body="Is this yours?", subtype_xmlid="mail.mt_comment")
        self.assertEqual(self.notified(job), [("inbox", "mt_comment")])
        self.assertEqual(self.followed(job), ["Discussions", "Job failed", "Job finished"])


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


class TestActionFailed(ToldCase):
    def test_it_stands_on_the_job_and_is_told(self):
        self.watch()
        with self.committed() as env:
            action = env["ir.actions.server"].create(
                {
                    "name": "Fails",
                    "model_id": env["ir.model"]._get_id("batch.job"),
                    "state": "code",
                    "code": "raise UserError('no printer')",
                }
            )
        job = self.long_job(on_complete=action.id, name="Import")
        self.work()
        self.assertEqual(self.job(job)["callback_error"], "no printer")
        with self.committed(self.user_id) as env:
            self.assertIn(job, env["batch.job"].search([("callback_error", "!=", False)]).ids)
        [end] = self.ends(job)
        self.assertTrue(end.startswith("Import finished: 2 succeeded / The action on completion failed: no printer / "), end)
        self.assertEqual(self.notified(job), [("inbox", "mt_job_failed")])
        [shown] = self.shown(job)
        self.assertEqual(shown["type"], "danger")


class TestLog(ToldCase):
    def test_it_says_who_did_what(self):
        with self.committed() as env:
            manager = self.new_user(env, f"boss-{self.mark}", "batch_executor.group_batch_manager", "base.group_user")
        job = self.submit(self.partial(), draft=True, name="Import")
        self.call(job, "start")
        with self.committed(manager.id) as env:
            env["batch.job"].browse(job).pause()
            env["batch.job"].browse(job).pause()
        self.call(job, "resume")
        self.call(job, "resume")
        self.work()
        with self.committed(self.user_id) as env:
            [failure] = env["batch.failure"].search([("job_id", "=", job)])
            failure.values = json.dumps({**json.loads(failure.values), "type": "other"})
        self.call(job, "retry")
        self.work()
        self.assertEqual(
            self.lines(job),
            [
                "Submitted.",
                "Started.",
                "Paused.",
                "Resumed.",
                "Import finished: 2 succeeded, 1 failed, 1 cause",
                f"Values corrected: Partner 1 · {self.mark}-1 (op-1, row 2)",
                "Retried: 1 failed, 0 not run.",
                "Import finished: 3 succeeded",
            ],
        )
        with self.committed() as env:
            own, boss = (env["res.users"].browse(id_).partner_id for id_ in (self.user_id, manager.id))
            bot = env.ref("base.partner_root")
        authors = [author for (author,) in self.lines(job, "author_id")]
        self.assertEqual([author.id for author in authors], [one.id for one in (own, own, boss, own, bot, own, own, bot)])
