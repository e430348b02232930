"""Whether work is done once for many records: on a lane's transactions, if the setting says so."""

from ..settings import get_setting

FLAG = "batch_executor_fast"


def switch_on(env):
    """Do work once for many records in this transaction, unless the setting `fast_chatter` is off.

    :param env: a superuser environment on the transaction of a lane's work
    """
    if get_setting(env, "fast_chatter"):
        setattr(env.cr, FLAG, True)


def is_on(env):
    """Whether work is done once for many records in the transaction of `env`."""
    return getattr(env.cr, FLAG, False)
