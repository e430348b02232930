"""Upsert keys in every spelling of JSON clients: one value is one record, compared with plain Odoo."""


from odoo import Command
from odoo.tests.common import TransactionCase, tagged
from odoo.tools import mute_logger

from .committed_case import committed

MODEL = "x_batch_key"
COMPANY_DEPENDENT = {"company_dependent": True}
#: Type -> what its field needs besides; the field is called x_<name>.
FIELDS = {
    "char": ("char", {}),
    "short": ("char", {"size": 5}),
    "term": ("char", {"translate": "standard"}),
    "text": ("text", {}),
    "html": ("html", {"sanitize": True}),
    "integer": ("integer", {}),
    "float": ("float", {}),
    "boolean": ("boolean", {}),
    "date": ("date", {}),
    "datetime": ("datetime", {}),
    "choice": ("selection", {"selection_ids": [Command.create({"value": v, "name": v}) for v in ("a", "1")]}),
    "many2one": ("many2one", {"relation": "res.partner"}),
    "reference": (
        "reference",
        {"selection_ids": [Command.create({"value": "res.partner", "name": "Partner"})]},
    ),
    "currency_id": ("many2one", {"relation": "res.currency"}),
    "monetary": ("monetary", {"currency_field": "x_currency_id"}),
    "own_char": ("char", COMPANY_DEPENDENT),
    "own_integer": ("integer", COMPANY_DEPENDENT),
    "own_float": ("float", COMPANY_DEPENDENT),
    "own_boolean": ("boolean", COMPANY_DEPENDENT),
    "own_date": ("date", COMPANY_DEPENDENT),
    "own_datetime": ("datetime", COMPANY_DEPENDENT),
    "own_many2one": ("many2one", {"relation": "res.partner", **COMPANY_DEPENDENT}),
}
NOTHING = [None, False]
#: Field -> groups of spellings. Those of one group are one value, those of two are two.
#: "P" stands for a partner's id, "C" for a currency's.
SAME = {
    "char": [["a"], ["A"], [" a"], ["a "], [5, "5"], [1.0, "1.0"], ["1"], [True, "True"], ["é"], [*NOTHING, ""]],
    "short": [["abcde", "abcdefg"], ["abcd"], [*NOTHING, ""]],
    "term": [["Word"], ["word"], [7, "7"], [*NOTHING, ""]],
    "text": [["two\nlines"], ["two lines"], [5, "5"], [*NOTHING, ""]],
    "html": [
        ["hello", "<p>hello</p>", "<p>hello</p><script>1</script>"],
        ["<b>hello</b>", "<b>hello"],
        ["Hello"],
        ["a & b", "a &amp; b", "<p>a &amp; b</p>"],
        [*NOTHING, ""],
    ],
    "integer": [[1, 1.0, "1", " 1 ", True], [2, 2.7, "2"], [-3, "-3"], [0, 0.0, "0", *NOTHING, ""]],
    "float": [[1.5, "1.5", "1.50"], [1, 1.0, "1", True], [0.1 + 0.2], [0.3], [1e300], [0, 0.0, -0.0, "0", *NOTHING, ""]],
    "boolean": [[True, 1, "yes", "false", 1.0], [False, None, 0, ""]],
    "date": [
        ["2026-01-31", "2026-01-31 00:00:00", "2026-01-31 23:59:59", "2026-01-31T10:00:00Z"],
        ["2026-02-01"],
        [*NOTHING, "", 0],
    ],
    "datetime": [
        ["2026-01-31", "2026-01-31 00:00", "2026-01-31 00:00:00"],
        ["2026-01-31 00:00:01"],
        [*NOTHING, "", 0],
    ],
    "choice": [["a"], ["1"], [*NOTHING, ""]],
    "many2one": [["P", 1.0, "str", "pair", "tuple"], ["Q"], [*NOTHING, 0, "", []]],
    "reference": [["reference", "blanks"], ["other reference"], [*NOTHING, ""]],
    "monetary": [[1.5, "1.50", 1.5001, "1.4999"], [1.51], [1, 1.0, "1", True], [0, "0", *NOTHING, ""]],
    "own_char": [["a"], ["A"], [5, "5"], [*NOTHING, ""]],
    "own_integer": [[1, 1.0, "1"], [0, "0", *NOTHING]],
    "own_float": [[1.5, "1.50"], [1, "1"], [0, *NOTHING]],
    "own_boolean": [[True, 1], [False, None]],
    "own_date": [["2026-01-31", "2026-01-31 10:00:00"], NOTHING],
    "own_datetime": [["2026-01-31", "2026-01-31 00:00:00"], NOTHING],
    "own_many2one": [["P", 1.0, "str", "pair"], ["Q"], NOTHING],
}
#: What a field does not take.
REFUSED = {
    "char": ["nul\x00", "\ud800"],
    "integer": ["1.0", "one", [1], {"id": 1}, float("nan"), float("inf")],
    "float": ["one", "1,5", "nan", [1.5], 10**400],
    "date": ["31/01/2026", "yesterday", 20260131, True],
    "datetime": ["2026-01-31T10:00:00", "2026-01-31T10:00:00Z", "2026-01-31 10:00:00+02:00", 1769853600],
    "choice": ["b", 1, ["a"]],
    "many2one": ["Azure", "1.0", 1.5, True, [1, 2], {"name": "new"}, "१"],
    "reference": ["res.users,1", "res.partner", "res.partner,x", 5],
    "monetary": ["one", [1.5]],
}
#: What plain Odoo takes, and fails itself at each search of that field from then on.
UNREADABLE = {("own_many2one", 1.0)}


