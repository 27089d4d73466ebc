"""Owners: streams, their records, and who may read them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tpre_offchain.chain.abi.events import AccessGranted, AccessRequested, EpochAdvanced, RoundOpened, StreamCreated
from tpre_offchain.chain.abi.structs import Access, AccessRequest, Status, Terms
from tpre_offchain.clients.device import Device
from tpre_offchain.clients.errors import NotPayer, StreamUnknown
from tpre_offchain.clients.facts.refusals import refusals_explained
from tpre_offchain.clients.granting import (
    MAX_REKEYS,
    begun_epochs,
    chain_draw,
    first_round,
    make_draw,
    make_rekeys,
    missing_epochs,
    send_grant,
)
from tpre_offchain.clients.opening import open_round
from tpre_offchain.clients.reading.reading import fetch_data, open_as_owner
from tpre_offchain.clients.references import (
    GrantRef,
    RecordRefLike,
    RoundRef,
    StreamRef,
    grant_id_of,
    record_id_of,
    round_id_of,
    stream_id_of,
)
from tpre_offchain.clients.results import (
    AccessRequestInfo,
    AdvancedEpoch,
    CreatedStream,
    FetchReport,
    GivenGrant,
    OpenedRound,
    RegisteredKey,
    RequestedAccess,
    Transaction,
)
from tpre_offchain.clients.stopwatch import OnProgress, Stopwatch, no_progress
from tpre_offchain.clients.verbs import verb
from tpre_offchain.crypto.hashing import keccak256
from tpre_offchain.types import Address, Epoch, GrantId, StreamId

DAY_S: Final = 86_400


class Owner(Device):
    """The account that streams belong to; it also publishes to them."""

    # --- keys and streams -------------------------------------------------------------------------

    @verb
    async def register(self) -> RegisteredKey:
        """Have this account's delegating key on the chain; ``create_stream`` does it on its own.

        Raises ``KeystoreMismatch`` if the chain has another key for the account than the keystore.
        """
        return await self.session.registration.ensure_delegating()

    @verb
    async def rotate_key(self) -> RegisteredKey:
        """Register the next version of the delegating key.

        New streams use it at once, a stream that is there from its next epoch on; what was published under an older
        version stays readable. Raises ``KeystoreMismatch``.
        """
        return await self.session.registration.rotate_delegating()

    @verb
    async def create_stream(
        self, name: str, *, summary: str = "", minimum: tuple[int, int] = (1, 2), price_wei: int = 0
    ) -> CreatedStream:
        """Create a stream. The chain gets the hash of its name, and ``summary`` in clear.

        ``minimum``: the thinnest threshold and committee that a request may ask for, also in proportion. ``price_wei``:
        of one conversion. Raises ``ContractRevert``
        (BadTerms, TextTooLong), ``KeystoreMismatch``.
        """
        await self.session.registration.ensure_delegating()
        terms = Terms(*minimum, price_wei)
        call = self.session.contracts.records.create_stream(name_hash(name), summary, terms)
        receipt = await self.session.outbox.send(call)
        return CreatedStream(receipt.one(StreamCreated).stream_id, name, Transaction.of(receipt))

    @verb
    async def streams(self) -> list[StreamCreated]:
        """This account's streams, as they were created."""
        return await self.session.records.streams(self.address)

    @verb
    async def stream(self, name: str) -> StreamId:
        """The latest of this account's streams of that name. Raises ``StreamUnknown``."""
        for created in reversed(await self.session.records.streams(self.address)):
            if created.name_hash == name_hash(name):
                return created.stream_id
        raise StreamUnknown(f"{self.address} has no stream named {name!r}")

    @verb
    async def set_publisher(self, stream: StreamRef, publisher: str, *, allowed: bool = True) -> Transaction:
        """Let an account publish to a stream, or no longer. Raises ``ContractRevert`` (NotStreamOwner)."""
        call = self.session.contracts.records.set_publisher(stream_id_of(stream), Address(publisher), allowed=allowed)
        return Transaction.of(await self.session.outbox.send(call))

    @verb
    async def set_terms(self, stream: StreamRef, *, minimum: tuple[int, int], price_wei: int = 0) -> Transaction:
        """Change what a stream asks of requests to come. Raises ``ContractRevert`` (NotStreamOwner, BadTerms)."""
        call = self.session.contracts.records.set_terms(stream_id_of(stream), Terms(*minimum, price_wei))
        return Transaction.of(await self.session.outbox.send(call))

    @verb
    async def advance_epoch(self, stream: StreamRef) -> AdvancedEpoch:
        """Start a stream's next epoch: what is published from now on needs new grants. Raises ``ContractRevert``."""
        call = self.session.contracts.records.advance_epoch(stream_id_of(stream))
        receipt = await self.session.outbox.send(call)
        event = receipt.one(EpochAdvanced)
        return AdvancedEpoch(event.stream_id, event.epoch, Transaction.of(receipt))

    # --- access -----------------------------------------------------------------------------------

    @verb
    async def requests(self, stream: StreamRef | None = None, *, every: bool = False) -> list[AccessRequestInfo]:
        """Requests for a stream, or for all of this account's, that wait for an answer; ``every``: the others too."""
        if stream is None:
            ids = [created.stream_id for created in await self.session.records.streams(self.address)]
        else:
            ids = [stream_id_of(stream)]
        if not ids:
            return []
        asked = await self.session.grants.requests(streams=ids)
        infos = [_request_info(event, await self.session.grants.access(event.grant_id)) for event in asked]
        return [info for info in infos if every or info.status is Status.REQUESTED]

    @verb
    async def grant(
        self, grant: GrantRef, *, days: float = 30, quota: int = 100, open_records: Sequence[RecordRefLike] = ()
    ) -> GivenGrant:
        """Grant a request, for some days and conversions; ``open_records`` opens a first round of an offer at once.

        Draws the committee (SCHEME §13), and makes one re-key for every epoch of the request that has begun (SCHEME
        §4). Raises ``NoGrant``, ``NotYourGrant``, ``NotPayer`` for a first round on the user's deposit,
        ``ContractRevert`` (DrawLapsed, BadExpiry, QuotaTooSmall, …), ``HistoryMissing``.
        """
        session, grant_id, watch = self.session, grant_id_of(grant), Stopwatch()
        access = await session.grants.access(grant_id)
        opening = await first_round(session, [record_id_of(one) for one in open_records])
        if opening.records and not access.offered:
            raise NotPayer(f"request {grant_id} is paid by {access.delegatee}, who opens its rounds")
        begun = await begun_epochs(session, access)
        # The first epoch's re-key comes first, then that of the first round; what does not fit in follows.
        epochs = sorted(begun, key=lambda epoch: (epoch != access.epoch_from, epoch != opening.epoch))[:MAX_REKEYS]
        with watch.stage("draw"):
            draw = await make_draw(session, grant_id, access)
        committee = await session.grants.drawn_committee(access, draw)
        receiving = await session.history.receiving_key(access.delegatee, access.delegatee_key_version)
        with watch.stage("rekey"):
            rekeys = await make_rekeys(session, grant_id, access, epochs, committee)
        head = await session.connection.latest()
        expiry = head.timestamp + int(days * DAY_S)
        call = session.contracts.grants.grant(
            grant_id, expiry, quota, chain_draw(draw), receiving.to_evm(), rekeys, opening
        )
        with refusals_explained(), watch.stage("grant"):
            receipt = await send_grant(session, call, grant_id)
        if len(begun) > len(epochs):
            await self._add_epochs(grant_id)
        granted = receipt.one(AccessGranted)
        opened = [event for event in receipt.events if isinstance(event, RoundOpened)]
        return GivenGrant(
            grant_id=grant_id,
            committee=tuple(member.account for member in granted.committee),
            expiry_s=granted.expiry,
            quota=granted.quota,
            epochs=tuple(begun),
            round_id=opened[0].round_id if opened else None,
            transaction=Transaction.of(receipt),
            timings_ms=watch.times_ms(),
        )

    @verb
    async def add_epochs(self, grant: GrantRef) -> list[Epoch]:
        """Add re-keys for epochs of a grant's range that have begun since; returns them.

        Raises ``NoGrant``, ``NotYourGrant``, ``GrantRevoked``, ``GrantExpired``.
        """
        return await self._add_epochs(grant_id_of(grant))

    @verb
    async def settle_price(self, round_: RoundRef) -> Transaction:
        """Have the price of a round's records credited that t proxies have converted without finalizing it.

        Of a round whose result was proven it is credited at once; of this one after its challenge window, by whoever
        first claims a fee of it or calls this. Raises ``ContractRevert`` (NothingToSettle, ChallengeWindowOpen,
        WrongPhase).
        """
        call = self.session.contracts.rounds.settle_price(round_id_of(round_))
        return Transaction.of(await self.session.outbox.send(call))

    @verb
    async def offer(
        self,
        stream: StreamRef,
        delegatee: str,
        *,
        threshold: int,
        committee: int,
        purpose: str = "",
        conversions: int = 100,
    ) -> RequestedAccess:
        """Open access to a stream's present epoch for a user unasked; the deposit is ours. ``grant`` completes it.

        ``conversions``: how many the deposit is to pay for. Raises ``ContractRevert`` (NoKey, BadThreshold, …).
        """
        session, stream_id = self.session, stream_id_of(stream)
        epoch = (await session.records.stream(stream_id)).epoch
        request = AccessRequest(stream_id, epoch, epoch, threshold, committee, purpose=purpose)
        deposit = threshold * conversions * session.deployment.settings.rounds.fee_per_cfrag_wei
        fee = await session.contracts.grants.redraw_fee_of(Address(delegatee), stream_id, offered=True)
        call = session.contracts.grants.offer_access(request, Address(delegatee), deposit + fee)
        receipt = await session.outbox.send(call)
        event = receipt.one(AccessRequested)
        return RequestedAccess(event.grant_id, stream_id, event.price, event.deposit, Transaction.of(receipt))

    @verb
    async def open_round(self, grant: GrantRef, records: Sequence[RecordRefLike]) -> OpenedRound:
        """Have up to 100 records of one epoch converted for the user of an offer, whose deposit is ours.

        Raises ``NoGrant``, ``NotPayer`` for a grant that the user asked for, ``GrantRevoked``, ``GrantExpired``,
        ``QuotaUsedUp``, ``DepositUsedUp``; ``RecordUnknown``, ``InvalidCapsuleProof``.
        """
        return await open_round(self.session, grant_id_of(grant), [record_id_of(record) for record in records])

    @verb
    async def deny(self, grant: GrantRef, reason: str = "") -> Transaction:
        """Refuse a request; the deposit returns. Raises ``NotYourGrant``, ``NoGrant``, ``GrantRevoked``."""
        with refusals_explained():
            call = self.session.contracts.grants.deny(grant_id_of(grant), reason)
            return Transaction.of(await self.session.outbox.send(call))

    @verb
    async def revoke(self, grant: GrantRef) -> Transaction:
        """End a grant: from the next block on no round opens, and open ones end that nobody can read yet.

        What was converted stays readable to the user, and t dishonest proxies could still convert what was published
        until now; ``advance_epoch`` closes that for new data. Raises ``NotYourGrant``, ``NoGrant``, ``GrantRevoked``.
        """
        with refusals_explained():
            call = self.session.contracts.grants.revoke(grant_id_of(grant))
            return Transaction.of(await self.session.outbox.send(call))

    # --- reading one's own ------------------------------------------------------------------------

    @verb
    async def fetch(
        self,
        record: RecordRefLike,
        output: str | Path,
        *,
        overwrite: bool = False,
        on_progress: OnProgress = no_progress,
    ) -> FetchReport:
        """Read a record of one's own stream, whoever published it; no proxy is needed.

        Raises what ``user.fetch`` raises, save the errors of grants and rounds.
        """
        watch = Stopwatch()
        found = await self.session.records.record(record_id_of(record))
        with watch.stage("decrypt"):
            metadata = await open_as_owner(self.session, found)
        return await fetch_data(
            self.session, found, metadata, Path(output), watch, overwrite=overwrite, on_progress=on_progress
        )

    async def _add_epochs(self, grant_id: GrantId) -> list[Epoch]:
        session = self.session
        access = await session.grants.access(grant_id)
        missing = await missing_epochs(session, grant_id, access)
        members = await session.grants.granted_committee(grant_id, access)
        committee = await session.history.committee(members)
        receiving = await session.history.receiving_key(access.delegatee, access.delegatee_key_version)
        for start in range(0, len(missing), MAX_REKEYS):
            epochs = missing[start : start + MAX_REKEYS]
            rekeys = await make_rekeys(session, grant_id, access, epochs, committee)
            call = session.contracts.grants.add_rekeys(grant_id, members, receiving.to_evm(), rekeys)
            with refusals_explained():
                await session.outbox.send(call)
        return missing


def name_hash(name: str) -> bytes:
    """What the chain keeps of a stream's name: keccak256 of its UTF-8. Short names can be guessed from it."""
    return keccak256(name.encode())


def _request_info(event: AccessRequested, access: Access) -> AccessRequestInfo:
    # all but the purpose is in the contract's storage, so no node can make it up
    return AccessRequestInfo(
        grant_id=event.grant_id,
        stream_id=event.stream_id,
        delegatee=access.delegatee,
        purpose=event.request.purpose,
        threshold=access.threshold,
        committee_size=access.committee_size,
        epoch_from=access.epoch_from,
        epoch_to=access.epoch_to,
        price_wei=event.price,
        deposit_wei=event.deposit,
        offered=access.offered,
        status=access.status,
    )
