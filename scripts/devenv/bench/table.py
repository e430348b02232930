"""The rows, judged."""

from __future__ import annotations

from dataclasses import dataclass

from .measuring import Row
from .options import Scale
from .rounds import Outcome


@dataclass(frozen=True)
class Line:
    key: str
    title: str
    value: str
    goal: str
    verdict: str  # met, missed, INVALID, or nothing where there is no goal


def judge(rows: list[Row], outcome: Outcome, scale: Scale) -> list[Line]:
    return [_judge(row, outcome, scale) for row in rows]


def _judge(row: Row, outcome: Outcome, scale: Scale) -> Line:
    title = row.title.format(**vars(scale))
    goal = f"{row.goal} {row.unit}" if row.goal else ""
    if any(key in outcome.problems for key in row.needs):
        return Line(row.key, title, "", goal, "INVALID")
    value = row.value(outcome.medians)
    verdict = "" if not row.goal else "met" if row.goal.is_met(value) else "missed"
    return Line(row.key, title, f"{number(value)} {row.unit}", goal, verdict)


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def show(lines: list[Line], problems: dict[str, str]) -> None:
    """Print the table, and why rows are invalid."""
    width = max(len(line.key) for line in lines)
    for line in lines:
        print(f"{line.key:<{width}}  {line.value:>12}  {line.goal:<12}  {line.verdict:<7}  {line.title}")
    counts = {verdict: sum(line.verdict == verdict for line in lines) for verdict in ("met", "missed", "INVALID")}
    for key, problem in problems.items():
        print(f"\nINVALID, {key}: {problem}")
    print(
        "\ngoals: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count or verdict == "met")
    )
