"""`ToldCase`: a job's chatter, and what of it reaches its submitter."""

import json
from unittest.mock import patch

from odoo.addons.batch_executor.run import tell
from odoo.addons.batch_executor.store import told

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
