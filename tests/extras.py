"""What some tests need and Odoo does not. They are skipped where it is missing; `scripts/test` brings all of it."""

import importlib
import shutil
import unittest


def is_installed(package):
    """Whether a package can be imported."""
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True


def needs(*packages, program=None):
    """Skip a test, or a class of tests, where one of these packages, or this program, is missing."""
    missing = [package for package in packages if not is_installed(package)]
    if program and not shutil.which(program):
        missing.append(program)
    return unittest.skipIf(missing, f"needs {', '.join(missing)}, which Odoo does not: run it with scripts/test")


def prometheus_program(name):
    """Return the path of a program of Prometheus; it is downloaded where the machine has none.

    :param str name: `prometheus` or `promtool`
    :raises SkipTest: it can't be had
    """
    if found := shutil.which(name):
        return found
    if not is_installed("devenv"):
        raise unittest.SkipTest(f"needs {name}, which Odoo does not: run it with scripts/test")
    from devenv import base, prometheus

    try:
        return str(prometheus.locate() / name)
    except base.CannotDo as error:
        raise unittest.SkipTest(f"needs {name}, which could not be brought: {error}") from error


#: Skips what needs the environment that `scripts/test` sets up: servers and databases of its own, pinned packages.
needs_scripts = unittest.skipUnless(is_installed("devenv"), "needs the environment that scripts/test sets up")
