"""The settings of a database: they stand in its system parameters."""

from ..engine.settings import setting


def get_setting(env, name):
    """A limit or default.

    :param str name: one of `engine.settings.SETTINGS`
    :rtype: int
    """
    return setting(name, env["ir.config_parameter"].sudo().get_param(_parameter(name)))


def set_settings(env, values):
    """Store settings.

    :param dict values: name -> whole number, within its bounds
    """
    for name, value in values.items():
        # as text: Odoo deletes a parameter that is 0, and the default would be back
        env["ir.config_parameter"].sudo().set_param(_parameter(name), str(value))


def _parameter(name):
    return f"batch_executor.{name}"
