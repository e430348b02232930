"""What an installation sets up once, and what an uninstallation has to see to."""

from odoo.exceptions import UserError


def post_init_hook(env):
    env["batch.job"]._set_lanes(env["batch.job"]._setting("lanes"))


def uninstall_hook(env):
    """Jobs that are not finished would be lost without a word."""
    unfinished = env["batch.job"].search_count([("state", "in", ("pending", "running", "paused"))])
    if unfinished:
        raise UserError(
            env._("%s batch jobs are not finished. Finish or cancel them before you uninstall.", unfinished)
        )
    # Odoo drops tables, not functions
    env.cr.execute("DROP FUNCTION IF EXISTS batch_operation_deleted_with_job CASCADE")
