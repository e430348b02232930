"""Pictures of the backend: a real server in a database of its own, real jobs, a real browser."""

import contextlib
import io
import os
import re
import secrets
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright

from . import databases, lint, odoo_bin, testing
from .base import CHECKOUT, LOGS, say
from .client import Client
from .shown_jobs import Jobs

APPS_PAGE, GUIDE = "static/description", "docs/images"
DESKTOP, PHONE = (1280, 800), (400, 800)
ENGLISH, GERMAN, ARABIC = "en_US", "de_DE", "ar_001"
MANAGER, USER = "admin", "marie"
PEOPLE = """
env.ref("base.user_admin").name = "Mitchell Admin"
env.ref("base.main_company").name = "Azure Interior"
groups = ["base.group_user", "base.group_partner_manager", "product.group_product_manager", "batch_executor.group_batch_user"]
env["res.users"].create({
    "name": "Marie Fournier", "login": "marie", "password": "marie", "email": "marie@example.com", "tz": "Europe/Paris",
    "group_ids": [(6, 0, [env.ref(group).id for group in groups])],
})
env.cr.commit()
"""
#: For one step on a page.
STEP_S = 60


class Picture(NamedTuple):
    """A page as somebody sees it. `steps` are done on it first: functions of the page."""

    name: str
    path: str
    steps: tuple = ()
    folder: str = GUIDE
    login: str = USER
    size: tuple = DESKTOP
    lang: str = ENGLISH


def main(options) -> int:
    odoo_bin.prepare()
    database = f"batch_pictures_{secrets.token_hex(4)}"
    try:
        databases.create(database)
        languages = f"--load-language={GERMAN},{ARABIC}"
        odoo_bin.finish(database, languages, doing="loading German and Arabic")
        databases.shell(database, PEOPLE, doing="making a user")
        with serving(database) as address:
            admin = Client(address, databases.new_key(database))
            jobs = Jobs(address, database, USER, admin)
            with Studio(address, admin) as studio:
                missed = [picture.name for picture in pictures(jobs) if not studio.try_to_take(picture, options.rest)]
    finally:
        databases.drop(database)
    say(f"not made: {', '.join(missed)}" if missed else "all pictures are made")
    return 1 if missed else 0


def pictures(jobs):
    """What is shown, in this order."""
    job = "/odoo/batch-jobs/{}".format
    long = job(jobs.start_long())
    yield Picture("job_running", long, (running,), APPS_PAGE)
    yield Picture("overview", "/odoo/batch-overview", login=MANAGER)
    yield Picture("systray", long, (click(".o_menu_systray .o_batch_running"),))
    jobs.end_long()
    yield Picture("job_list", "/odoo/batch-jobs", (), APPS_PAGE)
    yield Picture("job_partial", job(jobs.partial), (tab("failures"),), APPS_PAGE)
    yield Picture("failed_record", job(jobs.partial), (tab("failures"), click(SHOWN_FAILURE)), APPS_PAGE)
    yield Picture("timeline", job(jobs.partial), (tab("timeline"),))
    yield Picture("changes", job(jobs.changed), (tab("changes"), into_view(".o_batch_change_kinds")))
    yield Picture("undo", job(jobs.changed), (click("button[name=action_undo]"),))
    yield Picture("run_in_batch", CONTACTS, RUN_IN_BATCH, APPS_PAGE)
    yield Picture("import", CONTACTS.partition("?")[0], IMPORT)
    yield Picture("server_action", "/odoo/action-base.action_server_action/new", SERVER_ACTION, login=MANAGER)
    yield Picture("new_batch", "/odoo/batch-jobs", NEW_BATCH)
    yield Picture("settings", "/odoo/batch-jobs", SETTINGS, login=MANAGER)
    yield Picture("limits", "/odoo/batch-limits", login=MANAGER)
    yield Picture("webhook", "/odoo/batch-webhooks", (click(".o_data_row td[name=name]"),), login=MANAGER)
    yield Picture("deliveries", job(jobs.told), (tab("deliveries"),))
    yield Picture("list_phone", "/odoo/batch-jobs", size=PHONE)
    yield Picture("job_phone", job(jobs.partial), size=PHONE)
    yield Picture("job_german", job(jobs.partial), lang=GERMAN)
    yield Picture("job_arabic", job(jobs.partial), lang=ARABIC)


# -- steps on a page -------------------------------------------------------------------------------


def click(selector, text=""):
    """Click on the first of these; with a text, on the first that says just this."""
    exactly = re.compile(rf"^\s*{text}\s*$") if text else None
    return lambda page: page.locator(selector, has_text=exactly).first.click()


def tab(name):
    return click(f".o_notebook a[name={name}]")


def into_view(selector):
    return lambda page: page.locator(selector).first.evaluate("(element) => element.scrollIntoView()")


def fill(selector, text):
    return lambda page: page.locator(selector).first.fill(text)


