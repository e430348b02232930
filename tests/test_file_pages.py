"""Files that are stored in several pages: nothing of what they do may show where these begin."""

import json

from odoo.tests.common import BaseCase

from ..engine.file_order import FileOrder
from ..engine.rounds import depths
from ..run import file_source
from .import_case import NDJSON, ImportCase
from .properties import given, st

#: Of each record the number of its name, and of those that it refers to.
FILES = st.lists(st.tuples(st.integers(0, 8), st.lists(st.integers(0, 8), max_size=2)), max_size=14)


class TestPages(ImportCase):
    """A file is stored in pages: nothing of what it does may show where they begin."""

    def setUp(self):
        super().setUp()
        self.patch(file_source, "PAGE_RECORDS", 3)

    def values_of(self, path, *names):
        """The values of a path of fields, of records by their external ids."""
        with self.committed() as env:
            return [env.ref(f"file.{self.mark}_{name}").mapped(path)[:1] for name in names]

    def rows(self, *rows):
        return "id,name,parent_id/id\n" + "".join(
            f"file.{self.mark}_{name},{label},{parent and f'file.{self.mark}_{parent}'}\n" for name, label, parent in rows
        )

    def waits(self, job_id):
        """The operations of a job, in their order: name, number of records, and the names of those that it waits for."""
        rows = self.sql(
            """
            SELECT operation.operation_id, operation.record_count, array_agg(DISTINCT other.operation_id ORDER BY other.operation_id)
              FROM batch_operation AS operation
              LEFT JOIN batch_chunk AS chunk ON chunk.operation_id = operation.id
              LEFT JOIN batch_operation AS other ON other.id = ANY(chunk.wait_ids)
             WHERE operation.job_id = %s
             GROUP BY operation.id ORDER BY operation.position
            """,
            job_id,
        )
        return [(name, count, [other for other in waits if other]) for name, count, waits in rows]

    def test_each_is_an_operation_with_the_numbers_of_its_rows(self):
        body = "name,type\n" + "".join(f"{n},{'bad' if n == 5 else 'contact'}\n\n" for n in range(8))
        status = self.sent(body, operation_id="mine", max_chunk_size="2")
        self.assertEqual([(name, count) for name, count, _waits in self.waits(status["job_id"])], [("mine", 3), ("mine-2", 3), ("mine-3", 2)])
        self.assertFalse(any(waits for _name, _count, waits in self.waits(status["job_id"])))
        self.work()
        result = self.result_of(status["job_id"])
        [failure] = [failure for entry in result["results"] for failure in entry["failures"]]
        self.assertEqual((failure["row"], failure["index"]), (12, 2))
        self.assertEqual((status["total"], status["name"]), (8, "Import 8 × Contact"))

    def test_rows_of_one_record_stay_together(self):
        body = "name,child_ids/name\n" + "".join(f"{n},a\n,b\n,c\n" for n in range(4))
        result = self.imported(body)
        self.assertEqual([entry["record_count"] for entry in result["results"]], [3, 1])
        self.assertEqual(result["state"], "completed")

    def test_parents_come_first_wherever_they_stand(self):
        names = [str(n) for n in range(12)]
        for parents in (
            {n: str(int(n) - 1) for n in names if n != "0"},  # each after its parent
            {n: str(int(n) + 1) for n in names if n != "11"},  # each before it
            {n: str((int(n) * 5 + 3) % 12) for n in names if n not in "024"},  # to and fro
        ):
            with self.subTest(parents=parents):
                self.mark = self.new_mark()
                result = self.imported(self.rows(*((n, n, parents.get(n, "")) for n in names)), max_chunk_size="1")
                self.assertEqual(result["state"], "completed", result)
                found = self.values_of("parent_id.name", *names)
                self.assertEqual(found, [[parents[name]] if name in parents else [] for name in names])

    def test_the_last_of_equal_external_ids_wins(self):
        for names in ("aaaaaaaaaa", "abcabcabcd", "aabbccaabb"):
            with self.subTest(names=names):
                self.mark = self.new_mark()
                body = self.rows(*((name, f"{name} {place}", "") for place, name in enumerate(names)))
                result = self.imported(body, max_chunk_size="1")
                self.assertEqual(result["state"], "completed")
                found = sorted(set(names))
                self.assertEqual(self.values_of("name", *found), [[f"{name} {names.rindex(name)}"] for name in found])

    def test_the_last_of_equal_keys_and_ids_wins(self):
        keys = "abcaabdeafgabca"
        lines = [{"ref": f"{self.mark}-{key}", "name": f"{key} {place}"} for place, key in enumerate(keys)]
        result = self.imported("\n".join(map(json.dumps, lines)), NDJSON, type="upsert", key="ref", max_chunk_size="1")
        self.assertEqual(result["state"], "completed", result)
        with self.committed() as env:
            partners = env["res.partner"].search([("ref", "like", f"{self.mark}-")])
            self.assertEqual({partner.ref[-1]: partner.name for partner in partners}, {key: f"{key} {keys.rindex(key)}" for key in keys})
            ids = {partner.ref[-1]: partner.id for partner in partners}
        lines = [{"id": ids[key], "name": f"{key} new {place}"} for place, key in enumerate(keys)]
        self.imported("\n".join(map(json.dumps, lines)), NDJSON, type="update", max_chunk_size="1")
        self.assertEqual(self.names_of(ids.values()), [f"{key} new {keys.rindex(key)}" for key in ids])

    def test_only_pages_that_have_to_do_with_each_other_wait(self):
        body = self.rows(*((str(n), str(n), "1" if n == 8 else "") for n in range(12)))
        status = self.sent(body, draft="1")
        self.assertEqual(self.waits(status["job_id"]), [("op-1", 3, []), ("op-2", 3, []), ("op-3", 3, ["op-1"]), ("op-4", 3, [])])
        body = self.rows(*((str(n), str(n), {1: "10", 4: "1"}.get(n, "")) for n in range(12)))
        status = self.sent(body, draft="1")
        self.assertEqual(
            self.waits(status["job_id"]),
            [("op-1", 2, []), ("op-2", 2, []), ("op-3", 3, []), ("op-4", 3, []), ("op-5", 2, ["op-4"])],
        )

    def test_a_draft_knows_what_it_has_already(self):
        uuid = self.sent(self.rows(("a", "A", ""), ("b", "B", "")), draft="true")["uuid"]
        status = self.sent(self.rows(("a", "A 2", ""), ("c", "C", "b"), ("d", "D", "c"), ("e", "E", "d")), path=f"jobs/{uuid}/append", model="res.partner")
        status = self.sent(self.rows(("x", "X", "")), path=f"jobs/{uuid}/append", model="res.partner", operation_id="x")
        self.assertEqual(
            self.waits(status["job_id"]), [("op-1", 2, []), ("op-2", 3, ["op-1"]), ("op-3", 1, ["op-2"]), ("x", 1, [])]
        )
        self.assertEqual((status["state"], status["total"]), ("draft", 7))
        self.door.call("start", status["job_id"])
        self.work()
        self.assertEqual(self.result_of(status["job_id"])["state"], "completed")
        self.assertEqual(self.values_of("name", "a", "e"), [["A 2"], ["E"]])
        again = self.send(self.rows(("y", "Y", "")), path=f"jobs/{uuid}/append", params={}, model="res.partner")
        self.assertEqual((again.status_code, again.json()["error"]["type"]), (409, "UserError"))

    def test_loads_of_one_job_follow_each_other_by_external_id(self):
        def load(model, columns, *rows):
            return {"operation_type": "load", "model": model, "fields": columns, "data": [[f"file.{self.mark}_{cell}" for cell in row] for row in rows]}

        ids = ["id", "name"]
        operations = [
            load("res.partner.category", ids, ["a", "A"], ["b", "B"]),
            load("res.partner", ids, ["x", "X"]),
            load("res.partner", [*ids, "category_id/id"], ["y", "Y", "b"]),
            load("res.partner", ids, ["x", "X 2"]),
            load("res.partner.category", ids, ["c", "C"]),
        ]
        expected = [("op-1", 2, []), ("op-2", 1, []), ("op-3", 1, ["op-1"]), ("op-4", 1, ["op-2"]), ("op-5", 1, [])]
        job_id = self.door.submit(operations, draft=True)["job_id"]
        self.assertEqual(self.waits(job_id), expected)
        job_id = self.door.submit(operations[:2], draft=True)["job_id"]
        self.door.call("append", job_id, operations=operations[2:])
        self.assertEqual(self.waits(job_id), expected)

    def test_a_dry_run_and_one_transaction_keep_the_order(self):
        body = self.rows(*((str(n), str(n), str(n + 1) if n < 9 else "") for n in range(10)))
        for options in ({"dry_run": "1"}, {"rollback": "job"}, {"max_concurrency": "1"}):
            with self.subTest(**options):
                result = self.imported(body, **options)
                self.assertEqual((result["state"], result["stats"]["failed_records"]), ("completed", 0), result)

    def test_nothing_is_stored_where_the_last_row_is_wrong(self):
        self.assertEqual(self.refused("name\n" + "A\n" * 10 + "B,C\n").keys(), {(12, False)})
        self.assertEqual(self.refused('{"name": "A"}\n' * 10 + '{"nmae": 1}', NDJSON).keys(), {(11, "data")})


