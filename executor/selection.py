"""Find the records of an operation that names them by a domain or by `$ref`: page by page, each page a chunk's run.

A page yields the chunks of its records and the next page. It is settled like any other chunk, so that after a crash no
record is found twice.
"""

from dataclasses import replace

from odoo.fields import Domain

from ..engine.outcome import Outcome
from ..engine.payload import Payload
from ..engine.planner import ADAPTIVE_BLOCK, pack_groups
from ..engine.references import MissingReference
from .errors import Trouble, failure_of, trouble_of
from .grouping import values_of
from .records import user_env
from .references import References, missing_failure

#: Records found at a time: bounds the memory a selection takes, whatever its size.
PAGE = 5000


def run_page(system, claim, lane=None):
    """Run one page of a selection as the job's user; returns an `Outcome` with the chunks it `found`."""
    operations = system["batch.operation"]
    references = References(lambda name: operations._produced(claim.job_id, name))
    needs = operations._needs(claim.payload.operations) if claim.waits else {}
    return _select(user_env(system.cr, claim), claim.model, claim.payload, references, needs, claim.chunk_size)


def select_inline(env, chunk, references, needs, size):
    """Find all records of a selection at once; returns an `Outcome` as `run_page` does."""
    whole = Outcome()
    page = Outcome(more=chunk.payload.items[0])
    while page.more is not None:
        payload = replace(chunk.payload, items=[page.more])
        page = _select(env, chunk.model, payload, references, needs, size)
        whole.found += page.found
        whole.found_records += page.found_records
        whole.failures.update(page.failures)
        whole.skipped.update(page.skipped)
    return whole


def _select(env, model_name, payload, references, needs, size):
    [item] = payload.items
    try:
        if reason := references.unmet(next(iter(needs.values()), ()), env):
            return Outcome(skipped={0: reason}, found_records=1)
        model = env[model_name]
        page = None if payload.is_whole else PAGE
        ids, more = (references.resolve(item["record_ids"]), None) if "record_ids" in item else _search(model, item, page)
        most = max(len(ids), 1) if payload.is_whole else size or ADAPTIVE_BLOCK
        found = list(_chunks(model, payload, ids, item.get("offset", 0), most))
    except MissingReference as missing:
        return Outcome(failures={0: missing_failure(missing, references, env)}, found_records=1)
    except Exception as error:  # a domain may run into anything; it is the operation's own failure
        if trouble := trouble_of(error):
            raise Trouble(trouble, str(error)) from error
        return Outcome(failures={0: failure_of(error, env, model_name)}, found_records=1)
    return Outcome(found=found, found_records=len(ids), more=more)


def _search(model, item, page):
    """The next ids a domain finds, at most `page`. By keyset: cost does not grow with the page, and no record is found twice."""
    found = model.search(Domain("id", ">", item.get("after", 0)) & Domain(item["domain"]), order="id", limit=page)._ids
    if page is None or len(found) < page:
        return list(found), None
    return list(found), {"domain": item["domain"], "after": found[-1], "offset": item.get("offset", 0) + len(found)}


def _chunks(model, payload, ids, offset, size):
    """`(payload, group keys)` of the chunks to run these ids in."""
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
            Payload(
                [ids[place] for place in part],
                [payload.operations[0]] * len(part),
                [offset + place for place in part],
                params,
                payload.context,
            ),
            keys,
        )