@tagged("post_install", "-at_install")
class TestSpellings(TransactionCase):
    @classmethod
    def setUpClass(cls):
        # committed: whether others have made a record of a key is asked on a connection of its own
        with committed() as env:
            model_id = cls.make_model(env)
        cls.addClassCleanup(cls.drop_model, model_id)
        super().setUpClass()
        cls.env = cls.env(user=cls.env.ref("base.user_admin"))
        cls.model = cls.env[MODEL]
        cls.partners = cls.env["res.partner"].create([{"name": "P"}, {"name": "Q"}])

    @staticmethod
    def make_model(env):
        fields = [
            Command.create({"name": f"x_{name}", "field_description": name, "ttype": ttype, **more})
            for name, (ttype, more) in FIELDS.items()
        ]
        name = Command.create({"name": "x_name", "field_description": "Name", "ttype": "char"})
        model = env["ir.model"].create({"name": "Keys", "model": MODEL, "field_id": [name, *fields]})
        env["ir.model.access"].create(
            {
                "name": MODEL,
                "model_id": model.id,
                "group_id": env.ref("base.group_system").id,
                **dict.fromkeys(("perm_read", "perm_write", "perm_create", "perm_unlink"), True),
            }
        )
        return model.id

    @staticmethod
    def drop_model(model_id):
        with committed() as env:
            env["ir.model"].browse(model_id).unlink()

    def real(self, field, value):
        """A value of the tables above, with the ids there are."""
        first, second = self.partners.ids
        if field.endswith("many2one") and value.__class__ is not bool:
            by_name = {"P": first, "Q": second, 1.0: float(first), "str": str(first), "pair": [first, "P"], "tuple": [first]}
            return by_name.get(value, value) if value.__hash__ else value
        if field == "reference":
            by_name = {"reference": first, "blanks": f" {first}", "other reference": second}
            return f"res.partner,{by_name[value]}" if value in by_name else value
        return value

    def row(self, field, value):
        row = {f"x_{field}": self.real(field, value), "x_name": field}
        return {**row, "x_currency_id": self.env.ref("base.EUR").id} if field == "monetary" else row

    def upsert(self, field, *values, key=None):
        """Upsert a row for each value, in operations of their own; returns ids and errors."""
        key = key or ["x_name", f"x_{field}"]
        operations = [
            {"operation_type": "upsert", "model": MODEL, "key": key, "data": [self.row(field, value)]}
            for value in values
        ]
        results = self.env["batch.job"].execute(operations)["results"]
        return [entry["result"][0] for entry in results], [entry["error"] for entry in results]

    def created(self, field, value):
        """The record that plain Odoo makes of it, None where it does not take it."""
        try:
            with self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                record = self.model.create(self.row(field, value))
                self.env.flush_all()
                return record.id
        except Exception:  # noqa: BLE001  # whatever it refuses it with
            return None
        finally:
            self.env.invalidate_all()

    def test_all_spellings_of_a_value_are_one_record(self):
        for field, groups in SAME.items():
            made = []
            for spellings in groups:
                with self.subTest(field=field, spellings=spellings):
                    ids, errors = self.upsert(field, *spellings, *spellings)
                    self.assertEqual(errors, [False] * len(ids))
                    self.assertEqual(len(set(ids)), 1, ids)
                    made += ids[:1]
            with self.subTest(field=field):
                self.assertEqual(len(set(made)), len(groups), "two values were taken for one")
                self.assertEqual(self.model.search_count([("x_name", "=", field)]), len(groups))

    def test_what_plain_odoo_makes_of_a_value_is_found_by_all_its_spellings(self):
        for field, groups in SAME.items():
            for spellings in groups:
                takes = 0
                for spelling in spellings:
                    if spelling.__hash__ and (field, spelling) in UNREADABLE:
                        continue
                    with self.subTest(field=field, spelling=spelling):
                        plain = self.created(field, spelling)
                        if plain is None:
                            continue
                        takes += 1
                        ids, errors = self.upsert(field, *spellings)
                        self.assertEqual(ids, [plain] * len(spellings), errors)
                        self.model.browse(plain).unlink()
                self.assertTrue(takes, (field, spellings))

    def test_what_a_field_does_not_take_fails_and_makes_nothing(self):
        for field, values in REFUSED.items():
            for value in values:
                with self.subTest(field=field, value=value), mute_logger("odoo.sql_db"):
                    ids, errors = self.upsert(field, value, value)
                    self.assertEqual(ids, [False, False])
                    self.assertIn(f"x_{field}", errors[0])
                    if field == "many2one":
                        self.assertRegex(errors[0], "by x_many2one: it is no id$")
            self.assertFalse(self.model.search_count([("x_name", "=", field)]))

    def test_one_value_in_two_spellings_is_twice_the_same_key_of_an_operation(self):
        for field, groups in SAME.items():
            for spellings in groups:
                with self.subTest(field=field, spellings=spellings):
                    operation = {
                        "operation_type": "upsert",
                        "model": MODEL,
                        "key": ["x_name", f"x_{field}"],
                        "data": [self.row(field, spelling) for spelling in spellings],
                    }
                    for size in (100, 1):
                        [entry] = self.env["batch.job"].execute([operation], max_chunk_size=size)["results"]
                        self.assertEqual(
                            [failure["index"] for failure in entry["failures"]], list(range(1, len(spellings)))
                        )
                        for failure in entry["failures"]:
                            self.assertIn("same key as record 0", failure["error"])


