"""Odoo's signals between processes: what a chunk changes of rights and rules is known to all that come after it."""

from odoo.addons.batch_executor.run import advance
from odoo.addons.batch_executor.run.lane import Lane

from .outlives_case import OutlivesCase


class TestSignals(OutlivesCase):
    def test_whoever_sees_a_change_has_been_told_of_it(self):
        """At the moment a chunk is committed, what it has changed of rights and rules is announced as well."""
        seen = []

        def probe(partners):
            partners.env.registry.clear_cache()
            before = self.last_signal()
            partners.env.cr.postcommit.add(lambda: seen.append(self.last_signal() - before))

        self.set_probe(probe)
        self.submit(self.probe(self.make_partners(1)))
        self.work()
        self.assertEqual(seen, [1])

    def test_what_a_hook_changes_after_the_commit_is_told_as_well(self):
        def probe(partners):
            partners.env.cr.postcommit.add(partners.env.registry.clear_cache)

        self.set_probe(probe)
        self.submit(self.probe(self.make_partners(1)))
        before = self.last_signal()
        self.work()
        self.assertEqual(self.last_signal(), before + 1)

    def test_numbers_are_seen_in_their_order(self):
        """A number that is seen before a lower one would hide what the lower one stands for."""
        signals = Lane(self.registry, "x", lambda: 1).control.signals
        self.registry.clear_cache()
        self.addCleanup(self.registry.reset_changes)
        with self.registry.cursor() as cr:
            signals.announce(cr)
            with self.in_threads(1) as pool:
                other = pool.submit(self.sql, "INSERT INTO orm_signaling_default DEFAULT VALUES RETURNING id")
                self.wait_until(self.blocked_backends, what="the other one to wait")
                cr.commit()
                [(number,)] = other.result(10)
        signals.after_commit()
        self.assertEqual(number, self.last_signal())
        self.assertNotEqual(signals.known[1 + signals.names.index("default")], number, "the other one's is still news")

    def test_what_is_let_go_on_by_a_count_is_taken_with_what_was_announced_before(self):
        """The end of what it waits for is committed between the look for news and the count of what has ended."""
        ids = self.make_partners(2)
        self.set_probe(lambda partners: None)
        job_id = self.submit(
            {**self.probe(ids[:1]), "operation_id": "first"}, {**self.probe(ids[1:]), "depends_on": ["first"]}
        )
        with self.open_lane("a") as one, self.open_lane("b") as other:
            first = one.claim()
            original = advance.count

            def count(*args):
                if not ended:
                    ended.append(True)
                    one.work_on(first)
                    self.sql("INSERT INTO orm_signaling_default DEFAULT VALUES")
                return original(*args)

            ended = []
            self.patch(advance, "count", count)
            self.sql("UPDATE batch_job SET progress_at = NULL, started_at = started_at - interval '1 hour' WHERE id = %s", job_id)
            other.control.signals.apply(other.control.cr)
            before = other.control.signals.known
            second = other.control.claim_with_housekeeping()
            self.assertTrue(ended)
            self.assertEqual(second.payload.items, ids[1:])
            self.assertNotEqual(other.control.signals.known, before, "it was taken before they were applied")
            other.work_on(second)
        self.work()

    def last_signal(self):
        [(number,)] = self.sql("SELECT coalesce(max(id), 0) FROM orm_signaling_default")
        return number
