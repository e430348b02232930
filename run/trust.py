"""Check the server actions that a job runs, on records or on its completion: they run with the submitter's rights."""

from odoo import SUPERUSER_ID

from ..engine.values import can_be_id


def find_action(env, on_complete, problems):
    """Find the server action of the option `on_complete`, and add a problem if it can't be used.

    :param env: the caller's environment
    :param on_complete: database id or external id of the action; falsy: no action
    :param Problems problems: to add to
    :returns: the action in a superuser environment; an empty recordset if there is none
    """
    action = server_action(env, on_complete)
    if not on_complete:
        return action
    if not action:
        problems.add(env._("there is no server action %s", on_complete), key="on_complete")
    elif action.model_name != "batch.job":
        problems.add(env._("server action %s is not one for batch jobs", on_complete), key="on_complete")
    elif problem := action_problem(action, env.user):
        problems.add(
            env._("server action %(action)s can't be run: %(problem)s", action=on_complete, problem=problem),
            key="on_complete",
        )
    return action


def server_action(env, given):
    """The server action with this id or external id, in a superuser environment; an empty recordset if there is none.

    :param env: the caller's environment
    :param given: database id or external id; falsy: no action
    """
    actions = env["ir.actions.server"].sudo()
    if not given:
        return actions
    if isinstance(given, int):
        return actions.browse(given).exists() if can_be_id(given) else actions
    found = env.ref(given, raise_if_not_found=False)
    return actions.browse(found.id) if found and found._name == actions._name else actions


def action_refusal(action, model_name, user):
    """Why an operation must not run a server action on records, as a translated text; None if it may.

    :param action: in a superuser environment, or an empty recordset
    :param str model_name: model of the operation
    :param user: who has submitted the operation
    """
    env = action.env
    if not action:
        return env._("it does not exist")
    if action.model_name != model_name:
        return env._("it is for records of %s", action.model_name)
    if action.group_ids and not action.group_ids & user.all_group_ids:
        return env._("you are in none of its groups")
    return action_problem(action, user)


def action_problem(action, user):
    """Why a server action must not run with the rights of a user.

    Whoever can write an action could make it do what only `user` may do. Administrators can do so everywhere in Odoo. Others who
    have the right to write server actions must not gain the user's rights by it.

    :param action: in a superuser environment, as the user need not be able to read it
    :param user: the user whose rights it would have
    :returns: the reason as a translated text; None if it may run
    """
    env = action.env
    if not action:
        return env._("it does not exist")
    parts = seen = action
    while parts:
        if any(part.usage == "ir_cron" and part.state != "batch" for part in parts):
            return env._("it is a scheduled action, which only Odoo's scheduler runs")
        for part in parts:
            author = part.write_uid
            if author.id not in (SUPERUSER_ID, user.id) and not (author and author.has_group("base.group_system")):
                return env._("it was last changed by %s, who is no administrator", author.display_name or env._("nobody known"))
        parts = (parts.child_ids | parts.batch_action_id) - seen
        seen |= parts
    return None
