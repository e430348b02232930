"""Checks of the caller and of the caller's context, which every verb makes first."""

import json
from collections.abc import Mapping

from odoo.exceptions import AccessError

from ..engine.problems import Problems
from ..engine.reader import is_name
from ..engine.references import is_too_deep
from ..exceptions import BatchValidationError

GROUP_USER = "batch_executor.group_batch_user"
#: Context keys that mean nothing outside the request of the caller.
TRANSIENT_CONTEXT = frozenset(
    (
        "active_id",
        "active_ids",
        "active_model",
        "params",
        "uid",
        "bin_size",
        "guest",  # set by the module `mail` on every change of user
        "cron_id",
        "cron_end_time",
        "lastcall",
        "ir_cron_progress_id",
        "mail_notify_force_send",
        "prefetch_fields",
        "import_file",
    )
)


def check_caller(env):
    """Check that the caller is a batch user with a usable context.

    :param env: the caller's environment
    :raises BatchValidationError: the context can't be used
    :raises AccessError: the caller is no batch user
    """
    problems = Problems()
    refuse(sound_context(env, problems), problems)
    check_group(env)


def check_group(env):
    """Check that the caller is a batch user or the superuser.

    :raises AccessError: the caller is no batch user
    """
    if not (env.su or env.user.has_group(GROUP_USER)):
        raise AccessError(env._("You may not use batch jobs; the group 'Batch / User' is needed for it."))


def check_is_context(env, context):
    """Check that a context sent by a caller is an object.

    :raises BatchValidationError: `context` is no object
    """
    if not isinstance(context, Mapping):
        problems = Problems()
        problems.add(env._("context must be an object"), key="context")
        refuse(env, problems)


def refuse(env, problems):
    """Refuse the call if problems were found.

    :param env: an environment whose language can be used for messages
    :param Problems problems: all that was found
    :raises BatchValidationError: there are problems
    """
    if problems:
        raise BatchValidationError.from_problems(env, problems)


def sound_context(env, problems):
    """Remove from the context what can't be used, and add a problem for each part removed.

    Error messages are translated, so that even they need a context with a valid language.

    :param env: the caller's environment
    :param Problems problems: to add to
    :returns: `env`, or an environment with the reduced context
    """
    context = dict(env.context)
    if is_too_deep(context):
        bare = env(context={})
        problems.add(bare._("nested too deeply"), key="context")
        return bare
    for key, problem in context_problems(env(context={**context, "lang": None}), context):
        problems.add(problem, key="context")
        del context[key]
    return env if len(context) == len(env.context) else env(context=context)


def context_problems(env, context):
    """Yield `(key, reason)` for each key of a context that has an invalid value.

    Only keys that Odoo itself reads are checked; what other keys mean is up to the models.

    :param env: an environment with a valid language, for the reasons
    :param dict context: the context to check
    """
    companies = context.get("allowed_company_ids")
    if companies and (problem := _company_problem(env, companies)):
        yield "allowed_company_ids", problem
    lang = context.get("lang")
    if lang and lang != "en_US" and not (is_name(lang) and env["res.lang"]._get_data(code=lang)):
        yield "lang", env._("there is no language %s", f"{lang!r:.100}")
    tz = context.get("tz")
    if tz and not is_name(tz):
        yield "tz", env._("tz must be the name of a time zone")


def _company_problem(env, company_ids):
    """Why `allowed_company_ids` can't be used by this user, or None."""
    if not isinstance(company_ids, (list, tuple)) or not all(id_.__class__ is int for id_ in company_ids):
        return env._("allowed_company_ids must be a list of ids")
    if not env.su and (foreign := set(company_ids) - set(env.user._get_company_ids())):
        return env._("not among your companies: %s", ", ".join(map(str, sorted(foreign))))
    return None


def kept_context(context):
    """The caller's context without request-only keys and non-JSON values, as a new dict."""
    kept = {}
    for key, value in context.items():
        if key in TRANSIENT_CONTEXT or not isinstance(key, str):
            continue
        try:
            json.dumps(value)
        except (TypeError, ValueError, RecursionError):
            continue
        kept[key] = value
    return kept
