"""Records and operations that change each other take effect as in plain Odoo, one after the other, also where they share a chunk."""

from unittest.mock import patch

from odoo.exceptions import UserError

from .case import BatchCase
from .lane_case import LaneCase


class FamilyCase(LaneCase):
    """Z, a company P, and its contact C: an address that is written on one of these two is written on the other as well."""

    def family(self):
        with self.committed() as env:
            stranger, company = env["res.partner"].create(
                [{"name": "Z", "ref": f"{self.mark}-0"}, {"name": "P", "ref": f"{self.mark}-1", "is_company": True}]
            )
            contact = {"name": "C", "ref": f"{self.mark}-2", "parent_id": company.id, "type": "contact"}
            return stranger.id, company.id, env["res.partner"].create(contact).id

    def run_one(self, *operations, **options):
        job = self.submit(*operations, **options)
        self.work()
        return self.check_counters(job)

    def check_like_plain(self, rows, *operations, **options):
        """Run operations, and compare with `write` of one row after the other.

        :param rows: function of the three ids that returns dicts with `id`
        :param operations: functions of the rows that return an operation
        """
        with self.committed(self.user_id) as env:
            ids = self.family()
            for row in rows(*ids):
                env["res.partner"].browse(row["id"]).write({name: value for name, value in row.items() if name != "id"})
                env.flush_all()
            plain = [partner.city for partner in env["res.partner"].browse(ids)]
            env.cr.rollback()
        self.delete_partners()
        data = rows(*self.family())
        done = self.run_one(*(operation(data) for operation in operations), **options)
        self.assertEqual(done["failed_records"], 0)
        self.assertEqual([city or False for _number, city in self.partners("city")], plain)
        self.delete_partners()


def update(*places):
    """A function that makes an update of the rows at these places."""
    return lambda rows: {"operation_type": "update", "model": "res.partner", "data": [rows[place] for place in places]}


