"""What `tpre demo` says: each step as it is done, then the stages, the gas, the digests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from tpre_offchain.cli import text
from tpre_offchain.cli.demo.story import DemoPlan, DemoResult, RoundStep
from tpre_offchain.cli.progress import progress_on
from tpre_offchain.cli.reply import Grid, Reply
from tpre_offchain.cli.shown import net as shown_net

if TYPE_CHECKING:
    from tpre_offchain.clients.results import ConversionRecord, Refusal, Transaction
    from tpre_offchain.clients.stopwatch import OnProgress

_STAGES = {
    "keygen": ("key generation", "owner, user"),
    "encrypt": ("encryption", "owner"),
    "rekey": ("re-key generation", "owner"),
    "convert": ("conversion with consensus", "proxies"),
    "decrypt": ("decryption", "user"),
}
_ROUND_STEPS = {
    "CfragsSubmitted": "converts with its fragment, proof attached",
    "LeaderProposed": "combines them and leads; the contract checks the result",
    "VoteCast": "votes for it",
}
_GAS = ("publish", "grant", "submit", "propose", "vote")


class Account:
    """Tells the story on stdout as it happens; ``quiet`` tells nothing."""

    def __init__(self, *, quiet: bool, on_terminal: bool) -> None:
        self._quiet = quiet
        self._on_terminal = on_terminal

    def title(self, plan: DemoPlan) -> None:
        """How it begins."""
        self._echo(f"A local chain with {plan.proxies} proxies, {plan.threshold} of which a conversion needs.\n")

    def net_step(self, what: str, ms: float) -> None:
        """A step of starting the net."""
        self._echo(shown_net.step(what, ms))
        if what == "proxies":
            self._echo(f"\n  {'who':<9} {'does':<64} {'transaction':<12} {'gas':>9} {'time':>10}")

    def step(self, who: str, what: str, *, ms: float | None = None, transaction: Transaction | None = None) -> None:
        """A step of the story."""
        tx = "" if transaction is None else text.short_hex(transaction.hash)
        gas = "" if transaction is None else f"{transaction.gas_used:,}"
        self._echo(f"  {who:<9} {what:<64} {tx:<12} {gas:>9} {'' if ms is None else text.milliseconds(ms):>10}")

    def converted(self, found: ConversionRecord, steps: Sequence[RoundStep], ms: float) -> None:
        """Who contributed, led and voted."""
        for one in steps:
            what = _ROUND_STEPS[type(one.event).__name__]
            if len(steps) == 1 and found.approvals > 1:
                what = "leads: brings result and signed votes; the contract checks both"
            if not getattr(one.event, "approve", True):
                what = "votes against it"
            self.step(one.who, what, transaction=one.transaction)
        end = "by its proof" if found.by_proof else f"by {found.approvals} votes"
        self.step("chain", f"finalized {end}; from the opening on", ms=ms)

    def refused(self, who: str, what: str, refusal: Refusal) -> None:
        """A thing that must fail."""
        self.step(who, f"{what}: refused, {refusal.error}", transaction=refusal.transaction)

    def progress(self) -> OnProgress:
        """A bar on a terminal for what takes long."""
        return progress_on(shown=self._on_terminal)

    def _echo(self, line: str) -> None:
        if not self._quiet:
            click.echo(line)


def reply(result: DemoResult, kept: str | None) -> Reply:
    """The outcome."""
    lines: list[str | Grid] = [
        Grid(
            ("stage", "by", "time"),
            [(name, by, text.milliseconds(result.stages_ms[key])) for key, (name, by) in _STAGES.items()],
        ),
        Grid(("transaction", "gas"), [(key, f"{result.gas[key]:,}") for key in _GAS]),
        f"input   {text.size(result.input_bytes):>10}  sha256 {result.input_sha256}",
        f"output  {'':>10}  sha256 {result.output_sha256}",
        "the same: what the owner recorded is what the user reads"
        if result.ok
        else "FAILED: they differ, or a forbidden step passed",
    ]
    if kept is not None:
        lines.append(f"kept in {kept}")
    return Reply(_data(result, kept), lines, exit_code=0 if result.ok else 6)


def _data(result: DemoResult, kept: str | None) -> dict[str, Any]:
    found, net = result.conversion, result.net
    return {
        "ok": result.ok,
        "proxies": len(net.proxies),
        "threshold": net.threshold,
        "chain": {"client": net.client, "chain_id": net.chain_id},
        "store": net.store.partition(":")[0],
        "input_bytes": result.input_bytes,
        "input_sha256": result.input_sha256,
        "output_sha256": result.output_sha256,
        "leader": found.leader,
        "votes_for": found.approvals,
        "contributors": list(found.contributors),
        "stages_ms": {key: round(result.stages_ms[key], 3) for key in _STAGES},
        "gas": {key: result.gas[key] for key in _GAS},
        "refused": list(result.refused),
        **({} if kept is None else {"kept": kept, "record": text.record(result.record_id)}),
    }
