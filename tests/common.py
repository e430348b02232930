"""What the tests share: committed data, a client for each door of the API, and lanes run at hand."""

import itertools
import json
import threading
import time
import xmlrpc.client
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import requests

import odoo
from odoo import SUPERUSER_ID, Command, api, http
from odoo.modules.registry import DummyRLock, Registry
from odoo.service import security
from odoo.tests.common import HOST, BaseCase, get_db_name
from odoo.tools import mute_logger

from odoo.addons.batch_executor.run.lane import Lane

#: Seconds any single wait of a test may take.
PATIENCE_S = 60
#: What a case leaves behind is deleted in this order: what refers to others first.
SWEPT = (
    "ir.actions.server", "product.template", "res.users", "res.company", "res.partner", "res.partner.category", "res.country.state",
    "res.country", "ir.cron.trigger",
)  # fmt: skip
JOB_VERBS = ("append", "start", "status", "result", "failures", "warnings", "cancel", "pause", "resume", "retry")
FINAL = ("completed", "partial", "failed", "cancelled")
STATUS_KEYS = {
    "job_id", "uuid", "name", "state", "completed", "total", "percentage", "stats", "duration", "eta", "created_at",
    "started_at", "finished_at", "error", "duplicate", "url",
}  # fmt: skip
ENTRY_KEYS = {
    "operation_id", "operation_type", "model", "state", "success", "record_count", "processed_records",
    "failed_records", "result", "error", "failures", "warning_count", "warnings", "duration",
}  # fmt: skip
FAILURE_KEYS = {"index", "record_id", "error_type", "error", "attempts"}


def create(*names, model="res.partner", **keys):
    """A create operation of records with these names."""
    return {"operation_type": "create", "model": model, "data": [{"name": name} for name in names], **keys}


def update(values, *ids, model="res.partner", **keys):
    """An update operation of these records."""
    return {"operation_type": "update", "model": model, "data": values, "record_ids": list(ids), **keys}


def nulls_in(value, path="answer"):
    """Paths of all nulls in an answer: there must be none, XML-RPC has no such thing."""
    if value is None:
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from nulls_in(item, f"{path}.{key}")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from nulls_in(item, f"{path}[{place}]")


def as_dataclass_sends(**given):
    """An operation as a client's dataclass serializes: bookkeeping, defaults and nulls included."""
    return {
        "operation_id": f"client-{next(_serial)}", "status": "pending", "priority": 0, "context": None,
        "created_at": None, "started_at": None, "completed_at": None, "error": None, "result": None, **given,
    }  # fmt: skip


_serial = itertools.count(1)


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


# -- doors -----------------------------------------------------------------------------------------


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
        return self._jsonrpc(f"/batch/v1/{verb}", params, self.headers)


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
        return self.named("batch.job", verb, params)

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


# -- cases -----------------------------------------------------------------------------------------


