"""Hooks that run when the addon is loaded, after its installation, and before its uninstallation."""

from odoo.exceptions import UserError

from .run.lanes import set_lane_count
from .run.log_records import set_up_log
from .run.settings import forget_settings, get_setting
from .store.schema import drop_functions


def post_load():
    """Once for each process: let its log say which chunk a line is about."""
    set_up_log()


def post_init_hook(env):
    """Create the lanes."""
    set_lane_count(env, get_setting(env, "lanes"))


def uninstall_hook(env):
    """Refuse the uninstallation while jobs are unfinished; drop the addon's settings and SQL functions, as Odoo does not.

    :raises UserError: jobs are unfinished
    """
    unfinished = env["batch.job"].search_count([("state", "in", ("pending", "running", "paused"))])
    if unfinished:
        raise UserError(
            env._("%s batch jobs are not finished. Finish or cancel them before you uninstall.", unfinished)
        )
    forget_settings(env)
    drop_functions(env.cr)
