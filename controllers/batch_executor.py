"""The JSON-RPC routes: one for each verb of `batch.job`."""

from odoo.exceptions import MissingError, UserError
from odoo.http import Controller, request, route

from ..engine.problems import sayable
from ..engine.reader import absent, is_name
from ..engine.values import can_be_id
from ..engine.verbs import VERBS
from ..run.caller import check_caller, check_is_context


def _route(name):
    """Make the route of a verb. Unknown parameters of a verb on a job raise a `UserError`, those of others are refused by the verb.

    :param str name: a key of `VERBS`
    """
    verb = VERBS[name]

    def call(self, **params):
        if not verb.on_job:
            return getattr(self._model(params), name)(**params)
        job = self._job(params)
        if unknown := sorted(params.keys() - verb.parameters.keys()):
            raise UserError(request.env._("Unknown parameters: %s", sayable(", ".join(unknown))))
        return getattr(job, name)(**params)

    call.__name__ = name  # the name that Odoo logs
    path = f"/batch/v1/{name}"
    return route(path, type="jsonrpc", auth="batch_executor", methods=["POST"], save_session=False, readonly=False)(call)


class BatchExecutorController(Controller):
    """`POST /batch/v1/<verb>`, with a session or an `Authorization: Bearer <API key>`."""

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
        :raises UserError: neither parameter is of its type
        """
        model = self._model(params)
        job_id, uuid = params.pop("job_id", None), params.pop("uuid", None)
        check_caller(request.env)
        if can_be_id(job_id):
            job = model.search([("id", "=", job_id)])
        elif isinstance(uuid, str):
            job = model.search([("uuid", "=", uuid)]) if is_name(uuid) else model
        elif job_id.__class__ is int:
            job = model  # no record has such a number
        else:
            raise UserError(request.env._("job_id (a whole number) or uuid (a text) is required."))
        if not job:
            raise MissingError(request.env._("There is no such batch job."))
        return job


for _name in VERBS:
    setattr(BatchExecutorController, _name, _route(_name))