class CommittedCase(BaseCase):
    """Works on committed data, with as many connections as it takes: lanes and requests see what was set up.

    What a case has created is deleted at its end. Users: `user` (may use batches, partners and products), `other` (the
    same, someone else), `manager`, `admin` (all rights).
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # the Odoo runner holds this lock while tests run: threads of the HTTP server and lanes would wait for ever
        cls.startClassPatcher(patch.object(Registry, "_lock", DummyRLock()))
        cls.registry = Registry(get_db_name())
        # refusals are what these tests are about; Odoo logs each
        muted = mute_logger(
            "odoo.http", "odoo.sql_db", "odoo.addons.rpc.controllers.jsonrpc", "odoo.addons.rpc.controllers.xmlrpc"
        )
        muted.__enter__()
        cls.addClassCleanup(muted.__exit__, None, None, None)
        with cls.committed() as env:
            marks = {model: _last_id(env, model) for model in {*SWEPT, "batch.job"} if model in env}
            cls.addClassCleanup(cls._sweep, marks)
            cls.user = cls.new_user(env, "batch-user", *WORKER)
            cls.other = cls.new_user(env, "batch-other", *WORKER)
            cls.manager = cls.new_user(env, "batch-manager", *WORKER, "batch_executor.group_batch_manager")
            cls.admin = cls.new_user(env, "batch-admin", "base.group_system", "base.group_partner_manager", *WORKER)
            cls.set_up_data(env)

    @classmethod
    def set_up_data(cls, env):
        """Create what all tests of a class share; committed."""

    @classmethod
    @contextmanager
    def committed(cls, user_id=SUPERUSER_ID, **context):
        """An environment on a connection of its own; committed at the end."""
        with cls.registry.cursor() as cr:
            env = api.Environment(cr, user_id, context)
            yield env
            env.flush_all()
            cr.commit()  # pylint: disable=invalid-commit
            cls.registry.signal_changes()

    @classmethod
    def new_user(cls, env, login, *groups, **values):
        """Create a user with an API key. Without a password: to log in is not what these tests are about."""
        group_ids = [env.ref(xmlid).id for xmlid in groups if env.ref(xmlid, raise_if_not_found=False)]
        user = (
            env["res.users"]
            .with_context(no_reset_password=True)
            .create(
                {
                    "name": login,
                    "login": login,
                    "email": f"{login}@example.com",
                    "group_ids": [Command.set(group_ids)],
                    **values,
                }
            )
        )
        key = env(user=user.id)["res.users.apikeys"].sudo()._generate("rpc", "test", None)
        return Someone(user.id, login, key)

    @classmethod
    def _sweep(cls, marks):
        with cls.committed() as env:
            env.cr.execute("DELETE FROM mail_message WHERE model = 'batch.job' AND res_id > %s", [marks["batch.job"]])
            env.cr.execute("DELETE FROM batch_job WHERE id > %s", [marks["batch.job"]])
        for model in SWEPT:
            if model not in marks:
                continue
            with cls.committed(active_test=False) as env:
                env[model].search([("id", ">", marks[model])], order="id desc").unlink()

    # -- helpers -----------------------------------------------------------------------------------

    @classmethod
    def run_lane(cls, seconds=PATIENCE_S):
        """Run one lane until it finds nothing more to do; returns whether there is more."""
        end = time.monotonic() + seconds
        return Lane(cls.registry, "test", lambda: end - time.monotonic()).run()

    @contextmanager
    def lanes_beside(self, count=1):
        """Run lanes in threads of their own meanwhile; what one of them raises is raised here at the end."""
        raised = []

        def work():
            try:
                self.run_lane()
            except BaseException as error:  # noqa: BLE001  # is raised again by the test itself
                raised.append(error)

        threads = [threading.Thread(target=work, name=f"test.lane.{number}", daemon=True) for number in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for thread in threads:
                thread.join(PATIENCE_S)
        self.assertFalse(any(thread.is_alive() for thread in threads), "a lane has not come to an end")
        if raised:
            raise raised[0]

    def wait_for(self, condition, what):
        """Wait until `condition()` is true; fails when that takes too long."""
        end = time.monotonic() + PATIENCE_S
        while not condition():
            self.assertLess(time.monotonic(), end, f"waited too long for {what}")
            time.sleep(0.02)

    @contextmanager
    def settings(self, **values):
        """Settings of the addon, for this while only."""
        names = {f"batch_executor.{name}": value for name, value in values.items()}
        with self.committed() as env:
            parameters = env["ir.config_parameter"]
            before = {name: parameters.get_param(name) for name in names}
            for name, value in names.items():
                parameters.set_param(name, str(value))
        try:
            yield
        finally:
            with self.committed() as env:
                for name, value in before.items():
                    env["ir.config_parameter"].set_param(name, value)

    def assertRefused(self, call, *arguments, name=None, **keywords):
        """The error a call is refused with."""
        with self.assertRaises(Refused) as caught:
            call(*arguments, **keywords)
        if name:
            self.assertTrue(caught.exception.name.endswith(name), str(caught.exception))
        return caught.exception

    def count_jobs(self):
        with self.committed() as env:
            return [env[model].search_count([]) for model in ("batch.job", "batch.operation", "batch.chunk")]

    def names_of(self, ids, model="res.partner"):
        with self.committed() as env:
            return [
                record.exists() and record.name for record in env[model].with_context(active_test=False).browse(ids)
            ]


class ApiCase(CommittedCase):
    """Talks to the server as a client does: `door` is the one of `user`."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.door = RouteDoor(cls.user)

    def run_job(self, operations, door=None, **options):
        """Submit operations, run them in one lane, and return the result."""
        door = door or self.door
        status = door.submit(operations, **options)
        self.run_lane()
        return self.result_of(status["job_id"], door)

    def result_of(self, job_id, door=None, **params):
        """The result of a job, after checking that it is as any result must be."""
        result = (door or self.door).call("result", job_id, **params)
        self.assertStatus(result, {"results", "next_offset"})
        for entry in result["results"]:
            self.assertEqual(set(entry), ENTRY_KEYS)
            self.assertEqual(entry["success"], entry["state"] == "completed", entry)
            for failure in entry["failures"]:
                self.assertEqual(set(failure), FAILURE_KEYS)
        return result

    def assertStatus(self, status, more=frozenset()):
        """All fields of a status are there, plain, and agree with each other."""
        self.assertEqual(set(status), STATUS_KEYS | set(more))
        self.assertEqual(list(nulls_in(status)), [])
        json.dumps(status, allow_nan=False)
        stats = status["stats"]
        settled = stats["processed_records"] + stats["failed_records"] + stats.get("cancelled_records", 0)
        self.assertEqual(status["completed"], settled)
        self.assertEqual(status["total"], stats["total_records"])
        for name in ("created_at", "started_at", "finished_at", "eta"):
            if status[name]:
                self.assertRegex(status[name], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertEqual(bool(status["finished_at"]), status["state"] in FINAL, status)

    def assertFailsWith(self, entry, *texts, index=0):
        """One record of an operation has failed, with words a person understands."""
        [failure] = [failure for failure in entry["failures"] if failure["index"] == index]
        for text in texts:
            self.assertIn(text, failure["error"])
        self.assertReadable(failure["error"])
        self.assertReadable(entry["error"])
        return failure

    def assertReadable(self, text):
        """No traceback, no SQL."""
        for sign in ("Traceback", 'File "', "INSERT INTO", "UPDATE ", "SELECT ", "DETAIL:", "psycopg2"):
            self.assertNotIn(sign, text)


#: Groups of those who submit in most tests.
WORKER = (
    "base.group_user",
    "base.group_partner_manager",
    "product.group_product_manager",
    "batch_executor.group_batch_user",
)


def _last_id(env, model):
    return env[model].with_context(active_test=False).search([], order="id desc", limit=1).id or 0
