"""The chain: endpoints, their agreement, precompiles, block hashes, clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.abi.values import checksum_address
from tpre_offchain.chain.rpc.connection import Block, Connection
from tpre_offchain.chain.rpc.transport import public_url
from tpre_offchain.crypto.curve import g1, g2
from tpre_offchain.doctor.finding import Finding, broken, fine, note, of_error, warning
from tpre_offchain.errors import ChainError
from tpre_offchain.types import Address

SLOW_S: Final = 1.0
BEHIND_BLOCKS: Final = 5
CLOCK_TOLERANCE_S: Final = 30
QUIET_S: Final = 600
HISTORY: Final = Address(checksum_address("0x0000F90827F1C53a10cb7A02335B175320002935"))
"""EIP-2935: where the chain keeps its last 8,191 block hashes, from which committees are drawn."""

_NEWER_CHAIN: Final = "use a chain with the Prague upgrade or later"


@dataclass(frozen=True)
class Endpoint:
    """What one endpoint answered."""

    url: str
    client: str
    chain_id: int
    head: Block
    seconds: float


async def check_endpoints(urls: Sequence[str], chain_id: int | None) -> tuple[list[Finding], list[Endpoint]]:
    """Each endpoint by itself, and whether they agree; the second value holds those that are of use.

    ``chain_id``: the one that is expected, of settings or deployment; None takes any.
    """
    findings: list[Finding] = []
    good: list[Endpoint] = []
    for url in urls:
        found = await _ask(url)
        if isinstance(found, Finding):
            findings.append(found)
            continue
        where = public_url(url)
        if chain_id is not None and found.chain_id != chain_id:
            text = f"chain id {found.chain_id}, {chain_id} expected"
            findings.append(
                broken("rpc", text, "name an endpoint of the right chain, or the right --deployment", where)
            )
            continue
        good.append(found)
        text = f"{found.client}, chain {found.chain_id}, block {found.head.number}, {found.seconds * 1000:.0f} ms"
        if found.seconds > SLOW_S:
            findings.append(warning("rpc", f"slow: {text}", "use a nearer endpoint: proxies answer late", where))
        else:
            findings.append(fine("rpc", text, where))
    return [*findings, *await _disagreements(good)], good


async def _ask(url: str) -> Endpoint | Finding:
    where = public_url(url)
    try:
        async with await Connection.open([url]) as connection:
            client = str(await connection.rpc("web3_clientVersion"))
            if await connection.rpc("eth_syncing"):
                return warning("rpc", "the node is still syncing", "wait until it has the whole chain", where)
            started = time.perf_counter()
            head = await connection.latest()
            return Endpoint(url, client, connection.chain_id, head, time.perf_counter() - started)
    except ChainError as error:
        return of_error("rpc", error, where)


async def _disagreements(endpoints: Sequence[Endpoint]) -> list[Finding]:
    if len(endpoints) < 2:
        return []
    highest = max(endpoints, key=lambda one: one.head.number)
    common = min(endpoints, key=lambda one: one.head.number).head.number
    findings: list[Finding] = []
    hashes: dict[bytes, str] = {}
    for one in endpoints:
        behind = highest.head.number - one.head.number
        if behind > BEHIND_BLOCKS:
            text = f"{behind} blocks behind {public_url(highest.url)}"
            findings.append(
                warning("rpc_agreement", text, "wait until it has caught up, or drop it", public_url(one.url))
            )
        try:
            async with await Connection.open([one.url]) as connection:
                block = await connection.block(common)
        except ChainError as error:
            findings.append(of_error("rpc_agreement", error, public_url(one.url)))
            continue
        if block is not None:
            hashes.setdefault(block.hash, public_url(one.url))
    if len(hashes) > 1:
        text = f"block {common} is another one at each of {', '.join(hashes.values())}"
        findings.append(broken("rpc_agreement", text, "one of them is wrong or on a fork: keep the one you trust"))
    return findings or [fine("rpc_agreement", f"{len(endpoints)} endpoints agree on block {common}")]


# --- what the contracts need of the chain ---------------------------------------------------------


def _known_answers() -> tuple[tuple[str, int, bytes, bytes], ...]:
    """Name, address, input and output of each precompile that the contracts call (EIP-2537)."""
    one, other = g1(), g2()
    two = (2).to_bytes(32, "big")
    pairs = one.to_evm() + other.to_evm() + (-one).to_evm() + other.to_evm()
    return (
        ("G1ADD", 0x0B, one.to_evm() * 2, (one * 2).to_evm()),
        ("G1MSM", 0x0C, one.to_evm() + two, (one * 2).to_evm()),
        ("G2ADD", 0x0D, other.to_evm() * 2, (other * 2).to_evm()),
        ("G2MSM", 0x0E, other.to_evm() + two, (other * 2).to_evm()),
        ("PAIRING_CHECK", 0x0F, pairs, (1).to_bytes(32, "big")),
    )


async def check_precompiles(connection: Connection) -> list[Finding]:
    """A question with a known answer for each precompile of EIP-2537 that the contracts use."""
    wrong = []
    for name, address, question, answer in _known_answers():
        call = Call(Address(f"0x{address:040x}"), question, description=name)
        try:
            if await connection.call(call) != answer:
                wrong.append(name)
        except ChainError as error:
            return [of_error("precompiles", error, name, _NEWER_CHAIN)]
    if wrong:
        return [broken("precompiles", f"no or a wrong answer from {', '.join(wrong)} (EIP-2537)", _NEWER_CHAIN)]
    return [fine("precompiles", "G1ADD, G1MSM, G2ADD, G2MSM and PAIRING_CHECK give the known answers")]


async def check_block_hashes(connection: Connection, head: Block) -> list[Finding]:
    """Whether contracts can read old block hashes (EIP-2935): a request older than 256 blocks is drawn from one."""
    if not await connection.code(HISTORY):
        return [broken("block_hashes", "the chain keeps no old block hashes (EIP-2935)", _NEWER_CHAIN)]
    if head.number == 0:
        return [note("block_hashes", "no block yet to ask for", "look again after the first transaction")]
    number = head.number - 1
    block = await connection.block(number)
    asked = Call(HISTORY, number.to_bytes(32, "big"), description="block hash")
    try:
        found = await connection.call(asked, block=head.number)
    except ChainError as error:
        return [of_error("block_hashes", error, remedy=_NEWER_CHAIN)]
    if block is None or found != block.hash:
        return [broken("block_hashes", f"the contract of EIP-2935 has another hash of block {number}", _NEWER_CHAIN)]
    return [fine("block_hashes", "old block hashes are there (EIP-2935)")]


def check_clock(head: Block, client: str, clock: Callable[[], float]) -> list[Finding]:
    """This machine's clock against the head's time: grants expire and rounds end by the chain's."""
    ahead_s = clock() - head.timestamp
    if ahead_s < -CLOCK_TOLERANCE_S:
        text = f"this machine's clock is {-ahead_s:.0f} s behind the chain's head"
        return [warning("clock", text, "set the clock (NTP); a development chain may also have been put forward")]
    if ahead_s > QUIET_S and not _mines_on_demand(client):
        text = f"the last block is {ahead_s / 60:.0f} minutes old"
        return [warning("clock", text, "the node stands still, or this machine's clock is ahead: compare with NTP")]
    return [fine("clock", f"head is {max(0.0, ahead_s):.0f} s old")]


def _mines_on_demand(client: str) -> bool:
    return client.lower().startswith(("anvil", "hardhat"))
