"""What ``make bench`` measures, in which order."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

WARM_UP_ROUNDS: Final = 10
RECORDS: Final = 10

Measurement = Callable[[bool], Mapping[str, Any]]
"""Measures; told whether to be quick."""


def measure_all(folder: Path, *, quick: bool, say: Callable[[str], None]) -> list[Path]:
    """Run every measurement and keep each as ``folder/NAME.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, measurement in _measurements().items():
        say(f"measuring {name}")
        path = folder / f"{name}.json"
        path.write_text(json.dumps(measurement(quick), indent=1) + "\n")
        written.append(path)
    written.append(_simulation(folder))
    return written


def _simulation(folder: Path) -> Path:
    """On paper, from what has just been measured."""
    from tpre_offchain.bench.offline.simulation import Workload, calibrate, simulate

    measured = {kind: json.loads((folder / f"{kind}.json").read_text()) for kind in ("gas", "crypto")}
    path, workload = folder / "simulation.json", Workload()
    path.write_text(json.dumps(simulate(calibrate(measured, workload), workload, 1), indent=1) + "\n")
    return path


def measure_rounds(
    threshold: int, size: int, rounds: int, say: Callable[[str], None], *, exchange: bool = False
) -> dict[str, Any]:
    """Rounds one after the other on a net of their own. ``exchange``: off the chain, in one transaction each."""
    from tpre_offchain.bench.online import rounds as measurement
    from tpre_offchain.bench.online.sharing import share
    from tpre_offchain.cli.bench.net import BenchNet, on_fresh_net

    async def work(net: BenchNet) -> dict[str, Any]:
        conversions = rounds + WARM_UP_ROUNDS
        sharing = await share(
            net.owner, net.user, threshold=threshold, committee=size, records=RECORDS, conversions=conversions
        )

        def on_round(number: int) -> None:
            if number % 50 == 0:
                say(f"round {number} of {conversions}")

        return await measurement.measure_rounds(
            sharing,
            net.listener,
            net.folder,
            rounds=rounds,
            warm_up=WARM_UP_ROUNDS,
            on_round=on_round,
            exchange=exchange,
        )

    return on_fresh_net(size, threshold, work, say, exchange=exchange)


def measure_load(*, quick: bool, say: Callable[[str], None], exchange: bool = False) -> dict[str, Any]:
    """Many rounds at once, 3 of 5, on a net of their own. ``exchange``: off the chain, in one transaction each."""
    from tpre_offchain.bench.online import load
    from tpre_offchain.bench.online.sharing import share
    from tpre_offchain.cli.bench.net import BenchNet, on_fresh_net

    plan = load.LoadPlan((1, 5, 10), 5, 5, (1, 10)) if quick else load.LoadPlan()
    plan = replace(plan, exchange=exchange)

    async def work(net: BenchNet) -> dict[str, Any]:
        sharing = await share(
            net.owner,
            net.user,
            threshold=3,
            committee=5,
            records=max(plan.batches),
            conversions=plan.conversions,
        )
        return await load.measure_load(sharing, net.listener, plan, say)

    return on_fresh_net(5, 3, work, say, exchange=exchange)


def measure_frugality(
    idle_s: float, rounds: int, say: Callable[[str], None], *, settle_s: float = 480.0
) -> dict[str, Any]:
    """Five proxies without work, then with much, in one transaction a round."""
    from tpre_offchain.bench.online import frugality
    from tpre_offchain.bench.online.sharing import share
    from tpre_offchain.cli.bench.net import BenchNet, on_fresh_net

    plan = frugality.FrugalityPlan(idle_s, settle_s, rounds=rounds)

    async def work(net: BenchNet) -> dict[str, Any]:
        sharing = await share(net.owner, net.user, threshold=3, committee=5, records=1, conversions=rounds)
        proxies = [
            frugality.ProxyProcess(one.process.pid, f"http://127.0.0.1:{one.health_port}/metrics")
            for one in net.net.proxies
        ]
        return await frugality.measure_frugality(sharing, net.listener, proxies, plan, say)

    return on_fresh_net(5, 3, work, say, exchange=True)


def measure_shares(rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Rounds for several committees among as many proxies as the largest of them needs."""
    from tpre_offchain.bench.online import shares
    from tpre_offchain.cli.bench.net import BenchNet, on_fresh_net

    async def work(net: BenchNet) -> dict[str, Any]:
        return await shares.measure_shares(
            net.owner, net.user, net.listener, net.folder, committees=shares.SHARES, rounds=rounds, say=say
        )

    return on_fresh_net(max(size for _, size in shares.SHARES), 1, work, say)


def quick_measurements(say: Callable[[str], None]) -> list[Mapping[str, Any]]:
    """What the figures need, with few repetitions."""
    found = []
    for name in ("crypto", "round", "shares", "load"):
        say(f"measuring {name}")
        found.append(_measurements()[name](True))
    return found


def _measurements() -> Mapping[str, Measurement]:
    return {
        "crypto": _crypto,
        "data": _data,
        "round": _rounds,
        "exchange": _exchange,
        "shares": _shares,
        "load": _load,
        "load_exchange": _load_exchange,
        "frugality": _frugality,
        "gas": _gas,
    }


def _data(quick: bool) -> Mapping[str, Any]:
    from tpre_offchain.bench.offline.data import measure_data

    return measure_data(64 if quick else 1_024, 3)


def _rounds(quick: bool) -> Mapping[str, Any]:
    return measure_rounds(3, 5, 20 if quick else 200, _silent)


def _exchange(quick: bool) -> Mapping[str, Any]:
    return measure_rounds(3, 5, 20 if quick else 200, _silent, exchange=True)


def _shares(quick: bool) -> Mapping[str, Any]:
    return measure_shares(5 if quick else 20, _silent)


def _load(quick: bool) -> Mapping[str, Any]:
    return measure_load(quick=quick, say=_silent)


def _load_exchange(quick: bool) -> Mapping[str, Any]:
    return measure_load(quick=quick, say=_silent, exchange=True)


def _frugality(quick: bool) -> Mapping[str, Any]:
    if quick:
        return measure_frugality(120.0, 100, _silent, settle_s=60.0)
    return measure_frugality(600.0, 3_000, _silent)


def _gas(quick: bool) -> Mapping[str, Any]:
    from tpre_offchain.bench.shapes import COMMITTEES, GAS_BATCHES
    from tpre_offchain.cli.bench.gas import measure_gas

    return measure_gas([(3, 5)] if quick else COMMITTEES, (1, 10, 100) if quick else GAS_BATCHES, _silent)


def _silent(_: str) -> None:
    pass


def _crypto(quick: bool) -> Mapping[str, Any]:
    from tpre_offchain.bench.offline.crypto import flows, measure
    from tpre_offchain.bench.shapes import COMMITTEES, CRYPTO_BATCHES, Shape

    committees, batches = (((3, 5),), (1, 10)) if quick else (COMMITTEES, CRYPTO_BATCHES)
    return measure([Shape(t, n, batch) for t, n in committees for batch in batches], 5 if quick else 20, flows())
