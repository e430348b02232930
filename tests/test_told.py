"""The end of a job is told to those who want to know, as they want it."""

import json

from .case import SUBMITTER
from .told_case import LANG, TELL_LOG, ToldCase


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
