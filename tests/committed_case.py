"""Cases on committed data: real connections, real commits, lanes run by the test. What a race or a crash needs."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from unittest.mock import patch

from odoo import SUPERUSER_ID, Command, api
from odoo.modules.registry import DummyRLock, Registry
from odoo.tests.common import BaseCase, get_db_name, tagged

from odoo.addons.batch_executor.run.lane import Lane
from odoo.addons.batch_executor.run.purge import purge_slice
from odoo.addons.batch_executor.store import rescue

from .case import PATIENCE_S
from .doors import Someone

#: Records of these models that a test has created are deleted at its end, in this order: what refers to others first.
SWEPT = (
    "ir.actions.server", "batch.webhook", "product.template", "res.users", "res.company", "res.partner", "res.partner.category",
    "res.country.state", "res.country", "ir.cron.trigger", "batch.limit",
)  # fmt: skip
#: Seconds a lane may go on where a test says nothing of it: it ends long before, also on a machine with much else to do.
LANE_S = 5 * PATIENCE_S
#: What the engine has; longer while a test drives lanes step by step.
CLAIM_GRACE_S = rescue.CLAIM_GRACE_S


@contextmanager
def committed(uid=SUPERUSER_ID, **context):
    """An environment on a connection of its own; committed at the end, and other processes told."""
    registry = Registry(get_db_name())
    with registry.cursor() as cr:
        yield api.Environment(cr, uid, context)
    registry.signal_changes()


@tagged("post_install", "-at_install")
class CommittedCase(BaseCase):
    """Works on committed data, with as many connections as it takes: lanes and requests see what was set up.

    What a test has created is deleted at its end, what its class shares (`set_up_data`) at the end of the class.
    """

    committed = staticmethod(committed)
    open_lanes = []  # those that are driven step by step

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Odoo's own runner holds this lock while tests run: threads of the HTTP server and lanes would wait for ever
        cls.startClassPatcher(patch.object(Registry, "_lock", DummyRLock()))
        cls.registry = Registry(get_db_name())
        cls.addClassCleanup(cls.sweep, cls.last_ids())
        with committed() as env:
            cls.set_up_users(env)
        with committed() as env:  # one that makes a model waits for whoever has made users
            cls.set_up_data(env)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.sweep, self.last_ids())

    @classmethod
    def set_up_users(cls, env):
        """Create the users that a class works with."""

    @classmethod
    def set_up_data(cls, env):
        """Create what all tests of a class share; committed."""

    @classmethod
    def last_ids(cls):
        """The newest record of each model that tests create."""
        with committed() as env:
            models = [model for model in ("batch.job", *SWEPT) if model in env]
            newest = ", ".join(f"(SELECT coalesce(max(id), 0) FROM {env[model]._table})" for model in models)
        return dict(zip(models, cls.sql(f"SELECT {newest}")[0], strict=True))

    @classmethod
    def sweep(cls, last_ids):
        """Delete what was created after these records."""
        cls.sql("DELETE FROM mail_message WHERE model = 'batch.job' AND res_id > %s", last_ids["batch.job"])
        cls.sql("DELETE FROM mail_followers WHERE res_model = 'batch.job' AND res_id > %s", last_ids["batch.job"])
        cls.sql("DELETE FROM batch_job WHERE id > %s", last_ids["batch.job"])
        with committed() as env:
            while purge_slice(env.cr):
                pass
        for model, newest in cls.last_ids().items():
            if model != "batch.job" and newest > last_ids[model]:
                with committed(active_test=False) as env:
                    env[model].search([("id", ">", last_ids[model])], order="id desc").unlink()

    @classmethod
    def new_user(cls, env, login, *groups, **values):
        """Create a user with an API key, and without a password: to log in is not what these tests are about."""
        installed = [group.id for name in groups if (group := env.ref(name, raise_if_not_found=False))]
        values = {"name": login, "login": login, "email": f"{login}@example.com", "group_ids": [Command.set(installed)], **values}
        user = env["res.users"].with_context(no_reset_password=True).create(values)
        key = env(user=user.id)["res.users.apikeys"].sudo()._generate("rpc", "test", None)
        return Someone(user.id, login, key)

    @classmethod
    def sql(cls, query, *params):
        """Run a statement in a transaction of its own; returns its rows."""
        with cls.registry.cursor() as cr:
            cr.execute(query, params)  # pylint: disable=sql-injection  # it is the test's own
            return cr.fetchall() if cr.description else []

    @contextmanager
    def settings(self, **values):
        """Settings of the addon, for this while only."""
        names = {f"batch_executor.{name}": value for name, value in values.items()}
        with committed() as env:
            parameters = env["ir.config_parameter"]
            before = {name: parameters.get_param(name) for name in names}
            for name, value in names.items():
                parameters.set_param(name, str(value))
        try:
            yield
        finally:
            with committed() as env:
                for name, value in before.items():
                    env["ir.config_parameter"].set_param(name, value)

    # -- lanes -------------------------------------------------------------------------------------

    @classmethod
    def lane(cls, name="lane", seconds=LANE_S):
        """A lane that has so much time."""
        end = time.monotonic() + seconds
        return Lane(cls.registry, f"{name}-{os.getpid()}", lambda: end - time.monotonic())

    @classmethod
    def work(cls, lanes=1, seconds=LANE_S):
        """Run lanes side by side until they find nothing more to do; the test fails when their time is up first."""
        if lanes == 1:
            have_more = [cls.lane(seconds=seconds).run()]
        else:
            with cls.in_threads(lanes) as pool:
                runs = [pool.submit(cls.lane(f"lane {number}", seconds).run) for number in range(lanes)]
                have_more = [run.result(seconds + PATIENCE_S) for run in runs]
        if any(have_more):
            raise AssertionError("a lane ran out of time")

    @contextmanager
    def open_lane(self, name="lane"):
        """A lane to be driven step by step: `claim`, `work_on`.

        Meanwhile nobody takes its claim for abandoned, however long the test takes between two steps; one that wants that
        to happen makes the claim older by an hour.
        """
        lane = self.lane(name)
        self.open_lanes.append(lane)
        rescue.CLAIM_GRACE_S = 10 * PATIENCE_S
        try:
            with lane.connected():
                yield lane
        finally:
            self.open_lanes.remove(lane)
            if not self.open_lanes:  # whichever of several is closed last
                rescue.CLAIM_GRACE_S = CLAIM_GRACE_S

    @contextmanager
    def lanes_at_work(self, count=1):
        """Lanes in threads of their own that come back again and again meanwhile, as the scheduled actions do.

        What one of them raises is raised here at the end.
        """
        over = threading.Event()

        def come_back():
            while not over.wait(0.05):
                self.lane().run()

        with self.in_threads(count) as pool:
            lanes = [pool.submit(come_back) for _ in range(count)]
            try:
                yield
            finally:
                over.set()
                wait(lanes, 2 * PATIENCE_S)
            for lane in lanes:
                lane.result(0)

    @staticmethod
    @contextmanager
    def in_threads(count=1):
        """An executor for so many calls side by side. None is waited for at the end: a test takes their results."""
        pool = ThreadPoolExecutor(count)
        try:
            yield pool
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def wait_until(self, condition, what="the condition", seconds=PATIENCE_S):
        """Ask again and again until `condition()` holds; returns what it gave."""
        end = time.monotonic() + seconds
        while not (found := condition()):
            self.assertLess(time.monotonic(), end, f"waited too long for {what}")
            time.sleep(0.02)
        return found

    def blocked_backends(self):
        """How many connections of this database are waiting for a lock."""
        [(count,)] = self.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return count
