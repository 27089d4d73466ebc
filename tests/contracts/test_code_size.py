"""Every contract fits on a real chain; local nodes can be told to look away, so a test says it."""

from __future__ import annotations

from pathlib import Path

from deploy.artifacts import CONTRACTS, CompiledContract, hardhat_artifact

RUNTIME_LIMIT = 24_576  # bytes, EIP-170
CREATION_LIMIT = 49_152  # bytes with the constructor's arguments, EIP-3860


def size(code: str) -> int:
    """Bytes of 0x-prefixed hex; a placeholder of a library has the length of its address."""
    return (len(code) - 2) // 2


def deployed_contracts(project_root: Path) -> list[CompiledContract]:
    return [hardhat_artifact(name, project_root) for name in CONTRACTS]


def test_runtime_code__every_contract__within_eip_170(project_root: Path) -> None:
    sizes = {contract.name: size(contract.runtime_code) for contract in deployed_contracts(project_root)}

    assert all(sizes.values())
    assert {name: bytes_ for name, bytes_ in sizes.items() if bytes_ > RUNTIME_LIMIT} == {}


def test_creation_code__every_contract__within_eip_3860(project_root: Path) -> None:
    sizes = {contract.name: size(contract.creation_code) for contract in deployed_contracts(project_root)}

    assert {name: bytes_ for name, bytes_ in sizes.items() if bytes_ + 32 * 16 > CREATION_LIMIT} == {}
