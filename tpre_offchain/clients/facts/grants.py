"""Requests and grants as the chain has them: committees, re-keys, each held against the contract's hashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tpre_offchain.chain.abi.events import AccessGranted, AccessRequested, RekeyPosted
from tpre_offchain.chain.abi.structs import Access, Status
from tpre_offchain.chain.abi.structs import Member as ChainMember
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.clients.errors import HistoryMissing, NoGrant, no_such_grant
from tpre_offchain.clients.facts.history import History, Topic
from tpre_offchain.clients.facts.points import crypto_rekey
from tpre_offchain.clients.facts.records import NO_HASH, LabelKey, Records
from tpre_offchain.clients.facts.refusals import refusals_explained
from tpre_offchain.crypto.draw import VerifiedDraw
from tpre_offchain.crypto.hashing import Domain, draw_input, words_hash
from tpre_offchain.crypto.kfrag import GrantContext, Member, VerifiedRekey, mask_hash, rekey_hash, verify_rekey
from tpre_offchain.types import Address, Epoch, GrantId


@dataclass(frozen=True)
class GrantedLabel:
    """One label of a grant, its re-key verified (SCHEME §4)."""

    access: Access
    label: LabelKey
    verified: VerifiedRekey

    @property
    def mask_hash(self) -> bytes:
        """keccak256(V)."""
        return mask_hash(self.verified.rekey)


class Grants:
    """Reads requests and grants."""

    def __init__(self, history: History, records: Records, connection: Connection, domain: Domain) -> None:
        self._history = history
        self._records = records
        self._connection = connection
        self._domain = domain
        self._contract = history.contracts.grants
        self._labels: dict[tuple[GrantId, Epoch], GrantedLabel] = {}

    async def access(self, grant_id: GrantId) -> Access:
        """A request or grant as it is now. Raises ``NoGrant`` if there is none of that number."""
        with refusals_explained():
            access = await self._contract.access_of(grant_id)
        if access.status is Status.NONE:
            raise no_such_grant(grant_id)
        return access

    async def status(self, grant_id: GrantId) -> Status:
        """Where a request or grant stands; ``NONE`` if there is none of that number."""
        with refusals_explained():
            return (await self._contract.access_of(grant_id)).status

    def forget(self, grant_id: GrantId) -> None:
        """Read a grant's re-keys again when they are next needed."""
        self._labels = {key: label for key, label in self._labels.items() if key[0] != grant_id}

    async def requests(
        self, *, streams: Sequence[int] | None = None, delegatee: Address | None = None, grant_id: GrantId | None = None
    ) -> list[AccessRequested]:
        """Requests ever made, of some streams or by one account."""
        wanted: tuple[Topic, ...] = (grant_id, streams, delegatee)
        return await self._history.events(AccessRequested, self._contract.address, *wanted)

    async def draw_input(self, grant_id: GrantId, access: Access) -> bytes:
        """x of a request's draw (SPEC §7), 32 bytes, from the hash of the request's block.

        Computed here, so that it is known at once where the contract's own view must wait for a further block.
        """
        block = await self._connection.block(access.request_block)
        if block is None:
            raise HistoryMissing(f"the node has not block {access.request_block} of request {grant_id}")
        return draw_input(self._domain, grant_id, block.hash)

    async def drawn_committee(self, access: Access, draw: VerifiedDraw) -> tuple[Member, ...]:
        """The committee that a draw gives for a request, with present key versions."""
        members = await self._history.contracts.proxies.draw(
            draw.seed, access.pool_size, access.request_block, access.committee_size
        )
        return await self._history.committee(members)

    async def granted_committee(self, grant_id: GrantId, access: Access) -> tuple[ChainMember, ...]:
        """The committee of a grant, from its event. Raises ``NoGrant``, ``HistoryMissing``."""
        if access.committee_hash == NO_HASH:
            raise NoGrant(f"grant {grant_id} is {access.status.name.lower()}, not given")
        for event in await self._history.events(AccessGranted, self._contract.address, grant_id):
            if words_hash(member.word for member in event.committee) == access.committee_hash:
                return event.committee
        raise HistoryMissing(f"the node has not the committee of grant {grant_id}")

    async def granted_label(self, grant_id: GrantId, epoch: Epoch) -> GrantedLabel:
        """The re-key of one epoch, verified. Raises ``NoGrant`` if none was posted, ``HistoryMissing``."""
        known = self._labels.get((grant_id, epoch))
        if known is not None:
            return known
        expected = await self._contract.rekey_hash(grant_id, epoch)
        access = await self.access(grant_id)
        if expected == NO_HASH:
            raise NoGrant(f"grant {grant_id} has no re-key for epoch {epoch}")
        committee = await self._history.committee(await self.granted_committee(grant_id, access))
        label = await self._records.label_key(access.stream_id, epoch)
        receiving = await self._history.receiving_key(access.delegatee, access.delegatee_key_version)
        context = grant_context(self._domain, grant_id, access, label, committee)
        for event in await self._history.events(RekeyPosted, self._contract.address, grant_id, label.label):
            rekey = crypto_rekey(event.rekey)
            if rekey_hash(context, label.key, rekey) == expected:
                found = GrantedLabel(access, label, verify_rekey(context, label.key, receiving, rekey))
                return self._labels.setdefault((grant_id, epoch), found)
        raise HistoryMissing(f"the node has not the re-key of grant {grant_id} for epoch {epoch}")


def grant_context(
    domain: Domain, grant_id: GrantId, access: Access, label: LabelKey, committee: tuple[Member, ...]
) -> GrantContext:
    """What a re-key of one label of this grant is bound to (SPEC §7)."""
    return GrantContext(
        domain=domain,
        grant_id=grant_id,
        delegator=access.delegator,
        delegator_key_version=label.preimage.key_version,
        delegatee=access.delegatee,
        delegatee_key_version=access.delegatee_key_version,
        threshold=access.threshold,
        members=committee,
        label=label.label,
    )
