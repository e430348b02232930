"""What it was measured on, and with which versions."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import platform
from pathlib import Path

from ..environment import Environment
from ..paths import CHECKOUT
from .bench import Bench

GIGABYTE = 1024**3


def facts(env: Environment, bench: Bench) -> dict[str, str]:
    [(postgres,)] = bench.sql("SHOW server_version")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIGABYTE
    return {
        "CPU": f"{_cpu()}, {os.cpu_count()} cores",
        "RAM": f"{memory:.0f} GB",
        "Batch Executor": ast.literal_eval((CHECKOUT / "__manifest__.py").read_text())["version"],
        "Odoo": env.tree.version,
        "PostgreSQL": postgres.split()[0],
        "Python": platform.python_version(),
        "Zenoo RPC": importlib.metadata.version("zenoo-rpc"),
        "queue_job": importlib.metadata.version("odoo-addon-queue-job"),
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
