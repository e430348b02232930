"""A lane runs with all rights: only Odoo's scheduler starts one, and on its own terms."""

import time
from unittest.mock import patch

from odoo import SUPERUSER_ID
from odoo.exceptions import AccessError
from odoo.tools import mute_logger

from odoo.addons.base.models import ir_cron
from odoo.addons.batch_executor.run import lanes
from odoo.addons.batch_executor.run.lane import Lane

from .api_case import ApiCase
from .case import WORKER, create
from .doors import Json2Door, JsonRpcDoor, RouteDoor, SessionDoor
from .lane_case import LaneCase

ALONE = "run by Odoo's scheduler alone"


class LaneActionCase(ApiCase):
    @classmethod
    def set_up_data(cls, env):
        cls.portal = cls.new_user(env, "batch-portal", "base.group_portal")
        cls.internal = cls.new_user(env, "batch-internal", "base.group_user")
        first, second = env["ir.cron"]._batch_lanes()[:2]
        cls.lane_id, cls.lane_action = first.id, first.ir_actions_server_id.id
        cls.other_lane_id = second.id
        cls.cron_id = env["ir.cron"].search([("is_batch_lane", "=", False)], limit=1).id

    def make_action(self, code=None, uid=SUPERUSER_ID, **values):
        if code:
            values.update(state="code", code=code)
        with self.committed(uid) as env:
            model = env["ir.model"].sudo()._get("batch.job")
            return env["ir.actions.server"].create({"name": "batch test", "model_id": model.id, **values}).id

    def triggers(self):
        with self.committed() as env:
            return env["ir.cron.trigger"].search([("cron_id", "=", self.cron_id)]).ids

    def run_action(self, door, action, **context):
        if isinstance(door, Json2Door):
            return door.named("ir.actions.server", "run", {"ids": [action], "context": context})
        return door.execute_kw("ir.actions.server", "run", [[action]], {"context": context})


