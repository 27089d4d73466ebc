"""Users: finding records, asking for access, having records converted, reading them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from tpre_offchain.chain.abi.events import AccessRequested, RoundOpened
from tpre_offchain.chain.abi.reverts import ContractRevert, Reverted
from tpre_offchain.chain.abi.structs import AccessRequest, Phase
from tpre_offchain.clients.client import Client
from tpre_offchain.clients.errors import (
    NoGrant,
    NotRefused,
)
from tpre_offchain.clients.facts.refusals import explain, refusals_explained
from tpre_offchain.clients.facts.rounds import FinalizedRound, require_kept
from tpre_offchain.clients.opening import open_round, round_call
from tpre_offchain.clients.reading.catalog import catalog_stream, mentions
from tpre_offchain.clients.reading.reading import fetch_data, open_as_user
from tpre_offchain.clients.reading.waiting import wait_for_round
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
    CatalogStream,
    ConversionRecord,
    FetchReport,
    GrantInfo,
    OpenedRound,
    Refusal,
    RegisteredKey,
    RequestedAccess,
    RoundInfo,
    Transaction,
)
from tpre_offchain.clients.stopwatch import OnProgress, Stopwatch, no_progress
from tpre_offchain.clients.verbs import verb
from tpre_offchain.failpoints import failpoint
from tpre_offchain.types import Epoch, GrantId, RecordId, RoundId

DAY_S: Final = 86_400
DEFAULT_WAIT_S: Final = 120.0
ATTEMPT_GAS: Final = 400_000
"""For a step that is meant to be refused: enough to reach the contract's check."""


