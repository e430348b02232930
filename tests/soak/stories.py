"""What clients do."""

import contextlib
import time
from datetime import datetime, timedelta, timezone

from .ledger import CREATED, DELETED, ENDLESS
from .story import MODEL, AnswerLost, ConnectionFailed, Refused, Story, Wrong


class Stories(Story):
    """Each method is one: it says what it does, and what it expects of it."""

    def chains(self):
        refs = self.refs()
        job = self.run(
            self.create(refs, operation_id="new"),
            {"operation_type": "update", "model": MODEL, "operation_id": "first", "record_ids": {"$ref": "new"}, "data": {"function": "one"}},
            self.call("two", record_ids={"$ref": "new"}, depends_on=["first"]),
        )
        self.expect(refs, CREATED, "one", "two")
        ids = self.stage.ledger.partners(self.name)
        if job.result()[0]["result"] != [ids[ref] for ref in refs]:
            raise Wrong(f"job {job.id}: its ids are not those of its data")

    def values_of_their_own(self):
        refs = self.refs()
        ids = self.created(refs)
        data = [{"id": id_, "function": f"own {number}"} for number, id_ in enumerate(ids)]
        self.run({"operation_type": "update", "model": MODEL, "data": [*data, {"id": ids[0], "function": "last"}]})
        for number, ref in enumerate(refs):
            self.expect([ref], f"own {number}")
        self.expect(refs[:1], "last")

    def upserts_that_meet(self):
        refs = self.refs(40)
        jobs = []
        for function in ("left", "right"):
            data = [{"ref": ref, "name": f"Partner {ref}", "function": function} for ref in refs]
            jobs.append(self.submit({"operation_type": "upsert", "model": MODEL, "key": ["ref"], "data": data}))
            self.random.shuffle(refs)
        for job in jobs:
            self.finish(job)
        # who comes second writes over what the first one has made
        second = [effect for effect in self.stage.ledger.effects(self.name) if effect[1] in ("left", "right")]
        self.expect(refs, CREATED)
        self.expected.update(second)
        if sorted(ref for ref, _what in second) != sorted(refs):
            raise Wrong(f"each of {len(refs)} partners is written once by who comes second, here {sorted(second)}")

    def files(self):
        refs = self.refs()
        rows = [[f"soak.{ref}", f"Partner {ref}", ref, "new"] for ref in refs]
        self.finish(self.load(rows))
        self.expect(refs, CREATED)
        changed = [row for row in rows if self.random.random() < 0.3]
        for row in changed:
            row[3] = "newer"
        self.finish(self.load(rows, skip_unchanged=True))
        self.expect([ref for _id, _name, ref, _function in changed], "newer")

    def failures_that_are_mended(self):
        refs = self.refs()
        bad = set(self.random.sample(refs, 3))
        job = self.finish(self.submit(self.create(refs, bad)), "partial")
        if {refs[failure["index"]] for failure in job.failures()} != bad:
            raise Wrong(f"job {job.id}: {bad} were to fail, not {job.failures()}")
        self.expect([ref for ref in refs if ref not in bad], CREATED)
        self.verify()
        self.rpc("batch.failure", "replace_value", domain=[["job_id", "=", job.id]], name="name", new="Mended")
        self.finish(job.retry())
        self.expect(bad, CREATED)

    def plans(self):
        refs = self.refs(40)
        ids = self.created(refs)
        update = {"operation_type": "update", "model": MODEL, "record_ids": ids, "data": {"function": "planned"}}
        plan = self.run(update, dry_run=True, track_changes=True)
        self.verify()
        made = self.finish(self.follow(plan.apply()))
        self.expect(refs, "planned")
        self.verify()
        undone = self.finish(self.follow(made.undo()))
        self.expect(refs, "")
        self.verify()
        self.finish(self.follow(undone.undo()))
        self.expect(refs, "planned")

    def undone_records(self):
        refs = self.refs(40)
        job = self.run(self.create(refs), track_changes=True)
        self.finish(self.follow(job.undo()))
        self.expect(refs, CREATED, DELETED)

    def all_or_nothing(self):
        refs = self.refs(40)
        self.finish(self.submit(self.create(refs, bad=[self.random.choice(refs)]), rollback="job"), "failed")
        self.verify()
        self.run(self.create(refs), rollback="job")
        self.expect(refs, CREATED)

    def drafts(self):
        refs = self.refs()
        job = self.follow(self.client.submit([], draft=True, **self.options()))
        third = len(refs) // 3
        for part in (refs[:third], refs[third:]):
            job.append([self.create(part)])
        self.finish(job.start())
        self.expect(refs, CREATED)

    def cancelled_jobs(self):
        refs = self.refs()
        job = self.submit(self.create(refs), max_chunk_size=5)
        time.sleep(self.random.uniform(0, 2))
        with contextlib.suppress(Refused):  # it may be over
            job.cancel()
        self.finish(job, "completed", "cancelled", "partial")
        left = self.expect_created(refs, job)
        self.verify()
        if left:
            self.finish(job.retry())
            self.expect(left, CREATED)

    def paused_jobs(self):
        refs = self.refs()
        job = self.submit(self.create(refs), max_chunk_size=5, max_concurrency=2)
        with contextlib.suppress(Refused):  # it may be over
            job.pause()
            self.rpc("batch.job", "write", ids=[job.id], vals={"priority": 5, "max_concurrency": 3})
            time.sleep(self.random.uniform(0, 1))
            job.resume()
        self.finish(job)
        self.expect(refs, CREATED)

    def jobs_for_later(self):
        refs = self.refs(30)
        job = self.submit(self.create(refs), run_at=(datetime.now(timezone.utc) + timedelta(hours=1)).isoformat())
        self.verify()
        self.finish(job.run_now())
        self.expect(refs, CREATED)

    def jobs_that_stop(self):
        refs = self.refs()
        job = self.submit(self.create(refs, bad=refs[len(refs) // 2 :: 3]), max_failures=0, max_chunk_size=4)
        self.expect_created(refs, self.finish(job, "partial", "failed"))

    def domains(self):
        refs = self.refs()
        self.created(refs)
        found = {"operation_type": "update", "model": MODEL, "domain": [["ref", "=like", f"{self.name}-%"]], "data": {"function": "found"}}
        self.run(found)
        self.expect(refs, "found")

    def server_actions(self):
        refs = self.refs()
        ids = self.created(refs)
        self.run({"operation_type": "action", "model": MODEL, "action": self.stage.actions["mark"], "record_ids": ids})
        self.expect(refs, "acted")

    def call_backs(self):
        refs = self.refs(30)
        self.run(self.create(refs), on_complete=self.stage.actions["call back"])
        self.expect([*refs, f"{self.name}-over"], CREATED)
        self.stage.wait_until(lambda: f"{self.name}-over" in self.stage.ledger.partners(self.name))

    def at_once(self):
        refs = self.refs(30)
        try:
            self.client.execute([self.create(refs)])
        except AnswerLost:
            time.sleep(5)  # until the server has noticed as well
            refs = sorted(self.stage.ledger.partners(self.name).keys() & set(refs)) and refs  # all of them, or none
        except ConnectionFailed:
            refs = []
        self.expect(refs, CREATED)

    def records_that_never_end(self):
        refs = self.refs(16)
        operation = self.create(refs)
        place = self.random.randrange(len(refs))
        operation["data"][place]["function"] = ENDLESS
        job = self.submit(operation, timeout=8, max_chunk_size=4, retry_attempts=4)
        self.finish(job, "partial", "failed")
        # its worker may have been killed in the last attempt
        if [failure["index"] for failure in job.failures() if failure["error_type"] in ("TimeoutError", "WorkerLostError")] != [place]:
            raise Wrong(f"job {job.id}: record {place} never ends, these failed: {job.failures()}")
        self.expect([ref for ref in refs if ref != refs[place]], CREATED)


#: Their names.
NAMES = [name for name in vars(Stories) if not name.startswith("_")]
