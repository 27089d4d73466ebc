"""What the figures were measured on: without it they say nothing."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import psutil

LIBRARIES: Final = (
    "tpre-offchain",
    "pymcl",
    "ckzg",
    "py-arkworks-bls12381",
    "py-ecc",
    "umbral-pre",
    "charm-crypto-framework",
    "cryptography",
    "web3",
    "wallycore",
)


def machine() -> dict[str, Any]:
    """Processor, cores, memory, load, system, Python and library versions; the load is that of the last minute."""
    return {
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_1min": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions(),
    }


def machine_line(figures: Mapping[str, Any]) -> str:
    """Where and when, in one paragraph."""
    on = figures["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in on["versions"].items())
    return (
        f"{on['measured_at']} on {on['cpu']}, {on['cores']} cores, {on['memory_gib']} GiB, {on['system']}, load "
        f"{on['load_1min']} when measured; Python {on['python']}; {versions}."
    )


def versions() -> dict[str, str]:
    """Versions of the libraries that a measurement depends on; those that are not installed are left out."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
