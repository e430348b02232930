"""Which server action may run at the end of a job: it runs as the submitter, whoever has written it."""

from odoo import SUPERUSER_ID


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
