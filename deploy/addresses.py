"""Where the deployment of each chain is written down: ``deploy/addresses/<chainId>.json``."""

from __future__ import annotations

from pathlib import Path

from deploy.artifacts import PROJECT_ROOT
from tpre_offchain.chain.contracts.deployment import Deployment

ADDRESSES_FOLDER = PROJECT_ROOT / "deploy" / "addresses"


def addresses_file(chain_id: int, folder: Path = ADDRESSES_FOLDER) -> Path:
    """The file of a chain."""
    return folder / f"{chain_id}.json"


def load_deployment(chain_id: int, folder: Path = ADDRESSES_FOLDER) -> Deployment:
    """The deployment of a chain. Raises ``BadDeploymentFile``."""
    return Deployment.load(addresses_file(chain_id, folder))
