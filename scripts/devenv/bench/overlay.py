"""Packages for the benchmark alone, in a folder of their own beside the Python environment."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from .. import paths, venv
from ..console import run, say
from ..environment import Environment

REQUIREMENTS = paths.SCRIPTS / "bench-requirements.txt"
#: The module of the benchmark.
ADDONS = Path(__file__).parent / "addons"


def put_over(env: Environment) -> Environment:
    """The environment in which all that is found: these packages, their addons, the benchmark's own code."""
    folder = _locate(env)
    python_path = [env.variables["PYTHONPATH"], folder, paths.SCRIPTS]
    addons_path = [*env.tree.addons_paths, paths.ADDONS, ADDONS, folder / "odoo" / "addons"]
    variables = {
        **env.variables,
        "PYTHONPATH": os.pathsep.join(map(str, python_path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ODOO_ADDONS_PATH": ",".join(map(str, addons_path)),
    }
    return dataclasses.replace(env, variables=variables)


def _locate(env: Environment) -> Path:
    folder = paths.CACHE / f"bench-{paths.digest(REQUIREMENTS.read_text(), env.venv.name)}"
    if not folder.is_dir():
        with paths.lock(paths.CACHE, folder.name):
            if not folder.is_dir():
                say("installing the packages of the benchmark (once)")
                with paths.built(folder) as scratch:
                    run(
                        [*venv.installer(env.venv), "--no-deps", "--target", scratch, "--requirement", REQUIREMENTS],
                        doing="installing the packages of the benchmark",
                    )
    return folder
