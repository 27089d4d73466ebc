"""Where anvil is: named, on PATH, in the project's node_modules, in the cache; or fetched into the cache."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path
from typing import Final

from tpre_offchain.cli.fetch.tarball import NpmTarball
from tpre_offchain.cli.local import places
from tpre_offchain.cli.local.places import NodeMissing

VARIABLE: Final = "TPRE_ANVIL"
GLIBC_AT_LEAST: Final = (2, 35)
_VERSION: Final = "1.7.1"
_WITHOUT: Final = (
    f"is the network there? npm_config_registry names another registry, {VARIABLE} an anvil of your own, "
    "--rpc a chain that runs already"
)


def _anvil(kind: str, size: int, integrity: str) -> NpmTarball:
    return NpmTarball(f"@foundry-rs/anvil-{kind}", _VERSION, f"sha512-{integrity}", size, "bin/anvil", _WITHOUT)


# the digests are those of package-lock.json
PINNED: Final = {
    ("Linux", "x86_64"): _anvil(
        "linux-amd64",
        18_891_190,
        "+XmShybEaxfCrr0OUUZwYEy2OnYZt5pHH9TzBtLv3+VrK0O/ANuNSVEahqNhKHlgX7GRJ59383ofNhxkRWIYTg==",
    ),
    ("Linux", "aarch64"): _anvil(
        "linux-arm64",
        18_030_502,
        "ykHJmFOGdBR8+9smOKBm9ZZDCCCkLQctiHOAddLvmYx9mPeBDMfq6jP51hKYsO5MG8ClPLSlWe+JpiXPjoXgBQ==",
    ),
    ("Darwin", "arm64"): _anvil(
        "darwin-arm64",
        16_821_971,
        "JNeu3+A3f/npXLn8SR8EahVcqE7BpO9VQZMcPvSIy27/RNc1GsoEBvSLR99aSvt8sGKWAgNg/EzrtjAPq6mxcA==",
    ),
    ("Darwin", "x86_64"): _anvil(
        "darwin-amd64",
        18_459_959,
        "OgwzwY+FsGrsPyDv4mmbhOwARO8s37YHrm2qaNzgSH4VlKnXgJCrnoT7bpgOhLyBPtxXjBT8L2E3b79deesXRg==",
    ),
}


def pinned_anvil() -> NpmTarball | None:
    """The package for this machine; None where there is none that runs: another processor, musl, an old glibc."""
    found = PINNED.get((platform.system(), platform.machine()))
    return None if platform.system() == "Linux" and not _glibc_is_new() else found


def find_anvil() -> Path | None:
    """An anvil that is here. Raises ``NodeMissing`` if the one that ``TPRE_ANVIL`` names is not, ``CacheUnusable``."""
    if named := os.environ.get(VARIABLE):
        if shutil.which(named) is None:
            raise NodeMissing(f"{VARIABLE} names {named}, which is no program")
        return Path(named).absolute()
    if on_path := shutil.which("anvil"):
        return Path(on_path).absolute()
    pinned = pinned_anvil()
    if pinned is None:
        return None
    installed = places.PROJECT / "node_modules" / pinned.name / pinned.file
    return installed if os.access(installed, os.X_OK) else pinned.find()


def get_anvil() -> Path:
    """An anvil, fetched if none is here. Raises ``NodeMissing``, and what ``NpmTarball.fetch`` raises."""
    if found := find_anvil():
        return found
    pinned = pinned_anvil()
    if pinned is None:
        raise NodeMissing(f"no anvil is made for {this_machine()}", hint="--node hardhat takes Hardhat's, on Node")
    return pinned.fetch()


def this_machine() -> str:
    """For messages: ``Linux x86_64, glibc 2.31``."""
    return f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver()).strip() or 'no glibc'}"


def _glibc_is_new() -> bool:
    library, version = platform.libc_ver()
    return library == "glibc" and tuple(int(part) for part in version.split(".")[:2]) >= GLIBC_AT_LEAST
