"""What a run has done and found, as a page of Markdown."""

#: The figures of a sample, in words.
SIZES = {
    "process_mb": "largest process of Odoo, MB",
    "processes_mb": "all processes of Odoo, MB",
    "tables_mb": "tables of the addon, MB",
    "connections": "connections to the database",
    "jobs": "unfinished jobs",
}


def figures(stage):
    """What there is to tell of a run, as Markdown."""
    seconds = max(stage.seconds, 1)
    done = {
        "minutes": f"{seconds / 60:.1f}",
        "stories": f"{sum(stage.told.values()):,}",
        "jobs": f"{len(stage.jobs):,}",
        "effects on records, each counted": f"{stage.effects:,} ({stage.effects / seconds:.0f}/s)",
        **{f"struck: {what}": f"{times:,}" for what, times in stage.breaker.struck.items()},
        "chunks that were tried again": f"{stage.watch.tried_again:,}",
        f"most chunks in flight under a limit of {stage.most_in_flight}": f"{stage.watch.most_limited}",
        "ends that the webhook took": f"{len(stage.receiver.told):,} of {len(stage.receiver.promised):,}, in {stage.receiver.calls:,} requests",
        "faults": f"{len(stage.faults):,}",
    }
    rows = [["", "highest in the first third", "in the second", "in the last"]]
    rows += [[title, *(f"{value:,}" for value in stage.watch.thirds(name))] for name, title in SIZES.items()]
    told = [["story", "told"], *([name.replace("_", " "), f"{times:,}"] for name, times in stage.told.items())]
    return "\n\n".join(["", table([["", ""], *done.items()]), table(rows), table(told), *(f"FAULT {fault}" for fault in stage.faults)])


def table(rows):
    head, *rest = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rest])
