"""Every function that changes state and that anybody may call has a figure in ``snapshots/limits.json``.

``tests/contracts/solidity/GasLimits.t.sol`` measures them at the largest sizes that the contracts allow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from deploy.artifacts import CONTRACTS, CompiledContract, hardhat_artifact
from tpre_offchain.chain.outbox.outbox import TRANSACTION_GAS_LIMIT

SIBLINGS_ONLY = {
    "ConversionRounds.openFirstRound": "GrantRegistry.grant",
    "GrantRegistry.recordServed": "ConversionRounds.propose",
    "GrantRegistry.returnReserve": "ConversionRounds.close",
    "GrantRegistry.takeQuota": "ConversionRounds.openRound",
    "ProxyRegistry.penalize": "ConversionRounds.challengeCfrags",
    "ProxyRegistry.recordMiss": "ConversionRounds.close",
    "ProxyRegistry.recordServed": "ConversionRounds.claimFees",
    "Treasury.credit": "GrantRegistry.reclaimDeposit",
    "Treasury.hold": "GrantRegistry.requestAccess",
}
"""What only sibling contracts may call, and one of the functions whose figure it is part of."""


def changing_functions(contracts: Iterable[CompiledContract]) -> set[str]:
    """``Contract.function`` of all that a transaction can call."""
    return {
        f"{contract.name}.{entry['name']}"
        for contract in contracts
        for entry in contract.abi
        if entry["type"] == "function" and entry["stateMutability"] in ("nonpayable", "payable")
    }


def unmeasured(functions: Iterable[str], measured: Iterable[str]) -> set[str]:
    """Functions without a figure; a figure's name is the function's, and may go on after a comma."""
    return set(functions) - {name.split(",")[0] for name in measured} - set(SIBLINGS_ONLY)


def all_functions(project_root: Path) -> set[str]:
    return changing_functions(hardhat_artifact(name, project_root) for name in CONTRACTS)


def figures(project_root: Path) -> Mapping[str, int]:
    text = (project_root / "snapshots/limits.json").read_text(encoding="utf-8")
    return {name: int(gas) for name, gas in json.loads(text).items()}


def test_gas_limits__every_function_that_changes_state__is_measured(project_root: Path) -> None:
    assert unmeasured(all_functions(project_root), figures(project_root)) == set()


def test_gas_limits__every_figure__within_what_a_transaction_may_use(project_root: Path) -> None:
    measured = figures(project_root)

    assert measured
    assert {name: gas for name, gas in measured.items() if not 21_000 < gas <= TRANSACTION_GAS_LIMIT} == {}


def test_gas_limits__figures_and_exceptions__name_functions_that_exist(project_root: Path) -> None:
    functions = all_functions(project_root)
    named = {name.split(",")[0] for name in figures(project_root)} | set(SIBLINGS_ONLY) | set(SIBLINGS_ONLY.values())

    assert named - functions == set()
    assert unmeasured(SIBLINGS_ONLY.values(), figures(project_root)) == set()


def test_unmeasured__function_added_without_a_figure__is_named(project_root: Path) -> None:
    added = CompiledContract(
        name="Treasury",
        source="contracts/Treasury.sol",
        abi=[
            {"type": "function", "name": "sweep", "stateMutability": "nonpayable"},
            {"type": "function", "name": "balance", "stateMutability": "view"},
            {"type": "event", "name": "Swept"},
        ],
        creation_code="0x",
        runtime_code="0x",
        link_references={},
    )

    assert unmeasured(changing_functions([added]), figures(project_root)) == {"Treasury.sweep"}
    # a name that begins alike is no figure
    assert unmeasured(["Treasury.with"], figures(project_root)) == {"Treasury.with"}
