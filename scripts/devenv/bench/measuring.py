"""What a benchmark consists of: measurements, taken in every round, and rows, which judge their medians."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace

#: How much of everything, by default and with --quick; the texts of rows name these numbers.
AMOUNTS = {
    "rounds": (3, 1),
    "singles": (1_000, 200),  # records in the comparisons with peers
    "large": (10_000, 1_000),  # records in one operation
    "repeated": (5, 3),  # times within a round, of what takes a second
    "bare": (8_000, 2_000),  # records of a lane, and of a bare loop
    "lanes": (4_000, 1_200),  # records of one lane and of two
    "sized": (2_000, 400),  # records by chunk size
    "slow_sized": (1_000, 150),  # the same, where a record takes long
    "fast_sized": (8_000, 1_000),  # and where it does not
    "many": (100_000, 10_000),  # operations that are only accepted
    "run_of_many": (10_000, 1_000),  # as many of them are run
    "starts": (20, 5),  # submissions whose first chunk is waited for
    "chunks": (10_000, 10_000),  # chunks of a large job
    "waiting": (1_000_000, 100_000),  # chunks of other jobs
    "old": (1_000_000, 100_000),  # chunks of a job that is deleted
    "calls": (200, 100),  # calls of `status`, and claims
    "business": (300, 100),  # documents of each kind
    "imports": (2_000, 1_000),  # rows of an import
    "fed": (50_000, 1_000),  # records that are sent a second time
    "tracked": (20_000, 1_000),  # records whose changes are tracked, and undone
    "memory": (200_000, 8_000),  # records of a lane whose memory is watched
    "uploaded": (2000, 20),  # megabytes of a file that a worker takes in
}
#: Runs before the first round: processes load their code and fill their caches.
WARM_UP = {"singles": 20, "large": 20, "repeated": 1, "bare": 200, "lanes": 200, "business": 20, "imports": 100, "tracked": 100}


def scale_of(*, quick: bool, rounds: int | None = None) -> SimpleNamespace:
    amounts = {name: amounts[quick] for name, amounts in AMOUNTS.items()}
    return SimpleNamespace(**{**amounts, "rounds": rounds or amounts["rounds"]})


class Invalid(Exception):
    """A contestant has not done its work: whatever it took, it must not count."""


def expect(count: int, wanted: int, what: str) -> None:
    if count != wanted:
        raise Invalid(f"{what}: {count:,} instead of {wanted:,}")


@dataclass(frozen=True)
class Measurement:
    """Something measured in every round.

    :param run: takes the `Bench`, returns a number, or several by name: the sample `name` of the measurement `key` is
        kept as `key/name`; the name "" stands for the measurement itself.
    :param units: of names that have another one
    """

    key: str
    title: str
    unit: str
    run: Callable
    units: Mapping[str, str] = field(default_factory=dict)
    once: bool = False  # in the first round only: long, and no matter of luck
    warms_up: bool = False  # whether to run it once, small, before the first round
    is_short: bool = False  # takes a second: several times a round, in turns with the others that do


@dataclass(frozen=True)
class Row:
    """A line of the table: the greatest median of `top`, over the greatest of `bottom` where there are any (keys, with spaces between).

    Where one of its measurements is invalid, so is the row.
    """

    key: str
    title: str
    top: str
    bottom: str = ""
    goal: str = ""  # as in "≥ 0.95"
    unit: str = "x"

    @property
    def needs(self) -> set[str]:
        """Keys of its measurements."""
        return {key.partition("/")[0] for key in f"{self.top} {self.bottom}".split()}

    def line(self, scale: SimpleNamespace, median: Mapping[str, float], problems: Mapping) -> tuple[str, str, str, str]:
        """Title, value, goal, and what is to be said of that: met, missed, INVALID, or nothing where there is none."""
        title, goal = self.title.format(**vars(scale)), f"{self.goal} {self.unit}" if self.goal else ""
        if self.needs & set(problems):
            return title, "", goal, "INVALID"
        value = max(median[key] for key in self.top.split())
        if self.bottom:
            value *= (100 if self.unit == "%" else 1) / max(median[key] for key in self.bottom.split())
        verdict = ""
        if self.goal:
            sign, limit = self.goal.split()
            verdict = "met" if (value >= float(limit) if sign == "≥" else value <= float(limit)) else "missed"
        return title, f"{number(value)} {self.unit}", goal, verdict


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
