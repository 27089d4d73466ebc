"""`tpre bench`: measurements that anyone can repeat."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from tpre_offchain.cli.invocation import Invocation, Verb, verb
from tpre_offchain.cli.reply import Reply
from tpre_offchain.cli.shown import bench as shown_bench

_OUTPUT: Final = click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Keep the figures in this file, for `tpre bench report`."
)


@click.group()
def command() -> None:
    """Measure on this machine. Each verb prints its figures, and keeps them as JSON with -o."""


def _measurement(body: Verb) -> Verb:
    return _OUTPUT(body)


@command.command("crypto")
@click.option("--committee", "committees", multiple=True, metavar="T/N", help="Only these. [default: 1/1 to 16/32]")
@click.option("--batch", "batches", multiple=True, type=click.IntRange(1, 1000), help="Records at once; repeatable.")
@click.option("--repetitions", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--backend", "backends", multiple=True, help="Only these curve libraries. [default: all installed]")
@_measurement
@verb()
def crypto(
    run: Invocation,
    committees: tuple[str, ...],
    batches: tuple[int, ...],
    repetitions: int,
    backends: tuple[str, ...],
    output: Path | None,
) -> Reply:
    """Time every step of the cryptography, on each curve library, with umbral-pre in turn."""
    from tpre_offchain.bench.offline.crypto import flows, measure
    from tpre_offchain.bench.shapes import COMMITTEES, CRYPTO_BATCHES, Shape

    chosen = [_committee(text) for text in committees] or COMMITTEES
    shapes = [Shape(t, n, batch) for t, n in chosen for batch in batches or CRYPTO_BATCHES]
    figures = measure(shapes, repetitions, flows(backends or None), lambda shape: _progress(run, str(shape)))
    return _reply(figures, output, shown_bench.crypto)


def _committee(text: str) -> tuple[int, int]:
    try:
        threshold, size = (int(part) for part in text.split("/"))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not T/N", param_hint="--committee") from None
    if not 1 <= threshold <= size <= 32:
        raise click.BadParameter("1 <= T <= N <= 32", param_hint="--committee")
    return threshold, size


def _progress(run: Invocation, line: str) -> None:
    if run.on_terminal:
        click.echo(line, err=True)


def _reply(figures: Mapping[str, Any], output: Path | None, shown: Callable[[Mapping[str, Any]], list[Any]]) -> Reply:
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(figures, indent=1) + "\n")
    return Reply(figures, shown(figures))


@command.command("round")
@click.option("--rounds", type=click.IntRange(1, 100_000), default=200, show_default=True)
@click.option("--committee", metavar="T/N", default="3/5", show_default=True)
@click.option("--exchange", is_flag=True, help="Cfrags and votes over HTTP, one transaction a round.")
@_measurement
@verb()
def round_(run: Invocation, rounds: int, committee: str, exchange: bool, output: Path | None) -> Reply:
    """Time conversions one after the other, on a chain and with proxy processes of their own."""
    from tpre_offchain.cli.bench.plan import measure_rounds

    figures = measure_rounds(*_committee(committee), rounds, lambda line: _progress(run, line), exchange=exchange)
    return _reply(figures, output, shown_bench.rounds)


@command.command("load")
@click.option("--quick", is_flag=True, help="Fewer requests, a shorter minute.")
@click.option("--exchange", is_flag=True, help="Cfrags and votes over HTTP, one transaction a round.")
@_measurement
@verb()
def load(run: Invocation, quick: bool, exchange: bool, output: Path | None) -> Reply:
    """Time 1 to 200 requests at once, 10 a second for a minute, and batches, on a net of its own."""
    from tpre_offchain.cli.bench.plan import measure_load

    figures = measure_load(quick=quick, say=lambda line: _progress(run, line), exchange=exchange)
    return _reply(figures, output, shown_bench.load)


@command.command("shares")
@click.option("--rounds", type=click.IntRange(1, 10_000), default=20, show_default=True, help="For each committee.")
@_measurement
@verb()
def shares(run: Invocation, rounds: int, output: Path | None) -> Reply:
    """Time conversions for several thresholds and committees, among 9 proxies."""
    from tpre_offchain.cli.bench.plan import measure_shares

    figures = measure_shares(rounds, lambda line: _progress(run, line))
    return _reply(figures, output, shown_bench.shares)


@command.command("frugality")
@click.option("--idle", type=click.FloatRange(1), default=600, show_default=True, help="Seconds without a round.")
@click.option("--settle", type=click.FloatRange(0), default=480, show_default=True, help="Seconds before those.")
@click.option("--rounds", type=click.IntRange(10), default=3_000, show_default=True)
@_measurement
@verb()
def frugality(run: Invocation, idle: float, settle: float, rounds: int, output: Path | None) -> Reply:
    """Count an idle proxy's RPC calls, and watch the memory of proxies over many rounds."""
    from tpre_offchain.cli.bench.plan import measure_frugality

    figures = measure_frugality(idle, rounds, lambda line: _progress(run, line), settle_s=settle)
    return _reply(figures, output, shown_bench.frugality)


