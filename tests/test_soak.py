"""Everything at once, while things break: every record exactly once, all counters right, nothing grows and nothing stands still.

`BATCH_SOAK_MINUTES` (`scripts/soak --minutes`) says for how long.
"""

import logging
import os
import random

from odoo.tests.common import BaseCase, get_db_name

from .extras import is_installed, needs, needs_scripts

if is_installed("httpx") and is_installed("psutil"):
    from .soak.figures import figures
    from .soak.stage import Stage

MINUTES = float(os.environ.get("BATCH_SOAK_MINUTES", 5))
SEED = int(os.environ.get("BATCH_SOAK_SEED", random.randrange(10**6)))


@needs_scripts
@needs("httpx", "psutil")
class TestSoak(BaseCase):
    def test_everything_at_once(self):
        for name in ("httpx", "odoo_batch"):  # they have a line for each request
            logging.getLogger(name).setLevel(logging.WARNING)
        with Stage(get_db_name(), SEED) as stage:
            stage.run(60 * MINUTES)
        print(figures(stage))
        self.assertEqual(stage.faults, [], f"BATCH_SOAK_SEED={SEED}")
        self.assertTrue(all(stage.breaker.struck.values()), f"not all was struck: {stage.breaker.struck}")
