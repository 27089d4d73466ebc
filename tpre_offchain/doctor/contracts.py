"""The contracts: that they are this build's, that they name one another, and that their settings are the file's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from tpre_offchain.chain.abi.codec import load_abi
from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.contracts.deployment import Deployment, same_code
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.doctor.finding import Finding, broken, fine, of_error
from tpre_offchain.errors import TpreError

_NAMES_OF: Final[Mapping[str, Mapping[str, str]]] = {
    "GrantRegistry": {
        "keys": "KeyRegistry",
        "proxies": "ProxyRegistry",
        "records": "RecordRegistry",
        "treasury": "Treasury",
        "rounds": "ConversionRounds",
    },
    "ConversionRounds": {
        "grants": "GrantRegistry",
        "proxies": "ProxyRegistry",
        "records": "RecordRegistry",
        "treasury": "Treasury",
    },
}
"""Views that say which siblings a contract works with, and which they must be."""

_REMEDY: Final = "do not use this deployment: take the addresses from somebody you trust, or deploy again"


async def check_contracts(connection: Connection, deployment: Deployment) -> list[Finding]:
    """Code of every contract against this build; then what they were constructed with. Immutable values are not part of
    the code that is compared, hence the second step.
    """
    wrong: list[Finding] = []
    for name, address in deployment.addresses.items():
        found = await connection.code(address)
        if not found:
            text = f"there is no contract at {address}"
            wrong.append(
                broken("contracts", text, "the chain was reset, or the file is another chain's: deploy again", name)
            )
        elif not same_code(bytes.fromhex(load_abi(name).runtime_code[2:]), found):
            text = f"the contract at {address} is not this build's"
            wrong.append(broken("contracts", text, "use the version that was deployed, or deploy this one", name))
    if wrong:
        return wrong
    try:
        wrong = [*await _check_wiring(connection, deployment), *await _check_settings(connection, deployment)]
    except TpreError as error:
        return [of_error("contracts", error)]
    return wrong or [fine("contracts", f"{len(deployment.addresses)} contracts are this build's, and know one another")]


async def _check_wiring(connection: Connection, deployment: Deployment) -> list[Finding]:
    contracts = Contracts.of(connection, deployment)
    wrong = []
    for contract in (contracts.grants, contracts.rounds):
        for view, sibling in _NAMES_OF[contract.NAME].items():
            named, expected = await contract.view(view), deployment.address_of(sibling)
            if named != expected:
                text = f"works with {named} as its {sibling}, not with {expected}"
                wrong.append(broken("contracts", text, _REMEDY, contract.NAME))
    if not await connection.code(await contracts.grants.view("verifier")):
        wrong.append(broken("contracts", "its verifier of re-keys has no code", _REMEDY, "GrantRegistry"))
    return wrong


async def _check_settings(connection: Connection, deployment: Deployment) -> list[Finding]:
    contracts = Contracts.of(connection, deployment)
    grants = contracts.grants
    pairs: tuple[tuple[str, Mapping[str, Any], Mapping[str, Any]], ...] = (
        ("ProxyRegistry", asdict(await contracts.proxies.settings()), asdict(deployment.settings.proxies)),
        ("ConversionRounds", asdict(await contracts.rounds.settings()), asdict(deployment.settings.rounds)),
        (
            "GrantRegistry",
            {
                "redraw_fee_wei": await grants.redraw_fee_wei(),
                "complaint_penalty_wei": await grants.view("complaintPenaltyWei"),
                "max_grant_seconds": await grants.view("maxGrantSeconds"),
            },
            asdict(deployment.settings.grants),
        ),
    )
    wrong = []
    for name, chain, file in pairs:
        differing = sorted(key for key in file if chain[key] != file[key])
        if differing:
            text = f"{', '.join(differing)} of the deployment file are not the contract's"
            wrong.append(broken("contracts", text, "write the deployment file again from the chain's values", name))
    return wrong
