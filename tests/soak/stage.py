"""Servers, clients, the breaker and the watch, on a database of their own."""

import contextlib
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback
import xmlrpc.client
from pathlib import Path
from unittest.mock import patch

from odoo.addons.base.models.res_users import INDEX_SIZE, KEY_CRYPT_CONTEXT
from odoo.addons.batch_executor.store.awake import LANES
from odoo.addons.batch_executor.store.chunk_row import WORK_GROUP

from ..chaos import Chaos
from ..server import Worker
from .breaker import Breaker
from .ledger import Ledger
from .receiver import Receiver
from .stories import NAMES, Stories
from .story import BatchError, Client, Wrong, wire
from .watch import Watch

#: Seconds that an effect takes.
PACE_S = 0.005
#: Clients that tell stories side by side, and users that they are.
CLIENTS, USERS = 4, 2
#: How often the batch API is called before a client gives up: servers are down for a while.
ATTEMPTS = 90
#: The longest pause before one of these calls, in seconds.
LONGEST_PAUSE_S = 3
#: A run that goes wrong in so many ways is ended.
MOST_FAULTS = 5
#: Chunks that jobs with a limit may have in flight, the share of jobs that have one, and of those whose end a webhook tells.
LIMIT, LIMITED, TOLD = 2, 0.2, 0.2
#: Seconds between two lines on how it goes.
SAY_S = 60


