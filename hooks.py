"""Hooks that run when the addon is loaded, and before its uninstallation."""

from odoo.exceptions import UserError

from .run.lanes import lock_lanes
from .run.log_records import set_up_log
from .run.settings import forget_settings
from .run.upgrade import take_over
from .store.schema import drop_functions


def post_load():
    """Once for each process: let its log say which chunk a line is about."""
    set_up_log()


def uninstall_hook(env):
    """Refuse the uninstallation while jobs are unfinished; have lanes let go, and delete what Odoo would leave behind.

    :raises UserError: jobs are unfinished
    """
    unfinished = env["batch.job"].search_count([("state", "in", ("pending", "running", "paused"))])
    if unfinished:
        raise UserError(
            env._("%s batch jobs are not finished. Finish or cancel them before you uninstall.", unfinished)
        )
    take_over(env.cr, lock_lanes)
    ours = [name for name, model in env.registry.items() if model._original_module == "batch_executor"]
    env["ir.exports"].search([("resource", "in", ours)]).unlink()
    env["ir.filters"].with_context(active_test=False).search([("model_id", "in", ours)]).unlink()
    # Odoo keeps its notes of foreign keys of columns that it drops in tables of others
    env["ir.model.constraint"].search([("module.name", "=", "batch_executor"), ("type", "=", "f")]).unlink()
    forget_settings(env)
    drop_functions(env.cr)
