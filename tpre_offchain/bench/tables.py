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


def number(value: float) -> str:
    """Three significant figures, or all digits before the point."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
