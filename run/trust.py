"""Which server action may run at the end of a job: it runs as the submitter, whoever has written it."""

from odoo import SUPERUSER_ID


def find_action(env, on_complete, problems):
    """The server action to be run at the end of a job; what is wrong with it is noted.

    :param on_complete: its id or external id; falsy: none
    :returns: the action as superuser; empty if there is none
    """
    actions = env["ir.actions.server"].sudo()
    if not on_complete:
        return actions
    if isinstance(on_complete, int):
        action = actions.browse(on_complete).exists()
    else:
        found = env.ref(on_complete, raise_if_not_found=False)
        action = actions.browse(found.id) if found and found._name == actions._name else actions
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


def action_problem(action, user):
    """Why a server action must not run with the rights of a user; None where nothing is in the way.

    Whoever can change an action could make it do what only `user` may do. As everywhere in Odoo, administrators can; others who
    were given the right to write server actions must not gain any right by it.

    :param action: as superuser: what it does is asked, not whether the user may read it
    """
    env = action.env
    if not action:
        return env._("it does not exist")
    parts = action
    while parts:
        if any(part.usage == "ir_cron" for part in parts):
            return env._("it is a scheduled action, which only Odoo's scheduler runs")
        for part in parts:
            author = part.write_uid
            if author.id not in (SUPERUSER_ID, user.id) and not (author and author.has_group("base.group_system")):
                return env._("it was last changed by %s, who is no administrator", author.display_name or env._("nobody known"))
        parts = parts.child_ids
    return None
