"""What the overview page shows: lanes, queue, throughput, jobs, causes of failure; and why nothing runs."""

import json
import re
from datetime import timedelta

from ..engine import standstill as why
from ..engine import states
from ..engine.forecast import run_records, worked_s
from ..engine.limit import waits
from ..engine.standstill import Signs, standstill
from ..engine.throughput import History, per_minute
from ..store import overview as store
from ..store.awake import lanes_awake
from ..store.summary import failure_causes
from .settings import cron_workers
from .status import job_figures, utc_now

#: Minutes of the chart of throughput, and most jobs whose histories it adds up.
MINUTES, MOST_HISTORIES = 60, 200
#: Most jobs in each list.
JOBS_SHOWN = 10
#: Most jobs whose causes of failure are added up, most failures counted of each cause in a job, and most causes shown.
MOST_JOBS_OF_CAUSES, FAILURES_COUNTED, CAUSES_SHOWN = 10, 500, 8
#: A worker as lanes name themselves: host, process, number, scheduled action. In earlier versions without the number.
WORKER = re.compile(r"(?P<host>.*):(?P<process>\d+) lane (?:\d+ \(action )?(?P<lane>\d+)\)?")


def overview(env, with_causes):
    """All that the page shows, in one answer.

    :param env: the caller's environment: jobs are those that the caller may see
    :param bool with_causes: also the causes of failure, which take longer and change less
    :returns: dict, see the functions below
    """
    chunks = store.running_chunks(env.cr)
    lanes = store.lanes(env.cr)
    unfinished = _unfinished(env)
    return {
        "standstill": _standstill(env, lanes, chunks),
        "lanes": _lanes(env, lanes, chunks),
        "cron_workers": cron_workers(),
        "counts": _counts(env),
        "jobs": _jobs(env, unfinished),
        "throughput": _throughput(env, unfinished),
        "causes": _causes(env, unfinished) if with_causes else False,
    }


# -- why nothing runs ------------------------------------------------------------------------------


def explain_standstill(env):
    """Why nothing runs although work waits.

    :returns: a dict with `reason` (a constant of `engine.standstill`) and `text`; False where lanes are at work, or nothing waits
    """
    return _standstill(env, store.lanes(env.cr), store.running_chunks(env.cr))


def _standstill(env, lanes, chunks):
    active = [lane for lane in lanes if lane["active"]]
    seen = [lane["unseen_s"] for lane in active if lane["unseen_s"] is not None]
    scheduler_unseen_s, modules_change = store.scheduler(env.cr)
    reason = standstill(
        Signs(
            has_work=store.has_work(env.cr),
            active_lanes=len(active),
            unseen_s=0.0 if lanes_awake(env.cr) or any(chunk["is_alive"] for chunk in chunks) else min(seen, default=None),
            overdue_s=max((lane["overdue_s"] for lane in active if lane["overdue_s"] is not None), default=None),
            scheduler_unseen_s=scheduler_unseen_s,
            is_failing=any(lane["is_failing"] for lane in active),
            is_neutralized=bool(env["ir.config_parameter"].sudo().get_param("database.is_neutralized")),
            modules_change=modules_change,
        )
    )
    return {"reason": reason, "text": _text(env, reason)} if reason else False


def _text(env, reason):
    texts = {
        why.NEUTRALIZED: env._(
            "Nothing runs: this database is a neutralized copy, whose scheduled actions are switched off, the lanes of batch jobs among them."
        ),
        why.ARCHIVED: env._(
            "Nothing runs: all lanes are archived. Save the number of lanes in Batch / Configuration / Settings to have them back."
        ),
        why.MODULES: env._("Nothing runs: Odoo's scheduler rests until the modules that wait to be installed or upgraded are."),
        why.NO_WORKER: env._(
            "Nothing runs: no scheduled action of this database has been run for minutes. Odoo needs a cron worker: "
            "start it with max_cron_threads of at least 1, on a server that serves this database."
        ),
        why.FAILING: env._("Nothing runs: the lanes fail. The server's log says why."),
        why.BUSY: env._(
            "Nothing runs: the cron workers are busy with other scheduled actions, or have just gone. More of them (max_cron_threads) would help."
        ),
    }
    return texts[reason]


