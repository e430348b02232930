"""The end of a job is POSTed to a webhook, signed, at least once, and to no address that it must not reach."""

import base64
import json
import os
import signal
import socket
from unittest.mock import patch

from psycopg2.errors import ForeignKeyViolation, RestrictViolation, SerializationFailure

from odoo import Command, sql_db
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form
from odoo.tests.common import BaseCase, tagged
from odoo.tools import mute_logger

from odoo.addons.batch_executor.engine import webhook
from odoo.addons.batch_executor.exceptions import BatchValidationError
from odoo.addons.batch_executor.run import post
from odoo.addons.batch_executor.run import webhook as run

from .case import SUBMITTER, create
from .extras import needs
from .webhook_case import NAME, Receiver, WebhookCase


class TestDelivery(WebhookCase):
    @needs("standardwebhooks")
    def test_the_status_arrives_signed(self):
        from standardwebhooks import Webhook, WebhookVerificationError

        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        job = self.ended()
        self.sql("UPDATE batch_job SET traceparent = %s WHERE id = %s", trace, job)
        self.assertEqual(self.receiver.requests, [])
        self.send()
        [(path, headers, body)] = self.receiver.requests
        self.assertEqual(path, "/end?of=job")
        status = self.call(job, "status")
        self.assertEqual({**json.loads(body), "traceparent": trace, "eta": status["eta"]}, status)
        self.assertEqual((headers["Content-Type"], headers["traceparent"]), ("application/json", trace))
        [(secret,)] = self.sql("SELECT secret FROM batch_webhook WHERE id = %s", self.webhook)
        Webhook(secret).verify(body, {name.lower(): value for name, value in headers.items()})
        with self.assertRaises(WebhookVerificationError):
            Webhook(secret).verify(body + b" ", {name.lower(): value for name, value in headers.items()})
        self.assertEqual(self.delivery(job), ("delivered", 1))
        self.send()
        self.assertEqual(len(self.receiver.requests), 1)

    @needs("standardwebhooks")
    def test_two_secrets_while_one_is_changed(self):
        from standardwebhooks import Webhook

        with self.committed() as env:
            hook = env["batch.webhook"].browse(self.webhook)
            old = hook.secret
            hook.action_new_secret()
            new, kept = hook.secret.split()
        self.assertEqual(kept, old)
        self.ended()
        self.send()
        [(_path, headers, body)] = self.receiver.requests
        for secret in (old, new):
            Webhook(secret).verify(body, {name.lower(): value for name, value in headers.items()})

    def test_a_receiver_that_fails_and_comes_back_gets_it(self):
        self.receiver.answers = [500, 302, 404]
        job = self.ended()
        for tries in (1, 2, 3):
            self.send()
            self.assertEqual(self.delivery(job), ("pending", tries))
            [(wait,)] = self.sql("SELECT round(extract(epoch FROM next_at - now() AT TIME ZONE 'UTC')) FROM batch_delivery WHERE job_id = %s", job)
            self.assertAlmostEqual(wait, webhook.WAITS_S[tries - 1], delta=4)
            self.send()
            self.assertEqual(len(self.receiver.requests), tries, "not before it is due")
            self.due_now()
        self.send()
        self.assertEqual(self.delivery(job), ("delivered", 4))
        self.assertEqual(self.results(job), ["HTTP 200", "HTTP 404", "HTTP 302", "HTTP 500"])
        self.assertEqual({path for path, *_rest in self.receiver.requests}, {"/end?of=job"}, "no redirect is followed")
        self.assertEqual(len({headers["webhook-id"] for _path, headers, _body in self.receiver.requests}), 1)
        self.assertEqual(len({body for _path, _headers, body in self.receiver.requests}), 1)

    def test_after_a_day_it_is_given_up_and_sent_again_by_a_click(self):
        job = self.ended()
        self.receiver.answers = [500] * (len(webhook.WAITS_S) + 1)
        for _try in range(len(webhook.WAITS_S) + 1):
            self.due_now()
            self.send()
        self.assertEqual(self.delivery(job), ("failed", 13))
        self.due_now()
        self.send()
        self.assertEqual(len(self.receiver.requests), 13)
        with self.committed(self.user_id) as env:
            env["batch.job"].browse(job).delivery_ids.action_send_again()
        self.send()
        self.assertEqual(self.delivery(job), ("delivered", 1))
        self.assertEqual(self.sql("SELECT number FROM batch_delivery_try WHERE delivery_id = (SELECT id FROM batch_delivery WHERE job_id = %s) ORDER BY id", job), [(number,) for number in range(1, 15)])
        self.assertEqual(len({headers["webhook-id"] for _path, headers, _body in self.receiver.requests}), 1)

    def test_a_receiver_that_is_gone_is_asked_once(self):
        self.receiver.answers = [410]
        job = self.ended()
        self.send()
        self.assertEqual(self.delivery(job), ("failed", 1))

    def other(self, name="other"):
        """Another receiver with its webhook."""
        other = Receiver()
        self.addCleanup(other.close)
        with self.committed() as env:
            env["batch.webhook"].create({"name": name, "url": other.url})
        return other

    def test_one_that_hangs_holds_up_nobody(self):
        other = self.other()
        hanging = [self.submit(create("Told"), webhook=NAME) for _number in range(webhook.OF_ONE + 1)]
        jobs = [self.submit(create("Told"), webhook="other") for _number in range(3 * webhook.OF_ONE)]
        self.work()
        self.receiver.answers = ["hang", "drip", "hang", "drip"]
        with self.limits(READ_S=2, TOTAL_S=3):
            self.send()
        self.assertEqual([self.delivery(job)[0] for job in hanging], ["pending"] * webhook.OF_ONE + ["delivered"])
        self.assertEqual(self.results(hanging[0]), ["No answer in time."])
        self.assertEqual(self.results(hanging[1]), ["No answer in time."])
        self.assertEqual({self.delivery(job) for job in jobs}, {("delivered", 1)})
        self.assertEqual(len(other.requests), len(jobs))
        tries = "SELECT {} FROM batch_delivery_try AS one JOIN batch_delivery ON batch_delivery.id = delivery_id WHERE job_id = ANY(%s)"
        [(last,)] = self.sql(tries.format("max(one.started_at)"), jobs)
        [(gone,)] = self.sql(tries.format("min(one.started_at) + interval '2 s'"), hanging)
        self.assertLess(last, gone, "all of them while the others hang")
        self.receiver.released.set()
        self.due_now()
        self.send()
        self.assertEqual({self.delivery(job)[0] for job in hanging}, {"delivered"})

    def test_some_that_hang_with_a_backlog_leave_the_next_place_to_others(self):
        self.other()
        with self.committed() as env:
            hooks = env["batch.webhook"].create([{"name": f"hangs {number}", "url": self.receiver.url} for number in range(4)]).ids
        job, good = (self.submit(create("Told"), webhook=name) for name in (NAME, "other"))
        self.work()
        self.sql("DELETE FROM batch_delivery WHERE job_id = %s", job)
        self.sql(
            """
            INSERT INTO batch_delivery (job_id, webhook_id, message_id, body, state, tries, created_at, next_at)
            SELECT %s, hook, 'msg', '{}', 'pending', 0, now(), now() AT TIME ZONE 'UTC' - number * interval '1 minute'
              FROM unnest(%s) AS hook, generate_series(1, 5) AS number
            """,
            job,
            hooks,
        )
        self.receiver.answers = ["hang"] * 20
        with self.limits(READ_S=0.3, TOTAL_S=1):
            self.send()
        self.assertEqual(self.delivery(good), ("delivered", 1))
        tries = self.sql("SELECT webhook_id FROM batch_delivery_try ORDER BY id DESC LIMIT 21")[::-1]
        self.assertEqual(len({hook for (hook,) in tries[: webhook.AT_ONCE]}), 5, "the first of each comes before the fourth of others")

    def test_a_delivery_that_is_sent_again_or_deleted_on_its_way_leaves_the_others_alone(self):
        jobs = [self.ended() for _number in range(3)]
        sent, send = [], run._send

        def send_and_click(delivery, allows_private):
            answer = send(delivery, allows_private)
            sent.append(delivery["job_id"])
            self.wait_until(lambda: len(sent) >= 3)
            if sent.count(jobs[1]) == 1 and delivery["job_id"] == jobs[1]:
                with self.committed(self.user_id) as env:
                    env["batch.job"].browse(jobs[1]).delivery_ids.action_send_again()
            if delivery["job_id"] == jobs[2]:
                self.sql("DELETE FROM batch_delivery WHERE job_id = %s", jobs[2])
            return answer

        with patch.object(run, "_send", send_and_click):
            self.send()
        self.assertEqual([self.delivery(job) for job in jobs[:2]], [("delivered", 1)] * 2)
        self.assertEqual(sorted(sent), sorted([*jobs, jobs[1]]))

    def test_what_is_stored_is_stored_again_after_a_conflict(self):
        job, settle, failed = self.ended(), run.store.settle, []

        def settle_later(cr, *args):
            settle(cr, *args)
            if len(failed) < run.ATTEMPTS - 1:
                failed.append(args)
                raise SerializationFailure

        with patch.object(run.store, "settle", settle_later):
            self.send()
        self.assertEqual((self.delivery(job), len(failed), len(self.receiver.requests)), (("delivered", 1), run.ATTEMPTS - 1, 1))

    def test_what_hears_of_the_first_request_last_does_not_undo_the_second(self):
        """A click sends it again while the first request hangs: what becomes of that one is noted, and no more."""
        job = self.ended()
        with self.registry.cursor() as cr:
            [first] = run._take(cr, [])
            run.store.send_again(cr, [first["id"]])
            cr.commit()
            [second] = run._take(cr, [first])
            cr.commit()
            run.store.settle(cr, first, 410, "HTTP 410", 1.0, None)
            cr.commit()
            self.assertEqual(self.delivery(job), ("pending", 1))
            run.store.settle(cr, second, 200, None, 1.0, None)
        self.assertEqual(self.delivery(job), ("delivered", 1))
        self.assertEqual(self.results(job), ["HTTP 200", "HTTP 410"])

    def test_a_sender_that_is_killed_loses_nothing(self):
        job = self.ended()
        self.receiver.answers = ["hang"]
        sender = os.fork()
        if not sender:
            try:
                sql_db._Pool = None  # connections of its own
                self.registry._db = sql_db.db_connect(self.registry.db_name)
                self.send()
            finally:
                os._exit(1)
        self.wait_until(lambda: self.receiver.requests)
        os.kill(sender, signal.SIGKILL)
        os.waitpid(sender, 0)
        self.assertEqual(self.delivery(job), ("pending", 1))
        self.assertRegex(self.results(job)[0], "No outcome is known")
        self.due_now()
        self.send()
        self.assertEqual(self.delivery(job), ("delivered", 2))
        ids = [headers["webhook-id"] for _path, headers, _body in self.receiver.requests]
        self.assertEqual(len(ids), 2)
        self.assertEqual(len(set(ids)), 1)

    def test_each_end_is_sent_and_nobody_waits_at_the_end(self):
        job = self.submit({**create("A"), "data": [{"name": "A", "type": "nonsense"}, {"name": "B"}]}, webhook=NAME)
        self.work()
        self.send()
        self.call(job, "retry")
        self.work()
        self.send()
        first, second = ((headers["webhook-id"], json.loads(body)["state"]) for _path, headers, body in self.receiver.requests)
        self.assertNotEqual(first[0], second[0])
        self.assertEqual((first[1], second[1]), ("partial", "partial"))
        draft = self.submit(create("A"), webhook=NAME, draft=True)
        self.call(draft, "cancel")
        self.send()
        self.assertEqual(json.loads(self.receiver.requests[-1][2])["state"], "cancelled")

    def test_the_scheduled_action_is_woken_and_comes_back(self):
        with self.committed() as env:
            sender = env.ref("batch_executor.ir_cron_webhooks").id
        self.sql("DELETE FROM ir_cron_trigger WHERE cron_id = %s", sender)
        self.receiver.answers = [500]
        self.ended()
        self.assertEqual(len(self.sql("SELECT 1 FROM ir_cron_trigger WHERE cron_id = %s AND call_at <= now() AT TIME ZONE 'UTC'", sender)), 1)
        self.sql("DELETE FROM ir_cron_trigger WHERE cron_id = %s", sender)
        self.send()
        self.assertEqual(len(self.sql("SELECT 1 FROM ir_cron_trigger WHERE cron_id = %s AND call_at > now() AT TIME ZONE 'UTC'", sender)), 1)

    def test_an_archived_webhook_waits_and_is_not_given_to_new_jobs(self):
        job = self.ended()
        with self.committed() as env:
            env["batch.webhook"].browse(self.webhook).active = False
        self.send()
        self.assertEqual(self.delivery(job), ("pending", 0))
        with self.assertRaisesRegex(BatchValidationError, "no webhook 'shop'"):
            self.submit(create("A"), webhook=NAME)
        with self.committed() as env:
            env["batch.webhook"].browse(self.webhook).active = True
        self.send()
        self.assertEqual(self.delivery(job), ("delivered", 1))


    def test_old_jobs_are_deleted_after_their_end_is_sent_or_where_the_webhook_is_archived(self):
        def is_left(job):
            self.sql("UPDATE batch_job SET finished_at = finished_at - interval '60 days' WHERE id = %s", job)
            with self.committed() as env:
                env["batch.remains"]._gc_finished()
                return bool(env["batch.job"].browse(job).exists())

        self.receiver.answers = [500]
        sent = self.ended()
        self.send()
        self.assertTrue(is_left(sent), "it is tried again")
        self.due_now()
        self.send()
        self.assertFalse(is_left(sent))
        archived = self.ended()
        self.assertTrue(is_left(archived))
        with self.committed() as env:
            env["batch.webhook"].browse(self.webhook).active = False
        self.assertFalse(is_left(archived))


