"""Why nothing runs although work waits, as far as the database tells."""

from dataclasses import dataclass

#: Seconds for which nothing is said: lanes are woken within a second, and one comes by itself once a minute.
PATIENCE_S = 60.0
#: Seconds after which cron workers that have run no scheduled action at all count as absent: each looks once a minute.
ABSENT_S = 150.0

NEUTRALIZED, ARCHIVED, MODULES, NO_WORKER, FAILING, BUSY = "neutralized", "archived", "modules", "no_worker", "failing", "busy"


@dataclass(slots=True, frozen=True)
class Signs:
    """What is known of lanes and of Odoo's scheduler. Ages are in seconds; None: it has never happened."""

    has_work: bool  #: a job is in the queue
    active_lanes: int
    unseen_s: float | None  #: since a lane was seen; 0 where one runs a chunk
    overdue_s: float | None  #: since the scheduler should have run one
    scheduler_unseen_s: float | None  #: since any scheduled action was run
    is_failing: bool  #: the last run of a lane has failed
    is_neutralized: bool  #: the database is a neutralized copy
    modules_change: bool  #: modules wait to be installed, upgraded or removed: the scheduler rests


def standstill(signs: Signs) -> str | None:
    """Why nothing runs: one of the constants above; None where nothing waits, or where lanes are at work."""
    if not signs.has_work:
        return None
    if not signs.active_lanes:
        return NEUTRALIZED if signs.is_neutralized else ARCHIVED
    if _is_less(signs.unseen_s, PATIENCE_S) or (signs.overdue_s or 0.0) < PATIENCE_S:
        return None
    if signs.modules_change:
        return MODULES
    if not _is_less(signs.scheduler_unseen_s, ABSENT_S):
        return NO_WORKER
    return FAILING if signs.is_failing else BUSY


def _is_less(age, limit):
    return age is not None and age < limit
