"""Grants as a proxy needs them: who sits on the committee, and its own fragment of a label's re-key.

Everything is read from the chain when it is first needed, or taken from the event stream as it passes by, and kept in
memory: a lost cache costs a few calls.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from tpre_offchain.chain.abi.events import (
    AccessGranted,
    Event,
    FragmentComplaint,
    GrantRevoked,
    GrantSurrendered,
    ProxyJoined,
    ProxyKeyRotated,
    RekeyPosted,
)
from tpre_offchain.chain.abi.structs import Access, Member, Status
from tpre_offchain.crypto import kfrag as crypto
from tpre_offchain.crypto.curve import G1, G2
from tpre_offchain.crypto.keys import LabelPreimage, ProxyKey, label_key, label_of
from tpre_offchain.crypto.proofs import Proof
from tpre_offchain.errors import ProtocolError
from tpre_offchain.proxy.contracts import ProxyContracts
from tpre_offchain.proxy.history import MissingHistory, events_of, last_of, word_topic
from tpre_offchain.proxy.node_keys import NodeKeys
from tpre_offchain.proxy.rounds.rounds import slot_of
from tpre_offchain.types import Address, GrantId, Label, Slot

ENDED = frozenset({Status.REVOKED, Status.VOIDED})


class WrongProxyKey(ProtocolError):
    """The committee names a version of the node key that this proxy does not hold: it is missing in that grant."""

    default_hint = "put back a backup of the keystore file that has it; else the other members serve the grant"


@dataclass(frozen=True)
class Seat:
    """A grant on whose committee this proxy sits."""

    grant_id: GrantId
    slot: Slot
    committee: tuple[Member, ...]
    access: Access

    @property
    def is_ended(self) -> bool:
        """Whether the grant was revoked or voided, as ``GrantRegistry.isEnded`` says: expiry and surrender end none."""
        return self.access.status in ENDED

    @property
    def key_version(self) -> int:
        """The version of this proxy's node key that the grant names."""
        return self.committee[self.slot - 1].key_version


@dataclass(frozen=True)
class LabelGrant:
    """A re-key, and this proxy's fragment of it."""

    seat: Seat
    preimage: LabelPreimage
    posted: RekeyPosted
    rekey: crypto.BoundRekey
    kfrag: crypto.VerifiedKFrag | None
    """None: the fragment that the owner dealt is bad."""


