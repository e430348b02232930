"""What the engine's statements cost beside a million waiting chunks: judged by their plans, not by time.

Each is explained as it is executed, so that no test can fall behind the code.
"""

from odoo.tests.common import TransactionCase, new_test_user

from ..run.claiming import claim_with_housekeeping
from ..run.signals import Signals
from ..store.claim import claim_fast
from .backlog import TABLES, Backlog
from .explain import explained

#: Rows a statement may look at, and pages it may touch, however much waits: there are a hundred jobs in the queue, and
#: a dozen indexes, four pages deep, to be written.
ROWS = 250
PAGES = 200
#: Chunks of each kind that are there before PostgreSQL has counted them.
UNSEEN = 10_000


class PlanCase(TransactionCase):
    #: Tables that must not be read from end to end.
    large = TABLES
    #: Tables whose statements are looked at.
    looked_at = TABLES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = new_test_user(
            cls.env, "batch-plans", "base.group_user,base.group_partner_manager,batch_executor.group_batch_user"
        )
        cls.system = cls.env
        cls.env = cls.env(user=cls.user)

    def sql(self, query, *params):
        self.cr.execute(query, params)  # pylint: disable=sql-injection  # it is the test's own
        return self.cr.fetchall() if self.cr.description else []

    def claim(self):
        return claim_with_housekeeping(self.system, "test", Signals(self.env.registry), {})

    def claim_fast(self):
        signals = Signals(self.env.registry)
        return claim_fast(self.cr, "test", signals.query, signals.known)

    def cheap(self, function, *args, rows=ROWS, pages=PAGES, **kwargs):
        """Call it; the test fails if one of its statements costs more than it may. Returns what it returned, and the plans."""
        self.system.flush_all()
        with explained(self.cr) as plans:
            result = function(*args, **kwargs)
        plans = [plan for plan in plans if plan.tables.intersection(self.looked_at)]
        self.assertTrue(plans, "nothing was executed on our tables")
        for plan in plans:
            self.assertFalse(plan.scanned_through.intersection(self.large), f"a whole table is read:\n{plan}")
            self.assertLessEqual(plan.rows_read, rows, f"too many rows:\n{plan}")
            self.assertLessEqual(plan.buffers, pages, f"too many pages:\n{plan}")
        return result, plans

    def assertUses(self, plans, index):
        self.assertIn(index, set().union(*(plan.indexes for plan in plans)))


class BacklogCase(PlanCase):
    """Beside a million chunks of jobs of all kinds; the tests of a class share them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.backlog = Backlog(cls.cr, cls.user.id, cls.env.company.id).fill()

    def job(self, name):
        """A job of the backlog, as the lanes see it."""
        return self.system["batch.job"].browse(getattr(self.backlog, name))

    def of_user(self, name):
        return self.job(name).with_env(self.env)

    def put_first(self, name):
        """Make it the job whose turn it is."""
        self.sql("UPDATE batch_job SET priority = 0 WHERE priority = 10")
        self.sql("UPDATE batch_job SET priority = 10, ready = true WHERE id = %s", getattr(self.backlog, name))
