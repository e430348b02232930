"""Client of the Odoo addon `batch_executor`: hand operations, files and DataFrames over as jobs, which the server runs.

    from odoo_batch import Client

    with Client() as client:  # ODOO_URL, ODOO_KEY, ODOO_DB
        job = client.load_file("partners.csv", "res.partner").wait(progress=True)
        print(job.state, job.failures())
"""

from ._async.client import AsyncClient
from ._async.job import AsyncJob
from ._sync.client import Client
from ._sync.job import Job
from ._version import __version__
from .config import Config, read_config
from .errors import (
    AccessDenied,
    AnswerLost,
    BatchError,
    ConfigError,
    ConnectionFailed,
    JobFailed,
    NotFound,
    Refused,
    WaitTimeout,
)

__all__ = [
    "AccessDenied",
    "AnswerLost",
    "AsyncClient",
    "AsyncJob",
    "BatchError",
    "Client",
    "Config",
    "ConfigError",
    "ConnectionFailed",
    "Job",
    "JobFailed",
    "NotFound",
    "Refused",
    "WaitTimeout",
    "__version__",
    "read_config",
]
