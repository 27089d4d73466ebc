"""How measurements look in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tpre_offchain.bench.report import tables
from tpre_offchain.cli.reply import Grid


def crypto(figures: Mapping[str, Any]) -> list[str | Grid]:
    """Steps by scheme, a table for each shape."""
    return [_grid(table) for table in tables.crypto(figures)]


def rounds(figures: Mapping[str, Any]) -> list[str | Grid]:
    """Percentiles and the trace."""
    return [_grid(table) for table in tables.rounds(figures)]


def load(figures: Mapping[str, Any]) -> list[str | Grid]:
    """Latency and throughput by number of requests, at a steady rate, and by size of batch."""
    return [_grid(table) for table in tables.load(figures)]


def gas(figures: Mapping[str, Any]) -> list[str | Grid]:
    """By committee and batch."""
    return [_grid(table) for table in tables.gas(figures)]


def shares(figures: Mapping[str, Any]) -> list[str | Grid]:
    """By committee."""
    return [_grid(table) for table in tables.shares(figures)]


def frugality(figures: Mapping[str, Any]) -> list[str | Grid]:
    """An idle proxy's calls, memory, start-up."""
    return [_grid(table) for table in tables.frugality(figures)]


def simulation(figures: Mapping[str, Any]) -> list[str | Grid]:
    """By chain, and the proxies."""
    return [_grid(table) for table in tables.simulation(figures)]


def data(figures: Mapping[str, Any]) -> list[str | Grid]:
    """Speeds and memory."""
    return [_grid(table) for table in tables.data(figures)]


def signing(figures: Mapping[str, Any]) -> list[str | Grid]:
    """By operation, a column for each library."""
    return [_grid(table) for table in tables.signing(figures)]


def _grid(table: tables.Table) -> Grid:
    return Grid(table.columns, table.rows, table.title)
