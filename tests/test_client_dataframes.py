"""DataFrames of pandas and polars, handed over by the Python client: the values that Odoo holds afterwards."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

from .client_case import HAS_CLIENT, ClientCase
from .extras import is_installed, needs

if HAS_CLIENT:
    from odoo_batch import dataframes

LIBRARIES = ("pandas", "polars")
if HAS_FRAMES := all(map(is_installed, LIBRARIES)):
    import pandas
    import polars

    FRAMES = {"pandas": pandas.DataFrame, "polars": lambda columns: polars.DataFrame(columns, strict=False)}

EAST = timezone(timedelta(hours=5))


@needs(*LIBRARIES)
class TestDataFrames(ClientCase):
    def test_values_are_those_of_odoo(self):
        columns = {
            "text": ["a", None, ""],
            "whole": [1, None, 3],
            "number": [1.5, None, 2.0],
            "truth": [True, False, True],
            "moment": [datetime(2026, 1, 31, 10, 0, 5, 999), None, datetime(2026, 2, 1)],
            "zoned": [datetime(2026, 1, 31, 3, 0, tzinfo=EAST), None, datetime(2026, 2, 1, tzinfo=timezone.utc)],
            "day": [date(2026, 1, 31), None, date(2026, 2, 1)],
            "price": [Decimal("1.25"), None, Decimal(2)],
            "tag_ids": [[1, 2], [3], []],
            "_error": ["x", "y", "z"],
        }
        expected = [
            {
                "text": "a", "whole": 1, "number": 1.5, "truth": True, "moment": "2026-01-31 10:00:05", "zoned": "2026-01-30 22:00:00",
                "day": "2026-01-31", "price": 1.25, "tag_ids": [1, 2],
            },
            {
                "text": False, "whole": False, "number": False, "truth": False, "moment": False, "zoned": False, "day": False,
                "price": False, "tag_ids": [3],
            },
            {
                "text": "", "whole": 3, "number": 2.0, "truth": True, "moment": "2026-02-01 00:00:00", "zoned": "2026-02-01 00:00:00",
                "day": "2026-02-01", "price": 2.0, "tag_ids": [],
            },
        ]  # fmt: skip
        for library, make in FRAMES.items():
            with self.subTest(library):
                frame = make(columns)
                operation = dataframes.operation_of(frame, "x", "upsert", ["text"])
                self.assertEqual(operation["data"], expected)
                self.assertEqual([type(row["whole"]) for row in operation["data"]], [int, bool, int])
                self.assertEqual((operation["key"], dataframes.library_of(frame)), (["text"], library))
                operation = dataframes.operation_of(frame, "x", "load", [])
                self.assertEqual(operation["fields"], list(expected[0]))
                first = ["a", "1", "1.5", "true", "2026-01-31 10:00:05", "2026-01-30 22:00:00", "2026-01-31", "1.25", "1,2"]
                self.assertEqual(operation["data"][0], first)
                self.assertEqual((operation["data"][1][:3], operation["context"]), (["", "", ""], {"tz": "UTC"}))

    def test_types_of_their_own(self):
        frame = pandas.DataFrame(
            {
                "kind": pandas.Categorical(["a", None]),
                "whole": pandas.array([1, None], dtype="Int64"),
                "truth": pandas.array([True, None], dtype="boolean"),
                "moment": pandas.to_datetime(["2026-01-31 10:00", None]),
                "zoned": pandas.to_datetime(["2026-01-31 10:00", None]).tz_localize("Europe/Brussels"),
            },
            index=[7, 7],
        )
        rows = [["a", 1, True, "2026-01-31 10:00:00", "2026-01-31 09:00:00"], [False] * 5]
        self.assertEqual([list(row.values()) for row in dataframes.operation_of(frame, "x", "create", [])["data"]], rows)
        frame = polars.DataFrame(
            {"kind": ["a", None], "whole": [1, None], "truth": [True, None], "nested": [{"a": [1]}, None]},
            schema_overrides={"kind": polars.Categorical, "whole": polars.Int16},
        )
        rows = [["a", 1, True, {"a": [1]}], [False] * 4]
        self.assertEqual([list(row.values()) for row in dataframes.operation_of(frame, "x", "create", [])["data"]], rows)

    def test_what_odoo_has_no_form_for_is_named(self):
        for make in FRAMES.values():
            for columns, key, words in (
                ({"a": [timedelta(1)]}, [], "column 'a': Odoo has no field"),
                ({"a": [float("inf")]}, [], "column 'a': infinity"),
                ({"a": [1]}, ["b"], "no column 'b'"),
            ):
                with self.assertRaisesRegex((TypeError, ValueError), words):
                    dataframes.operation_of(make(columns), "x", "upsert", key)
        with self.assertRaisesRegex(ValueError, "0 is none"):
            dataframes.operation_of(pandas.DataFrame([[1]]), "x", "load", [])
        with self.assertRaisesRegex(ValueError, "two columns 'a'"):
            dataframes.operation_of(pandas.DataFrame([[1, 2]], columns=["a", "a"]), "x", "load", [])
        with self.assertRaisesRegex(TypeError, "pandas or polars is needed, not builtins.list"):
            self.client.load_dataframe([], "res.partner")

    def test_upsert_and_load(self):
        for library, make in FRAMES.items():
            with self.subTest(library):
                frame = make({"ref": [f"{library}-1", f"{library}-2"], "name": ["One", "Two"], "color": [4, None]})
                for names in (["One", "Two"], ["One", "Two"]):
                    job = self.finished(self.client.load_dataframe(frame, "res.partner", key="ref", skip_unchanged=True))
                    [entry] = job.result(outcomes=True)
                    self.assertEqual(self.names_of(entry["result"]), names)
                self.assertEqual(entry["outcomes"], ["unchanged", "unchanged"])
                frame = make(
                    {
                        "id": [f"client.{library}_1", f"client.{library}_2"],
                        "name": ["Three", "Four"],
                        "country_id/id": ["base.be", None],
                        "partner_latitude": [50.5, None],
                        "active": [True, False],
                    }
                )
                [entry] = self.finished(self.client.load_dataframe(frame, "res.partner")).result()
                with self.committed() as env:
                    partners = env["res.partner"].browse(entry["result"])
                    found = [(one.name, one.country_id.code, one.partner_latitude, one.active) for one in partners]
                self.assertEqual(found, [("Three", "BE", 50.5, True), ("Four", False, 0.0, False)])

    def test_times_are_in_utc_whatever_the_zone_of_the_user(self):
        moments = [datetime(2026, 1, 31, 10, 0), datetime(2026, 7, 1, 12, 0, tzinfo=EAST)]
        with self.committed() as env:
            env["res.users"].browse(self.user.id).tz = "America/New_York"
        for library, make in FRAMES.items():
            operation = dataframes.operation_of(make({"name": ["A"], "date": [moments[0]]}), "mail.message", "load", [])
            self.assertEqual((operation["data"], operation["context"]), ([["A", "2026-01-31 10:00:00"]], {"tz": "UTC"}), library)
            self.assertEqual(
                dataframes.operation_of(make({"date": [moments[1]]}), "x", "create", [])["data"], [{"date": "2026-07-01 07:00:00"}]
            )

    def test_failures_come_back_as_they_were_sent(self):
        for library, make in FRAMES.items():
            with self.subTest(library):
                frame = make({"ref": [f"fail-{library}-{index}" for index in range(3)], "name": ["One", None, "Three"]})
                job = self.finished(self.client.load_dataframe(frame, "res.partner", key=["ref"]))
                failed = job.failures_dataframe()
                self.assertEqual(type(failed).__module__.partition(".")[0], library)
                self.assertEqual(list(failed.columns), ["ref", "name", "_operation", "_index", "_error_type", "_error"])
                self.assertEqual(
                    [next(iter(failed[name])) for name in ("ref", "_operation", "_index", "_error")],
                    [f"fail-{library}-1", "op-1", 1, "Contacts require a name"],
                )
                if library == "pandas":
                    failed["name"] = "Mended"
                else:
                    failed = failed.with_columns(name=polars.lit("Mended"))
                [entry] = self.finished(self.client.load_dataframe(failed, "res.partner", key=["ref"])).result()
                self.assertEqual(self.names_of(entry["result"]), ["Mended"])
                self.assertEqual(len(job.failures_dataframe({"pandas": "polars", "polars": "pandas"}[library])), 1)

    def test_a_large_one_is_sent_in_parts(self):
        from unittest.mock import patch

        from odoo_batch._sync import client as sync_client

        frame = pandas.DataFrame({"ref": [f"df-{index:03}" for index in range(200)], "name": "N"})
        frame.loc[150, "name"] = None
        with patch.object(sync_client, "REQUEST_BYTES", 2_000):
            job = self.finished(self.client.load_dataframe(frame, "res.partner", key=["ref"]))
        [entry] = job.result()
        self.assertEqual((len(entry["result"]), entry["failed_records"]), (200, 1))
        self.assertEqual(list(job.failures_dataframe()["_index"]), [150])

    def test_a_library_that_is_missing_is_named_as_pip_knows_it(self):
        from unittest.mock import patch

        from odoo_batch import BatchError

        with patch.object(dataframes.importlib, "import_module", side_effect=ImportError):
            for library, named in (("polars", "polars"), (None, "pandas")):
                with self.assertRaisesRegex(BatchError, f"pip install {named}$"):
                    dataframes._installed(library)
