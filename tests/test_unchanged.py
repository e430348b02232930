"""`skip_unchanged`: what holds its values already is not written, and all else is as if it had been."""

import base64
import json
import re

from odoo import Command
from odoo.tests import new_test_user

from .case import BatchCase, update
from .lane_case import LaneCase
from .whole_tables import WholeTables

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class TestUnchanged(BatchCase):
    """Values of each kind are written, written again, and changed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("fr_FR")
        cls.tags = cls.env["res.partner.category"].create([{"name": name} for name in ("A", "B", "C")])
        cls.parent = cls.env["res.partner"].create({"name": "Parent", "is_company": True})

    def versions(self, model, ids):
        """The versions of rows, which each write replaces."""
        self.env.flush_all()
        self.env.cr.execute(f"SELECT id, xmin::text, cmin::text FROM {self.env[model]._table} WHERE id = ANY(%s) ORDER BY id", [list(ids)])
        return self.env.cr.fetchall()

    def run_twice(self, model, values, other=None, create=None, **context):
        """Write values twice on a record with `skip_unchanged`: the second time changes nothing. Then other values, if given."""
        record = self.env[model].create(create or {"name": "R"})
        jobs = self.env["batch.job"].with_context(**context)
        operation = update(values, record.id, model=model)
        self.check(jobs, operation, {"updated", "unchanged"})
        before = self.versions(model, record.ids)
        self.check(jobs, operation, {"unchanged"})
        self.assertEqual(self.versions(model, record.ids), before)
        for each in other or ():
            self.check(jobs, update(each, record.id, model=model), {"updated"})
        return record

    def check(self, jobs, operation, expected):
        [entry] = jobs.execute([operation], skip_unchanged=True)["results"]
        self.assertTrue(entry["success"], entry["failures"])
        [effect] = [name for name in ("updated", "unchanged", "created") if entry[f"{name}_records"]]
        self.assertIn(effect, expected, operation)

    def test_scalars(self):
        day = {"name": "Ünïcödé ☃", "comment": "<p>a &amp; b</p>", "ref": "", "color": 3, "active": True, "lang": "fr_FR"}
        self.run_twice("res.partner", day, [{"name": "Ü"}, {"comment": "<p>other</p>"}, {"ref": "x"}, {"color": 4}, {"active": False}])
        self.run_twice("res.partner", {"comment": '<p onclick="x()">a<br/>b</p>', "vat": False})
        rate = {"name": "2024-02-29", "currency_id": self.env.ref("base.EUR").id, "rate": 1.23456789}
        self.run_twice("res.currency.rate", rate, [{"name": "2024-02-28"}, {"rate": 1.2345678}], create=rate)
        self.run_twice("ir.cron", {"nextcall": "2030-01-01 10:00:00"}, [{"nextcall": "2030-01-01 10:00:01"}], create={
            "name": "R", "model_id": self.env["ir.model"]._get_id("res.partner"), "state": "code", "interval_number": 5,
        })
        self.run_twice("res.partner", {"partner_latitude": 1.23456789012}, [{"partner_latitude": 1.2345688}])
        self.assertEqual(self.env["res.partner"]._fields["partner_latitude"].get_digits(self.env), (10, 7))

    def test_many2one_and_x2many(self):
        one, two, three = self.tags.ids
        country = self.env.ref("base.be").id
        self.run_twice("res.partner", {"country_id": country, "parent_id": self.parent.id}, [{"country_id": False}, {"parent_id": False}])
        partner = self.run_twice("res.partner", {"category_id": [Command.set([one, two])]}, [{"category_id": [Command.link(three)]}])
        for commands in ([Command.link(one)], [], [Command.set([three, two, one])], [one, two, three], [Command.unlink(three), Command.link(three)]):
            self.check(self.env["batch.job"], update({"category_id": commands}, partner.id), {"unchanged"})
        for commands in ([Command.unlink(one)], [Command.set([three])], False, [Command.create({"name": "New"})]):
            self.check(self.env["batch.job"], update({"category_id": commands}, partner.id), {"updated"})

    def test_lines(self):
        partner = self.env["res.partner"].create({"name": "P", "child_ids": [Command.create({"name": "L"}), Command.create({"name": "M"})]})
        line, other = partner.child_ids.sorted("name")
        for commands in ([Command.link(line.id), Command.update(line.id, {"name": "L"})], [Command.set([other.id, line.id])], []):
            self.check(self.env["batch.job"], update({"child_ids": commands}, partner.id), {"unchanged"})
        for commands in (
            [Command.update(line.id, {"name": "L2"})],
            [Command.update(self.parent.id, {"name": "Parent"})],
            [Command.unlink(line.id), Command.link(line.id)],
            [Command.delete(other.id)],
        ):
            self.check(self.env["batch.job"], update({"child_ids": commands}, partner.id), {"updated"})

    def test_languages(self):
        tag = self.tags[0]
        french = self.env["batch.job"].with_context(lang="fr_FR")
        self.check(self.env["batch.job"], update({"name": "A"}, tag.id, model=tag._name), {"unchanged"})
        self.check(french, update({"name": "A"}, tag.id, model=tag._name), {"updated"})  # a value of its own
        self.check(french, update({"name": "A"}, tag.id, model=tag._name), {"unchanged"})
        self.env.flush_all()
        self.env.cr.execute("SELECT name FROM res_partner_category WHERE id = %s", [tag.id])
        self.assertEqual(self.env.cr.fetchone()[0], {"en_US": "A", "fr_FR": "A"})

    def test_company_dependent(self):
        field = self.env["res.partner"]._fields["barcode"]
        self.assertTrue(field.company_dependent)
        partner = self.run_twice("res.partner", {"barcode": "X-1"}, [{"barcode": "X-2"}, {"barcode": False}])
        self.check(self.env["batch.job"], update({"barcode": False}, partner.id), {"unchanged"})

    def test_attachment(self):
        partner = self.run_twice("res.partner", {"image_1920": PIXEL}, [{"image_1920": False}])
        self.check(self.env["batch.job"], update({"image_1920": False}, partner.id), {"unchanged"})
        self.assertFalse(base64.b64decode(partner.image_1920 or ""))

    def test_inherited(self):
        user = new_test_user(self.env, "unchanged-inherits", groups="base.group_user")
        self.check(self.env["batch.job"], update({"name": user.name, "login": user.login}, user.id, model="res.users"), {"unchanged"})
        before = self.versions("res.partner", user.partner_id.ids)
        self.check(self.env["batch.job"], update({"name": "Other", "login": user.login}, user.id, model="res.users"), {"updated"})
        self.assertNotEqual(self.versions("res.partner", user.partner_id.ids), before)

    def test_rights_are_checked(self):
        tags = self.tags
        self.env["ir.rule"].create(
            {
                "name": "No A",
                "model_id": self.env["ir.model"]._get_id(tags._name),
                "domain_force": "[('name', '!=', 'A')]",
                "perm_read": False,
            }
        )
        entries = self.jobs.execute([update({"name": tag.name}, tag.id, model=tags._name) for tag in tags], skip_unchanged=True)["results"]
        self.assertEqual([entry["unchanged_records"] for entry in entries], [0, 1, 1])
        self.assertEqual(entries[0]["failures"][0]["error_type"], "AccessError")

    def test_a_field_that_may_not_be_read_is_not_compared(self):
        partner = self.env["res.partner"].create({"name": "P", "ref": "secret"})
        self.patch(self.env["res.partner"]._fields["ref"], "groups", "base.group_system")
        [entry] = self.jobs.execute([update({"ref": "secret"}, partner.id)], skip_unchanged=True)["results"]
        self.assertFalse(entry["success"])
        self.assertEqual(entry["unchanged_records"], 0)

    def test_a_record_twice(self):
        partner = self.env["res.partner"].create({"name": "P", "city": "A"})
        rows = [{"id": partner.id, "city": city} for city in ("B", "B", "A")]
        operation = {"operation_type": "update", "model": "res.partner", "data": rows}
        [entry] = self.jobs.execute([operation], skip_unchanged=True)["results"]
        self.assertEqual((entry["updated_records"], entry["unchanged_records"], partner.city), (2, 1, "A"))
        tried = self.jobs.execute([operation], skip_unchanged=True, dry_run=True)["stats"]
        self.assertEqual((tried["updated_records"], tried["unchanged_records"]), (2, 1))

    def test_what_another_write_has_changed_is_written(self):
        """What a parent is given goes down to its contacts; a row behind it has a value of its own."""
        child = self.env["res.partner"].create({"name": "Child", "parent_id": self.parent.id, "type": "contact"})
        records = self.parent + child
        works = [
            {"operation_type": "update", "model": "res.partner", "data": [{"id": id_, **values} for id_, values in pairs]}
            for pairs in self.pairs(child)
        ] + [
            {"operation_type": "load", "model": "res.partner", "fields": [".id", *pairs[0][1]],
             "data": [[str(id_), *values.values()] for id_, values in pairs]}
            for pairs in self.pairs(child)
        ]  # fmt: skip
        for work in works:
            found = []
            for skip_unchanged in (False, True):
                records.write({"city": "Old", "vat": "BE0477472701"})
                self.env.flush_all()
                [entry] = self.jobs.execute([work], skip_unchanged=skip_unchanged)["results"]
                self.assertTrue(entry["success"])
                found.append(records.mapped(lambda partner: (partner.city, partner.vat)))
            self.assertEqual(*found, work)

    def test_what_is_written_behind_keeps_its_turn(self):
        """Contacts before and behind the parent with which they share an address, and others that are written."""
        partners = self.env["res.partner"].create([{"name": f"P{place}"} for place in range(7)])
        first, above, _other, parent, below, second, last = partners
        (above + below + last).write({"parent_id": parent.id, "type": "contact"})
        rows = [
            {"id": partner.id, "city": "New" if partner in first + parent + second else "Old", "function": str(place)}
            for place, partner in enumerate(partners)
        ]
        for some in (rows, [row for row in rows if row["id"] not in (below + last).ids]):
            self.check_as_one_by_one(partners, some, above)
        self.assertEqual(above.city, "New")

    def check_as_one_by_one(self, partners, rows, alone):
        """All kinds of operations do what writing the rows in their order does, and one partner is left alone."""

        def outcome(run):
            partners.write({"city": "Old"})
            for place, partner in enumerate(partners):
                partner.function = str(place)
            self.env.flush_all()
            return run(), partners.mapped("city")

        fields = [".id", "city", "function"]
        load = {"fields": fields, "data": [[str(value) for value in row.values()] for row in rows]}
        works = {"update": {"data": rows}, "upsert": {"data": rows, "key": ["id"]}, "load": load}
        _none, plain = outcome(lambda: [self.env["res.partner"].browse(row["id"]).write(row) for row in rows])
        for kind, work in works.items():
            operation = {"operation_type": kind, "model": "res.partner", **work}
            answer, found = outcome(lambda: self.jobs.execute([operation], skip_unchanged=True, track_changes=True))  # noqa: B023
            self.assertEqual(found, plain, kind)
            [entry] = answer["results"]
            self.assertEqual((entry["failed_records"], entry["updated_records"] < len(rows)), (0, True))
            told = {change["record_id"]: (change["before"]["city"], change["after"]["city"]) for change in answer["changes"]}
            self.assertEqual(told[rows[0]["id"]], ("Old", "New"))
            if kind != "load":  # which is watched as a whole
                self.assertNotIn(alone.id, told, kind)

    def pairs(self, child):
        """Values of the parent that it hands down, before and behind those of its child."""
        for field, old, new in (("city", "Old", "New"), ("vat", "BE0477472701", "BE0428759497")):
            changed, same = (self.parent.id, {field: new}), (child.id, {field: old})
            yield from ([changed, same], [same, changed])

    def test_upsert_and_load(self):
        rows = [{"ref": f"unchanged-{number}", "name": f"N{number}", "category_id": [[6, 0, self.tags.ids]]} for number in range(4)]
        upsert = {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": rows}
        [entry] = self.jobs.execute([upsert], skip_unchanged=True)["results"]
        self.assertEqual(entry["created_records"], 4)
        ids = entry["result"]
        before = self.versions("res.partner", ids)
        [entry] = self.jobs.execute([upsert], skip_unchanged=True)["results"]
        self.assertEqual((entry["unchanged_records"], entry["result"]), (4, ids))
        self.assertEqual(self.versions("res.partner", ids), before)
        load = {
            "operation_type": "load", "model": "res.partner",
            "fields": ["id", "name", "country_id", "active", "category_id", "child_ids/id", "child_ids/name"],
            "data": [
                ["u_1", "One", "Belgium", "yes", "A,B", "u_11", "Line"], ["", "", "", "", "", "u_12", "Second"],
                ["u_2", "Two", "", "1", "", "", ""], ["u_3", "Three", "France", "true", "C", "", ""],
            ],
        }  # fmt: skip
        [entry] = self.jobs.execute([load], skip_unchanged=True)["results"]
        self.assertEqual((entry["created_records"], entry["failures"]), (3, []))
        ids = [id_ for id_ in entry["result"] if id_]
        children = self.env["res.partner"].browse(ids).child_ids
        before = self.versions("res.partner", ids + children.ids)
        names = self.env["ir.model.data"].search([("model", "=", "res.partner"), ("res_id", "in", ids + children.ids)])
        names_before = self.versions("ir.model.data", names.ids)
        [entry] = self.jobs.execute([load], skip_unchanged=True)["results"]
        self.assertEqual((entry["unchanged_records"], [id_ for id_ in entry["result"] if id_]), (3, ids))
        self.assertEqual(self.versions("res.partner", ids + children.ids), before)
        self.assertEqual(self.versions("ir.model.data", names.ids), names_before)
        load["data"][1][-1] = "Changed"
        load["data"][3][1] = "Three!"
        [entry] = self.jobs.execute([load], skip_unchanged=True)["results"]
        self.assertEqual((entry["unchanged_records"], entry["updated_records"]), (1, 2))

    def test_properties_of_a_load_that_goes_on_record_by_record(self):
        """Odoo takes the properties out of the values that it writes, and is then asked to write the same values again."""
        definition = [{"name": "color", "type": "char", "string": "Color"}]
        partners = self.parent + self.env["res.partner"].create({"name": "Child", "parent_id": self.parent.id, "type": "contact"})
        self.env["properties.base.definition"]._get_definition_for_property_field("res.partner", "properties").properties_definition = definition
        rows = [[str(self.parent.id), "New", "red"], [str(partners[1].id), "Old", "blue"]]
        load = {"operation_type": "load", "model": "res.partner", "fields": [".id", "city", "properties.color"], "data": rows}
        for skip_unchanged in (False, True):
            partners.write({"city": "Old", "properties": {"color": "blue"}})
            self.env.flush_all()
            [entry] = self.jobs.execute([load], skip_unchanged=skip_unchanged)["results"]
            self.assertTrue(entry["success"], entry["failures"])
            self.assertEqual([dict(partner.properties) for partner in partners], [{"color": "red"}, {"color": "blue"}])
        as_text = update({"properties": json.dumps({"color": "red"})}, self.parent.id)
        self.check(self.env["batch.job"], as_text, {"unchanged"})
        told = {**definition[0], "value": "red"}
        self.check(self.env["batch.job"], update({"properties": [told]}, self.parent.id), {"unchanged"})
        other = json.dumps([{**told, "string": "Colour", "definition_changed": True}])
        [entry] = self.env["batch.job"].execute([update({"properties": other}, self.parent.id)], skip_unchanged=True)["results"]
        self.assertEqual(entry["unchanged_records"], 0)

    def test_a_load_of_its_own_is_not_told_as_unchanged(self):
        def load(model, _fields, data):
            records = model.browse(int(row[0]) for row in data)
            records.write({"color": 7})
            return {"ids": records.ids, "messages": [], "nextrow": 0}

        self.patch(self.env.registry["res.partner.category"], "load", load)
        operation = {"operation_type": "load", "model": "res.partner.category", "fields": [".id"], "data": [[str(id_)] for id_ in self.tags.ids]}
        for skip_unchanged in (False, True):
            [entry] = self.env["batch.job"].execute([operation], skip_unchanged=skip_unchanged)["results"]
            self.assertEqual((entry["updated_records"], entry["unchanged_records"]), (3, 0))


def without_writer(row):
    return re.sub(r'"write_(uid|date)": ("[^"]*"|\d+)', "", row)


class TestAsIfWritten(WholeTables, BatchCase):
    """Tables afterwards are those that the same work leaves which writes all."""

    def feed(self):
        """Partners in trees, some of them changed; as an update, an upsert and a load."""
        partners = self.env["res.partner"]
        rows = []
        for number in range(24):
            parent = partners.browse(rows[number // 2 - 1][0]) if number % 3 else partners
            values = {"name": f"N{number}", "ref": f"tree-{number}", "city": f"C{number % 4}", "parent_id": parent.id, "comment": "<p>x</p>"}
            rows.append((partners.create({**values, "is_company": number % 2 == 0}).id, values))
        data = [{"id": id_, **values, "city": f"D{place}" if place % 5 == 0 else values["city"]} for place, (id_, values) in enumerate(rows)]
        data.append({**data[3], "city": "last", "comment": "<p>y<br></p>"})
        yield {"operation_type": "update", "model": "res.partner", "data": data}
        upserts = [{name: value for name, value in row.items() if name != "id"} for row in data[:-1]]
        yield {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": [*upserts, {"ref": "tree-new", "name": "New"}]}
        loads = [[str(row["id"]), row["name"], row["city"], row["comment"], str(row["parent_id"] or "")] for row in data]
        yield {"operation_type": "load", "model": "res.partner", "fields": [".id", "name", "city", "comment", "parent_id/.id"], "data": loads}

    def test_tables(self):
        for work in self.feed():
            outcomes = []
            for skip_unchanged in (False, True):
                for size in (3, 100):
                    answer, rows = self.outcome(
                        lambda work=work, skip=skip_unchanged, size=size: [
                            entry["result"] for entry in self.jobs.execute([work], skip_unchanged=skip, max_chunk_size=size)["results"]
                        ]
                    )
                    outcomes.append((size, answer, {name: list(map(without_writer, found)) for name, found in rows.items() if name[:5] != "mail_"}))
            for (size, *plain), (_size, *skipped) in zip(outcomes[:2], outcomes[2:], strict=True):
                self.assertSame(plain, skipped, (work["operation_type"], size))

    def test_nothing_is_called_for_what_is_unchanged(self):
        partners = self.env["res.partner"].create([{"name": f"N{number}", "ref": f"quiet-{number}"} for number in range(3)])
        written = []
        write = type(partners).write

        def noted(records, values):
            if records._name == "res.partner":
                written.extend(records.ids)
            return write(records, values)

        self.patch(type(partners), "write", noted)
        own = [("model", "=", "res.partner"), ("res_id", "in", partners[:2].ids)]
        messages = self.env["mail.message"].search_count(own)
        operations = [
            update({"name": "N1"}, partners[1].id),
            update({"name": "Other"}, partners[2].id),
            {"operation_type": "load", "model": "res.partner", "fields": [".id", "name"], "data": [[str(partners[0].id), "N0"]]},
            {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": [{"ref": "quiet-0", "name": "N0"}]},
            {**update({"comment": False}), "record_ids": {"$ref": "made"}},
            {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": [{"ref": "quiet-1", "name": "N1"}], "operation_id": "made"},
        ]  # fmt: skip
        entries = self.jobs.execute(operations, skip_unchanged=True)["results"]
        self.assertEqual([entry["unchanged_records"] for entry in entries], [1, 0, 1, 1, 1, 1])
        self.assertEqual(set(written), set(partners[2].ids))
        self.assertEqual(self.env["mail.message"].search_count(own), messages)


class TestUnchangedInLanes(LaneCase):
    """The same by lanes: retried, in small operations that share a chunk, and tried."""

    def test_retry_and_dry_run(self):
        ids = self.make_partners(4, city="Old")
        before = self.sql("SELECT id, xmin::text FROM res_partner WHERE id = ANY(%s) ORDER BY id", ids)
        same = [update({"city": "Old"}, id_) for id_ in ids]
        for options in ({}, {"dry_run": True}, {"rollback": "job"}):
            job_id = self.submit(*same, update({"name": False}, ids[0]), skip_unchanged=True, **options)
            self.work()
            job = self.check_counters(job_id)
            undone = options.get("rollback") == "job"
            self.assertEqual((job["unchanged_records"], job["updated_records"], job["failed_records"]), (0, 0, 5) if undone else (4, 0, 1))
            self.assertEqual(self.sql("SELECT id, xmin::text FROM res_partner WHERE id = ANY(%s) ORDER BY id", ids), before)
        with self.committed() as env:
            env["res.partner"].browse(ids[0]).type = "other"
        before = self.sql("SELECT id, xmin::text FROM res_partner WHERE id = ANY(%s) ORDER BY id", ids)
        job_id = self.submit(*same, update({"name": False, "type": "contact"}, ids[0]), skip_unchanged=True)
        self.work()
        self.sql("UPDATE batch_failure SET values = replace(values, 'false', '\"Partner 0\"') WHERE job_id = %s", job_id)
        self.sql("UPDATE batch_failure SET values = replace(values, 'contact', 'other') WHERE job_id = %s", job_id)
        self.call(job_id, "retry")
        self.work()
        job = self.check_counters(job_id)
        self.assertEqual((job["unchanged_records"], job["updated_records"], job["state"]), (5, 0, "completed"))
        self.assertEqual(self.sql("SELECT id, xmin::text FROM res_partner WHERE id = ANY(%s) ORDER BY id", ids), before)