# -- lanes -----------------------------------------------------------------------------------------


def _lanes(env, lanes, chunks):
    """Lanes with what they do: first the busy ones.

    :returns: dicts with id, number, active, unseen_s, and `chunk`: False, or that which it runs
    """
    numbers = _numbers(lanes)
    visible = {job.id: job.name for job in env["batch.job"].search([("id", "in", list({chunk["job_id"] for chunk in chunks}))])}
    busy = {}
    for chunk in chunks:
        named = WORKER.fullmatch(chunk["worker"] or "")
        lane_id = int(named["lane"]) if named else None
        host = named["host"] if named else chunk["worker"]
        busy[lane_id if lane_id in numbers else f"chunk {chunk['id']}"] = _chunk(chunk, host, visible)
    found = [
        {"id": lane["id"], "number": numbers[lane["id"]], "active": lane["active"], "unseen_s": lane["unseen_s"], "chunk": busy.pop(lane["id"], False)}
        for lane in lanes
    ]
    # lanes that are no scheduled actions: of tests, or of a process of its own
    found += [{"id": key, "number": False, "active": True, "unseen_s": 0.0, "chunk": chunk} for key, chunk in busy.items()]
    return sorted(found, key=lambda lane: (not lane["chunk"], not lane["active"]))


def _numbers(lanes):
    """Lane id -> its number for people, from 1."""
    return {lane["id"]: number for number, lane in enumerate(lanes, 1)}


def _chunk(chunk, host, visible):
    """A running chunk; of a job that the caller may not see, only that there is one.

    :param dict visible: job id -> name
    """
    shown = {"running_s": chunk["running_s"], "is_alive": chunk["is_alive"], "id": False}
    if chunk["job_id"] in visible:
        shown |= {
            "id": chunk["id"],
            "host": host,
            "job_id": chunk["job_id"],
            "job": visible[chunk["job_id"]],
            "model": chunk["model"] or "",
            "records": chunk["record_count"],
            "attempt": chunk["attempt"],
        }
    return shown


# -- jobs ------------------------------------------------------------------------------------------


def _unfinished(env):
    """The caller's unfinished jobs: those that run, then those that wait, the oldest first; at most `MOST_HISTORIES`."""
    jobs = env["batch.job"].search([("finished_at", "=", False), ("state", "!=", states.DRAFT)], order="id", limit=MOST_HISTORIES)
    return jobs.sorted(lambda job: job.state != states.RUNNING)


def _counts(env):
    """Numbers of the caller's unfinished jobs by state, of scheduled ones apart, and what is left to do in them.

    :returns: dict with a number for each state, `scheduled`, `records_left`, and `oldest_s`: seconds that the first one in the queue has
        waited for its first chunk, since it was submitted, started or retried, or False
    """
    unfinished = [("finished_at", "=", False)]
    scheduled = [*unfinished, ("state", "=", states.PENDING), ("run_at", ">", utc_now())]
    sums = ["__count", *(f"{name}_records:sum" for name in ("total", "processed", "failed", "cancelled"))]
    jobs = env["batch.job"]
    groups = {state: numbers for state, *numbers in jobs._read_group(unfinished, ["state"], sums)}
    counts = {state: groups[state][0] if state in groups else 0 for state in states.JOB_UNFINISHED}
    counts["scheduled"] = jobs.search_count(scheduled)
    counts["pending"] -= counts["scheduled"]
    lefts = (total - sum(run) for state, (_count, total, *run) in groups.items() if state != states.DRAFT)
    counts["records_left"] = sum(lefts)
    waiting = [*unfinished, ("state", "=", states.PENDING), ("ready", "=", True)]
    since = [max(filter(None, (job.awaited_since or job.create_date, job.run_at))) for job in jobs.search(waiting, order="id", limit=MOST_HISTORIES)]
    counts["oldest_s"] = max((utc_now() - min(since)).total_seconds(), 0.0) if since else False
    return counts