@command.command("figures")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for PNG and CSV.")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@verb()
def figures_(run: Invocation, output: Path, files: tuple[Path, ...]) -> Reply:
    """Draw the paper's Figures 6 to 9 and Table 1 from kept FILES, or from a quick measurement if none are given."""
    from tpre_offchain.bench.report.figures import draw
    from tpre_offchain.cli.bench.plan import quick_measurements

    found = [json.loads(file.read_text()) for file in files] or quick_measurements(run.say)
    written = [str(path) for path in draw({figures["kind"]: figures for figures in found}, output)]
    return Reply({"written": written}, written)


@command.command("simulate")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--proxies", type=click.IntRange(5, 100_000), default=1_000, show_default=True)
@click.option("--streams", type=click.IntRange(1), default=100_000, show_default=True)
@click.option("--conversions", type=click.IntRange(1), default=1_000_000, show_default=True, help="A day.")
@click.option("--batch", type=click.IntRange(1, 100), default=10, show_default=True, help="Records in a round.")
@click.option("--seed", type=int, default=1, show_default=True)
@_measurement
@verb()
def simulate(
    run: Invocation,  # noqa: ARG001 - of every verb
    files: tuple[Path, ...],
    proxies: int,
    streams: int,
    conversions: int,
    batch: int,
    seed: int,
    output: Path | None,
) -> Reply:
    """Scale the system up on paper, calibrated by the kept FILES of gas and crypto."""
    from tpre_offchain.bench.offline.simulation import Workload, calibrate
    from tpre_offchain.bench.offline.simulation import simulate as simulated

    measured = {figures["kind"]: figures for figures in (json.loads(file.read_text()) for file in files)}
    workload = Workload(proxies, streams, conversions, batch=batch)
    return _reply(simulated(calibrate(measured, workload), workload, seed), output, shown_bench.simulation)


@command.command("data")
@click.option("--size", type=click.IntRange(1, 16_384), default=1_024, show_default=True, help="MiB.")
@click.option("--repetitions", type=click.IntRange(1, 100), default=3, show_default=True)
@_measurement
@verb()
def data(run: Invocation, size: int, repetitions: int, output: Path | None) -> Reply:  # noqa: ARG001 - of every verb
    """Encrypt a file of random bytes, and compare with raw AES-256-GCM."""
    from tpre_offchain.bench.offline.data import measure_data

    return _reply(measure_data(size, repetitions), output, shown_bench.data)


@command.command("signing")
@click.option("--repetitions", type=click.IntRange(1, 100_000), default=200, show_default=True)
@_measurement
@verb()
def signing(run: Invocation, repetitions: int, output: Path | None) -> Reply:  # noqa: ARG001 - of every verb
    """Sign digests and transactions and recover signers, and compare with eth-keys in Python alone."""
    from tpre_offchain.bench.offline.signing import measure_signing

    return _reply(measure_signing(repetitions), output, shown_bench.signing)


@command.command("gas")
@click.option("--committee", "committees", multiple=True, metavar="T/N", help="Only these. [default: 1/1 to 16/32]")
@click.option("--batch", "batches", multiple=True, type=click.IntRange(1, 100), help="Records at once; repeatable.")
@_measurement
@verb()
def gas(run: Invocation, committees: tuple[str, ...], batches: tuple[int, ...], output: Path | None) -> Reply:
    """Count the gas of whole conversions on a local chain, beside the floor that the chain sets."""
    from tpre_offchain.bench.shapes import COMMITTEES, GAS_BATCHES
    from tpre_offchain.cli.bench.gas import measure_gas

    chosen = [_committee(text) for text in committees] or COMMITTEES
    figures = measure_gas(chosen, batches or GAS_BATCHES, lambda line: _progress(run, line))
    return _reply(figures, output, shown_bench.gas)


@command.command("report")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write it there. [default: stdout]")
@verb()
def report(run: Invocation, files: tuple[Path, ...], output: Path | None) -> Reply:
    """Write BENCHMARKS.md from kept figures."""
    from tpre_offchain.bench.report.report import render

    text = render([json.loads(file.read_text()) for file in files])
    if output is None:
        return Reply({"report": text}, [text])
    output.write_text(text)
    run.say(f"wrote {output}")
    return Reply({"written": str(output)})


@command.command("all")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for the figures.")
@click.option("--quick", is_flag=True, help="Few repetitions and shapes: rough figures in minutes.")
@verb()
def everything(run: Invocation, output: Path, quick: bool) -> Reply:
    """Measure everything, one after the other, each into a file of its own."""
    from tpre_offchain.cli.bench.plan import measure_all

    written = measure_all(output, quick=quick, say=run.say)
    return Reply({"written": [str(path) for path in written]})
