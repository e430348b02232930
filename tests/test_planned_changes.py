"""A dry run tells what it would change, and leaves nothing."""

from .case import create, update
from .lane_case import LaneCase

PARTNER = "res.partner"


class TestPlan(LaneCase):
    """A dry run that tracks changes."""

    def rows(self):
        """A hash of all rows of each table but those of jobs."""
        tables = self.sql("SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        names = [name for (name,) in tables if not name.startswith("batch_")]
        of = "SELECT '{0}', md5(string_agg(t::text, '' ORDER BY t::text)) FROM {0} t"
        return dict(self.sql(" UNION ALL ".join(of.format(name) for name in names)))

    def test_it_says_what_would_happen_and_nothing_remains(self):
        ids = self.make_partners(30, function="a")
        self.submit(create("warm"))  # what a first job leaves of its own
        self.work()
        self.sql("DELETE FROM res_partner WHERE name = 'warm'")
        operations = [
            self.creates(25), create("A", False, "B"),
            {"operation_type": "update", "model": PARTNER, "domain": [["id", "in", ids]], "data": {"function": "b"}},
            {"operation_type": "delete", "model": PARTNER, "record_ids": ids[:3]},
        ]  # fmt: skip
        before = self.rows()
        job_id = self.submit(*operations, dry_run=True, track_changes=True, max_chunk_size=4, notify="never")
        self.work()
        self.assertEqual(self.job(job_id)["state"], "partial")
        after = self.rows()
        self.assertEqual({name for name, rows in after.items() if rows != before[name]} - OF_THE_JOB, set())
        page = self.call(job_id, "changes")["changes"]
        told = [(change["operation_id"], change["index"], change["action"]) for change in page]
        self.assertEqual(told[:25], [("op-1", n, "create") for n in range(25)])
        self.assertEqual(told[25:27], [("op-2", 0, "create"), ("op-2", 2, "create")])
        self.assertEqual(sorted(told[27:57]), [("op-3", n, "update") for n in range(30)])
        self.assertEqual(told[57:], [("op-4", n, "delete") for n in range(3)])
        self.assertEqual(page[-1]["before"]["function"], "b")
        self.assertFalse(
            self.sql("SELECT 1 FROM batch_change c LEFT JOIN batch_chunk k ON k.id = c.chunk_id WHERE k.id IS NULL AND c.job_id = %s", job_id)
        )
        self.call(job_id, "retry")  # all of it runs again
        self.work()
        again = self.call(job_id, "changes")["changes"]
        self.assertEqual([(change["operation_id"], change["index"], change["action"]) for change in again], told)

    def test_execute_says_the_same(self):
        ids = self.make_partners(3, function="a")
        operations = [self.creates(2), update({"function": "b"}, *ids), create(False)]
        answers = {}
        for rollback in ("record", "job"):
            for dry_run in (False, True):
                with self.committed(self.user_id) as env:
                    answers[rollback, dry_run] = env["batch.job"].execute(
                        operations, dry_run=dry_run, rollback=rollback, track_changes=True
                    )["changes"]
                    env.cr.rollback()
        self.assertEqual(answers["job", False], [])
        self.assertEqual([change["action"] for change in answers["record", False]], ["create"] * 2 + ["update"] * 3)
        for change in (change for answer in answers.values() for change in answer):
            if change["action"] == "create":
                change["record_id"] = 0
                change["after"].pop("commercial_partner_id")
        self.assertEqual(answers["record", True], answers["record", False])
        self.assertEqual(answers["job", True], answers["record", False])
        with self.committed(self.user_id) as env:
            self.assertNotIn("changes", env["batch.job"].execute([create("A")]))
            env.cr.rollback()
#: Tables in which a job leaves rows of its own: it tells of its end, and wakes lanes.
OF_THE_JOB = {"mail_message", "mail_notification", "mail_followers", "ir_cron_trigger", "mail_message_res_partner_rel", "bus_bus"}
