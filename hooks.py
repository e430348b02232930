"""What is done once at installation, and before uninstallation."""

from odoo.exceptions import UserError

from .run.lanes import set_lane_count
from .run.settings import get_setting
from .store.schema import drop_functions


def post_init_hook(env):
    set_lane_count(env, get_setting(env, "lanes"))


def uninstall_hook(env):
    """Refuse to delete jobs that are not finished; drop what Odoo does not."""
    unfinished = env["batch.job"].search_count([("state", "in", ("pending", "running", "paused"))])
    if unfinished:
        raise UserError(
            env._("%s batch jobs are not finished. Finish or cancel them before you uninstall.", unfinished)
        )
    drop_functions(env.cr)
