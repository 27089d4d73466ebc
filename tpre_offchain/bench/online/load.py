"""``tpre bench load``: many requests at once, a steady rate, and batches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tpre_offchain.bench.machine import machine
from tpre_offchain.bench.online.listening import RoundListener, RoundLost
from tpre_offchain.bench.online.sharing import Sharing
from tpre_offchain.bench.timing import summary
from tpre_offchain.chain.abi.events import RoundOpened
from tpre_offchain.clients.facts.records import ChainRecord
from tpre_offchain.errors import TpreError

CONCURRENT: Final = (1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 100, 200)
ROUND_TIMEOUT_S: Final = 120.0
AT_LEAST: Final = 20
OnStep = Callable[[str], None]


@dataclass(frozen=True)
class LoadPlan:
    """``concurrent``: numbers of requests at once, each ``times``. ``rate`` a second for ``seconds``.
    ``batches``: numbers of records in one round. ``exchange``: off the chain, in one transaction each.
    """

    concurrent: Sequence[int] = CONCURRENT
    rate: float = 10.0
    seconds: float = 60.0
    batches: Sequence[int] = (1, 10, 50, 100)
    exchange: bool = False

    def times(self, count: int) -> int:
        """How often so many requests are sent at once: few of them say little."""
        return max(1, AT_LEAST // count)

    @property
    def conversions(self) -> int:
        """Of records, in all."""
        requests = sum(count * self.times(count) for count in self.concurrent) + sum(self.batches)
        return requests + int(self.rate * self.seconds) + 100


async def measure_load(sharing: Sharing, listener: RoundListener, plan: LoadPlan, say: OnStep) -> dict[str, Any]:
    """Latency and throughput of each."""
    one = sharing.records[:1]
    await _together(sharing, listener, [one] * 3)  # warm
    concurrent = []
    for count in plan.concurrent:
        say(f"{count} requests at once")
        runs = [await _together(sharing, listener, [one] * count) for _ in range(plan.times(count))]
        concurrent.append({"requests": count, **_joined(runs, count)})
    say(f"{plan.rate:g} requests a second for {plan.seconds:g} s")
    steady = await _steady(sharing, listener, plan, one)
    batches = []
    for size in plan.batches:
        say(f"a batch of {size}")
        run = await _together(sharing, listener, [sharing.records[:size]])
        batches.append({"records": size, **_joined([run], size)})
    first = concurrent[0]["latency_ms"]["p50"]
    for row in concurrent:
        row["growth"] = round(row["latency_ms"]["p50"] / first, 2)
    context = sharing.granted.verified.context
    return {
        "kind": "load_exchange" if plan.exchange else "load",
        "machine": machine(),
        "t": context.threshold,
        "n": len(context.members),
        "concurrent": concurrent,
        "steady": {"rate": plan.rate, "seconds": plan.seconds, **steady},
        "batches": batches,
    }


@dataclass(frozen=True)
class _Run:
    latencies_ms: list[float]
    failures: int
    seconds: float


async def _together(sharing: Sharing, listener: RoundListener, requests: Sequence[Sequence[ChainRecord]]) -> _Run:
    started = time.perf_counter()
    found = await asyncio.gather(*(_request(sharing, listener, records) for records in requests))
    latencies = [ms for ms in found if ms is not None]
    return _Run(latencies, len(found) - len(latencies), time.perf_counter() - started)


async def _steady(
    sharing: Sharing, listener: RoundListener, plan: LoadPlan, records: Sequence[ChainRecord]
) -> dict[str, Any]:
    started, tasks = time.perf_counter(), []
    for number in range(int(plan.rate * plan.seconds)):
        await asyncio.sleep(max(0.0, started + number / plan.rate - time.perf_counter()))
        tasks.append(asyncio.create_task(_request(sharing, listener, records)))
    found = await asyncio.gather(*tasks)
    latencies = [ms for ms in found if ms is not None]
    return _joined([_Run(latencies, len(found) - len(latencies), time.perf_counter() - started)], len(found))


async def _request(sharing: Sharing, listener: RoundListener, records: Sequence[ChainRecord]) -> float | None:
    """Milliseconds from sending openRound to seeing Finalized; None if it came to nothing."""
    started = time.perf_counter()
    try:
        receipt = await sharing.user.outbox.send(sharing.round_call(records), simulate=False)
        seen = await listener.finalized(receipt.one(RoundOpened).round_id, ROUND_TIMEOUT_S)
    except (TpreError, RoundLost):
        return None
    return (seen - started) * 1000


def _joined(runs: Sequence[_Run], conversions: int) -> dict[str, Any]:
    latencies = [ms for run in runs for ms in run.latencies_ms]
    return {
        "latency_ms": summary(latencies) if latencies else None,
        "per_second": round(sum(conversions / run.seconds for run in runs) / len(runs), 2),
        "failures": sum(run.failures for run in runs),
    }
