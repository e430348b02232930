"""Run the benchmark; started by `launch.py` in the environment it needs."""

from __future__ import annotations

from .. import console, environment, paths
from . import options, overlay, report, rounds, selection, stage, table


def main(arguments: list[str]) -> int:
    given = options.parse(arguments)
    rows, measurements = selection.choose(given.only)
    env = overlay.put_over(environment.prepare())
    with paths.lock(paths.STATE, "bench"), stage.built(env, given.scale) as bench:
        outcome = rounds.run(bench, measurements)
        lines = table.judge(rows, outcome, given.scale)
        table.show(lines, outcome.problems)
        if given.write:
            report.write(env, bench, lines, outcome)
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    console.main(main)
