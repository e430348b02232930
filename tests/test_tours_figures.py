from .browser_case import BrowserCase
from .case import create


class TestToursFigures(BrowserCase):
    """Figures as people see them."""

    def test_figures_say_what_they_open(self):
        with self.committed(self.user.id) as env:
            jobs = env["batch.job"]
            jobs.submit([create("Figure A", "Figure B", "Figure C", False)], name="Figures undone", rollback="job")
            jobs.submit([create("Figure D")], name="Figures of one")
        self.work()
        self.run_tour("batch_figures", login=self.manager.login)
