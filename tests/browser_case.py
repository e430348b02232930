"""The case for a real browser."""

import re
from unittest import SkipTest

from odoo.tests import HttpCase
from odoo.tools import file_path

from odoo.addons.bus.models.bus import BusBus

from .api_case import ApiCase
from .case import PATIENCE_S
from .extras import is_installed

#: A library that Debian's Odoo does not carry: the module `mail` names it, and the browser complains.
NOT_PACKAGED = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"
#: Odoo's own way to send a bus message.
SEND = BusBus._sendone
#: Pages whose scripts are built.
BUILT = set()
#: Seconds it may take to build all scripts of a page.
BUILD_S = 300


class BrowserCase(HttpCase, ApiCase):
    """The backend in a real browser, on committed data: lanes can be at work beside it."""

    registry_test_mode = False

    @classmethod
    def set_up_data(cls, env):
        try:
            file_path(NOT_PACKAGED)
        except FileNotFoundError:
            values = {
                "name": "Not packaged",
                "bundle": "web.assets_backend",
                "directive": "remove",
                "path": NOT_PACKAGED,
            }
            asset = env["ir.asset"].create(values)
            cls.addClassCleanup(cls._delete_asset, asset.id)

    @classmethod
    def _delete_asset(cls, asset_id):
        with cls.committed() as env:
            env["ir.asset"].browse(asset_id).unlink()

    def browser_js(self, *args, **kwargs):
        """Odoo skips quietly where a browser is missing or does not come up: under `scripts/test`, which brings one, that is a failure."""
        try:
            super().browser_js(*args, **kwargs)
        except SkipTest as reason:
            if is_installed("devenv"):
                self.fail(f"must not be skipped: {reason}")
            raise

    def authenticate(self, *args, **kwargs):
        """Send bus messages after the commit, as Odoo does. Its tests send them before: there, nothing is ever committed."""
        BusBus._sendone = SEND  # what `browser_js` has put in its place is taken away at its end
        return super().authenticate(*args, **kwargs)

    def build_assets(self, url, login):
        """Have the server build the scripts of a page before a browser waits for them, which it does not do for long."""
        if url in BUILT:
            return
        self.authenticate(login, login)
        page = self.url_open(url, timeout=BUILD_S)
        for path in re.findall(r'="(/web/assets/[^"]+)"', page.text):
            self.url_open(path, timeout=BUILD_S).raise_for_status()
        BUILT.add(url)

    def start_tour(self, url_path, *args, **kwargs):
        self.build_assets(url_path, kwargs["login"])
        super().start_tour(url_path, *args, **kwargs)

    def run_tour(self, name, url="/odoo/batch-jobs", login=None):
        """Run a tour, as `user` unless another one is named."""
        self.start_tour(url, name, login=login or self.user.login, timeout=2 * PATIENCE_S)