class TestAddresses(WebhookCase):
    def test_private_addresses_are_refused(self):
        job = self.ended()
        with self.settings(webhook_private_addresses="false"):
            self.send()
        self.assertEqual(self.receiver.requests, [])
        self.assertRegex(self.results(job)[0], "private address")

    def test_the_form_says_so_before_anything_is_sent(self):
        private = ("http://127.0.0.1:8069/x", "https://10.1.2.3/", "http://[::1]/", "http://localhost/", "http://app.localhost:80/")
        public = ("https://shop.example.com/batch", "https://8.8.8.8/", "https://localhost.example/", "nonsense", "http://[", False)
        for allowed in False, True:
            with self.settings(webhook_private_addresses=str(allowed).lower()), self.committed() as env:
                form = Form(env["batch.webhook"])
                for url in (*private, *public):
                    with self.subTest(url, allowed=allowed):
                        form.url = url
                        self.assertEqual(form.is_refused, url in private and not allowed)

    def test_a_host_that_nobody_knows(self):
        with self.committed() as env:
            env["batch.webhook"].browse(self.webhook).url = "https://nobody.invalid/x"
        job = self.ended()
        self.send()
        self.assertRegex(self.results(job)[0], "name of the host is not known")
        self.assertNotIn("invalid", self.results(job)[0])

    def test_the_address_that_was_checked_is_the_one_that_is_used(self):
        """A name that changes its address between two questions is asked once. Nothing is sent to the internet here."""
        asked, connected = [], []

        def resolve(host, port, **_how):
            asked.append(host)
            address = "8.8.8.8" if len(asked) == 1 else "127.0.0.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        class Offline(socket.socket):
            def connect(self, address):
                connected.append(address[0])
                raise OSError("this machine has no network")

        with (
            patch.object(post.socket, "getaddrinfo", resolve),
            patch.object(post.socket, "socket", Offline),
            self.assertRaisesRegex(Exception, "no network"),
        ):
            post.post(self.receiver.url.replace("127.0.0.1", "rebinding.example"), b"{}", {}, False)
        self.assertEqual((asked, connected, self.receiver.requests), (["rebinding.example"], ["8.8.8.8"], []))


