"""Searches that found nothing are not made again while nothing changes, and are made again as soon as something has."""

from odoo import Command

from .lane_case import LaneCase


class TestFastSearches(LaneCase):
    def run_inside(self, work):
        """Run a job whose code is this function of an environment; returns what it returned."""
        returned, ids = [], self.make_partners(1)
        self.set_probe(lambda partners: returned.append(work(partners.env)))
        job_id = self.submit(self.probe(ids))
        self.work()
        self.assertEqual(self.failures(job_id), [])
        return returned[-1]

    def search(self, env, **fields):
        return env["res.partner"].sudo().search([(name, "=", value) for name, value in fields.items()]).ids

    def test_it_is_asked_once(self):
        def work(env):
            counts = []
            for _again in range(3):
                before = env.cr.sql_log_count
                self.search(env, function=self.mark)
                counts.append(env.cr.sql_log_count - before)
            return counts

        self.assertEqual(self.run_inside(work)[2:], [0])
        with self.settings(fast_chatter=0):
            self.assertEqual(self.run_inside(work)[2:], [1])

    def test_it_is_asked_again_after_a_change(self):
        def create(env, partner):
            return env["res.partner"].create({"name": "New", "function": self.mark})

        def write(env, partner):
            partner.function = self.mark  # not flushed

        def statement(env, partner):
            partner.flush_recordset()
            env.cr.execute("UPDATE res_partner SET function = %s WHERE id = %s", [self.mark, partner.id])

        def within(env, partner):
            env.cr.execute("WITH changed AS (UPDATE res_partner SET function = %s WHERE id = %s RETURNING id) SELECT id FROM changed", [
                self.mark, partner.id,
            ])  # fmt: skip

        for change in (create, write, statement, within):
            with self.subTest(change=change.__name__):

                def work(env, change=change):
                    partner = env["res.partner"].create({"name": "Changed"})
                    found = [self.search(env, function=self.mark) for _again in range(3)]
                    changed = change(env, partner) or partner
                    return found, self.search(env, function=self.mark) == changed.ids, changed.unlink()

                self.assertEqual(self.run_inside(work), ([[], [], []], True, True))

    def test_it_is_asked_again_after_a_rollback(self):
        def work(env):
            partner = env["res.partner"].create({"name": "Kept", "function": self.mark})
            env.flush_all()
            with self.assertRaises(ZeroDivisionError), env.cr.savepoint():
                partner.unlink()
                self.assertEqual([self.search(env, function=self.mark) for _again in range(3)], [[], [], []])
                raise ZeroDivisionError
            return self.search(env, function=self.mark) == partner.ids

        self.assertTrue(self.run_inside(work))

    def test_links_count_as_changes(self):
        def work(env):
            tag = env["res.partner.category"].create({"name": self.mark})
            partner = env["res.partner"].create({"name": "Tagged"})
            found = [env["res.partner"].sudo().search([("category_id", "in", tag.ids)]).ids for _again in range(3)]
            partner.category_id = [Command.link(tag.id)]
            return found, env["res.partner"].sudo().search([("category_id", "in", tag.ids)]) == partner

        self.assertEqual(self.run_inside(work), ([[], [], []], True))
