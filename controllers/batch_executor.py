"""The JSON-RPC routes: one per verb of `batch.job`, nothing of their own."""

from odoo.exceptions import MissingError, UserError
from odoo.http import Controller, request, route

from ..engine.problems import sayable
from ..engine.reader import absent, is_name
from ..engine.values import can_be_id
from ..run.caller import check_caller, check_is_context


def _route(verb, call):
    call.__name__ = verb  # the name that Odoo logs
    path = f"/batch/v1/{verb}"
    return route(path, type="jsonrpc", auth="batch_executor", methods=["POST"], save_session=False, readonly=False)(call)


def on_model(verb):
    """The route of a verb that makes a job: its parameters are the verb's own."""

    def call(self, **params):
        return getattr(self._model(params), verb)(**params)

    return _route(verb, call)


def on_job(verb, *names):
    """The route of a verb about one job, which `job_id` or `uuid` names.

    :param str names: the parameters that the verb takes; others are refused, not ignored
    """

    def call(self, **params):
        job = self._job(params)
        if unknown := sorted(params.keys() - set(names)):
            raise UserError(request.env._("Unknown parameters: %s", sayable(", ".join(unknown))))
        return getattr(job, verb)(**params)

    return _route(verb, call)


class BatchExecutorController(Controller):
    """`POST /batch/v1/<verb>`, with a session or an `Authorization: Bearer <API key>`."""

    submit = on_model("submit")
    execute = on_model("execute")
    append = on_job("append", "operations")
    start = on_job("start")
    status = on_job("status")
    result = on_job("result", "offset", "limit", "only")
    failures = on_job("failures", "offset", "limit")
    warnings = on_job("warnings", "offset", "limit")
    cancel = on_job("cancel")
    pause = on_job("pause")
    resume = on_job("resume")
    retry = on_job("retry")

    def _model(self, params):
        """The model in the caller's context; `context` is taken out of the parameters."""
        context = params.pop("context", None)
        if not absent(context):
            check_is_context(request.env, context)
            request.update_env(context={**request.env.context, **context})
        return request.env["batch.job"]

    def _job(self, params):
        """The job that `job_id` or `uuid` names; both are taken out of the parameters.

        :raises MissingError: there is none that the caller may see
        """
        model = self._model(params)
        job_id, uuid = params.pop("job_id", None), params.pop("uuid", None)
        check_caller(request.env)
        if can_be_id(job_id):
            job = model.search([("id", "=", job_id)])
        elif isinstance(uuid, str):
            job = model.search([("uuid", "=", uuid)]) if is_name(uuid) else model
        else:
            raise UserError(request.env._("job_id (a whole number) or uuid (a text) is required."))
        if not job:
            raise MissingError(request.env._("There is no such batch job."))
        return job
