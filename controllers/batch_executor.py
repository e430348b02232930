"""The JSON-RPC routes: one for each verb of `batch.job`."""

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
    """Make the route of a model-level verb (`submit`, `execute`): its parameters are those of the verb.

    :param str verb: name of the method of `batch.job`
    """

    def call(self, **params):
        return getattr(self._model(params), verb)(**params)

    return _route(verb, call)


def on_job(verb, *names):
    """Make the route of a verb on one job, which is given by the parameter `job_id` or `uuid`.

    :param str verb: name of the method of `batch.job`
    :param str names: the other parameters that the verb takes; unknown parameters raise a `UserError`
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
    status = on_job("status", "wait")
    result = on_job("result", "offset", "limit", "only", "outcomes")
    failures = on_job("failures", "offset", "limit")
    warnings = on_job("warnings", "offset", "limit")
    changes = on_job("changes", "offset", "limit")
    cancel = on_job("cancel")
    pause = on_job("pause")
    resume = on_job("resume")
    run_now = on_job("run_now")
    retry = on_job("retry")
    apply = on_job("apply")
    undo = on_job("undo")

    def _model(self, params):
        """The model `batch.job` in the caller's context; removes `context` from the parameters.

        :raises BatchValidationError: the context is no object
        """
        context = params.pop("context", None)
        if not absent(context):
            check_is_context(request.env, context)
            request.update_env(context={**request.env.context, **context})
        return request.env["batch.job"]

    def _job(self, params):
        """The job given by `job_id` or `uuid`; removes both from the parameters.

        :raises MissingError: there is no such job, or the caller may not see it
        :raises UserError: neither parameter is valid
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
