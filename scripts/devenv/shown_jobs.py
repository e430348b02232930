"""What pictures of the backend show: jobs as users have them, a limit, a webhook."""

import contextlib
import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import demo
from .client import Client


class Jobs:
    """Jobs as users have them: completed, partial, planned, paused, cancelled."""

    def __init__(self, address: str, database: str, user: str, admin: Client):
        self.contacts = demo.contacts(admin, None)
        self._client = Client(address)
        self._client.rpc("/web/session/authenticate", db=database, login=user, password=user)
        for number in range(20, 700, 11):
            self.contacts[number].update(demo.MISTAKES[number % len(demo.MISTAKES)])
        self.products()
        self.partial = self._submit("Contacts from the old CRM", upsert(self.contacts[:1500]))
        self._until_final(self.partial)
        self._submit("Prices of next year", update({"list_price": 129}), dry_run=True)
        self.changed = self._change_and_meddle()
        self._submit("Clean up test contacts", {"operation_type": "delete", "model": "res.partner", "domain": [["ref", "=like", "00A%"]]})
        tomorrow = (datetime.now(timezone.utc) + timedelta(days=1)).replace(hour=2, minute=0, second=0, microsecond=0)
        self._submit("Nightly stock numbers", update({"weight": 2}), run_at=tomorrow.isoformat())
        paused = self._submit("Airports of the world", upsert(self.contacts[1500:3000]))
        self._client.rpc("/batch/v1/pause", job_id=paused)
        self.told = self._limit_and_tell(admin)

    def _limit_and_tell(self, admin: Client) -> int:
        """A job under a limit, whose end is told to a webhook that answers only the second time; and one that waits for that limit."""
        admin.call("batch.limit", "create", vals_list=[
            {"name": "shop-a", "max_in_flight": 2, "max_records_per_second": 50, "description": "The shop's API takes 50 requests a second."},
            {"name": "bank", "max_in_flight": 1},
        ])  # fmt: skip
        admin.call("ir.config_parameter", "set_param", key="batch_executor.webhook_private_addresses", value="true")
        with receiver(503, 204) as address:
            admin.call("batch.webhook", "create", vals_list=[{"name": "shop-a", "url": address}])
            told = self._submit("Weights for the shop", update({"weight": 3}), limit="shop-a", webhook="shop-a")
            self._until_final(told)
            while not admin.call("batch.delivery", "search_count", domain=[("state", "=", "delivered")]):
                time.sleep(1)
        self._submit("Weights for the shop, once more", update({"weight": 4}), limit="shop-a")
        return told

    def _change_and_meddle(self) -> int:
        """A job that remembers its changes, of which some were changed again since."""
        values = {"list_price": 129, "description_sale": "Oak, oiled. Delivered in 2 parcels."}
        changed = self._submit("Prices and descriptions of spring", update(values), track_changes=True)
        self._until_final(changed)
        call = {"model": "product.template", "kwargs": {}}
        ids = self._client.rpc("/web/dataset/call_kw", **call, method="search", args=[[["default_code", "in", ["DC-0007", "DC-0012", "DC-0450"]]]])
        self._client.rpc("/web/dataset/call_kw", **call, method="write", args=[ids, {"list_price": 99}])
        return changed

    def products(self):
        rows = [[f"Desk combination {number}", f"DC-{number:04}", f"{number % 90 + 10}.5"] for number in range(1, 801)]
        for number in (120, 340, 341, 700):
            rows[number][2] = "on request"
        load = {"operation_type": "load", "model": "product.template", "fields": ["name", "default_code", "list_price"], "data": rows}
        self._until_final(self._submit("Catalogue of the new supplier", load))

    def start_long(self) -> int:
        self._long = self._submit("Airports of the world, in full", upsert(self.contacts[3000:]), max_concurrency=1)
        return self._long

    def end_long(self) -> None:
        if not self._client.rpc("/batch/v1/status", job_id=self._long)["finished_at"]:
            self._client.rpc("/batch/v1/cancel", job_id=self._long)
        self._until_final(self._long)

    def _submit(self, name: str, *operations: dict, **options) -> int:
        return self._client.rpc("/batch/v1/submit", operations=list(operations), name=name, **options)["job_id"]

    def _until_final(self, job_id: int) -> None:
        for _status in self._client.follow(self._client.rpc("/batch/v1/status", job_id=job_id)):
            pass


def upsert(values: list[dict]) -> dict:
    return {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": values, "context": {"tracking_disable": True}}


def update(values: dict) -> dict:
    return {"operation_type": "update", "model": "product.template", "domain": [["default_code", "=like", "DC-%"]], "data": values}


@contextlib.contextmanager
def receiver(*answers: int):
    """A receiver of webhooks that answers so, one after the other; yields its address."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(left.pop(0) if left else 204)
            self.end_headers()

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/batch"
        finally:
            server.shutdown()
