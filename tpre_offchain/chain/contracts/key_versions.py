"""The versions of a proxy's node key, and the grants that name them: how long each must be kept (SCHEME §14).

A version is the current one from its registration until the next one's, or until the bond is taken out and the place in
the pool with it. Grants name the version that is current in their own transaction, so all that name a version stand in
those blocks, and no later one can.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from eth_utils.crypto import keccak

from tpre_offchain.chain.abi.decoding import decode_logs, topic_of
from tpre_offchain.chain.abi.events import (
    AccessGranted,
    BondWithdrawn,
    Event,
    FragmentComplaint,
    GrantRevoked,
    GrantSurrendered,
    ProxyJoined,
    ProxyKeyRotated,
)
from tpre_offchain.chain.abi.structs import RoundSettings
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.rpc.connection import Block, Connection
from tpre_offchain.chain.rpc.errors import NoHead
from tpre_offchain.types import Address, GrantId

_ENDINGS = (GrantRevoked, GrantSurrendered, FragmentComplaint)
_IDS_AT_ONCE = 200
"""Grants whose ends are asked for in one question: topics are limited."""


@dataclass(frozen=True)
class NamedGrant:
    """A grant on whose committee the proxy sits. ``end_s``: its expiry, or when it was revoked or void before."""

    grant_id: GrantId
    end_s: int


@dataclass(frozen=True)
class KeyVersion:
    """One version. ``key_hash``: keccak256 of the key's 128 bytes. ``retired_s``: when it ceased to be the current one.

    Times are unix seconds of blocks.
    """

    version: int
    key_hash: bytes
    since_s: int
    since_block: int
    retired_s: int | None = None
    retired_block: int | None = None
    grants: tuple[NamedGrant, ...] = ()

    def live_grants(self, now_s: int) -> int:
        """How many grants that name it are not over."""
        return sum(grant.end_s > now_s for grant in self.grants)

    def kept_until_s(self, margin_s: int) -> int | None:
        """The last second in which it may be needed; None: it is the current one.

        Rounds of a grant may run for ``margin_s`` after its end. Its own retirement counts like an end: a block with a
        grant that names it may still take the place of another.
        """
        if self.retired_s is None:
            return None
        return max([self.retired_s, *(grant.end_s for grant in self.grants)]) + margin_s


@dataclass(frozen=True)
class KeyHistory:
    """All versions as of a block, oldest first."""

    block: Block
    margin_s: int
    versions: tuple[KeyVersion, ...] = field(default=())

    @property
    def over(self) -> frozenset[int]:
        """Versions that nothing can need any more."""
        kept = ((one.version, one.kept_until_s(self.margin_s)) for one in self.versions)
        return frozenset(version for version, until_s in kept if until_s is not None and until_s < self.block.timestamp)


def margin_of(settings: RoundSettings) -> int:
    """For how many seconds after a grant's end its rounds may need a member's fragment."""
    return settings.round_seconds + 2 * settings.vote_seconds


async def confirmed_block(connection: Connection, confirmations: int) -> Block:
    """The newest block that so many follow. Raises ``NoHead``."""
    head = await connection.latest()
    if not confirmations:
        return head
    block = await connection.block(max(0, head.number - confirmations))
    if block is None:
        raise NoHead(f"the node has no block {confirmations} before its head")
    return block


async def read_key_history(
    connection: Connection,
    deployment: Deployment,
    account: Address,
    *,
    confirmations: int = 0,
    wanted: Collection[int] | None = None,
) -> KeyHistory:
    """The versions of an account's node key. ``wanted``: those whose grants are asked for; None: all.

    Reads the logs of the blocks in which a wanted version was the current one: of a node that has them.
    """
    block = await confirmed_block(connection, confirmations)
    at = _Logs(connection, deployment, block)
    versions = [await at.timed(one) for one in _versions(await at.of_proxy(account))]
    asked = [one for one in versions if wanted is None or one.version in wanted]
    named = await at.grants_of(account, asked)
    return KeyHistory(
        block,
        margin_of(deployment.settings.rounds),
        tuple(replace(one, grants=tuple(named.get(one.version, ()))) for one in versions),
    )


def _versions(events: Iterable[Event]) -> list[KeyVersion]:
    """From the events of one account; times are filled in where the node told them, else 0."""
    versions: list[KeyVersion] = []
    for event in events:
        if versions and versions[-1].retired_block is None:
            time_s, number = event.at.timestamp or 0, event.at.block_number
            versions[-1] = replace(versions[-1], retired_s=time_s, retired_block=number)
        if isinstance(event, ProxyJoined | ProxyKeyRotated):
            number = event.at.block_number
            versions.append(KeyVersion(event.key_version, keccak(event.key), event.at.timestamp or 0, number))
    return versions


class _Logs:
    """Logs of a deployment up to a block."""

    def __init__(self, connection: Connection, deployment: Deployment, last: Block) -> None:
        self._connection = connection
        self._deployment = deployment
        self._last = last

    async def of_proxy(self, account: Address) -> tuple[Event, ...]:
        kinds = (ProxyJoined, ProxyKeyRotated, BondWithdrawn)
        return await self._read("ProxyRegistry", kinds, self._deployment.deploy_block, [_topic(int(account, 16))])

    async def timed(self, one: KeyVersion) -> KeyVersion:
        """With the times that the node did not tell with its logs."""
        since_s = one.since_s or await self._time_of(one.since_block)
        if one.retired_block is None:
            return replace(one, since_s=since_s)
        return replace(one, since_s=since_s, retired_s=one.retired_s or await self._time_of(one.retired_block))

    async def grants_of(self, account: Address, versions: Sequence[KeyVersion]) -> dict[int, list[NamedGrant]]:
        """The grants that name these versions, with their ends."""
        if not versions:
            return {}
        first = min(one.since_block for one in versions)
        last = max(self._last.number if one.retired_block is None else one.retired_block for one in versions)
        asked = {one.version for one in versions}
        granted: list[tuple[int, AccessGranted]] = []
        for event in await self._read("GrantRegistry", [AccessGranted], first, last_block=last):
            if isinstance(event, AccessGranted):
                named = {one.key_version for one in event.committee if one.account == account}
                granted += [(version, event) for version in named & asked]
        ended = await self._ended([event.grant_id for _, event in granted], first)
        found: dict[int, list[NamedGrant]] = {}
        for version, event in granted:
            end_s = min(event.expiry, ended.get(event.grant_id, event.expiry))
            found.setdefault(version, []).append(NamedGrant(event.grant_id, end_s))
        return found

    async def _ended(self, grants: Sequence[GrantId], first_block: int) -> dict[GrantId, int]:
        """When those of them that were ended before their expiry were."""
        ended: dict[GrantId, int] = {}
        for start in range(0, len(grants), _IDS_AT_ONCE):
            topics = [[_topic(grant_id) for grant_id in grants[start : start + _IDS_AT_ONCE]]]
            for event in await self._read("GrantRegistry", _ENDINGS, first_block, topics):
                match event:
                    case GrantRevoked() | GrantSurrendered() | FragmentComplaint(upheld=True):
                        ended[event.grant_id] = event.at.timestamp or await self._time_of(event.at.block_number)
        return ended

    async def _read(
        self,
        contract: str,
        kinds: Sequence[type[Event]],
        first_block: int,
        topics: Sequence[str | list[str]] = (),
        *,
        last_block: int | None = None,
    ) -> tuple[Event, ...]:
        address = self._deployment.address_of(contract)
        of_kinds = ["0x" + topic_of(kind).hex() for kind in kinds]
        last = self._last.number if last_block is None else last_block
        return decode_logs(await self._connection.get_logs([address], first_block, last, [of_kinds, *topics]))

    async def _time_of(self, number: int) -> int:
        block = await self._connection.block(number)
        if block is None:
            raise NoHead(f"the node has no block {number}, of which it told a log")
        return block.timestamp


def _topic(number: int) -> str:
    return f"0x{number:064x}"
