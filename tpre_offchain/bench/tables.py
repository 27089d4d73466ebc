"""Figures as tables, for the terminal and the report alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tpre_offchain.bench.flow import JOINED, STEPS

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
    return [
        Table(where, ["from sending openRound to", *percentiles], rows),
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
