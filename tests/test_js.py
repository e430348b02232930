"""The unit tests of our JavaScript, run by Odoo's own runner (hoot) in a real browser, as its `test_js` does."""

from .browser_case import BrowserCase

#: What a suite is called, by folder of its file: `static/tests/x.test.js` is `@batch_executor/x`.
SUITE = "@batch_executor"
TIMEOUT_S = 300
SUCCESS = "[HOOT] Test suite succeeded"


def suite_id(name):
    """As hoot makes it of a suite's name."""
    number = 0
    for char in name:
        number = ((number << 5) - number + ord(char)) & 0xFFFFFFFF
    return f"{number:08x}"


class TestJs(BrowserCase):
    """Suites that pass here also pass at /web/tests, where they can be debugged."""

    def run_suites(self, preset):
        url = f"/web/tests?headless&loglevel=2&preset={preset}&timeout=15000&id={suite_id(SUITE)}"
        failed = []

        def ends_the_run(message):
            """Hoot goes on after a test that has failed, and says at its end that there were some."""
            if "[HOOT]" in message:
                failed.append(message)
            return "[HOOT]" not in message

        self.build_assets("/web/tests", "admin")
        try:
            self.browser_js(
                url, "", "", login="admin", timeout=TIMEOUT_S, success_signal=SUCCESS, error_checker=ends_the_run
            )
        except AssertionError as error:
            self.fail("\n".join([str(error), *failed]))

    def test_components(self):
        self.run_suites("desktop")
