"""The report's sections on rounds and load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tpre_offchain.bench.machine import machine_line
from tpre_offchain.bench.online import signed_votes
from tpre_offchain.bench.report import tables

PAPER_CONVERSION_MS: Final = 98.0
GROWTH_GOAL: Final = 5.0
THROUGHPUT_GOAL: Final = 50.0
SIGNED_GAS_GOAL: Final = 230_000
IDLE_CALLS_GOAL: Final = 100.0
COLD_START_GOAL_MS: Final = 300.0

LOAD_WAYS: Final = {
    "load": (
        "## Load\n\n    tpre bench load",
        (
            "A round is seven transactions, each in a block of its own, and anvil takes the longer for a block the "
            "more its state has grown: that, and not the proxies, is what a steady rate runs into."
        ),
    ),
    "load_exchange": (
        "## Load in one transaction a round\n\n    tpre bench load --exchange",
        "A round is two transactions.",
    ),
}
"""By the figures' kind: title with command, and what the way costs."""


def rounds(figures: Mapping[str, Any]) -> str:
    """Latency of a conversion, and its trace."""
    p50 = figures["finalized_ms"]["p50"]
    verdict = "met" if p50 <= PAPER_CONVERSION_MS else f"missed by {p50 - PAPER_CONVERSION_MS:.0f} ms"
    text = (
        "## Conversion rounds\n\n    tpre bench round --rounds 200 -o round.json\n\n"
        "From sending `openRound` to seeing `RoundFinalized` by subscription, and to the decrypted file; one node, "
        "five worker processes and the user share this machine.\n\n"
        f"Goal: p50 <= {PAPER_CONVERSION_MS:.0f} ms, the paper's figure of one simulated process. Here "
        f"{p50:.0f} ms: {verdict}."
    )
    return "\n\n".join([text, machine_line(figures), *(table.markdown() for table in tables.rounds(figures))])


def exchange(figures: Mapping[str, Any]) -> str:
    """The same off the chain, with what signatures cost against one aggregate."""
    gas = figures["gas"]["p50"]
    verdict = "met" if gas <= SIGNED_GAS_GOAL else f"missed by {gas - SIGNED_GAS_GOAL:.0f}"
    text = (
        "## Conversion rounds in one transaction\n\n    tpre bench round --exchange -o exchange.json\n\n"
        "As above, but the proxies exchange cfrags and signed votes over HTTP, and the leader sends one transaction. "
        f"Goal: one record within {SIGNED_GAS_GOAL:,} gas at n=5, and one block. Here {gas:,.0f}: {verdict}."
    )
    sizes = (5, 16, 32)
    costs = "; ".join(
        f"n={size}: {signed_votes.ecrecover(size):,} by ecrecover, {signed_votes.aggregate_of_all(size):,} to "
        f"{signed_votes.aggregate_with_keys(size):,} by an aggregate"
        for size in sizes
    )
    why = (
        "Votes are EIP-712 signatures, each by ecrecover. One BLS aggregate would take two pairs more in the pairing "
        "check, a hash to G2, and the voters' keys or those of the absent. Calculated from the prices of EIP-2537 and "
        f"of calldata, for a majority beside the leader, in gas: {costs}. Even with everybody's sum fixed beforehand "
        f"an aggregate pays from n={signed_votes.break_even()} on only, and a committee has at most 32."
    )
    return "\n\n".join([text, machine_line(figures), why, *(table.markdown() for table in tables.rounds(figures))])


def shares(figures: Mapping[str, Any]) -> str:
    """Latency by committee: the paper's Figure 7."""
    text = (
        "## Committees\n\n    tpre bench shares -o shares.json\n\n"
        "As above, with nine worker processes on this machine's cores; the paper's Figure 7."
    )
    return "\n\n".join([text, machine_line(figures), *(table.markdown() for table in tables.shares(figures))])


def load(figures: Mapping[str, Any]) -> str:
    """Latency and throughput under load, by way of the chain or in one transaction a round."""
    growth = next((row["growth"] for row in figures["concurrent"] if row["requests"] == 50), None)
    best = max(row["per_second"] for row in figures["batches"])
    failures = sum(row["failures"] for row in [*figures["concurrent"], *figures["batches"], figures["steady"]])
    grown = "not measured" if growth is None else f"{growth:.1f}x ({_met(growth <= GROWTH_GOAL)})"
    most, cores = max(row["per_second"] for row in figures["concurrent"]), figures["machine"]["cores"]
    head, cost = LOAD_WAYS[figures["kind"]]
    text = (
        f"{head}\n\n"
        f"Goals: latency at 50 requests <= {GROWTH_GOAL:g}x that of one: {grown}. >= {THROUGHPUT_GOAL:g} conversions/s "
        f"in batches: {best:.0f}/s ({_met(best >= THROUGHPUT_GOAL)}). No failures: {failures}. "
        f"The chain, five proxies and the user share {cores} cores. At the best rate of requests below one takes "
        f"{1000 * cores / most:.0f} ms of them, all processes together; what one has to itself, 50 share. "
        f"{cost}"
    )
    return "\n\n".join([text, machine_line(figures), *(table.markdown() for table in tables.load(figures))])


def frugality(figures: Mapping[str, Any]) -> str:
    """RPC calls of an idle proxy, memory, start-up."""
    calls = sum(figures["idle_calls_an_hour"].values())
    first, last = figures["memory"][1], figures["memory"][-1]
    grown = last["largest_mib"] - first["largest_mib"]
    start = figures["cold_start_ms"]["p50"]
    text = (
        "## Frugality\n\n    tpre bench frugality -o frugality.json\n\n"
        f"Goals: an idle proxy makes <= {IDLE_CALLS_GOAL:g} RPC calls an hour by WebSocket: {calls:.0f}, "
        f"counted for {figures['idle_s']:g} s after {figures['settle_s']:g} s without work "
        f"({_met(calls <= IDLE_CALLS_GOAL)}). Memory flat: the largest proxy grew by {grown:.1f} MiB from round "
        f"{first['rounds']:,} to round {last['rounds']:,}. `tpre --help` in <= {COLD_START_GOAL_MS:g} ms: "
        f"{start:.0f} ms ({_met(start <= COLD_START_GOAL_MS)})."
    )
    return "\n\n".join([text, machine_line(figures), *(table.markdown() for table in tables.frugality(figures))])


def _met(goal: bool) -> str:
    return "met" if goal else "missed"