class TestPage(WebhookCase):
    def test_the_last_tries_of_all_webhooks_are_asked_for_at_once(self):
        self.receiver.answers = [500]
        job = self.ended()
        for _try in range(2):
            self.due_now()
            self.send()
        self.assertEqual(self.delivery(job), ("delivered", 2))
        shown, asked = {}, {}
        with self.committed() as env:
            env["batch.webhook"].create([{"name": f"other {number}", "url": self.receiver.url} for number in range(20)])
        for names in (NAME,), (NAME, *(f"other {number}" for number in range(20))):
            with self.committed() as env:
                hooks = env["batch.webhook"].search([("name", "in", names)])
                before = env.cr.sql_log_count
                rows = hooks.read(["name", "last_try_at", "last_result"])
                asked[len(rows)] = env.cr.sql_log_count - before
                shown |= {row["name"]: (row["last_result"], bool(row["last_try_at"])) for row in rows}
        self.assertEqual(shown, {NAME: ("HTTP 200", True), **{f"other {number}": (False, False) for number in range(20)}})
        self.assertEqual(asked[1], asked[21])

    def test_a_last_try_that_has_failed_is_marked(self):
        self.receiver.answers = [500]
        self.ended()
        for failed, result in (True, "HTTP 500"), (False, "HTTP 200"):
            self.due_now()
            self.send()
            with self.committed() as env:
                hook = env["batch.webhook"].browse(self.webhook)
                self.assertEqual((hook.last_failed, hook.last_result), (failed, result))
        with self.committed() as env:
            for view_type in ("list", "form"):
                arch = env["batch.webhook"].get_view(view_type=view_type)["arch"]
                self.assertRegex(arch, r'<field name="last_result"[^>]*decoration-danger="last_failed"')

    def test_the_page_opens_where_the_last_job_is_of_a_company_that_is_not_ticked(self):
        job = self.ended()
        self.send()
        with self.committed() as env:
            own, other = env["batch.job"].browse(job).company_id, env["res.company"].create({"name": f"Other {self.mark}"})
            env["batch.webhook"].browse(self.webhook).company_id = False
            both = [Command.set((own + other).ids)]
            admin = self.new_user(env, f"admin-{self.mark}", "base.group_user", "base.group_system", company_id=own.id, company_ids=both)
        for ticked in (own + other).ids, own.ids, other.ids:
            with self.committed(admin.id, allowed_company_ids=ticked) as env:
                self.assertEqual(len(env["batch.delivery"].search([("job_id", "=", job)])), int(own.id in ticked))
                hooks = env["batch.webhook"].web_search_read([("id", "=", self.webhook)], {"last_try_at": {}, "last_result": {}})
            self.assertEqual([(hook["last_result"], bool(hook["last_try_at"])) for hook in hooks["records"]], [("HTTP 200", True)])


