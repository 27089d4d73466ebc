"""The chain's history as checked facts: an event counts only if it hashes to what the contract stores.

A node may have pruned events or lie about them; the hash in contract storage tells. (A node that lies about storage too
is beyond a client without a light client of its own: use a node that you trust.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from tpre_offchain.chain.abi.decoding import decode_logs, topic_of
from tpre_offchain.chain.abi.events import (
    DelegatingKeyRegistered,
    Event,
    ProxyJoined,
    ProxyKeyRotated,
    ReceivingKeyRegistered,
)
from tpre_offchain.chain.abi.structs import Member as ChainMember
from tpre_offchain.chain.abi.structs import Role
from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.logs.reading import LogReader
from tpre_offchain.clients.errors import HistoryMissing, ProxyKeyMissing
from tpre_offchain.crypto.curve import G1, G2
from tpre_offchain.crypto.hashing import address_word, keccak256, word
from tpre_offchain.crypto.kfrag import Member
from tpre_offchain.types import Address

EventT = TypeVar("EventT", bound=Event)
Topic = int | str | bytes | Sequence[int] | None
"""An indexed value: number, address, 32 bytes, one of several numbers, or anything."""


class History:
    """Events of our contracts since their deployment."""

    def __init__(self, logs: LogReader, contracts: Contracts, first_block: int) -> None:
        self.contracts = contracts
        self._logs = logs
        self._first_block = first_block
        self._keys: dict[tuple[str, Address, int], bytes] = {}

    async def events(
        self, kind: type[EventT], address: Address, *topics: Topic, since: int | None = None
    ) -> list[EventT]:
        """Events of one kind and contract whose indexed values match ``topics``, in order.

        ``since``: first block to look at; the deployment's if not given.
        """
        wanted = ["0x" + topic_of(kind).hex(), *(_topic(topic) for topic in topics)]
        first = self._first_block if since is None else since
        head = await self._logs.connection.latest()
        logs = await self._logs.get_logs([address], first, head.number, wanted)
        return [event for event in decode_logs(logs) if isinstance(event, kind)]

    # --- keys -------------------------------------------------------------------------------------

    async def delegating_key(self, account: Address, version: int) -> G1:
        """A of an account, whose knowledge the contract has verified. Raises ``HistoryMissing``."""
        return G1.from_evm(await self._key(DelegatingKeyRegistered, Role.DELEGATING, account, version))

    async def receiving_key(self, account: Address, version: int) -> G2:
        """B of an account, whose knowledge the contract has verified. Raises ``HistoryMissing``."""
        return G2.from_evm(await self._key(ReceivingKeyRegistered, Role.RECEIVING, account, version))

    async def member(self, member: ChainMember) -> Member:
        """A committee member with its node key N. Raises ``ProxyKeyMissing``."""
        key = await self._proxy_key(member.account, member.key_version)
        return Member(member.account, member.key_version, G1.from_evm(key))

    async def committee(self, members: Sequence[ChainMember]) -> tuple[Member, ...]:
        """All members of a committee with their node keys, in slot order. Raises ``ProxyKeyMissing``."""
        return tuple([await self.member(member) for member in members])

    async def _key(
        self,
        kind: type[DelegatingKeyRegistered | ReceivingKeyRegistered],
        role: Role,
        account: Address,
        version: int,
    ) -> bytes:
        known = self._keys.get((role.name, account, version))
        if known is not None:
            return known
        keys = self.contracts.keys
        expected = await keys.key_hash(account, role, version)
        events: list[DelegatingKeyRegistered | ReceivingKeyRegistered] = [
            *await self.events(kind, keys.address, account)
        ]
        for event in events:
            if event.version == version and keccak256(event.key) == expected:
                return self._keys.setdefault((role.name, account, version), event.key)
        raise HistoryMissing(f"version {version} of the {role.name.lower()} key of {account} is not in the history")

    async def _proxy_key(self, account: Address, version: int) -> bytes:
        known = self._keys.get((Role.PROXY.name, account, version))
        if known is not None:
            return known
        proxies = self.contracts.proxies
        expected = await proxies.proxy_key_hash(account, version)
        events: list[ProxyJoined | ProxyKeyRotated] = [
            *await self.events(ProxyJoined, proxies.address, account),
            *await self.events(ProxyKeyRotated, proxies.address, account),
        ]
        for event in events:
            if event.key_version == version and keccak256(event.key) == expected:
                return self._keys.setdefault((Role.PROXY.name, account, version), event.key)
        raise ProxyKeyMissing(f"version {version} of the node key of {account} is not in the history", culprit=account)


def _topic(topic: Topic) -> str | list[str] | None:
    if topic is None:
        return None
    if isinstance(topic, int):
        return "0x" + word(topic).hex()
    if isinstance(topic, str):
        return "0x" + address_word(topic).hex()
    if isinstance(topic, bytes):
        return "0x" + topic.hex()
    return ["0x" + word(one).hex() for one in topic]
