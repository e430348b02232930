"""`OutlivesCase`: what goes wrong is made to go wrong, and others go on."""

from odoo.tools import mute_logger

from .lane_case import LaneCase

LOGGERS = (
    "odoo.sql_db",
    "odoo.addons.batch_executor.run",
)


class OutlivesCase(LaneCase):
    def setUp(self):
        super().setUp()
        muted = mute_logger(*LOGGERS)
        muted.__enter__()
        self.addCleanup(muted.__exit__, None, None, None)

    def set_trigger(self, table, body, when="BEFORE UPDATE"):
        """Have PostgreSQL run something for rows of a table, until the end of the test."""
        name = f"test_{self.mark}"
        self.sql(
            f"""
            CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$;
            CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()
            """
        )
        self.addCleanup(self.sql, f"DROP FUNCTION IF EXISTS {name} CASCADE")

    def spoil(self, job_id, payload):
        self.sql("UPDATE batch_chunk SET payload = %s WHERE job_id = %s", payload, job_id)

    def assertOthersGoOn(self, spoilt):
        """The spoilt job has ended, and one submitted after it as well."""
        good = self.submit(self.creates(3))
        self.work()
        self.assertEqual(self.check_counters(good)["state"], "completed")
        job = self.check_counters(spoilt)
        self.assertEqual(job["state"], "failed")
        return job
