"""Server actions of the type *Run as Batch Job*: the operation they stand for, and the job they submit."""

from functools import partial

from odoo import SUPERUSER_ID
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.models import BaseModel
from odoo.service.model import get_public_method
from odoo.tools import clean_context
from odoo.tools.safe_eval import datetime, dateutil, safe_eval, time

from ..engine.operation import ACTION, CALL, DELETE, UPDATE
from ..engine.options import parse_options
from ..engine.problems import Problems
from .caller import GROUP_USER
from .handlers.action import AT_ONCE
from .records import started_by
from .submission import submit

#: Keys of a context that say what a view shows, and how.
SHOWN_KEYS = frozenset(
    ("active_domain", "domain_post", "group_by", "orderby", "form_view_ref", "kanban_view_ref", "list_view_ref", "search_view_ref")
)
#: What Odoo's context holds while automation rules run: their records, by rule.
AUTOMATION_KEY = "__action_done"
#: The field by which an action gives an option that may be out of bounds.
FIELD_OF_OPTION = {"name": "name", "max_chunk_size": "batch_chunk_size", "max_concurrency": "batch_concurrency"}
#: Key of the data that a transaction collects for its end.
LATER = "batch_executor.later"


def run_batch_action(action, env, records):
    """Run a server action of the type *Run as Batch Job*.

    :param action: the action, in a superuser environment
    :param env: the environment of who runs it
    :param records: the active records
    :returns: an action that opens the job; False where nobody waits for one
    :raises UserError: there are no records, or they are of another model
    :raises AccessError: the user may not use batch jobs
    :raises BatchValidationError: the job was refused
    """
    if is_automated(env):
        if records and action.id not in started_by(env.cr):  # a job's own changes don't run the actions again that made it
            _submit_later(action, env, records)
        return False
    if env.context.get(AT_ONCE):
        return _act_at_once(action, env(su=False), records)  # Odoo runs the parts of an action of several with sudo
    if action.usage == "ir_cron":
        targets = {"domain": action_domain(action, env)}
        if env[action.model_name].search_count(targets["domain"], limit=1):
            submit_action(action, env, targets)
        return False
    return open_job(submit_action(action, env, _targets(action, env, records)))


def is_automated(env):
    """Whether an automation rule runs an action, which then has the rights of whoever set it up.

    Nothing that a caller can send or choose says so: anybody may send this key in the context, or run the action of a rule directly.
    A rule notes itself there as a record, which no request can hold.
    """
    running = env.context.get(AUTOMATION_KEY)
    return isinstance(running, dict) and any(isinstance(rule, BaseModel) for rule in running)


def open_job(job):
    """The action that opens the form of a job."""
    return {
        "type": "ir.actions.act_window",
        "res_model": job._name,
        "res_id": job.id,
        "views": [[False, "form"]],
        "target": "current",
    }


def submit_action(action, env, targets, is_automatic=False):
    """Submit the job of an action; returns it in the user's environment.

    :param action: in a superuser environment
    :param env: of the user whose job it is
    :param dict targets: `record_ids` or `domain`, as in an operation
    :param bool is_automatic: whether an automation rule has run the action
    """
    env = env(su=False, context=job_context(env.context))
    operation = {"model": action.model_name, **operation_of(action), **targets}
    options = {
        "name": action.name,
        "max_chunk_size": action.batch_chunk_size,
        "max_concurrency": action.batch_concurrency or None,
        "rollback": action.batch_rollback,
        "dry_run": action.batch_dry_run,
        "quiet": action.batch_quiet,
        "skip_unchanged": action.batch_skip_unchanged,
        "track_changes": action.batch_track_changes,
        "notify": action.batch_notify or None,
        "limit": action.batch_limit_id.name or None,
        "webhook": action.batch_webhook_id.name or None,
    }
    job, _is_duplicate = submit(env, [operation], options, started_by=action.id if is_automatic else None)
    return job


def option_problems(action):
    """What is wrong with the options of an action for whoever runs it, by the labels of its fields.

    :returns: `engine.problems.Problems`
    """
    problems = Problems()
    parse_options({option: action[name] or None for option, name in FIELD_OF_OPTION.items()}, {}, problems)
    labels = action.fields_get([*FIELD_OF_OPTION.values()], ["string"])
    problems.name_keys({option: labels[name]["string"] for option, name in FIELD_OF_OPTION.items()})
    return problems


