"""Breaking things while jobs run, and counting afterwards: every record exactly once, every counter right.

What takes effect is counted by PostgreSQL itself, in triggers: a row per created partner, a count per called one.
"""

import contextlib
import os
import random
import signal
import time

import psutil

from .server import ADMIN, Server, shared_cluster

#: Seconds a partner takes at least, so that workers are killed in the middle of chunks.
PACE_S = 0.01
#: Nothing stands still for longer, in seconds.
PATIENCE_S = 150

EFFECTS = """
    CREATE TABLE IF NOT EXISTS chaos_effect (ref text);
    CREATE OR REPLACE FUNCTION chaos_created() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- one that never ends: its worker is killed meanwhile
        PERFORM pg_sleep(CASE WHEN NEW.ref LIKE 'chaos-%-poison' THEN 600 ELSE TG_ARGV[0]::float END);
        INSERT INTO chaos_effect VALUES (NEW.ref);
        RETURN NEW;
    END$$;
    CREATE OR REPLACE FUNCTION chaos_called() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_sleep(TG_ARGV[0]::float);
        NEW.color := coalesce(OLD.color, 0) + 1;
        NEW.function := NULL;
        RETURN NEW;
    END$$;
    CREATE OR REPLACE TRIGGER chaos_created AFTER INSERT ON res_partner FOR EACH ROW
        WHEN (NEW.ref LIKE 'chaos-%') EXECUTE FUNCTION chaos_created(PACE);
    CREATE OR REPLACE TRIGGER chaos_called BEFORE UPDATE ON res_partner FOR EACH ROW
        WHEN (NEW.function = 'count') EXECUTE FUNCTION chaos_called(PACE);
"""