def upload(page):
    """A file of contacts, as somebody would have it."""
    lines = ["Name,City,Country", *(f"Contact {number},Lyon,France" for number in range(1, 501))]
    file = {"name": "contacts.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}
    page.locator("input[type=file]").first.set_input_files(file)
    page.wait_for_selector(".o_import_data_content")


def running(page):
    """Wait until much of the job is done, and more is to do."""
    page.wait_for_function("parseFloat(document.querySelector('.o_batch_percentage')?.textContent) > 30")


CONTACTS = "/odoo/action-base.action_partner_form?view_type=list"
SHOWN_FAILURE = ".o_field_widget[name=shown_failure_ids] .o_data_row td[name=message]"
RUN_IN_BATCH = (
    click("thead .o_list_record_selector input"),
    click(".o_select_domain"),
    click(".o_cp_action_menus .dropdown-toggle:has-text('Actions')"),
    click(".o-dropdown--menu .o-dropdown-item:has-text('Run in batch')"),
    click(".modal .o_batch_values > .o_select_menu .o_select_menu_toggler"),
    click(".o_select_menu_item", "City"),
    fill(".modal .o_batch_value[data-name=city] input", "Namur"),
    lambda page: page.keyboard.press("Tab"),
    click(".modal button[name=action_plan]"),
    lambda page: page.wait_for_selector(".modal .o_field_widget[name=plan]:has-text('Namur')"),
)
IMPORT = (click(".o_cp_action_menus .fa-cog"), click(".o-dropdown--menu .o_import_menu"), upload)
SERVER_ACTION = (
    fill(".o_field_widget[name=name] input, .o_field_widget[name=name] textarea", "Move to Ghent"),
    fill(".o_field_widget[name=model_id] input", "res.partner"),
    click(".o-autocomplete--dropdown-item a", "Contact"),
    click(".o_field_widget[name=state] .o_selection_badge:has-text('Run as Batch Job')"),
    click(".o_field_widget[name=update_path] .o_model_field_selector"),
    fill(".o_model_field_selector_popover_search input", "city"),
    click(".o_model_field_selector_popover_item[data-name=city] button"),
    fill(".o_field_widget[name=value] textarea, .o_field_widget[name=value] input", "Ghent"),
)
NEW_BATCH = (
    click("[data-menu-xmlid='batch_executor.batch_wizard_menu']"),
    click(".modal .o_field_widget[name=model_name] .o_select_menu_toggler"),
    click(".o_select_menu_item", "Contact"),
)
SETTINGS = (
    click("[data-menu-xmlid='batch_executor.batch_executor_menu_configuration']"),
    click("[data-menu-xmlid='batch_executor.batch_settings_menu']"),
)


# -- server and browser ----------------------------------------------------------------------------


@contextlib.contextmanager
def serving(database: str):
    """A server for pages and lanes, while pictures are made."""
    port, log = odoo_bin.free_port(), LOGS / "screenshots.log"
    options = f"--database={database}", "--workers=0", "--max-cron-threads=4", f"--http-port={port}"
    # Odoo calls rtlcss for pages from right to left.
    programs = [lint.node_packages() / "node_modules" / ".bin", lint.NODE / "bin"]
    server = odoo_bin.start(log, *options, env={"PATH": os.pathsep.join([*map(str, programs), os.environ["PATH"]])})
    try:
        odoo_bin.wait_until_serving(port, server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        odoo_bin.stop(server)


class Studio:
    """A browser that takes pictures."""

    def __init__(self, address: str, admin: Client):
        self._address = address
        self._admin = admin
        self._sessions = {}

    def __enter__(self):
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=testing.browser(), args=["--no-sandbox"])
        return self

    def __exit__(self, *_exception):
        self._browser.close()
        self._playwright.stop()

    def try_to_take(self, picture: Picture, wanted: list) -> bool:
        """Take a picture, if it is wanted; one that fails leaves the others to be made."""
        if wanted and picture.name not in wanted:
            return True
        say(f"picture: {picture.folder}/{picture.name}.png")
        try:
            self.take(picture)
        except PlaywrightError as problem:
            say(str(problem))
            return False
        return True

    def take(self, picture: Picture) -> None:
        self._speak(picture.lang)
        width, height = picture.size
        with self._page(picture.login, picture.lang, viewport={"width": width, "height": height}, has_touch=picture.size == PHONE) as page:
            page.goto(self._address + picture.path)
            page.wait_for_selector(".o_action_manager .o_control_panel, .o_action_manager .o_batch_overview")
            for step in picture.steps:
                step(page)
            page.mouse.move(0, height - 1)
            page.wait_for_function("[...document.images].every((image) => image.complete || image.loading === 'lazy')")
            page.wait_for_timeout(1500)  # what opens, fades or is still read has done so
            shot = page.screenshot(animations="disabled", caret="hide")
        target = CHECKOUT / picture.folder / f"{picture.name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        # 256 colours: a third of the size, and nobody sees it
        Image.open(io.BytesIO(shot)).convert("RGB").quantize(256).save(target, optimize=True)

    @contextlib.contextmanager
    def _page(self, login: str, lang: str, **options):
        """A new window, in which this user is logged in: a session keeps the language that it began with."""
        session = (login, lang)
        context = self._browser.new_context(locale="en-US", storage_state=self._sessions.get(session), **options)
        context.set_default_timeout(STEP_S * 1000)
        with contextlib.closing(context):
            page = context.new_page()
            if session not in self._sessions:
                page.goto(f"{self._address}/web/login")
                page.fill("input[name=login]", login)
                page.fill("input[name=password]", login)
                page.click("button[type=submit]")
                page.wait_for_selector(".o_main_navbar", timeout=5 * STEP_S * 1000)  # the first one waits for all of its scripts
                self._sessions[session] = context.storage_state()
            yield page

    def _speak(self, lang: str) -> None:
        ids = self._admin.call("res.users", "search", domain=[("login", "in", [USER, MANAGER])])
        self._admin.call("res.users", "write", ids=ids, vals={"lang": lang})