def operation_of(action):
    """The keys of the operation that an action stands for, without its model and records.

    A value that is the same for all records becomes part of the job. What must be evaluated for each record is left to the action,
    which is checked again when it runs.

    :param action: in a superuser environment
    """
    if action.batch_type == CALL:
        return {"operation_type": CALL, "method": action.batch_method}
    if action.batch_type == DELETE:
        return {"operation_type": DELETE}
    if action.batch_type == ACTION:
        return {"operation_type": ACTION, "action": action.batch_action_id.id}
    if action.evaluation_type != "value" or "." in (action.update_path or ""):
        return {"operation_type": ACTION, "action": action.id}
    value = action._eval_value()[action.id]
    return {"operation_type": UPDATE, "data": {action.update_field_id.name: value}}


def _act_at_once(action, env, records):
    """Do what an action stands for, on the records of a running chunk; returns what the method or the action returns."""
    records = records.with_env(env)
    if action.batch_type == CALL:
        return get_public_method(records, action.batch_method)(records)
    if action.batch_type == DELETE:
        return records.unlink()
    own = env["ir.actions.server"]
    if action.batch_type == ACTION:
        return own.browse(action.batch_action_id.id).run()
    for record in records:
        values = own.with_context(active_id=record.id, active_ids=record.ids)._get_eval_context(action)
        target = record
        for name in action.update_path.split(".")[:-1]:
            target = target[name]
        target.write({action.update_field_id.name: action._eval_value(eval_context=values)[action.id]})
    return False


# -- which records ---------------------------------------------------------------------------------


def _targets(action, env, records):
    """The records of a job: the active ones, else all of the filtered list, else those of the action's own filter.

    :returns: dict with the key `record_ids` or `domain` of an operation
    :raises UserError: there are none, or they are of another model
    """
    active_model, domain = env.context.get("active_model"), env.context.get("active_domain")
    if active_model and active_model != action.model_name:
        raise UserError(env._("This action is for records of another model: %s.", action.model_name))
    if records:
        return {"record_ids": list(records.ids)}
    if not (active_model and domain is not None):
        if not action.batch_domain:
            raise UserError(env._("Select the records first, or give the action a filter."))
        domain = action_domain(action, env)
    if not env(context=job_context(env.context))[action.model_name].search_count(domain, limit=1):
        raise UserError(env._("There are no records that match."))
    return {"domain": list(domain)}


def action_domain(action, env):
    """The action's own filter, evaluated; all records where it has none.

    :raises UserError: it is not valid
    """
    names = {"uid": env.uid, "user": env.user, "time": time, "datetime": datetime, "dateutil": dateutil}
    try:
        domain = safe_eval(action.batch_domain or "[]", names)
        Domain(domain).validate(env[action.model_name])
    except Exception as error:
        raise UserError(env._("The filter of the action is not valid: %s", error)) from error
    return domain


def job_context(context):
    """The keys of a view's or a rule's context that a job needs: nothing that says what is shown, nor values of new records."""
    return {
        key: value
        for key, value in clean_context(context).items()
        if key not in SHOWN_KEYS and not key.startswith(("search_default_", "searchpanel_default_", "__"))
    }


# -- automation rules ------------------------------------------------------------------------------


def _submit_later(action, env, records):
    """Submit a job at the end of the transaction: Odoo runs a rule record by record, and all its records are to be one job."""
    env = _rule_env(action, env)
    waiting = env.cr.precommit.data.setdefault(LATER, {})
    if not waiting:
        env.cr.precommit.add(partial(_submit_waiting, env.cr))
    companies = tuple(env.context.get("allowed_company_ids") or ())
    _action, _env, ids = waiting.setdefault((action.id, env.uid, companies), (action, env, {}))
    ids.update(dict.fromkeys(records.ids))


def _submit_waiting(cr):
    """Submit what `_submit_later` has collected, a job for each action and user."""
    for action, env, ids in cr.precommit.data.pop(LATER, {}).values():
        submit_action(action, env, {"record_ids": list(ids)}, is_automatic=True)


def _rule_env(action, env):
    """The environment of the user whose job a rule makes: who made the change; whoever set up the action if that is no batch user.

    Odoo itself runs rules as the superuser, whoever makes the change, so the second case gives away nothing.

    :raises AccessError: neither may use batch jobs
    """
    for user in env.user, action.write_uid:
        if user.id == SUPERUSER_ID or (user.active and user.has_group(GROUP_USER)):
            return env(user=user.id)
    raise AccessError(
        env._("The automation rule can't start a batch job: whoever set up its action is no member of the group 'Batch / User'.")
    )
