"""``tpre bench gas``: what a conversion costs, from receipts of a real chain, beside the floor that the chain sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tpre_offchain.bench.machine import machine
from tpre_offchain.bench.online import gas_floor
from tpre_offchain.bench.online.committee import Committee, PlayedProxy, Step
from tpre_offchain.bench.online.sharing import Sharing
from tpre_offchain.bench.shapes import Shape


async def measure_committee(
    sharing: Sharing, proxies: Sequence[PlayedProxy], batches: Sequence[int], on_shape: Callable[[Shape], None]
) -> list[dict[str, Any]]:
    """Rows of one committee, by size of batch."""
    access = await sharing.user.grants.access(sharing.grant_id)
    members = await sharing.user.grants.granted_committee(sharing.grant_id, access)
    committee = Committee(sharing, proxies, members)
    threshold = sharing.granted.verified.context.threshold
    rows = []
    for batch in batches:
        shape = Shape(threshold, len(members), batch)
        on_shape(shape)
        # a first round pays for what later ones find written; the second is what rounds cost from then on
        await committee.convert(sharing.records[:batch])
        rows.append(_row(shape, await committee.convert(sharing.records[:batch])))
    return rows


def figures(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All rows as one measurement."""
    return {"kind": "gas", "machine": machine(), "rows": list(rows)}


def _row(shape: Shape, steps: Sequence[Step]) -> dict[str, Any]:
    by_name = {
        name: [step.gas for step in steps if step.name == name] for name in ("open", "submit", "propose", "vote")
    }
    conversion = sum(step.gas for step in steps if step.name != "open")
    calldata = sum(step.zero_bytes + step.other_bytes for step in steps if step.name != "open")
    floor = gas_floor.conversion(shape)
    return {
        "t": shape.threshold,
        "n": shape.size,
        "batch": shape.batch,
        "open": by_name["open"][0],
        "submit": max(by_name["submit"]),
        "propose": by_name["propose"][0],
        "vote": max(by_name["vote"], default=0),
        "conversion": conversion,
        "per_record": round(conversion / shape.batch),
        "calldata_bytes": calldata,
        "floor": floor,
        "ratio": round(conversion / floor, 3),
    }
