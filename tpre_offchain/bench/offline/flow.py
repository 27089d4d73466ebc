"""One scheme's whole path, from keys to plaintext, each step timed: what every compared scheme implements.

A step's time is that of one actor: one proxy checks its fragment, one proxy converts the batch, someone checks one
proxy's cfrags. ``ACTORS`` says how often the path needs it, for the sum of all work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from tpre_offchain.bench.shapes import Shape
from tpre_offchain.bench.timing import Stopwatch

STEPS: Final[tuple[str, ...]] = (
    "keygen",
    "encrypt",
    "kfrags_generate",
    "rekey_verify",
    "kfrag_verify",
    "capsule_check",
    "reencrypt",
    "cfrags_verify",
    "combine",
    "decrypt",
)
"""In the order of the path. ``keygen``: the owner's and the user's key. ``encrypt``, ``capsule_check``, ``decrypt``:
the whole batch. ``rekey_verify``: the pairing check of a grant, which the contract has made when a proxy sees it, and
the user makes again. A scheme may do without a step: see ``JOINED``."""

JOINED: Final[Mapping[str, tuple[str, ...]]] = {
    "open": ("combine", "decrypt"),
}
"""Steps that Umbral does in one, to be compared as one."""

ACTORS: Final[Mapping[str, Callable[[Shape], int]]] = {
    "keygen": lambda _: 1,
    "encrypt": lambda _: 1,
    "kfrags_generate": lambda _: 1,
    "rekey_verify": lambda _: 1,
    "kfrag_verify": lambda shape: shape.size,
    "capsule_check": lambda shape: shape.threshold,
    "reencrypt": lambda shape: shape.threshold,
    "cfrags_verify": lambda shape: shape.threshold,
    "combine": lambda _: 1,
    "decrypt": lambda _: 1,
}


class Flow(Protocol):
    """A scheme on a library."""

    @property
    def name(self) -> str:
        """As the tables show it."""

    def affordable(self, shape: Shape) -> bool:
        """Whether a run of this shape takes seconds rather than minutes."""

    def run(self, shape: Shape, watch: Stopwatch) -> None:
        """Do everything once, with fresh keys, and check that the plaintext comes out."""


def path_ms(shape: Shape, steps_ms: Mapping[str, float]) -> float:
    """The work of all actors together."""
    return sum(ACTORS[step](shape) * ms for step, ms in steps_ms.items())
