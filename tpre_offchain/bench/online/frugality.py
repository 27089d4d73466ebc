"""``tpre bench frugality``: what a proxy costs that has nothing to do, and what stays of the rounds that it served."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import psutil
from prometheus_client.parser import text_string_to_metric_families

from tpre_offchain.bench.machine import machine
from tpre_offchain.bench.online.listening import RoundListener
from tpre_offchain.bench.online.sharing import Sharing
from tpre_offchain.bench.timing import summary
from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.abi.events import RoundOpened

MIB: Final = 1024 * 1024
ROUND_TIMEOUT_S: Final = 120.0
RPC_COUNTER: Final = "tpre_proxy_rpc_calls_total"
SAMPLES: Final = 10


@dataclass(frozen=True)
class FrugalityPlan:
    """``idle_s``: seconds in which only blocks come, one each ``block_s``; counted after ``settle_s`` of the same: a
    proxy looks for what it was not told at growing intervals, up to four minutes. ``rounds``, ``together`` of them at a
    time. ``starts``: of the command line.
    """

    idle_s: float = 600.0
    settle_s: float = 480.0
    block_s: float = 12.0
    rounds: int = 3_000
    together: int = 10
    starts: int = 10


@dataclass(frozen=True)
class ProxyProcess:
    """A running proxy: its process, and where it tells its metrics."""

    pid: int
    metrics_url: str


async def measure_frugality(
    sharing: Sharing,
    listener: RoundListener,
    proxies: Sequence[ProxyProcess],
    plan: FrugalityPlan,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """RPC calls an hour of an idle proxy by method, resident memory of proxies over many rounds, start-up."""
    say(f"idle for {plan.settle_s + plan.idle_s:g} s")
    idle = await _idle(sharing, proxies, plan)
    memory = [_memory(0, proxies)]
    step = max(1, plan.rounds // SAMPLES)
    for done in range(step, plan.rounds + 1, step):
        await _rounds(sharing, listener, step, plan.together)
        memory.append(_memory(done, proxies))
        say(f"{done} of {plan.rounds} rounds")
    context = sharing.granted.verified.context
    return {
        "kind": "frugality",
        "machine": machine(),
        "t": context.threshold,
        "n": len(context.members),
        "idle_s": plan.idle_s,
        "settle_s": plan.settle_s,
        "block_s": plan.block_s,
        "idle_calls_an_hour": idle,
        "memory": memory,
        "cold_start_ms": summary([_cold_start_ms() for _ in range(plan.starts)]),
    }


async def _idle(sharing: Sharing, proxies: Sequence[ProxyProcess], plan: FrugalityPlan) -> dict[str, float]:
    """Calls an hour by method, of the proxy that made the most."""
    await _only_blocks(sharing, plan.settle_s, plan.block_s)
    before = [await _calls(one) for one in proxies]
    started = time.monotonic()
    await _only_blocks(sharing, plan.idle_s, plan.block_s)
    hours = (time.monotonic() - started) / 3_600
    made = [await _calls(one) - calls for one, calls in zip(proxies, before, strict=True)]
    return {method: round(count / hours, 1) for method, count in sorted(max(made, key=Counter.total).items())}


async def _only_blocks(sharing: Sharing, seconds: float, block_s: float) -> None:
    until = time.monotonic() + seconds
    call = Call(sharing.user.outbox.address, b"", gas_hint=21_000, description="make a block")
    while (left_s := until - time.monotonic()) > 0:
        await asyncio.sleep(min(block_s, left_s))
        await sharing.user.outbox.send(call)


async def _calls(proxy: ProxyProcess) -> Counter[str]:
    async with aiohttp.ClientSession() as session, session.get(proxy.metrics_url) as response:
        text = await response.text()
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == RPC_COUNTER:
                found[sample.labels["method"]] += int(sample.value)
    return found


async def _rounds(sharing: Sharing, listener: RoundListener, count: int, together: int) -> None:
    for start in range(0, count, together):
        await asyncio.gather(*(_round(sharing, listener) for _ in range(min(together, count - start))))
    listener.seen.clear()


async def _round(sharing: Sharing, listener: RoundListener) -> None:
    receipt = await sharing.user.outbox.send(sharing.round_call(sharing.records[:1]), simulate=False)
    await listener.finalized(receipt.one(RoundOpened).round_id, ROUND_TIMEOUT_S)


def _memory(rounds: int, proxies: Sequence[ProxyProcess]) -> dict[str, float]:
    """MiB that stay with the proxies."""
    sizes = [psutil.Process(one.pid).memory_info().rss / MIB for one in proxies]
    return {"rounds": rounds, "largest_mib": round(max(sizes), 1), "mean_mib": round(sum(sizes) / len(sizes), 1)}


def _cold_start_ms() -> float:
    """``tpre --help`` in a new process, in wall time: that is what its user waits for."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "tpre_offchain.cli", "--help"], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - started) * 1000
