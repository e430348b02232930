"""Find the records of an operation that selects them by a domain or by `$ref`.

Each page of the search is one chunk. Running it yields the chunks of the records found, and the next page. A page is settled like
any other chunk, so that after a crash no record is found twice. What pages have found does not run before the last one has ended: see
`store.parts.insert_found`.
"""

from dataclasses import replace

from odoo.fields import Domain
from odoo.tools import SQL

from ..engine.outcome import Outcome
from ..engine.planner import ADAPTIVE_BLOCK, pack_groups
from ..engine.references import MissingReference
from ..engine.sizing import uncut
from ..store.finish import is_stop_requested
from .errors import missing_model
from .grouping import values_of
from .guarded import UserCode
from .records import user_env
from .references import References, missing_failure
from .watchdog import Deadline

#: Most records in a page; limits the memory that a selection takes.
PAGE = 5000
#: Seconds that the query whether the job is cancelled may wait for a lock.
ANSWER_TIMEOUT_S = 1


def run_page(system, claim, control=None):
    """Run one page of a selection as the job's user.

    :param system: superuser environment on the transaction of the work
    :param claim: the `Claim` of the page
    :param control: not used; every runner takes it
    :returns: the `Outcome`: see `find`
    :raises Interruption: the whole attempt must be rolled back; also if the job is cancelled during the search
    """
    return find(
        user_env(system.cr, claim),
        claim.model,
        claim.payload,
        References.of_claim(system.cr, claim),
        claim.chunk_size or (uncut(claim.timeout_s) if claim.is_atomic else ADAPTIVE_BLOCK),
        claim.timeout_s,
        transaction=claim.transaction,
        is_wanted=lambda: _is_wanted(system.registry, claim.job_id),
    )


def find(env, model_name, payload, references, size, timeout_s, **guarding):
    """Find the records of one page, and divide them into chunks.

    :param env: the user's environment
    :param str model_name: model of the operation
    :param payload: the `Payload` of the page; its only item says what to find
    :param References references: resolves `$ref`s and dependencies
    :param int size: most records in a chunk
    :param float timeout_s: seconds the search may take; None: no limit
    :param guarding: more arguments of `UserCode`
    :returns: an `Outcome`; `found` has `(payload, group keys)` of each chunk, `more` is the item of the next page or None
    :raises Interruption: see `UserCode`
    """
    with UserCode(env, model_name, Deadline(timeout_s), **guarding) as code:
        outcome = _select(env, model_name, payload, references, size)
    return Outcome(failures={0: code.error}, found_records=1) if code.error else outcome


def _is_wanted(registry, job_id):
    """Whether the job is not cancelled. Runs on its own connection, as that of the work is busy searching."""
    with registry.cursor() as cr:
        cr.execute(SQL("SET LOCAL lock_timeout = %s", f"{ANSWER_TIMEOUT_S}s"))
        return not is_stop_requested(cr, job_id)


def _select(env, model_name, payload, references, size):
    [item] = payload.items
    needs = references.needs(payload) or {}
    try:
        if reason := references.unmet(next(iter(needs.values()), ()), env):
            return Outcome(skipped={0: reason}, found_records=1)
        if gone := missing_model(env, model_name):
            return Outcome(failures={0: gone}, found_records=1)
        model = env[model_name]
        if "record_ids" in item:
            ids, more = references.resolve(item["record_ids"]), None
        else:
            ids, more = _search(model, item, None if payload.is_whole else PAGE)
        most = max(len(ids), 1) if payload.is_whole else size
        found = list(_chunks(model, payload, ids, item.get("offset", 0), most))
    except MissingReference as missing:
        return Outcome(failures={0: missing_failure(missing, references, env)}, found_records=1)
    return Outcome(found=found, found_records=len(ids), more=more)


def _search(model, item, page):
    """The next ids that match a domain, at most `page`, and the item of the next page or None.

    Keyset pagination: later pages cost no more than the first, and no record is found twice.
    """
    found = model.search(Domain("id", ">", item.get("after", 0)) & Domain(item["domain"]), order="id", limit=page)._ids
    if page is None or len(found) < page:
        return list(found), None
    return list(found), {"domain": item["domain"], "after": found[-1], "offset": item.get("offset", 0) + len(found)}


def _chunks(model, payload, ids, offset, size):
    """Yield `(payload, group keys)` of each chunk for these ids."""
    params = {key: value for key, value in payload.params.items() if key != "group_by"}
    places = list(range(len(ids)))
    group_by = payload.params.get("group_by")
    if group_by:
        values = values_of(model, group_by, [id_ for id_ in ids if id_])
        parts = pack_groups(places, size, lambda place: (group_by, values.get(ids[place])))
    else:
        parts = ((places[first : first + size], []) for first in range(0, len(places), size))
    for part, keys in parts:
        yield (
            replace(
                payload,
                items=[ids[place] for place in part],
                operations=[payload.operations[0]] * len(part),
                indexes=[offset + place for place in part],
                params=params,
            ),
            keys,
        )
