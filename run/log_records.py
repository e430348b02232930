"""What the server's log says besides: which chunk a line is about, and, where it is wished, each line as JSON."""

import json
import logging
import os
from datetime import datetime, timezone

from ..engine.trace import trace_id
from .trace import current_claim, of_job

#: Environment variable: with the value `json` each line of the server's log is an object.
VARIABLE, JSON = "BATCH_EXECUTOR_LOG", "json"
#: Attributes of a record, and keys of its object, that say what it is about.
ABOUT = ("batch_job_id", "batch_chunk_id", "batch_attempt", "traceparent")
#: Our own lines name the chunk in their text.
OURS = __name__.partition(".run.")[0]


def set_up_log(handlers=None, form=None):
    """Let handlers of the log know which chunk a line is about. Called once for each process, when the addon is loaded.

    :param handlers: by default those of the server
    :param str form: `JSON`, or anything else for plain text; by default what the environment says
    """
    form = os.environ.get(VARIABLE, "") if form is None else form
    for handler in logging.getLogger().handlers if handlers is None else handlers:
        if not any(isinstance(filter_, ChunkFilter) for filter_ in handler.filters):
            handler.addFilter(ChunkFilter())
        if form.lower() == JSON:
            handler.setFormatter(JsonFormatter())


class ChunkFilter(logging.Filter):
    """Adds to each record which chunk its thread runs; in plain text, lines of other code end with it. It holds back nothing."""

    def filter(self, record):
        """Add the attributes `ABOUT`, as far as they are known."""
        claim = current_claim()
        if claim is not None:
            about = {**of_job(claim.job_id, claim.chunk_id, claim.traceparent), "batch_attempt": claim.attempt}
            for name, value in about.items():
                vars(record).setdefault(name, value)
            # the last field of Odoo's lines, which is empty but for lines about requests
            if not getattr(record, "perf_info", None) and not record.name.startswith(OURS):
                record.perf_info = f"[job {claim.job_id} chunk {claim.chunk_id}]"
        return True


class JsonFormatter(logging.Formatter):
    """A line as an object: time, level, logger, message, process, database, and what it is about."""

    def format(self, record):
        """The object as text, without a line break."""
        time = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        line = {
            "time": time.replace("+00:00", "Z"),
            "level": logging.getLevelName(record.levelno),
            "logger": record.name,
            "message": record.getMessage(),
            "pid": record.process,
            "database": getattr(record, "dbname", None),
            **{name: getattr(record, name, None) for name in ABOUT},
        }
        if line["traceparent"]:
            line["trace_id"] = trace_id(line["traceparent"])
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return json.dumps({name: value for name, value in line.items() if value is not None}, ensure_ascii=False, default=str)
