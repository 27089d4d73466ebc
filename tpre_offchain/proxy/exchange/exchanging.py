"""What a proxy does off the chain in a round: offer cfrags, take others', ask for votes, and sign (SPEC §15).

Nothing here is trusted: cfrags count once their proof holds, a vote is for a result that the voter combined itself from
cfrags that it verified, and the contract checks the result and every signature again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from tpre_offchain.chain.abi.structs import Phase
from tpre_offchain.chain.signing import Sign
from tpre_offchain.crypto.cfrag import VerifiedCFrags, verify_cfrags
from tpre_offchain.crypto.typed_data import vote_digest
from tpre_offchain.errors import CryptoError, TpreError
from tpre_offchain.proxy.contracts import ProxyContracts
from tpre_offchain.proxy.exchange.client import ExchangeClient, PeerSilent
from tpre_offchain.proxy.exchange.endpoints import Endpoints
from tpre_offchain.proxy.messages import (
    CFRAGS,
    VOTE,
    Ballot,
    Batch,
    ExchangeRefused,
    compact,
    encode_ballot,
    encode_cfrags,
    signer_of_compact,
)
from tpre_offchain.proxy.rounds.actions import NotChecked, Workbench, convert
from tpre_offchain.proxy.rounds.checks import check_submission
from tpre_offchain.proxy.rounds.decide import AskVotes, Offer
from tpre_offchain.proxy.rounds.exchanged import Candidate
from tpre_offchain.proxy.rounds.grants import LabelGrant, Seat
from tpre_offchain.proxy.rounds.open_round import OpenRound
from tpre_offchain.types import Slot

RESULTS_SIGNED = 4
"""Different results of one round that a proxy signs: honest leaders come to one each."""


class Exchange:
    """One proxy's part off the chain. ``step_s``: how long another may take to answer in a round, as it is now."""

    def __init__(
        self,
        contracts: ProxyContracts,
        endpoints: Endpoints,
        client: ExchangeClient,
        sign: Sign,
        step_s: Callable[[OpenRound], float],
    ) -> None:
        self._contracts = contracts
        self.endpoints = endpoints
        self._client = client
        self._sign = sign
        self._step_s = step_s
        self._asking: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger()

    async def close(self) -> None:
        """Close the connections to others."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        await self._client.close()

    # --- what it does itself ------------------------------------------------------------------------------------------

    async def look_up(self, one: OpenRound, seat: Seat) -> None:
        """Find out who can be reached; nobody, where the chain cannot be asked."""
        if one.exchange.peers is not None:
            return
        accounts = {member.account: Slot(i) for i, member in enumerate(seat.committee, 1) if i != seat.slot}
        try:
            found = await self.endpoints.of(accounts)
        except TpreError as problem:
            self._log.warning("no_endpoints", round=hex(one.round_id), **problem.to_dict())
            found = {}
        one.exchange.peers = {accounts[account]: url for account, url in found.items()}

    async def offer(self, one: OpenRound, bench: Workbench, action: Offer, now_s: float) -> None:
        """Give one's cfrags to a leader, or keep them where one is it."""
        mine = self._own(one, bench)
        if action.leader != bench.seat.slot:
            try:
                await self._post(one, bench.seat, action.leader, CFRAGS, encode_cfrags(mine.cfrags))
            except PeerSilent as silent:
                one.exchange.failed.add(action.leader)
                self._log.info("leader_silent", round=hex(one.round_id), slot=action.leader, why=silent.message)
        one.exchange.offered_at_s[action.leader] = now_s

    def _own(self, one: OpenRound, bench: Workbench) -> VerifiedCFrags:
        known = one.exchange.held.get(bench.seat.slot)
        if known is None:
            context, capsules = bench.round_context, [c for _, c in sorted(bench.findings.capsules.items())]
            known = verify_cfrags(bench.grant.rekey, context, capsules, convert(bench))
            one.exchange.held[bench.seat.slot] = known
        return known

    async def ask_votes(self, one: OpenRound, bench: Workbench, action: AskVotes) -> None:
        """Combine, and ask everybody at once until a majority has signed.

        The rest go on being asked: whoever has signed knows that a result is on its way.
        """
        parts = {slot: _part(one, slot) for slot in sorted(action.contributors)}
        candidate = Candidate.of(one.round_id, parts.values(), bench.seat.access.threshold)
        one.exchange.candidate, one.exchange.approvals = candidate, {}
        needed = len(bench.seat.committee) // 2
        if needed == 0:
            return
        body = encode_ballot(candidate.result_hash, {slot: part.cfrags for slot, part in parts.items()})
        voters = set(one.exchange.peers or ()) - one.facts.challenged
        asking = [asyncio.create_task(self._ask(one, bench.seat, slot, body, candidate)) for slot in voters]
        for task in asking:
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        for answered in asyncio.as_completed(asking):
            await answered
            if len(one.exchange.approvals) >= needed:
                return

    async def _ask(self, one: OpenRound, seat: Seat, slot: Slot, body: bytes, candidate: Candidate) -> None:
        try:
            answer = await self._post(one, seat, slot, VOTE, body)
        except PeerSilent as silent:
            self._log.info("voter_silent", round=hex(one.round_id), slot=slot, why=silent.message)
            return
        signature = self._client.signature_in(answer)
        digest = vote_digest(self._contracts.domain, one.round_id, candidate.result_hash)
        if signature is None or signer_of_compact(digest, signature) != seat.committee[slot - 1].account:
            self._log.warning("vote_not_signed", round=hex(one.round_id), slot=slot)
        elif one.exchange.candidate is candidate:
            one.exchange.approvals[slot] = signature

    async def _post(self, one: OpenRound, seat: Seat, to: Slot, subject: str, body: bytes) -> bytes:
        url, recipient = (one.exchange.peers or {}).get(to), seat.committee[to - 1].account
        if url is None:
            raise PeerSilent("no endpoint is known of it any more", culprit=recipient)
        return await self._client.post(
            url, recipient, one.round_id, seat.slot, subject, body, lambda: self._step_s(one)
        )

    # --- what others ask of it ----------------------------------------------------------------------------------------

    def take_cfrags(self, one: OpenRound, grant: LabelGrant, batch: Batch) -> None:
        """Keep another's cfrags if their proof holds; only its first are looked at. Raises ``ExchangeRefused``."""
        if batch.slot in one.exchange.held:
            return
        found = check_submission(self._contracts, one.facts, grant, batch)
        if found is None:
            raise ExchangeRefused(422, f"slot {batch.slot}'s cfrags are bad", culprit=batch.proxy)
        one.exchange.held[batch.slot] = found
        one.changed.set()

    def answer(self, one: OpenRound, seat: Seat, grant: LabelGrant, ballot: Ballot, now_s: float) -> bytes:
        """This proxy's signed vote, 64 bytes r ‖ vs. Raises ``ExchangeRefused`` where it does not approve."""
        exchange, facts = one.exchange, one.facts
        signed = exchange.signed.get(ballot.result_hash)
        if signed is None:
            slots = frozenset(batch.slot for batch in ballot.batches)
            if len(slots) != seat.access.threshold or not facts.submitted <= slots or slots & facts.challenged:
                raise ExchangeRefused(409, "the result is not of as many slots as it takes, or not of those")
            if len(exchange.signed) >= RESULTS_SIGNED:
                raise ExchangeRefused(429, "enough results of this round were signed")
            candidate = self._combined(one, seat, grant, ballot)
            if candidate.result_hash != ballot.result_hash:
                raise ExchangeRefused(422, "the batches do not combine to this result")
            digest = vote_digest(self._contracts.domain, one.round_id, candidate.result_hash)
            signed = exchange.signed[ballot.result_hash] = compact(self._sign(digest))
            exchange.signed_at_s = exchange.signed_at_s or now_s
        return signed.r + signed.vs

    def _combined(self, one: OpenRound, seat: Seat, grant: LabelGrant, ballot: Ballot) -> Candidate:
        parts = []
        for batch in ballot.batches:
            part = check_submission(self._contracts, one.facts, grant, batch)
            if part is None:
                raise ExchangeRefused(422, f"slot {batch.slot}'s cfrags are bad")
            parts.append(part)
        try:
            return Candidate.of(one.round_id, parts, seat.access.threshold)
        except CryptoError as problem:
            raise ExchangeRefused(422, problem.message) from problem


def is_open(one: OpenRound, seat: Seat, now_s: float) -> bool:
    """Whether messages about the round are of use: it gathers cfrags, and no record left it."""
    phase = one.snapshot(seat, now_s).phase
    return phase in (Phase.SUBMITTING, Phase.PROPOSING) and not one.facts.excluded


def _part(one: OpenRound, slot: Slot) -> VerifiedCFrags:
    part = one.exchange.held.get(slot) or one.findings.cfrags.get(slot)
    if part is None:
        raise NotChecked(f"the cfrags of slot {slot} were not verified")
    return part
