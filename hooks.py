"""What an installation sets up once, and what an uninstallation has to see to."""

from odoo.exceptions import UserError

from .run.settings import get_setting


def post_init_hook(env):
    env["batch.job"]._set_lanes(get_setting(env, "lanes"))


def uninstall_hook(env):
    """Jobs that are not finished would be lost without a word."""
    unfinished = env["batch.job"].search_count([("state", "in", ("pending", "running", "paused"))])
    if unfinished:
        raise UserError(
            env._("%s batch jobs are not finished. Finish or cancel them before you uninstall.", unfinished)
        )
    # Odoo drops tables, not functions
    env.cr.execute("DROP FUNCTION IF EXISTS batch_operation_deleted_with_job CASCADE")
