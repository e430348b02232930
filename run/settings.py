"""Read and write the settings, which are stored as system parameters; and what the configuration of the server says."""

from odoo.tools import config

from ..engine.settings import setting


def get_setting(env, name):
    """The value of a setting, or its default.

    :param str name: one of `engine.settings.SETTINGS`; `keep_..._days` are in days, the others are counts
    :rtype: int
    """
    return setting(name, env["ir.config_parameter"].sudo().get_param(_parameter(name)))


def set_settings(env, values):
    """Store settings.

    :param dict values: name -> whole number; the caller has checked the bounds
    """
    for name, value in values.items():
        # as text: Odoo deletes a parameter that is set to the number 0, and the default would apply again
        env["ir.config_parameter"].sudo().set_param(_parameter(name), str(value))


def forget_settings(env):
    """Delete all parameters of the addon: the defaults apply again."""
    env["ir.config_parameter"].sudo().search([("key", "=like", "batch\\_executor.%")]).unlink()


def cron_workers():
    """Number of cron workers of this server; those of other hosts are not known."""
    return max(config["max_cron_threads"], 0)


def lanes_here(env):
    """Lanes that this host can run at once, awake or not; those of other hosts are seen once they are awake."""
    if config.options.get("batch_lane"):  # this is the process of a worker
        return config["batch_lanes"]
    return min(get_setting(env, "lanes"), max(cron_workers(), 1))


def _parameter(name):
    return f"batch_executor.{name}"
