"""``tpre bench simulate``: a large system on paper, from what was measured on a small one.

A proxy is a queue: its committees' rounds arrive at random (Poisson) and each takes its processor for a while; a chain
is a block with a gas limit and a price. Gas and processor time are measured; what blocks hold and cost is assumed, and
stands in the result. The model says which part is full first.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from tpre_offchain.bench.timing import summary
from tpre_offchain.errors import ConfigError

DAY_S: Final = 86_400


class NotCalibrated(ConfigError):
    """The simulation needs a measurement that was not given."""


@dataclass(frozen=True)
class ChainModel:
    """A chain: seconds a block, gas a block, price of gas in gwei and of the coin in dollars. Assumptions, all four."""

    name: str
    block_s: float
    block_gas: int
    gas_gwei: float
    coin_usd: float
    share: float
    """How much of each block the system may take before it moves the price."""


@dataclass(frozen=True)
class Workload:
    """``batch``: records in a round; a conversion is of one record."""

    proxies: int = 1_000
    streams: int = 100_000
    conversions_a_day: int = 1_000_000
    threshold: int = 3
    committee: int = 5
    batch: int = 10


@dataclass(frozen=True)
class Calibration:
    """What was measured. ``proxy_ms``: processor time of one proxy for one round of ``batch`` records."""

    round_gas: int
    proxy_ms: float
    rpc_calls: float


CHAINS: Final = (
    ChainModel("mainnet", 12.0, 45_000_000, 2.0, 3_000.0, 0.10),
    ChainModel("L2", 2.0, 60_000_000, 0.01, 3_000.0, 0.25),
    ChainModel("consortium", 1.0, 100_000_000, 0.0, 0.0, 1.0),
)
RPC_CALLS: Final = 3.0
"""A proxy's calls in a round: its transactions, for it composes them from pushed events; and its part of a reading."""
_SIMULATED_ROUNDS: Final = 20_000


def calibrate(measured: Mapping[str, Mapping[str, Any]], workload: Workload) -> Calibration:
    """From the measurements of gas and cryptography. Raises ``NotCalibrated`` if they lack the workload's shape."""
    gas, steps = (_row(measured, kind, rows, workload) for kind, rows in (("gas", "rows"), ("crypto", "shapes")))
    ms = next(iter(steps["ms"].values()))
    checks = ms["capsule_check"] + ms["reencrypt"] + workload.threshold * ms["cfrags_verify"] + ms["combine"]
    return Calibration(gas["open"] + gas["conversion"], checks, RPC_CALLS)


def _row(measured: Mapping[str, Mapping[str, Any]], kind: str, rows: str, workload: Workload) -> Mapping[str, Any]:
    shape = (workload.threshold, workload.committee, workload.batch)
    for row in measured.get(kind, {}).get(rows, ()):
        if (row["t"], row["n"], row["batch"]) == shape:
            found: Mapping[str, Any] = row
            return found
    raise NotCalibrated(f"{kind} was not measured for t, n, batch = {shape}", hint=f"tpre bench {kind} -o {kind}.json")


def simulate(calibration: Calibration, workload: Workload, seed: int) -> dict[str, Any]:
    """Every chain under the workload, and the proxies' queues."""
    rounds_a_second = workload.conversions_a_day / workload.batch / DAY_S
    queue = _proxy_queues(calibration, workload, rounds_a_second, random.Random(seed))  # noqa: S311 - a simulation
    chains = [_chain(chain, calibration, workload, rounds_a_second, random.Random(seed)) for chain in CHAINS]  # noqa: S311
    per_proxy = rounds_a_second * workload.committee / workload.proxies
    return {
        "kind": "simulation",
        "seed": seed,
        "workload": asdict(workload),
        "calibration": asdict(calibration),
        "rounds_a_second": round(rounds_a_second, 3),
        "proxy": {
            "rounds_an_hour": round(per_proxy * 3600, 1),
            "processor_share": round(per_proxy * calibration.proxy_ms / 1000, 5),
            "queue_ms": queue,
            "rpc_calls_an_hour": round(per_proxy * calibration.rpc_calls * 3600, 1),
            "capacity_conversions_a_day": round(
                workload.proxies / workload.committee / (calibration.proxy_ms / 1000) * workload.batch * DAY_S
            ),
        },
        "chains": chains,
    }


def _proxy_queues(
    calibration: Calibration, workload: Workload, rounds_a_second: float, source: random.Random
) -> dict[str, float]:
    """How long the work of a round waits for its slowest chosen proxy, in milliseconds."""
    free_at = [0.0] * workload.proxies
    now, waits = 0.0, []
    service_s = calibration.proxy_ms / 1000
    for _ in range(_SIMULATED_ROUNDS):
        now += source.expovariate(rounds_a_second)
        members = source.sample(range(workload.proxies), workload.committee)[: workload.threshold]
        done = []
        for member in members:
            free_at[member] = max(now, free_at[member]) + service_s
            done.append(free_at[member])
        waits.append((max(done) - now) * 1000)
    return summary(waits)


def _chain(
    chain: ChainModel,
    calibration: Calibration,
    workload: Workload,
    rounds_a_second: float,
    source: random.Random,
) -> dict[str, Any]:
    gas_a_second = rounds_a_second * calibration.round_gas
    offered = chain.block_gas * chain.share / chain.block_s
    per_record = calibration.round_gas / workload.batch
    cost = per_record * chain.gas_gwei * 1e-9 * chain.coin_usd
    return {
        **asdict(chain),
        "gas_a_day": round(gas_a_second * DAY_S),
        "load": round(gas_a_second / offered, 3),
        "usd_a_conversion": round(cost, 5),
        "usd_a_day": round(cost * workload.conversions_a_day, 2),
        "latency_s": _latency(chain, gas_a_second / offered, calibration, source),
        "capacity_conversions_a_day": round(offered / per_record * DAY_S),
        "transactions_a_second": round(rounds_a_second * (workload.threshold + 2 + workload.committee // 2), 2),
    }


def _latency(
    chain: ChainModel, load: float, calibration: Calibration, source: random.Random
) -> dict[str, float] | None:
    """Seconds from openRound to the final vote: four steps, each in a block after the one before; None if full."""
    if load >= 1:
        return None
    # a transaction misses the next block as often as the queue of an M/D/1 server of this load is not empty
    misses = load
    found = []
    for _ in range(_SIMULATED_ROUNDS):
        blocks = 4 + sum(_geometric(misses, source) for _ in range(4))
        found.append(source.random() * chain.block_s + (blocks - 1) * chain.block_s + calibration.proxy_ms / 1000)
    return summary(found)


def _geometric(again: float, source: random.Random) -> int:
    """How often something happens that happens again with this probability, below 1."""
    return 0 if again <= 0 else int(math.log(1 - source.random()) / math.log(again))


def first_to_break(figures: Mapping[str, Any], chain: Mapping[str, Any]) -> str:
    """The part with the least capacity on this chain."""
    of_chain, of_proxies = chain["capacity_conversions_a_day"], figures["proxy"]["capacity_conversions_a_day"]
    return "gas of the blocks" if of_chain < of_proxies else "processors of the proxies"