class TestLaneAction(LaneActionCase):
    def test_nobody_runs_a_lane_by_its_action(self):
        job_id = self.door.submit([create("Never by a request")])["job_id"]
        own = self.make_action("model._run_lane()")
        deeper = self.make_action("model.sudo()._run_lane()")
        before = self.triggers()
        for someone in (self.portal, self.internal, self.user, self.manager, self.admin):
            for door_class in (JsonRpcDoor, SessionDoor, Json2Door):
                for action in (self.lane_action, own, deeper):
                    with self.subTest(login=someone.login, door=door_class.__name__, action=action):
                        context = {"cron_id": self.cron_id, "cron_end_time": 1e12, "ir_cron_progress_id": 1}
                        error = self.assertRefused(self.run_action, door_class(someone), action, **context)
                        self.assertIn(ALONE, f"{error.message} {error.raw}")
        self.assertEqual(self.triggers(), before)
        self.assertEqual(self.door.call("status", job_id)["state"], "pending")

    def test_an_administrator_runs_one_by_hand_as_any_scheduled_action(self):
        job_id = self.door.submit([create("By hand")])["job_id"]
        door = JsonRpcDoor(self.admin)
        self.assertTrue(door.execute_kw("ir.cron", "method_direct_trigger", [[self.lane_id]]))
        self.assertEqual(self.door.call("status", job_id)["state"], "completed")
        self.assertRefused(JsonRpcDoor(self.manager).execute_kw, "ir.cron", "method_direct_trigger", [[self.lane_id]])

    def test_a_lane_runs_as_nobody_but_the_superuser(self):
        job_id = self.door.submit([create("Never as somebody")])["job_id"]
        with self.committed() as env:
            env["ir.cron"].browse(self.lane_id).user_id = self.admin.id
        self.addCleanup(self._give_back_lane)
        JsonRpcDoor(self.admin).execute_kw("ir.cron", "method_direct_trigger", [[self.lane_id]])
        self.assertEqual(self.door.call("status", job_id)["state"], "pending")

    def test_what_a_lane_runs_starts_no_other_one(self):
        started = []

        class Recorded(Lane):
            def run(self):
                started.append(self.worker)
                return super().run()

        other = {
            "operation_type": "call",
            "model": "ir.cron",
            "method": "method_direct_trigger",
            "record_ids": [self.other_lane_id],
        }
        job_id = RouteDoor(self.admin).submit([other])["job_id"]
        with patch.object(lanes, "Lane", Recorded):
            JsonRpcDoor(self.admin).execute_kw("ir.cron", "method_direct_trigger", [[self.lane_id]])
            self.assertEqual(len(started), 1)
            self.assertTrue(RouteDoor(self.admin).call("status", job_id)["finished_at"])
            JsonRpcDoor(self.admin).execute_kw("ir.cron", "method_direct_trigger", [[self.other_lane_id]])
        self.assertEqual(len(started), 2, "from outside it is started")

    def test_what_the_lane_of_a_worker_runs_starts_none_either(self):
        with self.committed() as env:
            cron = env["ir.cron"].browse(self.lane_id)
            with lanes.unscheduled(), self.assertRaisesRegex(AccessError, "can't be started by what another one runs"):
                cron._callback(cron.name, cron.ir_actions_server_id.id)
            with self.assertRaisesRegex(AccessError, ALONE):
                lanes.run_admitted(env)

    def _give_back_lane(self):
        with self.committed() as env:
            env["ir.cron"].browse(self.lane_id).user_id = SUPERUSER_ID

    def test_nobody_makes_a_lane_of_a_scheduled_action(self):
        crons = JsonRpcDoor(self.admin)
        marks = {"is_batch_lane": True}
        values = {"name": "Mine", "model_id": self.job_model(), "state": "code", "code": lanes.LANE_CODE}
        for refused in (
            ("write", [[self.cron_id], marks], {}),
            ("write", [[self.lane_id], {"is_batch_lane": False}], {}),
            ("create", [[{**values, **marks}]], {}),
            ("create", [[values]], {"context": {"default_is_batch_lane": True}}),
            ("search", [[("is_batch_lane", "=", True)]], {}),
            ("read", [[self.lane_id], ["is_batch_lane"]], {}),
        ):
            with self.subTest(refused):
                error = self.assertRefused(crons.execute_kw, "ir.cron", *refused)
                self.assertIn("is_batch_lane", f"{error.message} {error.raw}")

    def test_what_looks_like_a_lane_is_none(self):
        """Neither the code of a lane nor a copy of one makes a lane."""
        job_id = self.door.submit([create("Never by a copy")])["job_id"]
        values = {"name": "Mine", "model_id": self.job_model(), "state": "code", "code": lanes.LANE_CODE}
        with self.committed() as env:
            cron = env["ir.cron"].create({**values, "user_id": SUPERUSER_ID})
            alike = [cron.id, env["ir.cron"].browse(self.lane_id).copy({"active": True}).id]
            self.assertFalse(env["ir.cron"]._batch_lanes().filtered(lambda lane: lane.id in alike))
        self.addCleanup(self._delete_crons, alike)
        for cron_id in alike:
            with mute_logger("odoo.addons.base.models.ir_cron"):
                JsonRpcDoor(self.admin).execute_kw("ir.cron", "method_direct_trigger", [[cron_id]])
            self.assertEqual(self.door.call("status", job_id)["state"], "pending")

    def test_lanes_of_an_installation_that_marked_none_are_marked_with_the_new_column(self):
        with self.committed() as env:
            env.cr.execute("UPDATE ir_cron SET is_batch_lane = NULL")
            env["ir.cron"]._init_column("is_batch_lane")
            marked = env["ir.cron"].with_context(active_test=False).search([("is_batch_lane", "=", True)])
            self.assertIn(self.lane_id, marked.ids)
            self.assertEqual(set(marked.mapped("code")), {lanes.LANE_CODE})

    def job_model(self):
        with self.committed() as env:
            return env["ir.model"]._get_id("batch.job")

    def _delete_crons(self, ids):
        with self.committed() as env:
            env["ir.cron"].browse(ids).unlink()

    def test_a_lane_leaves_after_its_pass_however_much_the_scheduler_offers(self):
        ends = []

        class Recorded(Lane):
            def run(self):
                ends.append(time.monotonic() + self.time_left())
                return super().run()

        for seconds in (120, 4):
            started = time.monotonic()
            with patch.object(ir_cron, "MIN_TIME_PER_JOB", seconds), patch.object(lanes, "Lane", Recorded):
                JsonRpcDoor(self.admin).execute_kw("ir.cron", "method_direct_trigger", [[self.lane_id]])
            # its time began at some moment of the call
            least, most = (moment + min(seconds, lanes.PASS_S) for moment in (started, time.monotonic()))
            self.assertTrue(least - 0.01 <= ends[-1] <= most + 0.01, (least, ends[-1], most))


