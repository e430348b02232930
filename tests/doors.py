"""How a verb is called by each door of the server: the routes, JSON-2, JSON-RPC and XML-RPC."""

import xmlrpc.client
from dataclasses import dataclass

import requests

import odoo
from odoo import api, http
from odoo.modules.registry import Registry
from odoo.service import security
from odoo.tests.common import HOST, get_db_name

from .case import PATIENCE_S
from .described import check_answer

JOB_VERBS = ("append", "start", "status", "result", "failures", "warnings", "cancel", "pause", "resume", "run_now", "retry")


@dataclass(frozen=True)
class Someone:
    """A user, and the API key he comes with."""

    id: int
    login: str
    key: str


class Refused(Exception):
    """A call that was answered with an error."""

    def __init__(self, name, message, arguments=(), status=200, raw=""):
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message
        self.arguments = list(arguments)
        self.status = status
        self.raw = raw

    @property
    def problems(self):
        """What a refused submission has to mend."""
        return self.arguments[1]


class Door:
    """One way into the server, for one user."""

    def __init__(self, someone):
        self.someone = someone
        self.http = requests.Session()

    def call(self, verb, job_id=None, **params):
        """The answer to a verb of the API, or `Refused`."""
        raise NotImplementedError

    def execute_kw(self, model, method, args=(), kwargs=None):
        """Any other public method of any model, as this door gives it."""
        raise NotImplementedError

    def submit(self, operations, **options):
        return self.call("submit", operations=operations, **options)

    def execute(self, operations, **options):
        return self.call("execute", operations=operations, **options)

    def _post(self, path, body, headers=None):
        return self.http.post(base_url() + path, json=body, headers=headers, timeout=PATIENCE_S)

    def _jsonrpc(self, path, params, headers=None):
        response = self._post(path, {"jsonrpc": "2.0", "id": 7, "method": "call", "params": params}, headers)
        response.raise_for_status()
        body = response.json()
        if error := body.get("error"):
            data = error["data"]
            raise Refused(data["name"], data["message"], data["arguments"], error["code"], response.text)
        return body["result"]


class RouteDoor(Door):
    """`/batch/v1/<verb>` with an API key: one header, one call."""

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.someone.key}"}

    def call(self, verb, job_id=None, **params):
        if job_id is not None:
            params["job_id"] = job_id
        answer = self._jsonrpc(f"/batch/v1/{verb}", params, self.headers)
        check_answer(verb, answer)
        return answer


class SessionDoor(RouteDoor):
    """`/batch/v1/<verb>` and `/web/dataset/call_kw`, with a logged-in session."""

    headers = None

    def __init__(self, someone):
        super().__init__(someone)
        self.http.cookies.set("session_id", new_session(someone), domain=HOST)

    def execute_kw(self, model, method, args=(), kwargs=None):
        params = {"model": model, "method": method, "args": list(args), "kwargs": kwargs or {}}
        return self._jsonrpc("/web/dataset/call_kw", params)


class Json2Door(Door):
    """`/json/2/<model>/<method>`."""

    def call(self, verb, job_id=None, **params):
        if job_id is not None:
            params["ids"] = [job_id]
        answer = self.named("batch.job", verb, params)
        check_answer(verb, answer)
        return answer

    def named(self, model, method, params):
        headers = {"Authorization": f"Bearer {self.someone.key}"}
        response = self._post(f"/json/2/{model}/{method}", params, headers)
        body = response.json()
        if response.status_code != 200:
            raise Refused(body["name"], body["message"], body["arguments"], response.status_code, response.text)
        return body


class JsonRpcDoor(Door):
    """`/jsonrpc`, as OdooRPC and its like use it."""

    def call(self, verb, job_id=None, **params):
        args = [[job_id]] if job_id is not None else []
        return self.execute_kw("batch.job", verb, args, params)

    def execute_kw(self, model, method, args=(), kwargs=None):
        credentials = [get_db_name(), self.someone.id, self.someone.key]
        args = [*credentials, model, method, list(args), kwargs or {}]
        return self._jsonrpc("/jsonrpc", {"service": "object", "method": "execute_kw", "args": args})


class XmlRpcDoor(JsonRpcDoor):
    """`/xmlrpc/2/object`: what can't be said in XML-RPC must be in no answer."""

    def execute_kw(self, model, method, args=(), kwargs=None):
        credentials = (get_db_name(), self.someone.id, self.someone.key)
        body = xmlrpc.client.dumps(
            (*credentials, model, method, list(args), kwargs or {}), "execute_kw", allow_none=True
        )
        response = self.http.post(base_url() + "/xmlrpc/2/object", data=body.encode(), timeout=PATIENCE_S)
        try:
            return xmlrpc.client.loads(response.content)[0][0]
        except xmlrpc.client.Fault as fault:
            raise Refused(str(fault.faultCode), fault.faultString, (), 200, response.text) from fault


DOORS = (RouteDoor, SessionDoor, Json2Door, JsonRpcDoor, XmlRpcDoor)


def base_url():
    server = odoo.service.server.server
    if server is None or server.httpd is None:
        raise AssertionError("No HTTP server is running: these tests need one (pytest: --odoo-http)")
    return f"http://{HOST}:{server.httpd.server_port}"


def new_session(someone):
    """The id of a session in which someone has logged in."""
    store = http.root.session_store
    session = store.new()
    session.update(http.get_default_session(), db=get_db_name(), _trace_disable=True)
    session.uid, session.login = someone.id, someone.login
    session.context["lang"] = "en_US"
    with Registry(get_db_name()).cursor() as cr:
        session.session_token = security.compute_session_token(session, api.Environment(cr, someone.id, {}))
    store.save(session)
    return session.sid
