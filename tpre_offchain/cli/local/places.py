"""Where the programs of a local chain are looked for, and the error that there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tpre_offchain.cli.processes import ProcessFailed

PROJECT: Final = Path(__file__).resolve().parents[3]
"""Of the sources; above an installed wheel there is nothing to be found."""


class NodeMissing(ProcessFailed):
    """There is no EVM node to run here."""

    default_hint = "TPRE_ANVIL names an anvil of your own, --rpc a chain that runs already"