class TestRights(WebhookCase):
    def test_users_name_one_and_see_no_more(self):
        with self.committed(self.user_id) as env:
            hook = env["batch.webhook"].search([("name", "=", NAME)])
            self.assertEqual(hook.display_name, NAME)
            for field in ("url", "secret"):
                with self.assertRaises(AccessError):
                    hook.read([field])
                with self.assertRaises(AccessError), mute_logger("odoo.models"):
                    env["batch.webhook"].search([(field, "like", "h")])
            for change in (lambda: hook.write({"name": "x"}), hook.unlink, hook.action_new_secret, lambda: hook.create({"name": "y", "url": "http://x"})):
                with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule"):
                    change()

    def test_deliveries_are_seen_by_who_sees_the_job(self):
        job = self.ended()
        with self.committed() as env:
            stranger = self.new_user(env, "stranger-hook", *SUBMITTER).id
            delivery = env["batch.job"].browse(job).delivery_ids.id
        with self.committed(stranger) as env:
            self.assertFalse(env["batch.delivery"].search([("id", "=", delivery)]))
            with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_rule"):
                env["batch.delivery"].browse(delivery).action_send_again()
        with self.committed(self.user_id) as env, self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
            env["batch.delivery"].browse(delivery).write({"state": "delivered"})

    def test_what_is_no_url_and_no_secret(self):
        with self.committed() as env:
            hooks = env["batch.webhook"]
            for url in ("ftp://x.example", "x.example", "https://", "https://user:pw@x.example/", "https://x.example:99999/", "https://x.example/ä", "https://x.example/#a", "https://x..example/", f"https://{'x' * 64}.example/"):
                with self.assertRaises(ValidationError, msg=url):
                    hooks.create({"name": url, "url": url})
            for secret in (" ", "whsec_abc", "whsec_" + base64.b64encode(b"x" * 23).decode(), "whsec_" + base64.b64encode(b"x" * 65).decode()):
                with self.assertRaises(ValidationError, msg=secret):
                    hooks.create({"name": secret, "url": "https://x.example", "secret": secret})
            env.cr.rollback()

    def of_another_company(self):
        """A company with a manager of its own: the ids of both."""
        with self.committed() as env:
            company = env["res.company"].create({"name": f"Other {self.mark}"})
            values = {"company_id": company.id, "company_ids": [Command.set(company.ids)]}
            return company.id, self.new_user(env, f"manager-{self.mark}", *SUBMITTER, "batch_executor.group_batch_manager", **values).id

    def test_managers_of_other_companies_see_neither_address_nor_secret(self):
        company, manager = self.of_another_company()
        with self.committed(manager) as env:
            hooks = env["batch.webhook"]
            foreign = hooks.browse(self.webhook)
            self.assertFalse(hooks.search([("id", "=", self.webhook)]))
            self.assertFalse(hooks.search([("secret", "like", "whsec"), ("id", "=", self.webhook)]))
            for refused in (
                lambda: foreign.read(["url"]),
                lambda: foreign.secret,
                lambda: foreign.write({"url": "https://x.example"}),
                lambda: foreign.write({"company_id": company}),
                lambda: hooks.create({"name": "given", "url": "https://x.example", "company_id": env.ref("base.main_company").id}),
            ):
                with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_rule"), env.cr.savepoint():
                    refused()
            own = hooks.create({"name": "own", "url": "https://x.example"})
            self.assertEqual(own.company_id.id, company)
            with self.assertRaisesRegex(ValidationError, "or one of another company"):
                own.name = NAME
        with self.committed() as env:
            env["batch.webhook"].browse(self.webhook).company_id = False
        with self.committed(manager) as env:
            self.assertEqual(env["batch.webhook"].browse(self.webhook).url, self.receiver.url)

    def test_jobs_of_other_companies_do_not_name_it(self):
        company, manager = self.of_another_company()
        with self.committed(manager) as env:
            env["batch.webhook"].create({"name": "own", "url": self.receiver.url})
            for name in (NAME, "none"):
                with self.assertRaisesRegex(BatchValidationError, f"no webhook '{name}' for jobs of this company"):
                    env["batch.job"].submit([create("A")], webhook=name)
            self.assertTrue(env["batch.job"].submit([create("A")], webhook="own"))
        self.sql("UPDATE batch_webhook SET company_id = NULL")
        with self.committed(manager) as env:
            self.assertTrue(env["batch.job"].submit([create("A")], webhook=NAME))
        with self.committed() as env:
            hook = env["batch.webhook"].browse(self.webhook)
            with self.assertRaisesRegex(ValidationError, "Jobs of other companies"), env.cr.savepoint():
                hook.company_id = env.ref("base.main_company")
            hook.company_id = company

    def test_one_that_was_there_before_is_for_all_companies(self):
        self.sql("UPDATE batch_webhook SET company_id = NULL WHERE id = %s", self.webhook)
        with self.committed() as env:
            env["batch.webhook"]._init_column("company_id")
        self.assertEqual(self.sql("SELECT company_id FROM batch_webhook WHERE id = %s", self.webhook), [(None,)])

    def test_a_name_or_an_address_that_is_refused_leaves_no_secret_in_the_log(self):
        secret, url = webhook.new_secret(), "https://x.example"
        with self.committed() as env:
            hooks = env["batch.webhook"]
            hooks.browse(self.webhook).active = False
            other = hooks.create({"name": "other", "url": url})
            for refused in (
                lambda: hooks.create({"name": NAME, "url": url, "secret": secret}),
                lambda: hooks.create([{"name": "twice", "url": url, "secret": secret}] * 2),
                lambda: other.write({"name": NAME, "secret": secret}),
                lambda: (other + hooks.browse(self.webhook)).write({"name": "both", "secret": secret}),
                lambda: hooks.create({"name": "nowhere", "secret": secret}),
                lambda: other.write({"url": False, "secret": secret}),
            ):
                with self.assertNoLogs("odoo.sql_db", "ERROR"), self.assertRaisesRegex(ValidationError, "with this name already|URL must be"), env.cr.savepoint():
                    refused()
            other.write({"name": "other", "secret": secret})
            self.assertEqual(other.copy().name, "other (copy)")

    def test_one_that_jobs_name_is_not_deleted(self):
        self.ended()
        with self.assertRaises((UserError, RestrictViolation, ForeignKeyViolation)), mute_logger("odoo.sql_db"), self.committed() as env:
            env["batch.webhook"].browse(self.webhook).unlink()
        self.assertEqual(self.sql("SELECT count(*) FROM batch_webhook WHERE id = %s", self.webhook), [(1,)])

    def test_execute_has_none(self):
        with self.committed(self.user_id) as env, self.assertRaisesRegex(BatchValidationError, "needs a queued job"):
            env["batch.job"].execute([create("A")], webhook=NAME)


