"""A plugin of pytest: how processes share the tests, where there are several. Each has a copy of the database, and a port of its own.

They take files whole, the longest first.
"""

from fnmatch import fnmatch
from pathlib import Path

from xdist.scheduler import LoadFileScheduling

#: Files that are for the same process, as they share what takes long to make: a browser's assets, a copy of the database in another PostgreSQL.
TOGETHER = {
    "browser": ("test_js", "test_tours*"),
    "servers": ("test_chaos", "test_hosting", "test_hosts", "test_memory", "test_prometheus", "test_update_running", "test_worker"),
}
#: What takes long comes first, or one process would still be at it when the others have nothing left.
FIRST = ("browser", "servers", "test_soak")


def pytest_collection_modifyitems(items):
    """Put the tests into the order in which they are handed out."""
    items.sort(key=lambda item: rank(share(item.nodeid)))


def pytest_xdist_make_scheduler(config, log):
    """Return what hands them out."""
    return Scheduling(config, log)


class Scheduling(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return share(nodeid)


def share(nodeid: str) -> str:
    """Return the name of what is handed out as a whole: a file, or some together."""
    file = Path(nodeid.partition("::")[0]).stem
    return next((name for name, files in TOGETHER.items() if any(fnmatch(file, known) for known in files)), file)


def rank(name: str) -> int:
    return FIRST.index(name) if name in FIRST else len(FIRST)
