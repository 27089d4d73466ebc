"""The paper's Figures 6 to 9 and Table 1 from our measurements, as PNG and CSV, with the values that it gives."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tpre_offchain.bench.offline.crypto import PEER
from tpre_offchain.bench.report import table1
from tpre_offchain.errors import ConfigError

PAPER_CONVERSION_MS: Final = 98.0
"""Section 5.2: the average of the conversion stage."""
PAPER_OTHER_STAGES_MS: Final = 25.0
"""Section 5.2: an upper bound of the average of every other stage."""
_SIZE_IN: Final = (7.0, 4.3)

Measured = Mapping[str, Mapping[str, Any]]
"""By kind."""


class MatplotlibMissing(ConfigError):
    """The figures are drawn by matplotlib."""

    default_hint = "pip install 'tpre-offchain[bench]'"


class NotMeasured(ConfigError):
    """A figure needs a measurement that was not given."""


def draw(measured: Measured, folder: Path) -> list[Path]:
    """Everything into ``folder``. Raises ``MatplotlibMissing`` or ``NotMeasured``."""
    try:
        import matplotlib as mpl
    except ImportError:
        raise MatplotlibMissing("matplotlib is not installed") from None
    mpl.use("Agg")
    if missing := {"crypto", "round", "shares", "load"} - measured.keys():
        raise NotMeasured(f"not measured: {', '.join(sorted(missing))}", hint="give their files, or none to measure")
    folder.mkdir(parents=True, exist_ok=True)
    written = [*_figure6(measured, folder), *_figure7(measured, folder)]
    written += [*_figure8(measured, folder), *_figure9(measured, folder)]
    return [*written, _csv(folder / "table1.csv", table1.COLUMNS, table1.ROWS)]


def _figure6(measured: Measured, folder: Path) -> list[Path]:
    stages = stages_ms(measured)
    files = [_csv(folder / "figure6.csv", ("stage", "ms"), list(stages.items()))]
    figure, axes = _axes("Figure 6: stages of sharing one record (t=3, n=5)", "", "time, ms")
    axes.bar(list(stages), list(stages.values()), color="#35618f")
    axes.axhline(PAPER_CONVERSION_MS, color="#b5443c", linestyle="--", label="paper: conversion, 98 ms")
    axes.axhline(PAPER_OTHER_STAGES_MS, color="#c98a2b", linestyle=":", label="paper: all other stages, below 25 ms")
    for place, ms in enumerate(stages.values()):
        axes.annotate(f"{ms:.3g}", (place, ms), ha="center", va="bottom")
    axes.legend()
    return [*files, _save(figure, folder / "figure6.png")]


def stages_ms(measured: Measured) -> dict[str, float]:
    """The five stages of Figure 6, in milliseconds: four from the cryptography, the conversion from real rounds."""
    shape = _crypto_shape(measured["crypto"], 3, 5, 1)
    ours = next(iter(shape["ms"].values()))
    return {
        "key generation": ours["keygen"],
        "encryption": ours["encrypt"],
        "re-key generation": ours["kfrags_generate"],
        "conversion\nwith consensus": measured["round"]["finalized_ms"]["p50"],
        "decryption": ours["decrypt"],
    }


def _figure7(measured: Measured, folder: Path) -> list[Path]:
    rows = [(r["t"], r["n"], r["finalized_ms"]["p50"], r["finalized_ms"]["p95"]) for r in measured["shares"]["rows"]]
    files = [_csv(folder / "figure7.csv", ("t", "n", "p50_ms", "p95_ms"), rows)]
    figure, axes = _axes("Figure 7: conversion against shares and threshold", "n shares, or threshold t", "p50, ms")
    least, most = min(row[0] for row in rows), max(row[1] for row in rows)
    by_n = sorted((n, ms) for t, n, ms, _ in rows if t == least)
    by_t = sorted((t, ms) for t, n, ms, _ in rows if n == most)
    axes.plot(*zip(*by_n, strict=True), marker="o", color="#35618f", label=f"shares n, with t={least}")
    axes.plot(*zip(*by_t, strict=True), marker="s", color="#2f7d4f", label=f"threshold t, with n={most}")
    axes.axhline(PAPER_CONVERSION_MS, color="#b5443c", linestyle="--", label="paper: average conversion, 98 ms")
    axes.set_ylim(bottom=0)
    axes.legend()
    return [*files, _save(figure, folder / "figure7.png")]


def _figure8(measured: Measured, folder: Path) -> list[Path]:
    rows = [
        (row["requests"], row["latency_ms"]["p50"], row["latency_ms"]["p99"])
        for row in measured["load"]["concurrent"]
        if row["requests"] <= 50 and row["latency_ms"]
    ]
    files = [_csv(folder / "figure8.csv", ("requests", "p50_ms", "p99_ms"), rows)]
    figure, axes = _axes("Figure 8: latency against requests at once (t=3, n=5)", "requests at once", "latency, ms")
    counts = [row[0] for row in rows]
    axes.plot(counts, [row[1] for row in rows], marker="o", color="#35618f", label="p50")
    axes.plot(counts, [row[2] for row in rows], marker=".", color="#8aa9c9", label="p99")
    axes.axhline(PAPER_CONVERSION_MS, color="#b5443c", linestyle="--", label="paper: one conversion, 98 ms")
    axes.set_ylim(bottom=0)
    axes.legend()
    return [*files, _save(figure, folder / "figure8.png")]


def _figure9(measured: Measured, folder: Path) -> list[Path]:
    shape = _crypto_shape(measured["crypto"], 3, 5, 1)
    schemes = {name: _stages9(ms) for name, ms in shape["ms"].items() if not name.endswith("/py_ecc")}
    stages = list(next(iter(schemes.values())))
    rows = [(name, *found.values()) for name, found in schemes.items()]
    files = [_csv(folder / "figure9.csv", ("scheme", *(f"{stage} ms" for stage in stages)), rows)]
    figure, axes = _axes("Figure 9: processor time of each stage, one record, t=3, n=5", "", "time, ms")
    width = 0.8 / len(schemes)
    for number, (name, found) in enumerate(schemes.items()):
        places = [i + number * width for i in range(len(stages))]
        axes.bar(places, list(found.values()), width, label=name + (" (peer)" if name == PEER else ""))
    axes.set_xticks([i + 0.4 - width / 2 for i in range(len(stages))], stages)
    axes.set_yscale("log")
    axes.legend()
    return [*files, _save(figure, folder / "figure9.png")]


def _stages9(ms: Mapping[str, float]) -> dict[str, float]:
    return {
        "key gen": ms["keygen"],
        "encrypt": ms["encrypt"],
        "re-key gen": ms["kfrags_generate"],
        "re-encrypt": ms["reencrypt"],
        "decrypt": ms["open"],
    }


def _crypto_shape(figures: Mapping[str, Any], t: int, n: int, batch: int) -> Mapping[str, Any]:
    found = [s for s in figures["shapes"] if (s["t"], s["n"], s["batch"]) == (t, n, batch)]
    if not found:
        raise NotMeasured(f"the cryptography was not measured for t={t}, n={n}, {batch} record")
    shape: Mapping[str, Any] = found[0]
    return shape


def _axes(title: str, x: str, y: str) -> tuple[Any, Any]:
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=_SIZE_IN)
    axes.set_title(title, fontsize=11)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: Any, path: Path) -> Path:
    from matplotlib import pyplot as plt

    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path


def _csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(columns)
        writer.writerows([str(cell).replace("\n", " ") for cell in row] for row in rows)
    return path
