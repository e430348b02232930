"""What a submission may be made of in Python, and how it reaches the database."""

import enum
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from odoo.tests.common import BaseCase
from odoo.tools.translate import LazyTranslate

from odoo.addons.batch_executor.engine.fingerprint import fingerprint_of
from odoo.addons.batch_executor.engine.options import READERS
from odoo.addons.batch_executor.engine.settings import SETTINGS, bounds, setting
from odoo.addons.batch_executor.exceptions import BatchValidationError
from odoo.addons.batch_executor.store.copy import copy_rows

from .lane_case import LaneCase

_lt = LazyTranslate("batch_executor")


class Text(str):
    def __str__(self):
        return "not what it is"


class Number(int):
    def __str__(self):
        return "not a number"


class Share(float):
    def __str__(self):
        return "not a share"


class Level(enum.IntEnum):
    HIGH = 7


class Code(int, enum.Enum):
    OTHER = 8


class Word(str, enum.Enum):
    SPECIAL = "tab\there, line\nthere, back\\slash"


class TestCopy(LaneCase):
    def stored(self, kind, values):
        """What COPY stores of values in a column of a type, all in one page."""
        with self.committed() as env:
            env.cr.execute(f"CREATE TEMP TABLE batch_test_copy (number integer, value {kind}) ON COMMIT DROP")
            copy_rows(env.cr, "batch_test_copy", ["number", "value"], list(enumerate(values)))
            env.cr.execute("SELECT value FROM batch_test_copy ORDER BY number")
            return [value for (value,) in env.cr.fetchall()]

    def check(self, kind, values, expected):
        for column in (values, *([value] for value in values), *([value] * 3 for value in values)):
            with self.subTest(kind=kind, values=column):
                wanted = [expected[values.index(value)] for value in column]
                self.assertEqual(self.stored(kind, column), wanted)

    def test_texts_of_all_kinds(self):
        special = "tab\there, line\nthere, return\rand back\\slash, \\N"
        values = [special, Text(special + "!"), Word.SPECIAL, "\\N", Text("\\N "), "", None, "plain"]
        expected = [special, special + "!", Word.SPECIAL.value, "\\N", "\\N ", "", None, "plain"]
        self.check("text", values, expected)

    def test_texts_that_are_made_when_they_are_looked_at(self):
        lazy = _lt("a lazy text\twith a tab")
        self.assertEqual(self.stored("text", [lazy, "x"]), ["a lazy text\twith a tab", "x"])

    def test_numbers_of_all_kinds(self):
        self.check("integer", [1, Number(2), Level.HIGH, Code.OTHER, None, -3], [1, 2, 7, 8, None, -3])
        self.check("float", [0.5, Share(1.5), 2, Number(4), None], [0.5, 1.5, 2.0, 4.0, None])
        self.check("boolean", [True, False, None], [True, False, None])
        self.check("integer[]", [[1, Number(2), Level.HIGH], [], None], [[1, 2, 7], [], None])
        self.assertEqual(self.stored("numeric", [Decimal("1.5"), 2]), [Decimal("1.5"), Decimal(2)])

    def test_a_job_is_stored_with_whatever_kinds_of_text_name_it(self):
        name = Text("tab\there, back\\slash")
        job = self.submit({**self.creates(1), "operation_id": name}, {**self.creates(1), "model": Text("res.partner")})
        self.assertEqual(
            self.sql("SELECT operation_id, model FROM batch_operation WHERE job_id = %s ORDER BY position", job),
            [("tab\there, back\\slash", "res.partner"), ("op-2", "res.partner")],
        )


@dataclass
class Sent:
    """An operation as an object of a client's own."""

    operation_type: str
    model: str
    data: list
    created_at: datetime | None = None
    result: object = None
    context: dict = field(default_factory=dict)


class Unspeakable:
    pass


class TestFingerprint(BaseCase):
    def test_what_is_the_same_has_the_same(self):
        rows = [{"name": "A", "date": date(2030, 1, 2)}]
        plain = {"operation_type": "create", "model": "res.partner", "data": rows, "context": {}}
        mark = fingerprint_of([plain], {})
        for same in (
            dict(reversed(plain.items())),
            Sent(**plain),
            Sent(**plain, created_at=datetime(2030, 1, 2), result=Unspeakable()),
            {**plain, "status": "pending", "error": Unspeakable()},
            {**plain, "data": [{"name": "A", "date": "2030-01-02"}]},
            {**plain, "data": tuple(rows)},
        ):
            self.assertEqual(fingerprint_of([same], {"idempotency_key": "x"}), mark, same)
        for other in ({**plain, "data": []}, {**plain, "operation_id": "a"}, {**plain, "priority": 1}):
            self.assertNotEqual(fingerprint_of([other], {}), mark)
        self.assertNotEqual(fingerprint_of([plain], {"priority": 1}), mark)

    def test_keys_of_several_kinds(self):
        mixed = [{"operation_type": "create", "data": [{1: "a", "b": {None: 1, "c": 2}, Word.SPECIAL: 3}]}]
        again = [{"data": [{Word.SPECIAL: 3, "b": {"c": 2, None: 1}, "1": "a"}], "operation_type": "create"}]
        self.assertEqual(fingerprint_of(mixed, {}), fingerprint_of(again, {}))


class TestIdempotency(LaneCase):
    def test_whatever_is_sent_with_a_key_is_stored_or_refused_with_its_problems(self):
        circle, deep = [], []
        circle.append(circle)
        for _ in range(100_000):
            deep = [deep]
        for number, value in enumerate((Unspeakable(), circle, deep, {(1, 2): 3}, {1, "a"}, b"\xff", 1j)):
            operation = {**self.creates(1)}
            operation["data"][0]["comment"] = value
            with self.subTest(value=number), self.assertRaises(BatchValidationError) as caught:
                self.submit(operation, idempotency_key=f"{self.mark}-{number}")
            self.assertIn("no JSON form", caught.exception.validation_errors[0]["message"])
        for number, value in enumerate((Unspeakable(), 7, None, {1: 2, "a": 3}, {(1, 2): 3})):
            with self.subTest(operation=number), self.assertRaises(BatchValidationError):
                self.submit(value, idempotency_key=f"{self.mark}-o{number}")

    def test_objects_of_a_client_are_known_again(self):
        operation = self.creates(1)
        first = self.submit(Sent(**operation, created_at=datetime(2030, 1, 1)), idempotency_key=self.mark)
        self.assertEqual(self.submit(operation | {"context": {}}, idempotency_key=self.mark), first)


class TestBounds(BaseCase):
    def test_a_setting_may_be_what_its_option_may_be(self):
        for name in ("max_chunk_size", "max_concurrency", "retry_attempts"):
            low, high = bounds(name)
            for value in (low, high):
                self.assertEqual(READERS[name].read(value), value)
            for value in (low - 1, high + 1):
                with self.assertRaises(ValueError):
                    READERS[name].read(value)

    def test_a_parameter_out_of_its_bounds_is_taken_for_the_nearest_value(self):
        for name, default in SETTINGS.items():
            low, high = bounds(name)
            for text, value in (
                (str(low), low),
                (str(high), high),
                (str(low - 1), low),
                (str(high + 1), high),
                (None, default),
                ("", default),
                ("many", default),
                ("9" * 5000, default),
            ):
                with self.subTest(name=name, text=text and text[:10]):
                    self.assertEqual(setting(name, text), value)
