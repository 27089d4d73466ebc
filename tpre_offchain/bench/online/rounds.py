"""``tpre bench round``: how long a conversion takes on a real chain, and where the milliseconds go."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tpre_offchain.bench.machine import machine
from tpre_offchain.bench.online.listening import RoundListener, RoundLost, Seen
from tpre_offchain.bench.online.sharing import Sharing
from tpre_offchain.bench.timing import summary
from tpre_offchain.chain.abi.events import CfragsSubmitted, LeaderProposed, RoundFinalized, RoundOpened, VoteCast
from tpre_offchain.clients.facts.records import ChainRecord
from tpre_offchain.clients.reading.reading import fetch_data, open_as_user
from tpre_offchain.clients.session import Session
from tpre_offchain.clients.stopwatch import Stopwatch, no_progress

ROUND_TIMEOUT_S: Final = 60.0
OnRound = Callable[[int], None]


@dataclass(frozen=True)
class RoundTrace:
    """Milliseconds from the sending of ``openRound``."""

    finalized_ms: float
    plaintext_ms: float
    events_ms: Mapping[str, float]
    """When each step was seen: ``opened``, ``cfrag 1`` …, ``proposed``, ``vote 1`` …, ``finalized``."""
    gas: int
    """Of the proxies' transactions."""
    transactions: int
    """Of the proxies, from the opening to the end."""


async def measure_rounds(
    sharing: Sharing,
    listener: RoundListener,
    folder: Path,
    *,
    rounds: int,
    warm_up: int,
    on_round: OnRound,
    exchange: bool = False,
) -> dict[str, Any]:
    """One round of one record after the other; ``folder`` takes the plaintexts. ``exchange``: off the chain."""
    traces = []
    for number in range(warm_up + rounds):
        on_round(number)
        record = sharing.records[number % len(sharing.records)]
        trace = await _one_round(sharing, listener, record, folder / str(number))
        if number >= warm_up:
            traces.append(trace)
    context = sharing.granted.verified.context
    return {
        "kind": "exchange" if exchange else "round",
        "machine": machine(),
        "t": context.threshold,
        "n": len(context.members),
        "rounds": rounds,
        "finalized_ms": summary([trace.finalized_ms for trace in traces]),
        "plaintext_ms": summary([trace.plaintext_ms for trace in traces]),
        "gas": summary([trace.gas for trace in traces]),
        "transactions": summary([trace.transactions for trace in traces]),
        "trace_ms": _medians([trace.events_ms for trace in traces]),
    }


async def _one_round(sharing: Sharing, listener: RoundListener, record: ChainRecord, output: Path) -> RoundTrace:
    user = sharing.user
    call = sharing.round_call([record])
    started = time.perf_counter()
    receipt = await user.outbox.send(call, simulate=False)
    sent = time.perf_counter()
    opened = receipt.one(RoundOpened)
    finalized = await listener.finalized(opened.round_id, ROUND_TIMEOUT_S)
    found = await user.rounds.finalized(opened)
    if found is None:
        raise RoundLost(f"round {opened.round_id:#x} is finalized by its events, not by its state")
    read = time.perf_counter()
    metadata = await open_as_user(user, record, sharing.granted, found)
    decrypted = time.perf_counter()
    await fetch_data(user, record, metadata, output, Stopwatch(), overwrite=False, on_progress=no_progress)
    fetched = time.perf_counter()
    steps = {"open mined (receipt)": sent, **_steps(listener.seen[opened.round_id])}
    steps |= {"result read": read, "metadata open": decrypted, "plaintext": fetched}
    events_ms = {step: (at - started) * 1000 for step, at in steps.items()}
    gas = await _gas(user, opened, listener.seen[opened.round_id])
    return RoundTrace((finalized - started) * 1000, events_ms["plaintext"], events_ms, sum(gas), len(gas))


async def _gas(user: Session, opened: RoundOpened, seen: Sequence[Seen]) -> list[int]:
    hashes = {one.event.at.tx_hash for one in seen} - {opened.at.tx_hash}
    receipts = [await user.connection.receipt(tx_hash) for tx_hash in sorted(hashes)]
    return [receipt.gas_used for receipt in receipts if receipt is not None]


def _steps(seen: Sequence[Seen]) -> dict[str, float]:
    named: dict[str, float] = {}
    counts = {"cfrag": 0, "vote": 0}
    for one in seen:
        match one.event:
            case RoundOpened():
                named.setdefault("opened", one.at_s)
            case CfragsSubmitted():
                counts["cfrag"] += 1
                named[f"cfrag {counts['cfrag']}"] = one.at_s
            case LeaderProposed():
                named.setdefault("proposed", one.at_s)
            case VoteCast():
                counts["vote"] += 1
                named[f"vote {counts['vote']}"] = one.at_s
            case RoundFinalized():
                named.setdefault("finalized", one.at_s)
            case _:
                pass
    return named


def _medians(traces: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for trace in traces for name in trace)
    return {name: summary([trace[name] for trace in traces if name in trace])["p50"] for name in names}
