"""A story: jobs of one client about records of its own, and what must have taken effect on these, exactly once."""

import contextlib
import io
import time
from collections import Counter

from ..client_package import make_importable
from .ledger import CREATED, DELETED

make_importable()
from odoo_batch import Client, wire  # noqa: E402
from odoo_batch.errors import AnswerLost, BatchError, ConnectionFailed, Refused  # noqa: E402

MODEL = "res.partner"
#: Seconds after which a job that does not move stands still.
PATIENCE_S = 180
JSON = {"Content-Type": "application/json"}


class Wrong(Exception):
    """Something took effect not at all or twice, does not add up, or stands still."""


class Story:
    """Jobs about partners whose `ref` begins with the name of the story.

    :param stage: the `Stage`
    :param client: a client of the Python package
    :param number: tells it from all other stories
    :param random: random numbers of this client
    """

    def __init__(self, stage, client, number, random):
        self.stage = stage
        self.client = client
        self.random = random
        self.name = f"soak-{number}"
        self.expected = Counter()
        self.jobs = []

    # -- records -----------------------------------------------------------------------------------

    def refs(self, most=60):
        """References for new records."""
        return [f"{self.name}-{number}" for number in range(self.random.randint(most // 4, most))]

    def create(self, refs, bad=(), **keys):
        """An operation that creates partners; those with a `ref` in `bad` have no name, and fail."""
        data = [{"ref": ref, "name": False if ref in bad else f"Partner {ref}"} for ref in refs]
        return {"operation_type": "create", "model": MODEL, "data": data, **keys}

    def call(self, function, **keys):
        """An operation that calls a method which writes this into the field `function`."""
        return {"operation_type": "call", "model": MODEL, "method": "write", "args": [{"function": function}], **keys}

    def created(self, refs):
        """Ids of new partners, made by a job."""
        job = self.run(self.create(refs))
        self.expect(refs, CREATED)
        return job.result()[0]["result"]

    # -- jobs --------------------------------------------------------------------------------------

    def load(self, rows, **options):
        """Import a file of rows."""
        lines = (",".join(row) for row in [["id", "name", "ref", "function"], *rows])
        file = io.BytesIO("\n".join(lines).encode())
        return self.follow(self.client.load_file(file, MODEL, csv={"separator": ","}, **self.options() | options))

    def options(self):
        """Options that must make no difference to what takes effect."""
        choice = self.random.choice
        options = {
            "name": self.name, "retry_attempts": 100, "notify": "never",
            "max_chunk_size": choice([0, 3, 10, 25]), "max_concurrency": choice([1, 2, 5]), "quiet": choice([True, False]),
        }  # fmt: skip
        return options | self.stage.options(self.random)

    def submit(self, *operations, **options):
        """Submit a job."""
        options = self.options() | options
        return self.follow(self.client.submit(list(operations), **options), "webhook" in options)

    def follow(self, job, is_told=False):
        """Count a job among those of this story.

        :param is_told: the webhook is to be told of its end
        """
        self.jobs.append(job.id)
        if is_told:
            self.stage.receiver.promised.add(job.id)
        return job

    def finish(self, job, *states):
        """Wait until a job is final, and check what can be said of any job.

        :param states: one of these it must be in, `completed` if there are none
        :raises Wrong: it stands still, is in another state, or its counters do not add up
        """
        seen = [None, time.monotonic()]

        def look(status):
            now = (status["state"], status["completed"], status["total"])
            if now != seen[0]:
                seen[:] = now, time.monotonic()
            elif time.monotonic() - seen[1] > PATIENCE_S:
                raise Wrong(f"job {job.id} stands still: {status}; its chunks: {self.stage.describe(job.id)}")

        job.wait(progress=look)
        problems = self.problems(job)
        if job.state not in (states or ("completed",)):
            problems.append(f"it is {job.state}: {job.status['error']}; {[failure['error'] for failure in job.failures()[:3]]}")
        if problems:
            raise Wrong(f"job {job.id}: {'; '.join(problems)}")
        return job

    def problems(self, job):
        """What is wrong with the counters of a job; its action on completion may still run."""
        with contextlib.suppress(TimeoutError):
            self.stage.wait_until(lambda: not self.stage.describe_open(job.id))
        return self.stage.problems(job.id)

    def run(self, *operations, **options):
        """Submit a job, and wait until it has completed."""
        return self.finish(self.submit(*operations, **options))

    def rpc(self, model, method, **params):
        """Call any public method of a model, which may be called twice."""
        return self.client._send("POST", f"/json/2/{model}/{method}", wire.encoded(params), JSON)

    # -- what must hold ----------------------------------------------------------------------------

    def expect(self, refs, *whats):
        """Each of these took effect once on each of these records."""
        self.expected.update((ref, what) for ref in refs for what in whats)

    def expect_created(self, refs, job):
        """Those records were created that the job says were; returns the others."""
        outcomes = job.result(outcomes=True)[0]["outcomes"]
        made = [ref for ref, outcome in zip(refs, outcomes, strict=True) if outcome == CREATED]
        self.expect(made, CREATED)
        return [ref for ref in refs if ref not in made]

    def verify(self):
        """Compare what took effect with what was to.

        :raises Wrong: they differ
        """
        effects = self.stage.ledger.effects(self.name)
        if effects != self.expected:
            names = sorted(effects.keys() | self.expected.keys())
            wrong = [f"{name}: {effects[name]} instead of {self.expected[name]}" for name in names if effects[name] != self.expected[name]]
            raise Wrong(f"{len(wrong)} effects differ: {wrong[:10]}")

    def end(self):
        """Delete the records by a job, compare all effects, and forget them; returns how many these were."""
        self.verify()
        refs = self.stage.ledger.partners(self.name)
        self.run({"operation_type": "delete", "model": MODEL, "domain": [["ref", "=like", f"{self.name}-%"]]})
        self.expect(refs, DELETED)
        self.verify()
        return self.stage.ledger.forget(self.name)


__all__ = ["MODEL", "AnswerLost", "BatchError", "Client", "ConnectionFailed", "Refused", "Story", "Wrong", "wire"]
