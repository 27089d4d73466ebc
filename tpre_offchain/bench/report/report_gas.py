"""The report's section on gas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tpre_offchain.bench.report import tables

ONE_RECORD_GOAL: Final = 450_000
BATCH_GOAL: Final = 40_000


def section(figures: Mapping[str, Any]) -> str:
    """Goals and the whole table."""
    goals = []
    for batch, name, goal, what in (
        (1, "conversion", ONE_RECORD_GOAL, "a conversion of one record"),
        (100, "per_record", BATCH_GOAL, "a record in a batch of 100"),
    ):
        row = next((r for r in figures["rows"] if (r["t"], r["n"], r["batch"]) == (3, 5, batch)), None)
        if row is not None:
            verdict = "met" if row[name] <= goal else f"missed by {row[name] - goal:,}"
            goals.append(f"{what} with t=3, n=5 <= {goal:,}: {row[name]:,}, {verdict}")
    text = (
        "## Gas\n\n    tpre bench gas -o gas.json\n\n"
        "From receipts of a local chain (Prague). `conversion` is t submissions, the proposal and the votes that make "
        "a majority; opening the round is beside it. `submit` and `vote` are the dearest of their kind. The floor is "
        "what the chain charges whatever a contract does: 21,000 a transaction, the calldata of the points and "
        "proofs, the EIP-2537 calls.\n\n"
        f"Goals: {'; '.join(goals) or 'not measured'}. This is the chain's way; where proxies exchange cfrags and "
        "votes a conversion is one transaction, of the gas said above.\n\n"
        "What is left above the floor of one record is storage and calldata: a round's slots are written by each "
        "submission and vote, so that evidence can name them, and every call brings the committee along instead of "
        "reading it from storage."
    )
    return "\n\n".join([text, *(table.markdown() for table in tables.gas(figures))])


def simulation(figures: Mapping[str, Any]) -> str:
    """A large system on paper."""
    found = figures["calibration"]
    work = figures["workload"]
    text = (
        "## Scale on paper\n\n    tpre bench simulate gas.json crypto.json -o simulation.json\n\n"
        f"Measured: {found['round_gas']:,} gas a round of {work['batch']} records (opening included), "
        f"{found['proxy_ms']:.2f} ms of a proxy's processor. Assumed: what blocks hold, how much of them the system "
        "may take, and prices, as the table says. Each of a round's four steps waits for a block. The number of "
        "streams costs nothing by itself: no function of the contracts and no loop of a worker goes over them."
    )
    return "\n\n".join([text, *(table.markdown() for table in tables.simulation(figures))])
