"""The JSON-RPC routes: one per verb, nothing of their own. See `models/batch_job_api.py` for what they do."""

from odoo.exceptions import MissingError, UserError
from odoo.http import Controller, request, route

from ..engine.problems import sayable
from ..engine.spec import absent, is_name
from ..engine.values import can_be_id


def batch_route(verb):
    return route(
        f"/batch/v1/{verb}", type="jsonrpc", auth="batch_executor", methods=["POST"], save_session=False, readonly=False
    )


class BatchExecutorController(Controller):
    """`POST /batch/v1/<verb>`, with a session or an `Authorization: Bearer <API key>`."""

    @batch_route("submit")
    def submit(self, **params):
        return self._model(params).submit(**params)

    @batch_route("execute")
    def execute(self, **params):
        return self._model(params).execute(**params)

    @batch_route("append")
    def append(self, **params):
        return self._job(params).append(**_known(params, "operations"))

    @batch_route("start")
    def start(self, **params):
        return self._job(params).start(**_known(params))

    @batch_route("status")
    def status(self, **params):
        return self._job(params).status(**_known(params))

    @batch_route("result")
    def result(self, **params):
        return self._job(params).result(**_known(params, "offset", "limit", "only"))

    @batch_route("failures")
    def failures(self, **params):
        return self._job(params).failures(**_known(params, "offset", "limit"))

    @batch_route("warnings")
    def warnings(self, **params):
        return self._job(params).warnings(**_known(params, "offset", "limit"))

    @batch_route("cancel")
    def cancel(self, **params):
        return self._job(params).cancel(**_known(params))

    @batch_route("pause")
    def pause(self, **params):
        return self._job(params).pause(**_known(params))

    @batch_route("resume")
    def resume(self, **params):
        return self._job(params).resume(**_known(params))

    @batch_route("retry")
    def retry(self, **params):
        return self._job(params).retry(**_known(params))

    def _model(self, params):
        """The model in the caller's context; `context` is taken out of the parameters."""
        context = params.pop("context", None)
        if not absent(context):
            request.env["batch.job"]._check_is_context(context)
            request.update_env(context={**request.env.context, **context})
        return request.env["batch.job"]

    def _job(self, params):
        """The job named by `job_id` or `uuid`; one the caller may not see does not exist for him."""
        model = self._model(params)
        job_id, uuid = params.pop("job_id", None), params.pop("uuid", None)
        model._check_batch_user()
        if can_be_id(job_id):
            job = model.search([("id", "=", job_id)])
        elif isinstance(uuid, str):
            job = model.search([("uuid", "=", uuid)]) if is_name(uuid) else model
        else:
            raise UserError(request.env._("job_id (a whole number) or uuid (a text) is required."))
        if not job:
            raise MissingError(request.env._("There is no such batch job."))
        return job


def _known(params, *names):
    """The parameters a verb takes; anything else is refused rather than ignored."""
    unknown = sorted(set(params) - set(names))
    if unknown:
        raise UserError(request.env._("Unknown parameters: %s", sayable(", ".join(unknown))))
    return params
