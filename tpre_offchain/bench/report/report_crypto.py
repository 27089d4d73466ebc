"""The report's section on cryptography."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tpre_offchain.bench.machine import machine_line
from tpre_offchain.bench.offline.crypto import PEER
from tpre_offchain.bench.report import tables

DATA_GOAL: Final = 0.8
MEMORY_GOAL_MIB: Final = 100

_INTRO: Final = """## Cryptography

    tpre bench crypto -o crypto.json

Processor time in milliseconds, median of up to {repetitions} rounds in which the schemes take turns. A step is that
of one actor: one proxy checks its fragment, one proxy converts the batch. `rekey_verify` is the user's check of the
grant, which the contract has made before; `open` is combination and decryption, which Umbral does in one; `path` is the
work of all actors from keys to plaintext. In parentheses the ratio to {peer}."""

_LIMITS: Final = """Where we are slower it is the curve: umbral-pre works on secp256k1, whose multiplication costs as
much as ours in G1, and has no pairings. A decryption here is two pairings with one final exponentiation, a fifth of
which nobody needs to repeat for the next record, and a third one for Z^k; it is the same for every t, while Umbral's
grows. Secrets multiply in constant time, without tables, and Z^k is a pairing for that; `mcl` and `blst` do both in
blst's code, and differ where all scalars are public. The paper's scheme is measured without that care.
A grant's check takes three pairings that Umbral does without: its fragments are signed instead, and nobody but their
holder can tell whether they are right. A fragment is encrypted here, so to check it is to decrypt it first. What
would lift the rest: a library that gives one call for a batch (final exponentiations side by side in vector
registers), and multiplication in constant time with a table for label keys, made in C. The tables below show what the
library's operations take by themselves; the difference is Python, hashing and encoding. charm-crypto's AFGH and BBS98
are missing: the package comes as source only and needs the PBC library's headers, which no registry of Python
packages carries."""


def section(figures: Mapping[str, Any]) -> str:
    """Summary of ratios, then every table."""
    parts = [_INTRO.format(repetitions=figures["repetitions"], peer=PEER), machine_line(figures)]
    parts += [_goal(figures)]
    parts += [_LIMITS] if "units_us" in figures else []
    parts += [table.markdown() for table in tables.units(figures)] if "units_us" in figures else []
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


def data(figures: Mapping[str, Any]) -> str:
    """Data encryption."""
    ratio, peak = figures["ratio"]["encrypt"], figures["peak_mib_over_idle"]
    text = (
        "## Data encryption\n\n    tpre bench data -o data.json\n\n"
        f"Goals: at least {DATA_GOAL * 100:.0f}% of raw AES-256-GCM in chunks of 1 MiB: {ratio * 100:.0f}%, "
        f"{'met' if ratio >= DATA_GOAL else 'missed'}. Peak memory below {MEMORY_GOAL_MIB} MiB over the idle process: "
        f"{peak:g} MiB, {'met' if peak < MEMORY_GOAL_MIB else 'missed'}. Raw AES-GCM has its chunk in the processor's "
        "cache and reads nothing; with the copy out of the file cache it is what the second row says."
    )
    return "\n\n".join([text, *(table.markdown() for table in tables.data(figures))])
