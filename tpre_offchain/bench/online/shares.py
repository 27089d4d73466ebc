"""Rounds with other committees and thresholds on one net: the paper's Figure 7."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from tpre_offchain.bench.machine import machine
from tpre_offchain.bench.online.listening import RoundListener
from tpre_offchain.bench.online.rounds import measure_rounds
from tpre_offchain.bench.online.sharing import share
from tpre_offchain.clients.session import Session

SHARES: Final = ((2, 3), (2, 5), (2, 7), (2, 9), (3, 9), (5, 9), (7, 9), (9, 9))
WARM_UP: Final = 3


async def measure_shares(
    owner: Session,
    user: Session,
    listener: RoundListener,
    folder: Path,
    *,
    committees: Sequence[tuple[int, int]],
    rounds: int,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Latency of a conversion by committee: ``committees`` are (t, n), n no more than there are proxies."""
    rows = []
    for threshold, size in committees:
        say(f"t={threshold} n={size}")
        sharing = await share(owner, user, threshold=threshold, committee=size, records=1, conversions=rounds + WARM_UP)
        place = folder / f"{threshold}-{size}"
        place.mkdir()
        found = await measure_rounds(sharing, listener, place, rounds=rounds, warm_up=WARM_UP, on_round=lambda _: None)
        rows.append({"t": threshold, "n": size, "finalized_ms": found["finalized_ms"]})
    return {"kind": "shares", "machine": machine(), "rounds": rounds, "rows": rows}