@tagged("post_install", "-at_install")
class TestOtherKeys(TransactionCase):
    def upsert(self, model, key, *rows, **keys):
        operations = [
            {"operation_type": "upsert", "model": model, "key": key, "data": [row], **keys} for row in rows
        ]
        results = self.env["batch.job"].execute(operations)["results"]
        return [entry["result"][0] for entry in results], [entry["error"] for entry in results]

    def test_an_id_updates_the_record_that_is_there_and_makes_none(self):
        [partner] = self.env["res.partner"].create([{"name": "Old", "ref": "old"}]).ids
        spellings = [partner, float(partner), str(partner), [partner, "Old"]]
        ids, errors = self.upsert("res.partner", ["id"], *[{"id": id_, "name": f"{id_}"} for id_ in spellings])
        self.assertEqual((ids, set(errors)), ([partner] * 4, {False}))
        count = self.env["res.partner"].search_count([])
        for key, values in (
            (["id"], {"id": 2**31 - 5}),
            (["id"], {"id": 2**40}),
            (["id"], {"id": False}),
            (["id"], {"id": None}),
            (["id"], {"id": "new"}),
            (["id", "ref"], {"id": partner, "ref": "another"}),
        ):
            with mute_logger("odoo.sql_db"):
                ids, errors = self.upsert("res.partner", key, {**values, "name": "New"})
            self.assertEqual(ids, [False], values)
            self.assertIn("id", errors[0])
        self.assertEqual(self.env["res.partner"].search_count([]), count)

    def test_good_records_beside_ids_that_are_not_there_are_written(self):
        ids = self.env["res.partner"].create([{"name": f"N{n}"} for n in range(3)]).ids
        rows = [{"id": id_, "city": "There"} for id_ in (ids[0], 2**31 - 5, ids[1], 2**31 - 6, ids[2])]
        operation = {"operation_type": "upsert", "model": "res.partner", "key": ["id"], "data": rows}
        [entry] = self.env["batch.job"].execute([operation])["results"]
        self.assertEqual(entry["result"], [ids[0], False, ids[1], False, ids[2]])

    def test_a_reference_by_model_and_id_in_two_fields(self):
        partner = self.env.user.partner_id.id
        rows = [{"res_model": "res.partner", "res_id": id_, "name": "n"} for id_ in (partner, float(partner), str(partner))]
        for row in (rows, [{**row, "res_id": nothing} for row, nothing in zip(rows, (0, None, False), strict=True)]):
            ids, errors = self.upsert("ir.attachment", ["res_model", "res_id", "name"], *row)
            self.assertEqual((len(set(ids)), set(errors)), (1, {False}))

    def test_a_digits_field_is_compared_as_it_is_rounded(self):
        key = ["name", "partner_latitude"]
        degrees = [1.1, "1.10", 1.10000001, 1.09999999]
        ids, errors = self.upsert("res.partner", key, *[{"name": "Round", "partner_latitude": value} for value in degrees])
        self.assertEqual((len(set(ids)), set(errors)), (1, {False}))
        [other], _errors = self.upsert("res.partner", key, {"name": "Round", "partner_latitude": 1.1000001})
        self.assertNotEqual(other, ids[0])

    def test_a_translated_key_is_that_of_the_contexts_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        country = self.env["res.country"].create({"name": "English", "code": "X1"})
        country.with_context(lang="fr_FR").name = "Français"
        french = {"context": {"lang": "fr_FR"}}
        self.assertEqual(self.upsert("res.country", ["name"], {"name": "Français"}, **french)[0], country.ids)
        self.assertEqual(self.upsert("res.country", ["name"], {"name": "English"})[0], country.ids)
        self.assertNotEqual(
            self.upsert("res.country", ["name"], {"name": "English", "code": "X2"}, **french)[0], country.ids
        )

    def test_fields_of_an_inherited_record_and_choices_made_by_code_are_keys_too(self):
        rows = [{"login": "key-user", "email": "key@example.com", "name": "Key", "lang": "en_US"}]
        for key in (["login"], ["email"], ["name", "lang"]):
            rows.append(rows[0])
            ids, errors = self.upsert("res.users", key, *rows)
            self.assertEqual((len(set(ids)), set(errors)), (1, {False}))
        self.assertEqual(self.env["res.users"].search_count([("login", "=", "key-user")]), 1)

    def test_the_order_of_the_key_fields_means_nothing(self):
        rows = [{"name": "Order", "ref": "order"}]
        self.assertEqual(
            self.upsert("res.partner", ["name", "ref"], *rows)[0], self.upsert("res.partner", ["ref", "name"], *rows)[0]
        )

    def test_a_reference_to_another_operation_is_a_key_value(self):
        country = {"operation_type": "upsert", "model": "res.country", "key": ["code"], "operation_id": "c"}
        country["data"] = [{"code": "X3", "name": "Ref"}]
        state = {
            "operation_type": "upsert",
            "model": "res.country.state",
            "key": ["country_id", "code"],
            "data": [
                {"country_id": {"$ref": "c", "index": 0}, "code": "A", "name": "First"},
                {"country_id": {"$ref": "c", "index": 0}, "code": "B", "name": "Second"},
                {"country_id": {"$ref": "c", "index": 0}, "code": "A", "name": "Twice"},
            ],
        }
        for size in (100, 1):
            results = self.env["batch.job"].execute([country, state], max_chunk_size=size)["results"]
            self.assertEqual([bool(id_) for id_ in results[1]["result"]], [True, True, False])
            self.assertIn("same key as record 0", results[1]["failures"][0]["error"])
        self.assertEqual(self.env["res.country.state"].search_count([("country_id.code", "=", "X3")]), 2)

    def test_a_later_operation_updates_what_an_earlier_one_of_its_chunk_made(self):
        self.env["res.partner"].create({"name": "There", "ref": "k1"})
        names = {"k0": [], "k1": [], "k2": []}
        operations = []
        for turn in range(4):
            for key in ("k1", "k0") if turn % 2 else ("k0", "k2", "k1"):
                names[key].append(f"{key} {turn}")
                operations.append((key, f"{key} {turn}"))
        for options in ({}, {"max_chunk_size": 1}, {"max_chunk_size": 2}):
            ids, errors = [], []
            results = self.env["batch.job"].execute(
                [
                    {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": [{"ref": key, "name": name}]}
                    for key, name in operations
                ],
                **options,
            )["results"]
            ids = [entry["result"][0] for entry in results]
            errors = {entry["error"] for entry in results}
            self.assertEqual((len(set(ids)), errors), (3, {False}))
            records = self.env["res.partner"].search([("ref", "in", list(names))], order="ref")
            self.assertEqual(records.mapped("name"), [names[key][-1] for key in sorted(names)])

    def test_what_can_be_no_key_is_refused_at_submission(self):
        for model, field in (
            ("res.partner", "child_ids"),
            ("res.partner", "category_id"),
            ("res.partner", "image_1920"),
            ("res.partner", "properties"),
        ):
            if field in self.env[model]._fields:
                with self.assertRaisesRegex(Exception, "can't identify a record"):
                    self.upsert(model, [field], {field: False, "name": "x"})

    def test_keys_of_a_chunk_cost_no_query_per_record(self):
        def queries(count):
            rows = [{"name": f"Count {count} {n}", "country_id": "20", "color": "3"} for n in range(count)]
            operation = {"operation_type": "upsert", "model": "res.partner", "data": rows}
            operation["key"] = ["name", "country_id", "color"]
            self.env["batch.job"].execute([operation])
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            [entry] = self.env["batch.job"].execute([operation])["results"]
            self.assertTrue(entry["success"])
            return self.env.cr.sql_log_count - before

        queries(2)  # what is cached once
        self.assertLessEqual(queries(80), queries(3) + 2)
