"""A pytest plugin: a test over HTTP or in a browser that was skipped has failed.

Odoo skips these quietly where a server or a browser is missing, and a run that
tested nothing of the sort would look green.
"""

import pytest

from devenv import chromium


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if not report.skipped or not _uses_http(item):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if chromium.is_waived() and "chrom" in reason.lower():
        return
    report.outcome = "failed"
    report.longrepr = f"must not be skipped: {reason}"


def _uses_http(item) -> bool:
    from odoo.tests.common import HttpCase

    return isinstance(getattr(item, "cls", None), type) and issubclass(item.cls, HttpCase)
