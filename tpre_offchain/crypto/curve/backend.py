"""What a curve library must offer to stand behind this room, and the numbers of BLS12-381 that all share.

A backend works on *native* values, whatever objects its library uses; only this room sees them, hence
``Any``. A point's affine coordinates are integers below ``P`` in the order of EIP-2537: (x, y) in G1,
(x.c0, x.c1, y.c0, y.c1) in G2. The identity has no coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

P: Final = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
"""Order of the base field Fp."""

R: Final = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
"""Order of G1, G2 and GT, a prime."""

FIELD_BYTES: Final = 48

Coordinates = tuple[int, ...]


class Group(Protocol):
    """G1 or G2 of one library. Operands are native values of this group; scalars are in [0, R)."""

    @property
    def name(self) -> str:
        """``"G1"`` or ``"G2"``."""

    def generator(self) -> Any:
        """The standard generator."""

    def identity(self) -> Any:
        """The neutral element."""

    def is_identity(self, point: Any) -> bool:
        """Whether ``point`` is the neutral element."""

    def equal(self, left: Any, right: Any) -> bool:
        """Whether both are the same point."""

    def add(self, left: Any, right: Any) -> Any:
        """Sum of two points."""

    def negate(self, point: Any) -> Any:
        """The point with y negated."""

    def multiply(self, point: Any, scalar: int) -> Any:
        """Scalar multiple, in time that may depend on the scalar."""

    def multiply_secret(self, point: Any, scalar: int) -> Any:
        """Scalar multiple, in constant time where the library can."""

    def fix(self, point: Any) -> Any:
        """The same point, prepared to be multiplied or paired often; or the point itself."""

    def msm(self, points: Sequence[Any], scalars: Sequence[int]) -> Any:
        """Sum of scalar multiples, as ``multiply``; as many scalars as points, at least one."""

    def to_coordinates(self, point: Any) -> Coordinates:
        """Affine coordinates; ``point`` is not the identity."""

    def from_coordinates(self, coordinates: Coordinates) -> Any:
        """The point of these canonical coordinates; raises ``NotOnCurve`` or ``NotInSubgroup``."""

    def from_x(self, x: Coordinates, y_is_larger: bool) -> Any:
        """The point of this canonical x and choice of y; raises ``NotOnCurve`` or ``NotInSubgroup``."""


class Backend(Protocol):
    """One curve library."""

    @property
    def name(self) -> str:
        """The name by which it is selected."""

    @property
    def natives(self) -> str:
        """The form of its native values: backends of the same form take one another's."""

    @property
    def g1(self) -> Group:
        """Operations of G1."""

    @property
    def g2(self) -> Group:
        """Operations of G2."""

    def encode_to_g1(self, message: bytes, dst: bytes) -> Any:
        """The native point of G1 that a message hashes to (RFC 9380, encode_to_curve, SHA-256 and SSWU)."""

    def multi_pairing(self, pairs: Sequence[tuple[Any, Any]]) -> Any:
        """Product of the pairings of (G1, G2) pairs; one for no pairs."""

    def pairing_product_is_one(self, pairs: Sequence[tuple[Any, Any]]) -> bool:
        """Whether that product is one."""

    def gt_one(self) -> Any:
        """The neutral element of GT."""

    def gt_multiply(self, left: Any, right: Any) -> Any:
        """Product in GT."""

    def gt_power(self, base: Any, exponent: int) -> Any:
        """Power in GT, exponent in [0, R), in time that may depend on it."""

    def gt_to_bytes(self, value: Any) -> bytes:
        """The canonical 576 bytes."""
