"""Inside one operation, records about the same thing take effect in the order of the data; all others run side by side."""

import random

from odoo.tests.common import BaseCase

from odoo.addons.batch_executor.engine.payload import Payload
from odoo.addons.batch_executor.engine.rounds import in_rounds, levels_by_key, levels_by_name

from .lane_case import LaneCase
from .properties import given, st


class TestLevels(BaseCase):
    @given(st.lists(st.one_of(st.none(), st.integers(0, 5))))
    def test_the_later_of_two_with_one_key_stands_higher(self, keys):
        levels = levels_by_key(keys)
        for place, key in enumerate(keys):
            if key is None:
                self.assertEqual(levels[place], 0)
            else:
                self.assertEqual(levels[place], keys[:place].count(key))

    @given(st.integers(1, 60), st.data())
    def test_what_needs_a_name_stands_above_what_defines_it(self, count, data):
        order = data.draw(st.permutations(range(count)))
        parents = [
            data.draw(st.one_of(st.none(), st.integers(0, place - 1))) if place else None for place in range(count)
        ]
        defined = [[f"r{number}"] for number in order]
        needed = [[f"r{parents[number]}"] if parents[number] is not None else [] for number in order]
        levels = levels_by_name(defined, needed)
        at = {number: levels[place] for place, number in enumerate(order)}
        for number, parent in enumerate(parents):
            self.assertEqual(at[number], 0 if parent is None else at[parent] + 1)

    def test_circles_come_last_and_keep_their_order(self):
        self.assertEqual(levels_by_name([["a"], ["b"], ["c"]], [["b"], ["a"], []]), [1, 1, 0])
        self.assertEqual(levels_by_name([["a"]], [["a"]]), [0])

    @given(st.lists(st.integers(0, 9), min_size=1, max_size=200), st.integers(1, 40))
    def test_rounds_hold_everything_once_in_parts_that_are_small_enough_and_in_order(self, levels, size):
        rounds = in_rounds(levels, size)
        records = [record for parts in rounds for part in parts for record in part]
        self.assertEqual(sorted(records), list(range(len(levels))))
        self.assertTrue(all(len(part) <= size for parts in rounds for part in parts))
        for parts in rounds:
            for part in parts:
                self.assertEqual([levels[record] for record in part], sorted(levels[record] for record in part))
            if len(parts) > 1:
                self.assertEqual(len({levels[record] for part in parts for record in part}), 1)
        tops = [max(levels[record] for part in parts for record in part) for parts in rounds]
        bottoms = [min(levels[record] for part in parts for record in part) for parts in rounds]
        self.assertTrue(all(top < bottom for top, bottom in zip(tops, bottoms[1:], strict=False)))


