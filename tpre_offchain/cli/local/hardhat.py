"""Where Hardhat's node is: in the project's node_modules, or installed into the cache. It takes Node."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tpre_offchain.cli.fetch import npm_folder
from tpre_offchain.cli.local import places

SOURCE: Final = Path(__file__).with_name("hardhat-node")
_CLI: Final = Path("node_modules/hardhat/dist/src/cli.js")


def find_hardhat() -> Path | None:
    """The folder to run Hardhat in, if it is here. Raises ``CacheUnusable``."""
    return places.PROJECT if (places.PROJECT / _CLI).exists() else npm_folder.find_installed(SOURCE)


def hardhat_command(port: int) -> tuple[list[str], Path]:
    """The command of ``hardhat node``, and the folder to run it in; installed first if it is not here.

    Raises ``NodeJsMissing``, and what ``npm_folder.install`` raises.
    """
    node = npm_folder.find_node_js()
    folder = find_hardhat() or npm_folder.install(SOURCE, node)
    return [str(node.program), str(folder / _CLI), "node", "--hostname", "127.0.0.1", "--port", str(port)], folder