class TestOnComplete(LaneActionCase):
    def refusal(self, action, door=None):
        error = self.assertRefused(
            (door or self.door).submit, [create("Never")], on_complete=action, name="BatchValidationError"
        )
        self.assertEqual(error.problems[0]["key"], "on_complete")
        return error.message

    def outcome(self, action):
        """What the job says of its action."""
        result = self.run_job([create("Kept")], on_complete=action)
        self.assertEqual(result["state"], "completed")
        with self.committed() as env:
            domain = [("model", "=", "batch.job"), ("res_id", "=", result["job_id"])]
            return "".join(env["mail.message"].search(domain).mapped("body"))

    def test_a_lane_is_no_action_on_completion(self):
        self.assertIn("scheduled action", self.refusal(self.lane_action))
        wrapper = self.make_action(state="multi")
        with self.committed() as env:
            env["ir.actions.server"].browse(self.lane_action).parent_id = wrapper
        self.addCleanup(self._free_lane)
        self.assertIn("scheduled action", self.refusal(wrapper))

    def _free_lane(self):
        with self.committed() as env:
            env["ir.actions.server"].browse(self.lane_action).parent_id = False

    def test_an_action_on_completion_starts_no_lane(self):
        self.assertIn(ALONE, self.outcome(self.make_action("model._run_lane()")).replace("&#39;", "'"))
        self.assertIn(ALONE, self.outcome(self.make_action("model.sudo()._run_lane()")).replace("&#39;", "'"))
        run = f"env['ir.actions.server'].browse({self.lane_action}).run()"
        self.assertIn(ALONE, self.outcome(self.make_action(run)).replace("&#39;", "'"))


class TestForeignActions(LaneActionCase):
    """Whoever may write server actions, and is no administrator, lends himself nobody's rights by them."""

    @classmethod
    def set_up_data(cls, env):
        super().set_up_data(env)
        group = env["res.groups"].create({"name": "batch test: automators"})
        access = env["ir.model.access"].create(
            {
                "name": "batch test: automators",
                "model_id": env["ir.model"]._get_id("ir.actions.server"),
                "group_id": group.id,
                **{f"perm_{right}": True for right in ("read", "write", "create", "unlink")},
            }
        )
        cls.author = cls.new_user(env, "batch-author", *WORKER)
        env["res.users"].browse(cls.author.id).group_ids = [(4, group.id)]
        cls.addClassCleanup(cls._delete_group, group.id, access.id)

    @classmethod
    def _delete_group(cls, group_id, access_id):
        with cls.committed() as env:
            env["ir.model.access"].browse(access_id).unlink()
            env["res.groups"].browse(group_id).unlink()

    refusal = TestOnComplete.refusal

    def make_naming(self, name, uid=SUPERUSER_ID, **values):
        """An action that gives the job a name."""
        return self.make_action(uid=uid, state="object_write", update_path="name", value=name, **values)

    def change(self, action, name, uid):
        with self.committed(uid) as env:
            env["ir.actions.server"].browse(action).value = name

    def ended(self, job_id):
        """The job's name and why its action has failed, once it is over."""
        self.work()
        with self.committed() as env:
            job = env["batch.job"].browse(job_id)
            return job.name, job.callback_error or ""

    def submit(self, action, door=None):
        return (door or self.door).submit([create("Kept")], on_complete=action, name="As sent")["job_id"]

    def test_what_others_have_written_is_refused_at_once(self):
        self.assertIn("no administrator", self.refusal(self.make_naming("theirs", self.author.id)))

    def test_ones_own_is_run(self):
        action = self.make_naming("mine", self.author.id)
        self.assertEqual(self.ended(self.submit(action, RouteDoor(self.author))), ("mine", ""))

    def test_what_others_have_changed_since_is_not_run(self):
        for parent in (False, self.make_action(state="multi")):
            action = self.make_naming("as named", parent_id=parent)
            job_id = self.submit(parent or action)
            self.change(action, "as changed", self.author.id)
            name, message = self.ended(job_id)
            self.assertEqual(name, "As sent")
            self.assertIn("no administrator", message)

    def test_what_an_administrator_has_changed_since_is_run_as_it_is_now(self):
        action = self.make_naming("as named")
        job_id = self.submit(action)
        self.change(action, "as changed", self.admin.id)
        self.assertEqual(self.ended(job_id), ("as changed", ""))


class TestWhoseWork(LaneCase):
    def test_what_is_written_when_the_cache_is_flushed_is_the_users_doing(self):
        ids = self.make_partners(2)

        def compute(partners):
            # as fields do that are computed and stored: nobody calls `write`
            partners._fields["function"]._update_cache(partners, "computed", dirty=True)

        self.set_probe(compute)
        self.submit(self.probe(ids))
        self.work()
        self.assertEqual(self.sql("SELECT DISTINCT function, write_uid FROM res_partner WHERE id IN %s", tuple(ids)), [("computed", self.user_id)])