class TestOrder(LaneCase):
    def tearDown(self):
        with self.committed() as env:
            env["res.partner.category"].search([("name", "=like", f"{self.mark}%")]).unlink()
        super().tearDown()

    def finish(self, *operations, lanes=2, **options):
        job_id = self.submit(*operations, **options)
        self.work(lanes)
        self.check_counters(job_id)
        return job_id

    def cities(self):
        return [city for _number, city in self.partners("city")]

    def updates(self, pairs):
        return {
            "operation_type": "update",
            "model": "res.partner",
            "data": [{"id": id_, "city": city} for id_, city in pairs],
        }

    def test_the_last_update_of_a_record_wins_whatever_chunk_it_is_in(self):
        ids = self.make_partners(60)
        pairs = [(id_, f"city {turn}") for turn in range(3) for id_ in ids]
        for options in ({"max_chunk_size": 20}, {"max_chunk_size": 20, "max_concurrency": 1}, {"max_chunk_size": 0}):
            with self.subTest(options):
                self.finish(self.updates(pairs), **options)
                self.assertEqual(set(self.cities()), {"city 2"})

    def test_one_record_written_by_many_chunks(self):
        [id_] = self.make_partners(1)
        job_id = self.finish(self.updates([(id_, str(number)) for number in range(20)]), max_chunk_size=1)
        self.assertEqual(self.cities(), ["19"])
        self.assertEqual(self.job(job_id)["state"], "completed")
        self.assertEqual({chunk["attempt"] for chunk in self.chunks(job_id)}, {1})

    def test_records_named_once_wait_for_nobody(self):
        ids = self.make_partners(40)
        job_id = self.submit(self.updates([(id_, "x") for id_ in ids]), max_chunk_size=10)
        self.assertEqual({(chunk["state"], chunk["round_no"]) for chunk in self.chunks(job_id)}, {("pending", None)})

    def test_inline_and_in_one_transaction_the_order_is_the_same(self):
        ids = self.make_partners(30)
        pairs = [(id_, f"{turn}") for turn in range(2) for id_ in reversed(ids)]
        with self.committed(self.user_id) as env:
            env["batch.job"].execute([self.updates(pairs)], max_chunk_size=7)
        self.assertEqual(set(self.cities()), {"1"})
        self.finish(self.updates([(id_, f"{city}!") for id_, city in pairs]), max_chunk_size=7, rollback="job")
        self.assertEqual(set(self.cities()), {"1!"})

    def test_it_holds_where_chunks_are_halved(self):
        """What took too long is cut in two: the second half waits for the first."""
        [id_] = self.make_partners(1)
        slow = []

        def write(original):
            def probe(partners, values):
                if values.get("city") == "0" and len(slow) < 2:
                    slow.append(values)
                    partners.env.cr.execute("SELECT pg_sleep(5)")
                return original(partners, values)

            return probe

        model = self.registry["res.partner"]
        self.patch(model, "write", write(model.write))
        job_id = self.finish(self.updates([(id_, str(number)) for number in range(8)]), max_chunk_size=8, timeout=1)
        self.assertEqual(self.cities(), ["7"])
        self.assertGreater(len(self.chunks(job_id)), 2)

    def test_it_holds_after_a_retry(self):
        ids = self.make_partners(12)
        pairs = [(id_, f"{turn}") for turn in range(3) for id_ in ids]
        operation = self.updates(pairs)
        for values in operation["data"]:
            values["parent_id"] = 2_000_000_000  # nothing of it can be written
        job_id = self.finish(operation, max_chunk_size=5, lanes=1)
        self.assertEqual(self.job(job_id)["failed_records"], 36)
        with self.committed(self.user_id) as env:
            for failure in env["batch.failure"].search([("job_id", "=", job_id)]):
                failure.values = failure.values.replace("2000000000", "false")
        self.call(job_id, "retry")
        self.work(2)
        self.assertEqual(self.check_counters(job_id)["state"], "completed")
        self.assertEqual(set(self.cities()), {"2"})

    def test_small_operations_that_share_a_chunk_go_on_once_what_they_wait_for_has_ended(self):
        first, second = self.make_partners(2)
        operations = [
            {**self.updates([(id_, "a"), (id_, "b")]), "depends_on": ["made"]} for id_ in (first, second)
        ]
        job_id = self.submit({**self.creates(1), "operation_id": "made"}, *operations)
        self.assertEqual([chunk["state"] for chunk in self.chunks(job_id)], ["pending", "blocked"])
        self.work()
        self.check_counters(job_id)
        self.assertEqual(self.job(job_id)["state"], "completed")

    def test_they_go_on_after_a_retry_as_well(self):
        ids = self.make_partners(2)
        operations = [self.updates([(id_, "a"), (id_, "b")]) for id_ in ids]
        job_id = self.submit(*operations, run_at="2100-01-01T00:00:00Z")
        self.call(job_id, "cancel")
        self.call(job_id, "retry")
        self.work()
        self.assertEqual(self.check_counters(job_id)["state"], "completed")
        self.assertEqual(set(self.cities()), {"b"})

    def test_grouped_records_named_twice_keep_their_order(self):
        one, two = self.make_partners(2)
        ids = self.make_partners(28)
        data = [{"id": id_, "parent_id": one if place < 25 else two, "city": "x"} for place, id_ in enumerate(ids)]
        data[22] = {**data[12], "city": "last"}
        data += [{"id": ids[0], "parent_id": two, "city": "end"}]
        operation = {"operation_type": "update", "model": "res.partner", "data": data, "group_by": "parent_id"}
        job_id = self.submit(operation, max_chunk_size=10)
        rounds = {}
        for chunk in self.chunks(job_id):
            payload = Payload.decode(chunk["payload"])
            for position, (id_, _values) in enumerate(payload.items):
                rounds.setdefault(id_, []).append((chunk["round_no"], position, payload.indexes[position]))
        for id_ in (ids[12], ids[0]):
            places = sorted(rounds[id_])
            self.assertEqual([index for _round, _position, index in places], sorted(index for *_, index in places))
        self.work(2)
        cities = dict(self.sql("SELECT id, city FROM res_partner WHERE id = ANY(%s)", ids))
        self.assertEqual((cities[ids[12]], cities[ids[0]]), ("last", "end"))

    # -- imports -------------------------------------------------------------------------------------

    def load(self, rows, fields=("id", "name", "parent_id/id")):
        """An import of tags, whose external ids are of this test."""
        rows = [
            [
                f"b{self.mark}.{row[0]}",
                f"{self.mark} {row[1]}",
                *(f"b{self.mark}.{name}" if name else "" for name in row[2:]),
            ]
            for row in rows
        ]
        return {"operation_type": "load", "model": "res.partner.category", "fields": list(fields), "data": rows}

    def tags(self):
        return dict(
            self.sql(
                """
                SELECT tag.name->>'en_US', parent.name->>'en_US'
                  FROM res_partner_category AS tag
                  LEFT JOIN res_partner_category AS parent ON parent.id = tag.parent_id
                 WHERE tag.name->>'en_US' LIKE %s
                """,
                f"{self.mark}%",
            )
        )

    def allow_tags(self):
        self.use_new_user()
        with self.committed() as env:
            env["res.users"].browse(self.user_id).group_ids += env.ref("base.group_system")

    def test_rows_may_name_rows_of_any_chunk_whatever_their_order(self):
        self.allow_tags()
        rows = [[f"r{number}", number, f"r{(number - 1) // 3}" if number else ""] for number in range(90)]
        random.Random(7).shuffle(rows)
        job_id = self.finish(self.load(rows), max_chunk_size=10)
        self.assertEqual(self.job(job_id)["processed_records"], 90, self.failures(job_id)[:3])
        expected = {
            f"{self.mark} {number}": f"{self.mark} {(number - 1) // 3}" if number else None for number in range(90)
        }
        self.assertEqual(self.tags(), expected)
        result = self.call(job_id, "result")["results"][0]["result"]
        with self.committed() as env:
            names = env["res.partner.category"].browse(result).mapped("name")
        self.assertEqual(names, [f"{self.mark} {row[1]}" for row in rows], "ids stay in the order of the data")

    def test_a_chain_that_fits_into_no_chunk_is_followed_to_its_end(self):
        self.allow_tags()
        rows = [[f"c{number}", number, f"c{number - 1}" if number else ""] for number in reversed(range(25))]
        job_id = self.finish(self.load(rows), max_chunk_size=4)
        self.assertEqual(self.job(job_id)["processed_records"], 25, self.failures(job_id)[:3])

    def test_of_an_external_id_given_twice_the_later_row_wins(self):
        self.allow_tags()
        rows = [[f"s{number % 15}", f"{number // 15}-{number % 15}"] for number in range(45)]
        self.finish(self.load(rows, ("id", "name")), max_chunk_size=5)
        self.assertEqual(set(self.tags()), {f"{self.mark} 2-{number}" for number in range(15)})

    def test_a_row_without_its_parent_fails_and_its_children_with_it(self):
        self.allow_tags()
        rows = [["a", "a", "nowhere"], ["b", "b", "a"], ["c", "c", ""], ["d", "d", "c"]]
        job_id = self.finish(self.load(rows), max_chunk_size=1)
        self.assertEqual([failure["index"] for failure in self.failures(job_id)], [0, 1])

    def test_how_much_of_a_shuffled_hierarchy_runs_side_by_side(self):
        """Of ten thousand rows in chunks of a hundred, nearly all chunks have another one beside them."""
        parents = [None if number < 20 else (number - 20) // 5 for number in range(10_000)]
        order = list(range(10_000))
        random.Random(3).shuffle(order)
        levels = levels_by_name(
            [[str(number)] for number in order],
            [[str(parents[number])] if parents[number] is not None else [] for number in order],
        )
        rounds = in_rounds(levels, 100)
        beside = sum(len(parts) // 2 * 2 for parts in rounds)
        self.assertGreater(beside / sum(map(len, rounds)), 0.9)


class TestDeletions(LaneCase):
    def test_what_went_with_its_parent_is_deleted_and_not_missing(self):
        self.use_new_user()
        with self.committed() as env:
            tags = env["res.partner.category"]
            parents = tags.create([{"name": f"{self.mark} p{number}"} for number in range(30)])
            children = tags.create(
                [{"name": f"{self.mark} c{number}", "parent_id": parent.id} for number, parent in enumerate(parents)]
            )
            env["res.users"].browse(self.user_id).group_ids += env.ref("base.group_system")
            named = [*parents.ids[:10], *children.ids[:10]]
        by_domain = {
            "operation_type": "delete",
            "model": "res.partner.category",
            "domain": [("name", "=like", f"{self.mark}%")],
        }
        for operation in (
            {**by_domain, "domain": [("id", "in", named)]},
            {
                "operation_type": "delete",
                "model": "res.partner.category",
                "data": [*parents.ids[10:20], *children.ids[10:20], parents.ids[10]],
            },
            by_domain,
        ):
            job_id = self.submit(operation, max_chunk_size=7)
            self.work(2)
            self.assertEqual(self.check_counters(job_id)["state"], "completed", self.failures(job_id)[:2])
        self.assertFalse(self.sql("SELECT 1 FROM res_partner_category WHERE name->>'en_US' LIKE %s", f"{self.mark}%"))

    def test_what_was_never_there_is_missing(self):
        [id_] = self.make_partners(1)
        job_id = self.submit({"operation_type": "delete", "model": "res.partner", "data": [id_, 2_000_000_000]})
        self.work()
        self.assertEqual(
            [(failure["index"], failure["error_type"]) for failure in self.failures(job_id)], [(1, "MissingError")]
        )
