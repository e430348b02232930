"""Show a job's progress in the terminal, and its outcome."""

from __future__ import annotations

import sys
import time

from .client import Client

FINAL = {"completed", "partial", "failed", "cancelled"}
POLL_S = 0.5
BAR_WIDTH = 30
# Without a terminal each report is a line of its own: fewer of them then.
LINE_EVERY_S = 5.0
SHOWN_FAILURES = 8


def until_final(client: Client, status: dict) -> dict:
    """Poll the job until it is over; return its last status."""
    live = sys.stdout.isatty()
    reported = 0.0
    while status["state"] not in FINAL:
        if live or time.monotonic() - reported >= LINE_EVERY_S:
            reported = time.monotonic()
            _report(status, live)
        time.sleep(POLL_S)
        status = client.batch("status", job_id=status["job_id"])
    _report(status, live)
    if live:
        print()
    return status


def summary(client: Client, status: dict) -> None:
    stats = status["stats"]
    print(f"\n  {status['name']}: {status['state']}")
    done, failed, total = stats["processed_records"], stats["failed_records"], stats["total_records"]
    print(f"  records     {done:,} done, {failed:,} failed of {total:,}")
    done, total = stats["completed_operations"], stats["total_operations"]
    print(f"  operations  {done:,} of {total:,} without a failure")
    print(f"  duration    {status['duration']:.1f} s, {stats['records_per_second']:,.0f} records/s")
    if status["error"]:
        print(f"  error       {status['error']}")
    if failed:
        _failures(client, status)


def _failures(client: Client, status: dict) -> None:
    page = client.batch("failures", job_id=status["job_id"], limit=SHOWN_FAILURES)
    print("  first failures:")
    for failure in page["failures"]:
        where = f"{failure.get('operation_id', '?')}[{failure.get('index', '?')}]"
        message = " ".join(str(failure["error"]).split())
        print(f"    {where:<12} {failure['error_type']}: {message[:110]}")


def _report(status: dict, live: bool) -> None:
    share = status["percentage"] / 100
    filled = round(share * BAR_WIDTH)
    bar = "#" * filled + "." * (BAR_WIDTH - filled)
    rate = status["stats"]["records_per_second"]
    line = (
        f"  [{bar}] {status['percentage']:5.1f} %  {status['completed']:,}/{status['total']:,} records"
        f"  {rate:,.0f}/s  {status['state']}"
    )
    print(f"\r{line}\033[K" if live else line, end="" if live else "\n", flush=True)
