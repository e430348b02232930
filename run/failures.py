"""What is done to many failures at once: all those of a job that match a domain, in pages, under the caller's rights.

The failures' model is searched as the caller, so nobody reaches what they can't see. Nothing grows with the number of failures but the
time it takes. Everything is in the caller's transaction; a retry goes on in the lanes (see `run/reopen.py`).
"""

import json

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from ..engine import states
from ..engine.cells import ID, cell_of, rows_of_item, with_changes
from ..engine.isolate import isolate
from ..engine.operations import TYPES
from ..engine.problems import SPELLED_OUT, sayable
from ..store import chosen
from .access import check_submitter
from .advance import notify
from .change import lock_for_change
from .log import log
from .mended import store_mended
from .numbers import records
from .retry import retry_chosen

#: Failures that are handled at once.
PAGE = 2_000


def retry(failures, domain):
    """Run the failures that stand and match again, with the values they have now.

    A job in one transaction runs again as a whole.

    :param failures: the model, in the caller's environment
    :param domain: which failures
    :returns: how many
    :raises UserError: one of their jobs is not finished, or nothing matches
    """
    count = 0
    for job in _jobs(failures, domain):
        locked = lock_for_change(job, states.JOB_FINAL, failures.env._("Only records of a finished job can be retried."))
        number = chosen.begin_choice(locked.env.cr, job.id)
        found = sum(chosen.choose(job.env.cr, number, ids) for ids in _pages(failures, job.id, domain))
        if found:
            log(locked, locked.env._("Retried: %s, chosen among those that failed.", records(locked.env, found)))
            retry_chosen(locked.env, job.id)
        count += found
    return _some(failures.env, count)


def dismiss(failures, domain):
    """Dismiss the failures that stand and match: they are not retried, nor listed, any more. The counters stay as they are.

    :returns: how many
    :raises UserError: one of their jobs is not finished
    """
    refusal = failures.env._("Only failures of a finished job can be dismissed.")
    user_id, dismissed = failures.env.uid, 0
    for job in _locked(failures, domain, refusal):
        pages = _pages(failures, job.id, domain)
        if count := sum(chosen.dismiss(job.env.cr, job.id, ids, user_id) for ids in pages):
            log(job, job.env._("Failures dismissed: %s.", count))
            notify(job.env, job.id)  # browsers that show it read it again
        dismissed += count
    return _some(failures.env, dismissed)


def restore(failures, domain):
    """Let the dismissed failures that match stand again.

    :returns: how many
    :raises UserError: one of their jobs is not finished
    """
    refusal = failures.env._("Only failures of a finished job can be restored.")
    restored = 0
    for job in _locked(failures, domain, refusal):
        pages = _pages(failures, job.id, domain, chosen.dismissed_after)
        if count := sum(chosen.restore(job.env.cr, job.id, ids) for ids in pages):
            log(job, job.env._("Dismissed failures restored: %s.", count))
            notify(job.env, job.id)  # browsers that show it read it again
        restored += count
    return _some(failures.env, restored)


def replace(failures, domain, name, new, old=None):
    """Replace one value in all failures that stand and match; what `submit` would not take is refused, and nothing is changed.

    :param str name: the field, or the column of an import
    :param new: the new value, as JSON value
    :param old: only where this is the value now; None: whatever it is
    :returns: how many failures were changed
    :raises AccessError: the caller is not the submitter of a job
    :raises UserError: one of their jobs is not finished
    :raises ValidationError: new values can't be run
    """
    all_changed = 0
    for job in _jobs(failures, domain):
        changed = 0
        check_submitter(job)
        locked = lock_for_change(job, states.JOB_FINAL, failures.env._("Only values of a finished job can be replaced."))
        number = chosen.begin_choice(locked.env.cr, job.id)
        for ids in _pages(failures, job.id, domain):
            rows = []
            for failure in chosen.failures_among(job.env.cr, ids):
                item = item_of(failure)
                replaced = _replaced(failure, item, name, new, old)
                if replaced != item:
                    rows.append((failure, replaced))
            if problems := store_mended(failures.env, rows, number):
                raise ValidationError(problem_text(failures.env, problems))
            changed += len(rows)
        if changed:
            log(locked, locked.env._("%(name)s replaced in %(records)s that failed.", name=isolate(name), records=records(locked.env, changed)))
        all_changed += changed
    return all_changed


def item_of(failure):
    """What a failed record was to be run with, as JSON values; None where it can't be read."""
    try:
        return json.loads(failure["values"])
    except (ValueError, TypeError, RecursionError):
        return None


def columns_of(failure):
    """The columns of an import that a failure is of; none for other types."""
    return json.loads(failure["details"]).get("fields", []) if failure["details"] else []


def problem_text(env, problems):
    """A message that names the first problems of `store_mended`, each with its record."""
    lines = [
        env._("%(operation)s, row %(row)s: %(problem)s", operation=failure["name"], row=failure["file_row"] or failure["index"] + 1, problem=problem)
        for failure, problem in problems[:SPELLED_OUT]
    ]
    if len(problems) > SPELLED_OUT:
        lines.append(env._("… and %s more", len(problems) - SPELLED_OUT))
    return sayable("\n".join([env._("These values can't be run:"), *lines]), 10_000)


def _replaced(failure, item, name, new, old):
    columns = columns_of(failure)
    rows = rows_of_item(failure["operation_type"], item, columns)
    changes = []
    for place, row in enumerate(rows):
        if old is None:
            # other rows of an import are lines of its record
            is_meant = place == 0 and (not columns or name in row) and _takes(failure, item, name)
        else:
            is_meant = name in row and cell_of(row[name]) == cell_of(old)
        changes.append({name: new} if is_meant else {})
    return with_changes(failure["operation_type"], item, changes, columns) if any(changes) else item


def _takes(failure, item, name):
    """Whether a failed record has a value of this name, or can be given one."""
    return name == ID or ("data" in TYPES[failure["operation_type"]].keys and isinstance(item, (dict, list)))


def _jobs(failures, domain):
    """The jobs of the failures that match, oldest first: always in this order, so that two of these calls can't deadlock."""
    jobs = [job for (job,) in failures._read_group(Domain(domain) & Domain("retried_at", "=", False), ["job_id"])]
    return sorted(jobs, key=lambda job: job.id)


def _some(env, count):
    """The count; raises where nothing was done."""
    if not count:
        raise UserError(env._("There is nothing to do: these records have been run again already, or were dismissed, or restored."))
    return count


def _locked(failures, domain, refusal):
    for job in _jobs(failures, domain):
        yield lock_for_change(job, states.JOB_FINAL, refusal)


def _pages(failures, job_id, domain, page_after=chosen.standing_after):
    """Ids of the failures of a job that match, page by page."""
    last = 0
    while ids := page_after(failures.env.cr, job_id, last, PAGE):
        last = ids[-1]
        if found := failures.search(Domain("id", "in", ids) & Domain(domain)).ids:
            yield found
