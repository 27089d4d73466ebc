"""What a verb answers: one object for ``--json``, and lines and tables for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click


@dataclass(frozen=True)
class Grid:
    """A table: cells are text."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""


@dataclass(frozen=True)
class Reply:
    """``data`` is what ``--json`` prints; ``shown`` is what people see. Both say the same."""

    data: Mapping[str, Any]
    shown: Sequence[str | Grid] = field(default_factory=tuple)
    exit_code: int = 0

    def write(self, *, as_json: bool) -> None:
        """On stdout."""
        if as_json:
            click.echo(json.dumps(self.data, default=_plain))
            return
        for part in self.shown:
            if isinstance(part, Grid):
                write_grid(part)
            else:
                click.echo(part)


def write_grid(grid: Grid) -> None:
    """A table on stdout, as wide as the terminal; whole, however long, where stdout is no terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=240)
    table = Table(title=grid.title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in grid.columns:
        table.add_column(column, overflow="fold")
    for row in grid.rows:
        table.add_row(*(cell.replace("[", "\\[") for cell in row))
    console.print(table)


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return str(value)
