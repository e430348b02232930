"""Upserts and imports by `load`, run by lanes and read back over HTTP."""

from .operations_case import OperationsCase, upsert


class TestUpsert(OperationsCase):
    def test_none_creates_one_updates_and_several_fail_clearly(self):
        [one] = self.partners("One", ref="up-one")
        self.partners("Several 1", "Several 2", ref="up-several")
        entry = self.run_one(
            upsert(
                {"ref": "up-none", "name": "New"},
                {"ref": "up-one", "name": "Changed"},
                {"ref": "up-several", "name": "Which?"},
            )
        )
        new, changed, several = entry["result"]
        self.assertEqual((changed, several), (one, False))
        self.assertEqual(self.names_of([new, one]), ["New", "Changed"])
        self.assertFailsWith(entry, "2 records match", "up-several", index=2)

    def test_upserting_again_changes_nothing_but_values(self):
        rows = [{"ref": f"again-{n}", "name": f"N{n}"} for n in range(5)]
        first = self.run_one(upsert(*rows))
        second = self.run_one(upsert(*[{**row, "city": "Second"} for row in rows]))
        self.assertEqual(first["result"], second["result"])
        self.assertEqual(set(self.read(first["result"], "city")), {("Second",)})

    def test_a_key_that_stands_twice_in_the_data_fails_at_its_second_place(self):
        for size in (100, 1):
            entry = self.run_one(
                upsert({"ref": f"dup{size}", "name": "A"}, {"ref": f"dup{size}", "name": "B"}), max_chunk_size=size
            )
            self.assertTrue(entry["result"][0])
            self.assertEqual((entry["processed_records"], entry["result"][1]), (1, False))
            self.assertFailsWith(entry, "same key as record 0", index=1)

    def test_a_key_may_be_relational_and_of_several_fields(self):
        with self.committed() as env:
            belgium, france = env.ref("base.be").id, env.ref("base.fr").id
        rows = [{"ref": "rel", "country_id": belgium, "name": "B"}, {"ref": "rel", "country_id": france, "name": "F"}]
        first = self.run_one(upsert(*rows, key=("ref", "country_id")))
        again = self.run_one(upsert(*[{**row, "city": "C"} for row in rows], key=("ref", "country_id")))
        self.assertEqual(first["result"], again["result"])
        self.assertEqual(len(set(first["result"])), 2)

    def test_an_archived_record_is_found_unless_the_context_says_otherwise(self):
        [archived] = self.partners("Old", ref="up-archived", active=False)
        entry = self.run_one(upsert({"ref": "up-archived", "name": "Found"}))
        self.assertEqual(entry["result"], [archived])
        entry = self.run_one(upsert({"ref": "up-archived", "name": "Fresh"}, context={"active_test": True}))
        self.assertNotEqual(entry["result"], [archived])
        self.assertEqual(self.names_of([archived]), ["Found"])

    def test_two_lanes_upserting_one_key_create_it_once(self):
        keys = [f"race-{n}" for n in range(10)]
        rounds = [upsert(*[{"ref": key, "name": f"Round {turn}"} for key in keys]) for turn in range(6)]
        status = self.door.submit(rounds, max_chunk_size=10)
        self.work(lanes=2)
        result = self.result_of(status["job_id"])
        self.assertEqual(result["state"], "completed")
        self.assertEqual(len({tuple(entry["result"]) for entry in result["results"]}), 1)
        with self.committed() as env:
            self.assertEqual(env["res.partner"].search_count([("ref", "in", keys)]), 10)

    def test_return_ids_false_keeps_ids_out_of_the_result(self):
        self.assertIs(self.run_one(upsert({"ref": "quiet", "name": "Q"}, return_ids=False))["result"], True)


class TestLoad(OperationsCase):
    def load(self, fields, *rows, **keys):
        return self.run_one(
            {
                "operation_type": "load",
                "model": "res.partner",
                "fields": fields,
                "data": [list(row) for row in rows],
                **keys,
            }
        )

    def test_external_ids_make_an_import_repeatable(self):
        rows = [("__load__.one", "L1"), ("__load__.two", "L2")]
        first = self.load(["id", "name"], *rows)
        self.assertEqual((first["state"], len(first["result"])), ("completed", 2))
        second = self.load(["id", "name"], ("__load__.one", "L1 again"), ("__load__.two", "L2"))
        self.assertEqual(second["result"], first["result"])
        self.assertEqual(self.names_of(first["result"]), ["L1 again", "L2"])

    def test_relations_by_external_id_database_id_and_name(self):
        with self.committed() as env:
            belgium = env.ref("base.be").id
        for column, value in (
            ("country_id/id", "base.be"),
            ("country_id/.id", str(belgium)),
            ("country_id", "Belgium"),
        ):
            entry = self.load(["name", column], ("In Belgium", value))
            self.assertEqual(self.read(entry["result"], "country_id"), [(belgium,)], column)

    def test_sub_rows_stay_with_their_record_however_small_the_chunks(self):
        rows = []
        for number in range(4):
            rows += [(f"Parent {number}", f"Child {number}a"), ("", f"Child {number}b"), ("", f"Child {number}c")]
        entry = self.load(["name", "child_ids/name"], *rows)
        small = self.run_one(
            {
                "operation_type": "load",
                "model": "res.partner",
                "fields": ["name", "child_ids/name"],
                "data": [list(row) for row in rows],
            },
            max_chunk_size=1,
        )
        for result in (entry, small):
            self.assertEqual((result["state"], result["record_count"]), ("completed", 4))
            ids = [id_ for id_ in result["result"] if id_]
            with self.committed() as env:
                children = [partner.child_ids.sorted("id").mapped("name") for partner in env["res.partner"].browse(ids)]
            self.assertEqual(children, [[f"Child {number}{letter}" for letter in "abc"] for number in range(4)])
            self.assertEqual(len(result["result"]), 12, "ids are aligned with the rows")

    def test_failures_name_the_row_and_spare_the_others(self):
        entry = self.load(["name", "country_id"], ("Good", "Belgium"), ("Bad", "Nowhereland"), ("Also good", "France"))
        self.assertEqual((entry["processed_records"], entry["failed_records"]), (2, 1))
        self.assertFailsWith(entry, "Nowhereland", index=1)
        self.assertEqual([bool(id_) for id_ in entry["result"]], [True, False, True])