@tagged("post_install", "-at_install")
class TestWords(BaseCase):
    def test_which_addresses_are_of_the_internet(self):
        for address in ("8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"):
            self.assertTrue(webhook.is_public(address), address)
        for address in (
            "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
            "fec0::1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "240.0.0.1",
        ):  # fmt: skip
            self.assertFalse(webhook.is_public(address), address)

    def test_tries_last_a_day(self):
        self.assertEqual(sum(webhook.WAITS_S), 86_400)
        self.assertEqual([webhook.wait_s(tries) for tries in (1, 12, 13)], [5, 14_400, None])


    def next_to_send(self, hooks, flying=()):
        hooks = [{"id": hook, "due": due, "last_try": last_try, "hangs": hangs} for hook, due, last_try, hangs in hooks]
        return webhook.next_to_send(hooks, [{"webhook_id": hook, "hangs": hangs} for hook, hangs in flying])

    def test_the_first_ones_of_all_come_first_and_of_these_who_has_waited_longest(self):
        hooks = [(1, [10, 11, 12, 13], 7, False), (2, [20, 21], 5, False), (3, [30], None, False)]
        self.assertEqual(self.next_to_send(hooks), [30, 20, 10, 21, 11, 12, 13])
        self.assertEqual(self.next_to_send(hooks, [(1, False), (1, False)]), [30, 20, 21, 10, 11])
        self.assertEqual(self.next_to_send(hooks, [(9, False)] * 14), [30, 20])

    def test_one_that_hangs_has_one_place_and_all_that_hang_have_half(self):
        one = (1, [10, 11], 1, True)
        self.assertEqual(self.next_to_send([one]), [10])
        self.assertEqual(self.next_to_send([one], [(1, True)]), [])
        self.assertEqual(self.next_to_send([one], [(1, False)] * 4), [], "taken before it was known to hang")
        many = [(hook, [hook * 10], hook, True) for hook in range(1, 20)]
        self.assertEqual(self.next_to_send(many), [hook * 10 for hook in range(1, 9)])
        self.assertEqual(self.next_to_send(many, [(hook, True) for hook in range(50, 58)]), [])
        self.assertEqual(self.next_to_send([*many, (30, [300, 301], 99, False)]), [*(hook * 10 for hook in range(1, 9)), 300, 301])
