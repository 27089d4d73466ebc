"""Figures as tables, for the terminal and the report alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tpre_offchain.bench.offline.flow import JOINED, STEPS
from tpre_offchain.bench.offline.simulation import first_to_break
from tpre_offchain.bench.units import library_floor_ms

PATH_STEPS: Final = (*STEPS, *JOINED, "path")


@dataclass(frozen=True)
class Table:
    """Cells are text."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """As GitHub shows it, the title above; numbers stand to the right."""
        head = "| " + " | ".join(self.columns) + " |"
        rule = "|" + "|".join(["---"] + ["---:"] * (len(self.columns) - 1)) + "|"
        body = ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join([f"**{self.title}**", "", head, rule, *body])


def crypto(figures: Mapping[str, Any]) -> list[Table]:
    """Steps by scheme in milliseconds, a table for each shape; ratios in parentheses."""
    return [_crypto_shape(shape) for shape in figures["shapes"]]


def _crypto_shape(shape: Mapping[str, Any]) -> Table:
    schemes = list(shape["ms"])
    rows = []
    for step in PATH_STEPS:
        cells = []
        for scheme in schemes:
            ms, ratio = shape["ms"][scheme].get(step), shape["ratios"].get(scheme, {}).get(step)
            cells.append("–" if ms is None else number(ms) + ("" if ratio is None else f" ({ratio:.2f}x)"))
        rows.append([step, *cells])
    title = f"t={shape['t']}, n={shape['n']}, {shape['batch']} record{'s' if shape['batch'] > 1 else ''}, ms"
    return Table(title, ["step", *schemes], rows)


def rounds(figures: Mapping[str, Any]) -> list[Table]:
    """Percentiles of both latencies, and when each step was seen."""
    where = f"t={figures['t']}, n={figures['n']}, {figures['rounds']} rounds one after the other, ms"
    percentiles = ("p50", "p95", "p99", "min", "max")
    rows = [[name, *(number(figures[f"{name}_ms"][p]) for p in percentiles)] for name in ("finalized", "plaintext")]
    steps, before = [], 0.0
    for step, ms in sorted(figures["trace_ms"].items(), key=lambda one: one[1]):
        steps.append([step, number(ms), number(ms - before)])
        before = ms
    paid = []
    if "gas" in figures:  # figures kept from before have none
        cells = [number(figures[name]["p50"]) for name in ("transactions", "gas")]
        paid = [Table("the proxies' transactions of a round, median", ["transactions", "gas"], [cells])]
    return [
        Table(where, ["from sending openRound to", *percentiles], rows),
        *paid,
        Table("trace: median moment at which the step was seen", ["step", "ms", "after the one before"], steps),
    ]


def load(figures: Mapping[str, Any]) -> list[Table]:
    """Requests at once, the steady rate, and batches."""
    columns = ["p50 ms", "p99 ms", "conversions/s", "failures"]
    title = f"requests at once, t={figures['t']}, n={figures['n']}"
    at_once = [[str(row["requests"]), *_load_cells(row), f"{row['growth']:.2f}x"] for row in figures["concurrent"]]
    steady = figures["steady"]
    return [
        Table(title, ["requests", *columns, "p50 against one"], at_once),
        Table(
            f"steady rate for {steady['seconds']:g} s",
            ["requests/s", *columns],
            [[f"{steady['rate']:g}", *_load_cells(steady)]],
        ),
        Table(
            "batches in one round",
            ["records", *columns],
            [[str(r["records"]), *_load_cells(r)] for r in figures["batches"]],
        ),
    ]


def _load_cells(row: Mapping[str, Any]) -> list[str]:
    latency = row["latency_ms"]
    times = ["–", "–"] if latency is None else [number(latency["p50"]), number(latency["p99"])]
    return [*times, number(row["per_second"]), str(row["failures"])]


def shares(figures: Mapping[str, Any]) -> list[Table]:
    """Latency by threshold and committee."""
    percentiles = ("p50", "p95", "min")
    rows = [
        [str(row["t"]), str(row["n"]), *(number(row["finalized_ms"][p]) for p in percentiles)]
        for row in figures["rows"]
    ]
    title = f"conversion by committee, {figures['rounds']} rounds each, ms"
    return [Table(title, ["t", "n", *percentiles], rows)]


def simulation(figures: Mapping[str, Any]) -> list[Table]:
    """By chain, and the proxies."""
    rows = []
    for chain in figures["chains"]:
        latency = chain["latency_s"]
        seconds = ["never", "never"] if latency is None else [number(latency["p50"]), number(latency["p99"])]
        assumed = f"{chain['block_gas'] / 1e6:g}M gas in {chain['block_s']:g} s, {chain['gas_gwei']:g} gwei"
        rows.append(
            [
                chain["name"],
                f"{assumed}, ${chain['coin_usd']:,.0f}",
                f"{chain['load'] * 100:.0f}% of {chain['share'] * 100:.0f}%",
                *seconds,
                f"${chain['usd_a_conversion']:.4f}",
                f"${chain['usd_a_day']:,.0f}",
                f"{chain['capacity_conversions_a_day']:,}",
                first_to_break(figures, chain),
            ]
        )
    work, proxy = figures["workload"], figures["proxy"]
    title = (
        f"{work['proxies']:,} proxies, {work['streams']:,} streams, {work['conversions_a_day']:,} conversions a day, "
        f"t={work['threshold']}, n={work['committee']}, {work['batch']} records a round"
    )
    columns = ["chain", "assumed", "block space used", "p50 s", "p99 s", "a conversion", "a day"]
    one_proxy = [
        [
            number(proxy["rounds_an_hour"]),
            f"{proxy['processor_share'] * 100:.3f}%",
            number(proxy["queue_ms"]["p50"]),
            number(proxy["queue_ms"]["p99"]),
            number(proxy["rpc_calls_an_hour"]),
            f"{proxy['capacity_conversions_a_day']:,}",
        ]
    ]
    of_proxy = ["rounds an hour", "processor", "work p50 ms", "work p99 ms", "RPC calls an hour", "all proxies a day"]
    return [
        Table(title, [*columns, "most a day", "breaks first"], rows),
        Table("one proxy", of_proxy, one_proxy),
    ]


def data(figures: Mapping[str, Any]) -> list[Table]:
    """Speeds and memory."""
    rows = [
        [name, number(speed), f"{figures['ratio'][name] * 100:.0f}%" if name in figures["ratio"] else ""]
        for name, speed in figures["mib_per_cpu_s"].items()
    ]
    title = f"{figures['size_mib']:,} MiB in chunks of {figures['chunk_mib']:g} MiB"
    return [Table(title, ["", "MiB a processor second", "of raw AES-256-GCM"], rows)]


def signing(figures: Mapping[str, Any]) -> list[Table]:
    """Microseconds by operation and library."""
    libraries = list(figures["us"])
    operations = figures["us"][libraries[0]]
    rows = [[name, *(number(figures["us"][library][name]) for library in libraries)] for name in operations]
    return [Table(f"secp256k1, median of {figures['repetitions']}, us", ["", *libraries], rows)]


def frugality(figures: Mapping[str, Any]) -> list[Table]:
    """Calls of an idle proxy, memory over rounds."""
    calls = figures["idle_calls_an_hour"]
    calls_rows = [[method, number(count)] for method, count in calls.items()] + [["all", number(sum(calls.values()))]]
    memory = [[f"{row['rounds']:,}", number(row["largest_mib"]), number(row["mean_mib"])] for row in figures["memory"]]
    start = figures["cold_start_ms"]
    return [
        Table(f"an idle proxy, a block each {figures['block_s']:g} s", ["RPC method", "calls an hour"], calls_rows),
        Table("resident memory of the proxies, MiB", ["after rounds", "largest", "mean"], memory),
        Table("cold start, ms", ["", "p50", "max"], [["tpre --help", number(start["p50"]), number(start["max"])]]),
    ]


def units(figures: Mapping[str, Any]) -> list[Table]:
    """Single operations, and what they add up to for each step of one record with t=3, n=5."""
    costs = figures["units_us"]
    names = list(costs)
    single = [[unit, *(number(costs[name][unit]) for name in names)] for unit in next(iter(costs.values()))]
    found = [Table("single operations, us", ["operation", *names], single)]
    measured = [s["ms"] for s in figures["shapes"] if (s["t"], s["n"], s["batch"]) == (3, 5, 1)]
    if measured:
        rows = []
        for step, counts in figures["counts"].items():
            cells = [", ".join(f"{count:g} {unit}" for unit, count in counts.items())]
            for name in names:
                floor, ms = library_floor_ms(costs[name], step), measured[0].get(f"tpre/{name}", {}).get(step)
                cells.append(number(floor) if ms is None else f"{number(ms)} / {number(floor)}")
            rows.append([step, *cells])
        title = "measured / what the library takes for these operations, ms; t=3, n=5, one record"
        found.append(Table(title, ["step", "operations", *names], rows))
    return found


def gas(figures: Mapping[str, Any]) -> list[Table]:
    """Gas by committee and batch."""
    named = ("open", "submit", "propose", "vote", "conversion", "per_record", "floor")
    columns = ["t", "n", "records", *(name.replace("_", " ") for name in named), "to floor"]
    rows = [
        [str(row["t"]), str(row["n"]), str(row["batch"]), *(f"{row[name]:,}" for name in named), f"{row['ratio']:.2f}x"]
        for row in figures["rows"]
    ]
    return [Table("gas of a conversion", columns, rows)]


def number(value: float) -> str:
    """Three significant figures, or all digits before the point."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
