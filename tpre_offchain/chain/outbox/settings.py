"""What an outbox may offer for gas, and how patient it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from tpre_offchain.chain.outbox.delivery import Pace

GWEI = 10**9


@dataclass(frozen=True)
class OutboxSettings:
    """``tip_wei``, ``max_fee_limit_wei``: for one unit of gas. ``daily_fee_cap_wei``: of gas fees, None for no cap.

    ``fee_age_s``: how long a base fee may be reused. ``pace``: of polling and replacement. ``in_flight``: transactions
    sent and not yet mined at one time, the others wait their turn: geth's pool keeps 64 of an account, and anvil 1.7.1
    forgets to mine where a thousand wait.
    """

    tip_wei: int = GWEI
    max_fee_limit_wei: int = 500 * GWEI
    daily_fee_cap_wei: int | None = None
    fee_age_s: float = 12.0
    pace: Pace = field(default_factory=Pace)
    in_flight: int = 64
