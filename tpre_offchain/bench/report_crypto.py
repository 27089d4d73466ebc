"""The report's section on cryptography."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tpre_offchain.bench import tables
from tpre_offchain.bench.crypto import PEER

_INTRO: Final = """## Cryptography

    tpre bench crypto -o crypto.json

Processor time in milliseconds, median of {repetitions} runs in which the schemes take turns. A step is that of one
actor: one proxy checks its fragment, one proxy converts the batch. `kfrag_verify` is the check of the grant and of the
fragment together, `open` combination and decryption, which Umbral does in one; `path` is the work of all actors from
keys to plaintext. In parentheses the ratio to {peer}."""


def section(figures: Mapping[str, Any]) -> str:
    """Summary of ratios, then every table."""
    from tpre_offchain.bench.report import machine_line

    parts = [_INTRO.format(repetitions=figures["repetitions"], peer=PEER), machine_line(figures)]
    parts += [_goal(figures)]
    parts += [table.markdown() for table in tables.crypto(figures)]
    return "\n\n".join(parts)


def _goal(figures: Mapping[str, Any]) -> str:
    missed: dict[str, float] = {}
    for shape in figures["shapes"]:
        best: Mapping[str, float] = next(iter(shape["ratios"].values()), {})
        for step, ratio in best.items():
            missed[step] = max(missed.get(step, 0.0), ratio)
    slower = [f"{step} (up to {ratio:.2f}x)" for step, ratio in missed.items() if ratio > 1]
    faster = [step for step, ratio in missed.items() if ratio <= 1]
    return (
        f"Goal: with the fastest library every step and the sum at or below {PEER}'s time. Met in every shape: "
        f"{', '.join(faster) or 'none'}. Missed in some: {', '.join(slower) or 'none'}."
    )