class User(Client):
    """The account that reads what others own."""

    # --- finding and asking -----------------------------------------------------------------------

    @verb
    async def register(self) -> RegisteredKey:
        """Have this account's receiving key on the chain; ``request`` does it on its own.

        Raises ``KeystoreMismatch`` if the chain has another key for the account than the keystore.
        """
        return await self.session.registration.ensure_receiving()

    @verb
    async def rotate_key(self) -> RegisteredKey:
        """Register the next version of the receiving key, for requests to come.

        What was granted for an older version stays readable with it. Raises ``KeystoreMismatch``.
        """
        return await self.session.registration.rotate_receiving()

    @verb
    async def catalog(self, text: str = "", *, owner: str | None = None) -> list[CatalogStream]:
        """Streams with their records whose summary, tags, owner or id contain ``text``, in any case.

        This is what the public sees: names, media types and the data itself are sealed.
        """
        records = self.session.records
        created = [one for one in await records.streams() if owner is None or one.owner.lower() == owner.lower()]
        published = await records.published(one.stream_id for one in created)
        found = []
        for one in created:
            stream = await records.stream(one.stream_id)
            entry = catalog_stream(one, stream, [event for event in published if event.stream_id == one.stream_id])
            if mentions(entry, text.casefold()):
                found.append(entry)
        return found

    @verb
    async def request(
        self,
        stream: StreamRef,
        *,
        threshold: int,
        committee: int,
        purpose: str = "",
        epochs: tuple[int, int] | None = None,
        conversions: int = 100,
        max_price_wei: int | None = None,
        min_conversions: int = 1,
        min_days: float = 0,
    ) -> RequestedAccess:
        """Ask for access to a stream: the owner answers, and draws a committee.

        ``epochs``: first and last; the present one if not given. ``conversions``: how many the deposit is to pay for.
        What the answer is held to: ``max_price_wei`` of one conversion (the stream's present price if not given),
        ``min_conversions`` and ``min_days`` of the grant. A redraw fee, where one is due, is paid with it. Raises
        ``ContractRevert`` (BadThreshold, PriceTooHigh, TooFewProxies, RequestPending, …), ``KeystoreMismatch``,
        ``StreamUnknown``.
        """
        session, stream_id = self.session, stream_id_of(stream)
        await session.registration.ensure_receiving()
        terms = await session.records.stream(stream_id)
        first, last = epochs or (terms.epoch, terms.epoch)
        price = terms.price_wei if max_price_wei is None else max_price_wei
        least = (min_conversions, round(min_days * DAY_S))
        asked = AccessRequest(stream_id, Epoch(first), Epoch(last), threshold, committee, price, *least, purpose)
        fees = threshold * session.deployment.settings.rounds.fee_per_cfrag_wei
        value = conversions * (fees + terms.price_wei)
        value += await session.contracts.grants.redraw_fee_of(self.address, stream_id, offered=False)
        failpoint("user.request.composed")
        receipt = await session.outbox.send(session.contracts.grants.request_access(asked, value))
        event = receipt.one(AccessRequested)
        return RequestedAccess(event.grant_id, stream_id, event.price, event.deposit, Transaction.of(receipt))

    @verb
    async def withdraw(self, grant: GrantRef) -> Transaction:
        """Take a request back. Raises ``NotYourGrant``, ``NoGrant``."""
        with refusals_explained():
            call = self.session.contracts.grants.withdraw_request(grant_id_of(grant))
            return Transaction.of(await self.session.outbox.send(call))

    @verb
    async def surrender(self, grant: GrantRef) -> Transaction:
        """End a grant of one's own; the free deposit is credited. The next request pays a redraw fee.

        Raises ``NotYourGrant``, ``NoGrant``, ``GrantRevoked``.
        """
        with refusals_explained():
            call = self.session.contracts.grants.surrender(grant_id_of(grant))
            return Transaction.of(await self.session.outbox.send(call))

    @verb
    async def add_deposit(self, grant: GrantRef, amount_wei: int) -> Transaction:
        """Pay for more conversions of a grant."""
        with refusals_explained():
            call = self.session.contracts.grants.add_deposit(grant_id_of(grant), amount_wei)
            return Transaction.of(await self.session.outbox.send(call))

    @verb
    async def grants(self) -> list[GrantInfo]:
        """All requests and grants of this account."""
        asked = await self.session.grants.requests(delegatee=self.address)
        return [await self._status(event.grant_id) for event in asked]

    @verb
    async def status(self, grant: GrantRef) -> GrantInfo:
        """A request or grant with its rounds, as they are now. Raises ``NoGrant`` if there is none."""
        return await self._status(grant_id_of(grant))

    # --- conversion -------------------------------------------------------------------------------

    @verb
    async def open_round(self, grant: GrantRef, records: Sequence[RecordRefLike]) -> OpenedRound:
        """Have up to 100 records of one epoch converted.

        Raises ``NoGrant``, ``NotYourGrant``, ``GrantRevoked``, ``GrantExpired``, ``NotPayer``, ``QuotaUsedUp``,
        ``DepositUsedUp``, each as the contract refuses it; ``RecordUnknown``, ``InvalidCapsuleProof``.
        """
        return await open_round(self.session, grant_id_of(grant), [record_id_of(record) for record in records])

    @verb
    async def wait(self, round_: RoundRef, *, timeout_s: float = DEFAULT_WAIT_S) -> ConversionRecord:
        """Wait until a round is finalized. Raises ``RoundExpired``, ``RoundEnded``, ``RoundTimeout``."""
        found = await wait_for_round(self.session, round_id_of(round_), timeout_s)
        return await self._conversion_record(found)

    @verb
    async def conversion(self, round_: RoundRef) -> ConversionRecord:
        """What the chain has recorded of a finalized round. Raises ``RoundTimeout`` if it is not finalized."""
        return await self._conversion_record(await wait_for_round(self.session, round_id_of(round_), 0))

    @verb
    async def fetch(
        self,
        grant: GrantRef,
        record: RecordRefLike,
        output: str | Path,
        *,
        timeout_s: float = DEFAULT_WAIT_S,
        overwrite: bool = False,
        on_progress: OnProgress = no_progress,
    ) -> FetchReport:
        """Read a record: have it converted if it is not yet, verify the conversion, fetch, verify and decrypt the data.

        The output appears whole or not at all. Raises what ``open_round`` and ``wait`` raise, ``WrongResult``,
        ``DecryptionFailed``, ``SignatureMismatch``, ``DigestMismatch``, ``OutputExists``, and the store's errors.
        """
        session, watch = self.session, Stopwatch()
        grant_id, record_id = grant_id_of(grant), record_id_of(record)
        found = await session.records.record(record_id)
        with watch.stage("convert"):
            converted = await self._converted(grant_id, record_id, timeout_s)
        failpoint("user.round.finalized")
        with watch.stage("verify"):
            granted = await session.grants.granted_label(grant_id, found.epoch)
        with watch.stage("decrypt"):
            metadata = await open_as_user(session, found, granted, converted)
        failpoint("user.metadata.opened")
        return await fetch_data(
            session,
            found,
            metadata,
            Path(output),
            watch,
            overwrite=overwrite,
            on_progress=on_progress,
            round_id=converted.opened.round_id,
        )

    @verb
    async def attempt(self, grant: GrantRef, records: Sequence[RecordRefLike]) -> Refusal:
        """Try to have records converted without asking first whether it is allowed, and report what refused it.

        The transaction is sent and mined, so that the refusal is the contract's and stands on the chain. Raises
        ``ProtocolError`` only if the contract let it pass.
        """
        grant_id = grant_id_of(grant)
        call = await round_call(self.session, grant_id, [record_id_of(record) for record in records])
        forced = replace(call, gas_hint=ATTEMPT_GAS)
        try:
            receipt = await self.session.outbox.send(forced, simulate=False)
        except ContractRevert as revert:
            explained = explain(revert, await self.session.grants.status(grant_id))
            mined = Transaction.of(revert.receipt) if isinstance(revert, Reverted) else None
            kind = type(explained or revert).__name__
            return Refusal(kind, revert.name, revert.message, mined)
        raise NotRefused(f"round {receipt.one(RoundOpened).round_id} was opened")

    # --- parts ------------------------------------------------------------------------------------

    async def _converted(self, grant_id: GrantId, record_id: RecordId, timeout_s: float) -> FinalizedRound:
        """The finalized round that has the record: one that is there, one under way, or one opened now."""
        rounds = self.session.rounds
        waiting: RoundId | None = None
        for opened in reversed(await rounds.opened_for(grant_id)):
            if record_id not in opened.record_ids:
                continue
            found = await rounds.finalized(opened)
            if found is not None:
                require_kept(found, record_id)
                return found
            phase = await rounds.phase(opened.round_id, now_s=self.session.clock())
            if phase in {Phase.SUBMITTING, Phase.PROPOSING, Phase.VOTING, Phase.PROVABLE}:
                waiting = waiting or opened.round_id
        if waiting is None:
            waiting = (await open_round(self.session, grant_id, [record_id])).round_id
        return await wait_for_round(self.session, waiting, timeout_s)

    async def _conversion_record(self, found: FinalizedRound) -> ConversionRecord:
        grant_id = found.opened.grant_id
        access = await self.session.grants.access(grant_id)
        committee = await self.session.grants.granted_committee(grant_id, access)
        return await self.session.rounds.conversion_record(found, committee)

    async def _status(self, grant_id: GrantId) -> GrantInfo:
        session = self.session
        access = await session.grants.access(grant_id)
        rounds = [
            RoundInfo(
                opened.round_id,
                await session.rounds.phase(opened.round_id, now_s=session.clock()),
                opened.record_ids,
                opened.deadline,
            )
            for opened in await session.rounds.opened_for(grant_id)
        ]
        try:
            committee = tuple(m.account for m in await session.grants.granted_committee(grant_id, access))
        except NoGrant:
            committee = ()
        return GrantInfo(
            grant_id=grant_id,
            stream_id=access.stream_id,
            delegator=access.delegator,
            delegatee=access.delegatee,
            status=access.status,
            live=await session.contracts.grants.is_live(grant_id),
            threshold=access.threshold,
            committee_size=access.committee_size,
            committee=committee,
            epoch_from=access.epoch_from,
            epoch_to=access.epoch_to,
            expiry_s=access.expiry,
            quota=access.quota,
            used=access.used,
            deposit_wei=access.deposit,
            rounds=tuple(rounds),
        )