class TestWrites(FamilyCase):
    def test_equal_values_do_not_overtake_others(self):
        def rows(stranger, company, contact):
            return [{"id": stranger, "city": "A"}, {"id": company, "city": "B"}, {"id": contact, "city": "A"}]

        def upsert(_rows):
            data = [{"ref": f"{self.mark}-{number}", "city": city} for number, city in enumerate("ABA")]
            return {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": data}

        for options in ({}, {"max_concurrency": 1}):
            with self.subTest(options):
                self.check_like_plain(rows, update(0, 1, 2), **options)
                self.check_like_plain(rows, upsert, **options)
        self.check_like_plain(rows, update(0), update(1), update(2), max_concurrency=1)

    def test_a_record_that_stands_twice_holds_up_those_behind_it(self):
        def rows(_stranger, company, contact):
            return [{"id": contact, "comment": "x"}, {"id": contact, "city": "A"}, {"id": company, "city": "B"}]

        for options in ({}, {"max_concurrency": 1}, {"max_concurrency": 1, "max_chunk_size": 1}):
            with self.subTest(options):
                self.check_like_plain(rows, update(0, 1, 2), **options)
        self.check_like_plain(rows, update(0, 1), update(2), max_concurrency=1)


class TestOthers(FamilyCase):
    def test_an_upsert_finds_what_a_row_before_it_has_made(self):
        rows = [
            {"ref": f"{self.mark}-1", "name": "P", "child_ids": [[0, 0, {"name": "C", "ref": f"{self.mark}-2"}]]},
            {"ref": f"{self.mark}-2", "name": "C again"},
        ]
        upsert = {"operation_type": "upsert", "model": "res.partner", "key": ["ref"]}
        for operations in ([{**upsert, "data": rows}], [{**upsert, "data": [row]} for row in rows]):
            with self.subTest(len(operations)):
                self.run_one(*operations, max_concurrency=1)
                self.assertEqual(self.partners("name"), [(1, "P"), (2, "C again")])
                self.delete_partners()
        self.run_one({**upsert, "data": rows})
        self.assertEqual(self.partners("name"), [(1, "P"), (2, "C again")])

    def test_the_last_row_of_an_external_id_wins_also_where_the_first_could_run_later(self):
        name = f"Y{self.mark}"
        fields = ["id", "name", "ref", "function", "parent_id"]
        data = [
            [f"zz{self.mark}.x", "X", f"{self.mark}-1", "A", name],
            [f"zz{self.mark}.y", name, f"{self.mark}-2", "Q", ""],
            [f"zz{self.mark}.x", "X", f"{self.mark}-1", "B", ""],
        ]
        done = self.run_one({"operation_type": "load", "model": "res.partner", "fields": fields, "data": data})
        self.assertEqual((done["processed_records"], done["failed_records"]), (2, 1))
        self.assertEqual(sorted(self.partners("function")), [(1, "B"), (2, "Q")])

    def test_strictly_in_order_each_operation_is_a_call_of_its_own(self):
        def following(partners):
            found = partners.search([("ref", "=like", f"{self.mark}-%")], order="partner_latitude desc", limit=1)
            return found.partner_latitude + 1

        operations = [
            {"operation_type": "create", "model": "res.partner", "data": [{"name": "T", "ref": f"{self.mark}-{number}"}]} for number in range(3)
        ]
        with patch.object(self.registry["res.partner"]._fields["partner_latitude"], "default", following):
            self.run_one(*operations, max_concurrency=1)
            self.assertEqual([value for _number, value in self.partners("partner_latitude")], [1, 2, 3])
            self.delete_partners()
            with self.committed(self.user_id) as env:
                env["batch.job"].execute(operations, max_concurrency=1)
            self.assertEqual([value for _number, value in self.partners("partner_latitude")], [1, 2, 3])

    def test_strictly_in_order_a_rule_holds_for_each_delete(self):
        _stranger, company, contact = self.family()
        original = self.registry["res.partner"].unlink

        def unlink(partners):
            if partners.child_ids - partners:
                raise UserError("has contacts")
            return original(partners)

        operations = [{"operation_type": "delete", "model": "res.partner", "data": [id_]} for id_ in (company, contact)]
        with patch.object(self.registry["res.partner"], "unlink", unlink):
            self.run_one(*operations, max_concurrency=1)
        self.assertEqual([number for number, _id in self.partners()], [0, 1])

    def test_strictly_in_order_a_row_does_not_find_a_later_one_by_name(self):
        rows = [["lx A", ""], ["lx K", "lx P"], ["lx P", ""], ["lx L", "lx P"]]
        fields = ["name", "parent_id"]
        with self.committed(self.user_id) as env:
            partners = env["res.partner"]
            self.assertEqual([bool(partners.load(fields, [row])["ids"]) for row in rows], [True, False, True, True], "plain Odoo")
            env.cr.rollback()
        operation = {"operation_type": "load", "model": "res.partner", "fields": fields, "data": rows}
        for size in range(5):
            with self.subTest(size=size), self.committed(self.user_id) as env:
                [entry] = env["batch.job"].execute([operation], max_chunk_size=size, max_concurrency=1)["results"]
                self.assertEqual([failure["index"] for failure in entry["failures"]], [1])
                found = env["res.partner"].search([("name", "=like", "lx %")])
                self.assertEqual(sorted((partner.name, partner.parent_id.name) for partner in found),
                                 [("lx A", False), ("lx L", "lx P"), ("lx P", False)])  # fmt: skip
                env.cr.rollback()


class TestLines(BatchCase):
    """A load whose lines have external ids: as Odoo's import of one row after the other, whatever the size of the chunks."""

    fields = ("id", "name", "child_ids/id", "child_ids/name")

    def check_like_plain(self, *rows, fields=fields):
        partners = self.env["res.partner"].with_user(self.user)

        def made(run):
            with self.env.cr.savepoint() as savepoint:
                run()
                self.env.flush_all()
                found = partners.search([("name", "=like", "lx %")])
                ids = found.get_external_id()
                names = sorted((partner.name, partner.parent_id.name or "", ids[partner.id].removeprefix("__import__.")) for partner in found)
                savepoint.rollback()
                self.env.invalidate_all()
                return names

        def one_by_one():
            for row in rows:
                self.assertFalse(partners.load(list(fields), [row])["messages"])

        plain = made(one_by_one)
        operation = {"operation_type": "load", "model": "res.partner", "fields": list(fields), "data": list(map(list, rows))}
        for size in (0, 1, 2, 3):
            for options in ({}, {"max_concurrency": 1}, {"rollback": "job"}):
                with self.subTest(rows=rows, size=size, **options):
                    self.assertEqual(made(lambda: self.jobs.execute([operation], max_chunk_size=size, **options)), plain)  # noqa: B023
        return plain

    def test_a_line_that_stands_in_two_records(self):
        plain = self.check_like_plain(("lx.a", "lx A", "lx.k", "lx first"), ("lx.b", "lx B", "lx.k", "lx second"))
        self.assertEqual(plain, [("lx A", "", "lx.a"), ("lx B", "", "lx.b"), ("lx second", "lx B", "lx.k")])
        self.check_like_plain(("a", "lx A", "k", "lx first"), ("b", "lx B", "__import__.k", "lx second"))
        self.check_like_plain(
            *((f"lx.{name}", f"lx {name}", "lx.k" if place % 2 else f"lx.k{name}", f"lx line of {name}") for place, name in enumerate("abcdef"))
        )

    def test_a_line_and_a_record(self):
        line, record = ("lx.a", "lx A", "lx.k", "lx line"), ("lx.k", "lx record", "", "")
        self.check_like_plain(line, record)
        self.check_like_plain(record, line)
        self.check_like_plain(line, record, ("lx.b", "lx B", "lx.k", "lx line again"), ("lx.k", "lx record again", "", ""))
        self.check_like_plain(("lx.a", "lx A", "lx.k", "lx line"), ("lx.c", "lx C", "", ""), ("lx.a", "lx A again", "lx.l", "lx other"), record)

    def test_lines_that_are_there(self):
        partners = self.env["res.partner"].with_user(self.user)
        partners.load(list(self.fields), [["lx.a", "lx A", "lx.k", "lx line"]])
        rows = ("lx.b", "lx B", "lx.k", "lx first"), ("lx.a", "lx A", "lx.k", "lx second")
        self.check_like_plain(*rows)
        self.check_like_plain(*reversed(rows))
        self.check_like_plain(*rows, ("lx.k", "lx third", "", ""))
