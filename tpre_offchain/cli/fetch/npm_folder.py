"""A folder with a ``package-lock.json``, installed by npm into the cache: what takes Node to run takes npm to fetch."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from tpre_offchain.cli.fetch.cache import cache_folder, find_kept, keep
from tpre_offchain.cli.fetch.tarball import RegistryUnreachable, WrongPackage
from tpre_offchain.errors import TpreError

NODE_AT_LEAST: Final = (22, 13)
_LOCK: Final = "package-lock.json"
# scripts of packages are not run: what is pinned is what they are, not what they would fetch
_NPM_CI: Final = ("ci", "--ignore-scripts", "--fetch-retries=1", "--no-audit", "--no-fund", "--loglevel=error")
_WITHOUT: Final = "npm's own settings apply: registry, proxy, cafile. Without it, --rpc takes a chain that runs already"


class NodeJsMissing(TpreError):
    """There is no Node that can run what we need it for."""

    default_hint = "pip install 'tpre-offchain[node]' brings one, and npm"


@dataclass(frozen=True)
class NodeJs:
    """Node and the npm that belongs to it."""

    program: Path
    npm: Path


def find_node_js() -> NodeJs:
    """Node beside this Python, where its wheel puts it, or on PATH. Raises ``NodeJsMissing``."""
    npm = shutil.which("npm", path=_search_path())
    launcher = shutil.which("node", path=_search_path())
    if npm is None or launcher is None:
        raise NodeJsMissing("there is no Node with npm here")
    # the binary itself: the wheel has a launcher, and to end that one would leave Node behind
    question = "JSON.stringify([process.execPath, process.versions.node])"
    found = subprocess.run([launcher, "-p", question], capture_output=True, text=True, check=False)
    if found.returncode:
        raise NodeJsMissing(f"Node does not run: {found.stderr.strip()}")
    program, version = json.loads(found.stdout)
    if tuple(int(part) for part in version.split(".")[:2]) < NODE_AT_LEAST:
        raise NodeJsMissing(f"{launcher} is Node {version}; it takes {'.'.join(map(str, NODE_AT_LEAST))} or newer")
    return NodeJs(Path(program), Path(npm))


def find_installed(source: Path) -> Path | None:
    """The folder with its packages, where they have been installed before. Raises ``CacheUnusable``."""
    return find_kept(_label(source))


def install(source: Path, node: NodeJs) -> Path:
    """A copy of the folder with the packages of its lock file in it, each held against its digest by npm.

    Raises ``RegistryUnreachable``, ``WrongPackage``, ``CacheUnusable``.
    """

    def fill(folder: Path) -> None:
        click.echo(f"fetching {source.name} with npm, once, into {cache_folder()}", err=True)
        for file in source.iterdir():
            shutil.copyfile(file, folder / file.name)
        # the system's authorities too, as in tarball.py
        environment = {"NODE_USE_SYSTEM_CA": "1", **os.environ, "PATH": _search_path()}
        done = subprocess.run(
            [str(node.npm), *_NPM_CI], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            kind = WrongPackage if "EINTEGRITY" in done.stderr else RegistryUnreachable
            raise kind(f"npm cannot install {source.name}:\n{done.stderr.strip()[-1000:]}", hint=_WITHOUT)

    return keep(_label(source), fill)


def _label(source: Path) -> str:
    """What is installed depends on the lock file and on the machine, which may share its home with others."""
    digest = hashlib.sha256((source / _LOCK).read_bytes()).hexdigest()
    return f"{source.name}-{digest[:12]}-{sysconfig.get_platform()}"


def _search_path() -> str:
    # an empty part would be the folder that we are in
    return os.pathsep.join(filter(None, (str(Path(sys.executable).parent), os.environ.get("PATH"))))