class Chaos:
    """Servers on a database of their own, what breaks them, and what must hold in the end.

    All that there are in a run share the database: copying it takes as long as many a test.
    """

    def __init__(self, database, *, cron_workers=3, pace_s=PACE_S, random_seed=None, http_workers=1):
        self.random = random.Random(random_seed)
        self.servers = []
        self.cluster = shared_cluster(database)
        self.cron_workers = cron_workers
        self.http_workers = http_workers
        self.pace_s = pace_s
        self.kills = self.crashes = 0

    def __enter__(self):
        try:
            self.cluster.sql(EFFECTS.replace("PACE", str(self.pace_s)))
            group = (
                "(SELECT res_id FROM ir_model_data WHERE module = 'batch_executor' AND name = 'group_batch_manager')"
            )
            self.cluster.sql(
                f"INSERT INTO res_groups_users_rel (gid, uid) VALUES ({group}, %s) ON CONFLICT DO NOTHING", ADMIN
            )
            self.client = self.add_server("main", workers=self.http_workers).client()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *exc_info):
        for server in self.servers:
            with contextlib.suppress(Exception):
                server.kill()
        self.cluster.sql("UPDATE batch_job SET ready = false WHERE ready")

    def add_server(self, name, **options):
        server = Server(self.cluster, name, **{"cron_workers": self.cron_workers, **options}).start()
        self.servers.append(server)
        return server

    def add_lanes(self, name, count=1, **options):
        """Start a server of cron workers alone, and wait until they listen: one that is still starting misses the call to work."""
        server = self.add_server(name, cron_workers=count, serves=False, **options)
        self.wait_until(lambda: len(self.listening(server)) >= count)
        return server

    def counted_besides(self):
        """Records that the metrics have counted beyond those of the chunks that are counted: always as many, those of deleted jobs."""
        [found] = self.cluster.sql(
            """
            SELECT (SELECT coalesce(sum((counts->>'records:succeeded')::numeric), 0) FROM batch_metric) - coalesce(sum(processed_records), 0),
                   (SELECT coalesce(sum((counts->>'records:failed')::numeric), 0) FROM batch_metric) - coalesce(sum(failed_records), 0)
              FROM batch_chunk
             WHERE tallied
               AND kind IN ('records', 'resolve')
            """
        )
        return found

    # -- jobs --------------------------------------------------------------------------------------

    def creates(self, name, count):
        data = [{"name": f"{name} {number}", "ref": f"chaos-{name}-{number}"} for number in range(count)]
        return {"operation_type": "create", "model": "res.partner", "data": data, "context": {"tracking_disable": True}}

    def calls(self, ids):
        return {
            "operation_type": "call", "model": "res.partner", "method": "write", "record_ids": ids,
            "args": [{"function": "count"}], "context": {"tracking_disable": True},
        }  # fmt: skip

    def partners(self, name, count):
        """Ids of partners that are there already, uncounted."""
        rows = self.cluster.sql(
            "INSERT INTO res_partner (name, complete_name, ref, active, type, lang, create_uid, write_uid, create_date, write_date)"
            " SELECT n, n, 'called-' || n, true, 'contact', 'en_US', 1, 1, now(), now()"
            " FROM (SELECT %s || '-' || generate_series(1, %s) AS n) AS numbered RETURNING id",
            name, count,
        )  # fmt: skip
        return [id_ for (id_,) in rows]

    def wait(self, job, meanwhile=lambda: None, every_s=0.5):
        """Ask for the status, as a client does, until the job is final; returns the seconds it took.

        :raises TimeoutError: no record has come to its end for too long; how long all of them take depends on the machine
        """
        started = moved = time.monotonic()
        completed = None
        while not (status := self.client.status(job))["finished_at"]:
            if status["completed"] != completed:
                completed, moved = status["completed"], time.monotonic()
            elif time.monotonic() - moved > PATIENCE_S:
                raise TimeoutError(f"the job stands still: {status}; {self.describe(job)}")
            meanwhile()
            time.sleep(every_s)
        return time.monotonic() - started

    def wait_until(self, condition):
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError("waited too long")
            time.sleep(0.2)

    def describe(self, job):
        return self.cluster.sql(
            "SELECT state, count(*), max(attempt), max(claims) FROM batch_chunk WHERE job_id = %s GROUP BY state", job
        )

    def listening(self, server):
        """The cron workers of a server that wait to be called: an Odoo process names its connections after itself."""
        names = [f"odoo-{pid}" for pid in server.workers()]
        return self.cluster.sql(
            "SELECT pid FROM pg_stat_activity WHERE datname = 'postgres' AND state = 'idle' AND application_name = ANY(%s)", names
        )

    # -- what breaks -------------------------------------------------------------------------------

    def kill_worker(self):
        """Kill a worker that is running a chunk right now; returns whether there was one."""
        if workers := self.workers():
            self.kill(self.random.choice(workers))
        return bool(workers)

    def kill_whoever_sleeps_on_poison(self):
        """Kill workers whose chunk takes for ever."""
        for pid in self.workers("claimed_at < clock_timestamp() AT TIME ZONE 'UTC' - interval '2 seconds'"):
            self.kill(pid)

    def workers(self, condition="true"):
        """Processes that are running a chunk right now."""
        rows = self.cluster.sql(
            f"SELECT worker FROM batch_chunk WHERE state = 'running' AND worker IS NOT NULL AND {condition}"
        )
        pids = {int(worker.split(":")[1].split()[0]) for (worker,) in rows}
        return sorted(filter(is_alive, pids))

    def kill(self, pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills += 1

    def crash_postgres(self):
        self.cluster.restart_immediate()
        self.crashes += 1

    # -- what must hold ----------------------------------------------------------------------------

    def problems(self, job):
        """What is wrong with the counters of a final job, as texts (I12)."""
        columns = ("processed_records", "failed_records", "cancelled_records")
        [counters] = self.cluster.sql(f"SELECT total_records, {', '.join(columns)} FROM batch_job WHERE id = %s", job)
        found = [] if counters[0] == sum(counters[1:]) else [f"the counters do not add up: {counters}"]
        for table in ("batch_chunk", "batch_operation"):
            [sums] = self.cluster.sql(
                f"SELECT {', '.join(f'sum({column})' for column in columns)} FROM {table} WHERE job_id = %s", job
            )
            if tuple(map(int, sums)) != counters[1:]:
                found.append(f"the job says {counters[1:]}, its {table} {sums}")
        if open_ := self.describe_open(job):
            found.append(f"chunks that are not over: {open_}")
        return found

    def describe_open(self, job):
        return self.cluster.sql(
            "SELECT id, state, worker FROM batch_chunk WHERE job_id = %s AND finished_at IS NULL", job
        )

    def created(self, name):
        """How often each partner was created: number -> times, as the triggers saw it and as the table has it."""
        effects = self.cluster.sql(
            "SELECT ref, count(*) FROM chaos_effect WHERE ref LIKE %s GROUP BY ref", f"chaos-{name}-%"
        )
        rows = self.cluster.sql(
            "SELECT ref, count(*) FROM res_partner WHERE ref LIKE %s GROUP BY ref", f"chaos-{name}-%"
        )
        return dict(effects), dict(rows)

    def called(self, ids):
        """How often partners were called: times -> partners."""
        return dict(self.cluster.sql("SELECT color, count(*) FROM res_partner WHERE id = ANY(%s) GROUP BY color", ids))


def is_alive(pid):
    """Whether the process still runs and is not a zombie."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False