class GrantBook:
    """What this proxy knows of grants."""

    def __init__(self, contracts: ProxyContracts, account: Address, node_keys: NodeKeys) -> None:
        self._contracts = contracts
        self._account = account
        self._own_keys = node_keys
        self._seats: dict[GrantId, Seat | None] = {}
        self._labels: dict[tuple[GrantId, Label], LabelGrant] = {}
        self._posted: dict[tuple[GrantId, Label], RekeyPosted] = {}
        self._node_keys: dict[tuple[Address, int], G1] = {}

    async def seat(self, grant_id: GrantId, granted: AccessGranted | None = None) -> Seat | None:
        """This proxy's seat on the grant's committee, None if it has none. ``granted``: the event, if at hand."""
        if grant_id not in self._seats:
            granted = granted or (await self._granted(grant_id))
            slot = slot_of(granted.committee, self._account)
            if slot is None:
                self._seats[grant_id] = None
            else:
                access = await self._contracts.grants.access_of(grant_id)
                self._seats[grant_id] = Seat(grant_id, slot, granted.committee, access)
        return self._seats[grant_id]

    async def refresh(self, grant_id: GrantId) -> None:
        """Read again whether a grant lives."""
        seat = self._seats.get(grant_id)
        if seat is not None:
            self._seats[grant_id] = replace(seat, access=await self._contracts.grants.access_of(grant_id))

    def note(self, event: Event) -> GrantId | None:
        """Take in an event that passes by; the grant that it ends, if it ends one."""
        if isinstance(event, RekeyPosted):
            self._posted[event.grant_id, event.label] = event
        match event:
            case GrantRevoked():
                status = Status.REVOKED
            case GrantSurrendered():
                status = Status.SURRENDERED
            case FragmentComplaint(upheld=True):
                status = Status.VOIDED
            case _:
                return None
        seat = self._seats.get(event.grant_id)
        if seat is not None:
            self._seats[event.grant_id] = replace(seat, access=replace(seat.access, status=status))
        return event.grant_id

    def forget(self) -> None:
        """Drop everything: the chain was reorganised."""
        for cache in (self._seats, self._labels, self._posted, self._node_keys):
            cache.clear()

    def drop_fragments(self, versions: Collection[int]) -> None:
        """Forget what was opened with these versions of the node key."""
        self._labels = {at: one for at, one in self._labels.items() if one.seat.key_version not in versions}

    async def label_grant(self, seat: Seat, label: Label) -> LabelGrant:
        """The re-key of a label with this proxy's fragment opened (SCHEME §4).

        Raises ``MissingHistory``, ``WrongProxyKey``, and ``InvalidGrantProof`` where the node has changed the re-key.
        """
        known = self._labels.get((seat.grant_id, label))
        if known is None:
            known = await self._load(seat, label)
            self._labels[seat.grant_id, label] = known
        return known

    async def _load(self, seat: Seat, label: Label) -> LabelGrant:
        posted = self._posted.get((seat.grant_id, label)) or await self._fetch_posted(seat, label)
        preimage = LabelPreimage(
            seat.access.delegator, posted.delegator_key_version, seat.access.stream_id, posted.rekey.epoch
        )
        if label_of(self._contracts.domain, preimage) != label:
            raise MissingHistory(f"the re-key of grant {seat.grant_id} is not one of the label it names")
        context = crypto.GrantContext(
            domain=self._contracts.domain,
            grant_id=seat.grant_id,
            delegator=seat.access.delegator,
            delegator_key_version=posted.delegator_key_version,
            delegatee=seat.access.delegatee,
            delegatee_key_version=posted.delegatee_key_version,
            threshold=seat.access.threshold,
            members=await self._members(seat.committee),
            label=label,
        )
        rekey = crypto.bind_rekey(context, label_key(G1.from_evm(posted.rekey.delegating_key), label), rekey_of(posted))
        return LabelGrant(seat, preimage, posted, rekey, self._open(rekey, seat))

    def _open(self, rekey: crypto.BoundRekey, seat: Seat) -> crypto.VerifiedKFrag | None:
        try:
            return crypto.open_fragment(rekey, seat.slot, self.proxy_key(seat))
        except crypto.BadFragment:
            return None

    def proxy_key(self, seat: Seat) -> ProxyKey:
        """The node key of the version that the committee names. Raises ``WrongProxyKey``."""
        key = self._own_keys.held().get(seat.key_version)
        if key is None:
            raise WrongProxyKey(
                f"grant {seat.grant_id} was made for node key version {seat.key_version}, not held here"
            )
        return key

    async def _granted(self, grant_id: GrantId) -> AccessGranted:
        grants = self._contracts.grants.address
        found = await events_of(self._contracts, grants, [AccessGranted], [word_topic(grant_id)])
        return last_of(AccessGranted, found, f"grant {grant_id}")

    async def _fetch_posted(self, seat: Seat, label: Label) -> RekeyPosted:
        grants, topics = self._contracts.grants.address, [word_topic(seat.grant_id), "0x" + label.hex()]
        found = await events_of(self._contracts, grants, [RekeyPosted], topics, seat.access.request_block)
        return last_of(RekeyPosted, found, f"the re-key of grant {seat.grant_id}")

    async def _members(self, committee: Sequence[Member]) -> tuple[crypto.Member, ...]:
        if any((member.account, member.key_version) not in self._node_keys for member in committee):
            topics = [[word_topic(int(member.account, 16)) for member in committee]]
            proxies = self._contracts.proxies.address
            for joined in await events_of(self._contracts, proxies, [ProxyJoined, ProxyKeyRotated], topics):
                if isinstance(joined, ProxyJoined | ProxyKeyRotated):
                    self._node_keys[joined.proxy, joined.key_version] = G1.from_evm(joined.key)
        try:
            return tuple(
                crypto.Member(m.account, m.key_version, self._node_keys[m.account, m.key_version]) for m in committee
            )
        except KeyError as absent:
            raise MissingHistory(f"the node has no event of the node key of committee member {absent}") from None


def rekey_of(posted: RekeyPosted) -> crypto.Rekey:
    """The re-key of an event as points. Raises a ``DecodingError``."""
    values = posted.rekey
    return crypto.Rekey(
        masked_key=G2.from_evm(values.masked_key),
        mask=G2.from_evm(values.mask),
        commitments=tuple(G1.from_evm(point) for point in values.commitments),
        ephemeral=G1.from_evm(values.ephemeral),
        ephemeral_proof=Proof(values.ephemeral_proof.challenge, values.ephemeral_proof.response),
        pads=values.pads,
    )