class Stage(Chaos):
    """See `run`.

    :param database: the one to copy
    :param seed: of all random numbers; what runs side by side is not the same the next time
    :param strike_s: mean of the seconds between two strikes
    :ivar faults: all that went wrong, in words
    """

    def __init__(self, database, seed, strike_s=5):
        super().__init__(database, cron_workers=1, pace_s=PACE_S, random_seed=seed, http_workers=3)
        self.seed = seed
        self.strike_s = strike_s
        self.faults = []
        self.told = dict.fromkeys(NAMES, 0)
        self.effects = 0
        self.jobs = []
        self._numbers = iter(range(sys.maxsize))
        self._lock = threading.Lock()

    def __enter__(self):
        super().__enter__()
        self.main = self.servers[0]
        self.run_name = f"{time.time_ns() // 1_000_000:x}"
        self.ledger = Ledger(self.cluster, PACE_S)
        self.users = [self.new_user(f"soak {number} {self.run_name}") for number in range(USERS)]
        self.actions = {
            "mark": self.new_action("res.partner", "records.write({'function': 'acted'})"),
            "call back": self.new_action(
                "batch.job", "env['res.partner'].create({'name': record.name, 'ref': record.name + '-over'})"
            ),
        }
        self.most_in_flight = LIMIT
        self.limit = self.new_record("batch.limit", max_in_flight=LIMIT)
        self.receiver = Receiver(self.seed)
        self.client.call("ir.config_parameter", "set_param", "batch_executor.webhook_private_addresses", "True")
        self.webhook = self.new_record("batch.webhook", url=self.receiver.url, secret=self.receiver.secret)
        self.dedicated = Worker(self.cluster, "dedicated", lanes=2).start()
        self.servers.append(self.dedicated)
        self.hosts = [self.add_server(name, cron_workers=2, serves=False, own_data=True) for name in ("north", "south")]
        return self

    def __exit__(self, *exc_info):
        if self.faults:
            logs = Path(tempfile.mkdtemp(prefix="batch_soak_"))
            for log in self.cluster.folder.glob("*log"):
                shutil.copy(log, logs)
            print(f"the logs of the servers: {logs}", file=sys.stderr)
        super().__exit__(*exc_info)

    def new_user(self, login):
        """A user who may submit jobs about contacts; returns an API key."""
        refs = self.cluster.sql(
            "SELECT res_id FROM ir_model_data WHERE model = 'res.groups'"
            " AND (module, name) IN (('base', 'group_user'), ('base', 'group_partner_manager'), ('batch_executor', 'group_batch_user'))"
        )
        groups = [(6, 0, [id_ for (id_,) in refs])]
        with contextlib.suppress(xmlrpc.client.Fault):  # called again, as its answer came too late: there is one already
            self.client.call("res.users", "create", [{"name": login, "login": login, "group_ids": groups}])
        [user] = self.cluster.sql("SELECT id FROM res_users WHERE login = %s", login)[0]
        key = f"{self.random.getrandbits(160):040x}"
        self.cluster.sql(
            "INSERT INTO res_users_apikeys (name, user_id, scope, key, index) VALUES ('soak', %s, 'rpc', %s, %s)",
            user, KEY_CRYPT_CONTEXT.hash(key), key[:INDEX_SIZE],
        )  # fmt: skip
        return key

    def new_record(self, model, **values):
        """A record that jobs name; returns its name."""
        name = f"soak {self.run_name}"
        with contextlib.suppress(xmlrpc.client.Fault):  # see new_user
            self.client.call(model, "create", [{"name": name, **values}])
        return name

    def new_action(self, model, code):
        """A server action of an administrator's."""
        [model_id] = self.cluster.sql("SELECT id FROM ir_model WHERE model = %s", model)[0]
        values = {"name": f"Soak {self.run_name}", "model_id": model_id, "state": "code", "code": code}
        return self.client.call("ir.actions.server", "create", [values])[0]

    # -- the run -----------------------------------------------------------------------------------

    def run(self, seconds):
        """Let clients tell stories for so long while things break, then all of them come to their end, and look what is left."""
        started = time.monotonic()
        self.ends_at = started + seconds
        self.breaker = Breaker(self, self.strike_s, self.random)
        self.watch = Watch(self)
        clients = [
            threading.Thread(target=self.tell, args=(number, random.Random(self.random.random())), daemon=True)
            for number in range(CLIENTS)
        ]
        # servers are down often, and for seconds
        with patch.object(wire, "LONGEST_PAUSE_S", LONGEST_PAUSE_S):
            for thread in (self.breaker, self.watch, *clients):
                thread.start()
            said = time.monotonic()
            while any(client.is_alive() for client in clients):
                time.sleep(1)
                self.breaker.is_calm = self.is_over()
                if time.monotonic() - said > SAY_S:
                    self.say()
                    said = time.monotonic()
        self.breaker.is_calm = True
        self.seconds = time.monotonic() - started
        self.look_at_what_is_left()
        self.watch.end()
        self.breaker.end()
        self.faults += self.watch.faults()

    def is_over(self):
        return time.monotonic() > self.ends_at or len(self.faults) >= MOST_FAULTS

    def tell(self, number, randomness):
        """Tell stories one after the other, as one client."""
        address = f"http://127.0.0.1:{self.main.port}"
        with Client(address, self.users[number % USERS], self.cluster.database, timeout=40, attempts=ATTEMPTS) as client:
            names = []
            while not self.is_over():
                names = names or randomness.sample(NAMES, len(NAMES))
                with self._lock:
                    story = Stories(self, client, f"{self.run_name}-{next(self._numbers)}", randomness)
                self.tell_one(story, names.pop())

    def tell_one(self, story, name):
        try:
            getattr(story, name)()
            effects = story.end()
        except (Wrong, BatchError) as problem:
            self.report(f"{name} ({story.name}): {problem}")
        except Exception:  # noqa: BLE001  (whatever it is, the run has failed)
            self.report(f"{name} ({story.name}): {traceback.format_exc()}")
        else:
            with self._lock:
                self.told[name] += 1
                self.effects += effects
                self.jobs += story.jobs
            self.watch.done_with(story.jobs)

    def options(self, randomness):
        """Options of a job that name what there is on this stage."""
        chance = randomness.random()
        if chance < LIMITED:
            return {"limit": self.limit}
        return {"webhook": self.webhook} if chance < LIMITED + TOLD else {}

    def report(self, fault):
        """Note that something went wrong."""
        self.faults.append(fault)
        print(f"FAULT {fault}", file=sys.stderr, flush=True)

    def say(self):
        left = max(self.ends_at - time.monotonic(), 0) / 60
        struck = ", ".join(f"{what}: {times}" for what, times in self.breaker.struck.items())
        print(f"{left:.0f} min left; {len(self.jobs)} jobs, {self.effects} effects; struck {struck}", file=sys.stderr, flush=True)

    # -- what must hold ----------------------------------------------------------------------------

    def all_told(self):
        """Whether the webhook has got all ends; those whose next try is hours ahead are made due."""
        if self.receiver.missing():
            self.cluster.sql("UPDATE batch_delivery SET next_at = now() AT TIME ZONE 'UTC' WHERE state = 'pending' AND next_at > now()")
            self.call_cron("batch_executor", "ir_cron_webhooks")
        return not self.receiver.missing()

    def call_cron(self, module, name):
        """Have a scheduled action run at once."""
        self.cluster.sql(
            "INSERT INTO ir_cron_trigger (cron_id, call_at) SELECT res_id, now() AT TIME ZONE 'UTC'"
            " FROM ir_model_data WHERE module = %s AND name = %s",
            module, name,
        )  # fmt: skip
        self.cluster.sql("SELECT pg_notify('cron_trigger', %s)", self.cluster.database, database="postgres")

    def look_at_what_is_left(self):
        """Once all stories are over, all ends are told, and nothing is left."""
        sql = self.cluster.sql
        self.receiver.is_well = True
        try:
            self.wait_until(self.all_told)
        except TimeoutError:
            self.report(f"left: ends of jobs that the webhook was not told of: {self.receiver.missing()}")
        self.watch.clean()
        name = f"soak-{self.run_name}-%"
        checks = {
            "jobs that should have been deleted": ("SELECT count(*) FROM batch_job WHERE id = ANY(%s)", self.jobs),
            "partners": ("SELECT count(*) FROM res_partner WHERE ref LIKE %s", name),
            "effects that nobody expects": ("SELECT count(*) FROM soak_effect WHERE ref LIKE %s", name),
        }
        if self.faults:
            return  # a story that went wrong has left something
        for what, (query, parameter) in checks.items():
            try:
                self.wait_until(lambda: sql(query, parameter)[0][0] == 0)  # noqa: B023
            except TimeoutError:
                self.report(f"left: {sql(query, parameter)[0][0]} {what}")
        # a lane has one while it is awake, as the worker's always are, and keeps that of its last chunk until the next one
        held = "SELECT classid, objid, objsubid, pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND NOT classid = ANY(%s::bigint[]::oid[])"
        of_lanes = [LANES % 2**32, WORK_GROUP % 2**32]
        try:
            self.wait_until(lambda: not sql(held, of_lanes))
        except TimeoutError:
            self.report(f"left: advisory locks {sql(held, of_lanes)}")