def _jobs(env, unfinished):
    """The first running and waiting jobs, with their progress."""
    shown = unfinished[:JOBS_SHOWN]
    figures = job_figures(env, shown)
    return [
        {
            "id": job.id,
            "name": job.name,
            "state": job.state,
            "user": job.user_id.display_name,
            "total": job.total_records,
            "processed": job.processed_records,
            "failed": job.failed_records,
            "percentage": figures[job.id]["percentage"],
            "records_per_second": figures[job.id]["records_per_second"],
            "left_s": _seconds_until(figures[job.id]["eta"]),
            "starts_s": _seconds_until(job.run_at) if job.is_scheduled else False,
            "limit": waits(job) and job.limit_id.name,
        }
        for job in shown
    ]


def _seconds_until(moment):
    return max((moment - utc_now()).total_seconds(), 0.0) if moment else False


def _throughput(env, unfinished):
    """How many records of the caller's jobs have run in each of the last minutes.

    :returns: dict with `minutes` (the present one last), `total`, and `is_cut`: there are more jobs than were looked at
    """
    since = utc_now() - timedelta(minutes=MINUTES)
    ended = env["batch.job"].search([("finished_at", ">=", since)], order="finished_at desc", limit=MOST_HISTORIES)
    minutes = per_minute(map(_history, ended + unfinished), MINUTES)
    return {"minutes": minutes, "total": sum(minutes), "is_cut": max(len(ended), len(unfinished)) >= MOST_HISTORIES}


def _causes(env, unfinished):
    """The most frequent causes of failure in the caller's latest jobs of a day; dry runs have nothing to mend.

    :returns: dict with `causes`: dicts with error_type, cause, message (an example), number, has_more (there are more than these), jobs (how many), and `domain` (the failures),
        and `is_cut`: there are more jobs than were looked at
    """
    since = utc_now() - timedelta(days=1)
    failed = [("failed_records", ">", 0), ("dry_run", "=", False)]
    ended = env["batch.job"].search([("finished_at", ">=", since), *failed], order="finished_at desc", limit=MOST_JOBS_OF_CAUSES)
    jobs = (ended + unfinished.filtered_domain(failed))[:MOST_JOBS_OF_CAUSES]
    causes = {}
    for job in jobs:
        for row in failure_causes(env.cr, job.id, FAILURES_COUNTED):
            found = causes.setdefault((row["error_type"], row["cause"]), {"message": row["message"], "number": 0, "has_more": False, "job_ids": []})
            found["number"] += min(row["number"], FAILURES_COUNTED)
            found["has_more"] |= row["number"] > FAILURES_COUNTED
            found["job_ids"].append(job.id)
    most = sorted(causes.items(), key=lambda item: item[1]["number"], reverse=True)[:CAUSES_SHOWN]
    return {
        "causes": [
            {
                "error_type": error_type,
                "cause": cause,
                "message": found["message"],
                "number": found["number"],
                "has_more": found["has_more"],
                "jobs": len(found["job_ids"]),
                "domain": [
                    ["job_id", "in", found["job_ids"]],
                    ["error_type", "=", error_type],
                    ["cause", "=", cause],
                    ["retried_at", "=", False],
                    ["dismissed_at", "=", False],
                ],
            }
            for (error_type, cause), found in most
        ],
        "is_cut": len(jobs) >= MOST_JOBS_OF_CAUSES,
    }


def _history(job):
    now = utc_now()
    return History(
        ended_s=max((now - job.finished_at).total_seconds(), 0.0) if job.finished_at else 0.0,
        worked_s=worked_s(job, now),
        run=run_records(job),
        points=json.loads(job.pace_points or "[]"),
    )


# -- one job ---------------------------------------------------------------------------------------


def timeline(env, job_id, limit):
    """Chunks of a job over time, for a chart.

    :param int job_id: id of a job that the caller may see
    :param int limit: most chunks
    :returns: dict with `chunks` (see `store.overview.timeline`; with `lane` and `host` in the place of `worker`), the first claimed first,
        and `is_cut`: there may be more than these
    """
    rows = store.timeline(env.cr, job_id, limit)
    numbers = _numbers(store.lanes(env.cr))
    for row in rows:
        worker = row.pop("worker") or ""
        named = WORKER.fullmatch(worker)
        row["host"], row["lane"] = (named["host"], numbers.get(int(named["lane"]), False)) if named else (worker, False)
        row["ended_s"] = row["ended_s"] if row["ended_s"] is not None else False
    return {"chunks": rows[::-1], "is_cut": len(rows) >= limit}
