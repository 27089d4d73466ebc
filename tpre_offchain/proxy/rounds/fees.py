"""Fees of rounds that are over: what comes due about the same time is claimed in one transaction."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tpre_offchain.chain.abi.call import Receipt
from tpre_offchain.chain.abi.reverts import ContractRevert
from tpre_offchain.chain.abi.structs import ClaimedRound
from tpre_offchain.chain.contracts.conversion_rounds import ConversionRounds
from tpre_offchain.chain.outbox.outbox import Outbox
from tpre_offchain.crypto.hashing import keccak256
from tpre_offchain.proxy.rounds.grants import Seat
from tpre_offchain.types import GrantId

CLAIMS_AT_ONCE = 100
"""Rounds of one transaction; in ten together each is 42,000 gas (`snapshots/rounds.json`)."""


@dataclass
class _Joint:
    """Claims that are gathered, and the task that sends them when that is over."""

    claims: list[ClaimedRound]
    sent: asyncio.Task[Receipt | None] = field(init=False)


class FeeCollector:
    """Claims for one proxy. ``gather_s``: how long the first fee of a grant that comes due waits for others of it."""

    def __init__(self, rounds: ConversionRounds, outbox: Outbox, gather_s: float) -> None:
        self._rounds = rounds
        self._outbox = outbox
        self._gather_s = gather_s
        self._gathering: dict[GrantId, _Joint] = {}

    async def claim(self, seat: Seat, claim: ClaimedRound) -> Receipt | None:
        """The receipt of the transaction that claimed a round's fee, and others'; None: that was done already.

        Raises what ``Outbox.ensure`` raises.
        """
        joint = self._gathering.get(seat.grant_id)
        if joint is None or len(joint.claims) == CLAIMS_AT_ONCE:
            joint = self._gathering[seat.grant_id] = _Joint([claim])
            joint.sent = asyncio.create_task(self._send_soon(seat, joint))
        else:
            joint.claims.append(claim)
        receipt = await joint.sent
        if receipt is None and len(joint.claims) > 1:
            # one that is refused spoils all: each for itself then
            return await self._send(seat, [claim])
        return receipt

    async def _send_soon(self, seat: Seat, joint: _Joint) -> Receipt | None:
        await asyncio.sleep(self._gather_s)
        # a claim of an earlier run that is under way is not to be sent again with others
        await self._outbox.left_over_is_settled()
        if self._gathering[seat.grant_id] is joint:
            del self._gathering[seat.grant_id]
        try:
            return await self._send(seat, joint.claims)
        except ContractRevert:
            if len(joint.claims) > 1:
                return None
            raise

    async def _send(self, seat: Seat, claims: list[ClaimedRound]) -> Receipt | None:
        ids = keccak256(b"".join(claim.round_id.to_bytes(32) for claim in claims)).hex()
        return await self._outbox.ensure(
            self._rounds.claim_fees(seat.committee, seat.slot, claims), key=f"ClaimFees:{ids}"
        )