class TestOrder(BaseCase):
    """Whatever names and needs records have: operations in their order, each after those it waits for, do what one operation would."""

    @given(FILES, st.integers(1, 4), st.booleans(), max_examples=100, derandomize=True)
    def test_records_follow_what_they_need(self, records, size, keeps_apart):
        order = FileOrder(keeps_apart)
        pages = [list(range(first, min(first + size, len(records)))) for first in range(0, len(records), size)]
        for page in pages:
            needed = () if keeps_apart else [records[record][1] for record in page]
            order.add_page(len(page), [[records[record][0]] for record in page], needed)
        order.settle()
        late = [record for _level, record in order.late_records()]
        stored = [record for page in pages for record in page if not order.late[record]]
        self.assertEqual(sorted(stored + late), list(range(len(records))))
        place = {record: number for number, record in enumerate(stored + late)}
        waits, needs = order.waits(), order.late_needs()
        self.assertTrue(all(before < page for page, earlier in waits.items() for before in earlier))
        before = [set() for _record in records]
        for record, (name, needed) in enumerate(records):
            same = [other for other in range(record) if records[other][0] == name]
            before[record].update(same[-1:])
            for other in () if keeps_apart else needed:
                firsts = [number for number, (defined, _needed) in enumerate(records) if defined == other][:1]
                before[record].update(set(firsts) - {record})
        levels = depths(before)
        is_circular = [level == max(levels, default=0) and any(levels[other] == level for other in before[record]) for record, level in enumerate(levels)]
        for record, earlier in enumerate(before):
            for other in earlier:
                if is_circular[record] or is_circular[other]:
                    continue
                page, page_before = order.page_of(record), order.page_of(other)
                if order.late[record]:
                    self.assertIn(other, needs[record])
                    self.assertLess(place[other], place[record])
                elif page != page_before:
                    self.assertIn(page_before, waits[page])
                else:
                    self.assertFalse(keeps_apart, "two records with one key in one operation")
