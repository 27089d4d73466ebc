"""Waiting for a round to end, one way or the other."""

from __future__ import annotations

import asyncio
from typing import Final

from tpre_offchain.chain.abi.structs import Phase
from tpre_offchain.clients.errors import RoundEnded, RoundExpired, RoundTimeout, no_such_grant
from tpre_offchain.clients.facts.rounds import FinalizedRound
from tpre_offchain.clients.session import Session
from tpre_offchain.types import GrantId, RoundId

POLL_FIRST_S: Final = 0.02
POLL_SLOWEST_S: Final = 1.0
POLL_GROWTH: Final = 1.3


async def wait_for_round(session: Session, round_id: RoundId, timeout_s: float) -> FinalizedRound:
    """The round once it is finalized. Raises ``RoundExpired``, ``RoundEnded``, ``RoundTimeout``, ``NoGrant``."""
    until = asyncio.get_running_loop().time() + timeout_s
    pause_s = POLL_FIRST_S
    while True:
        phase = await session.rounds.phase(round_id, now_s=session.clock())
        if phase is Phase.FINALIZED:
            found = await session.rounds.finalized(await session.rounds.opened(round_id))
            if found is not None:
                return found
        if phase is Phase.NONE:
            raise no_such_grant(GrantId(round_id >> 32))
        if phase is Phase.ENDED:
            raise RoundEnded(round_id)
        if phase is Phase.EXPIRED:
            raise await _expired(session, round_id)
        if asyncio.get_running_loop().time() + pause_s > until:
            raise RoundTimeout(round_id, timeout_s, phase.name.lower())
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * POLL_GROWTH, POLL_SLOWEST_S)


async def _expired(session: Session, round_id: RoundId) -> RoundExpired:
    grant_id = GrantId(round_id >> 32)
    state = await session.contracts.rounds.round_of(round_id)
    committee = await session.grants.granted_committee(grant_id, await session.grants.access(grant_id))
    missing = [member.account for i, member in enumerate(committee) if not state.submitted >> i & 1]
    return RoundExpired(round_id, missing)
