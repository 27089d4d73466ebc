"""Points and pairings of BLS12-381: value types over whichever curve library is installed.

G1 and G2 are written additively, GT multiplicatively (SCHEME §1). The library behind them is chosen once, by
what is installed or by ``TPRE_CURVE`` in the environment: ``mcl`` (fastest), ``arkworks``, or ``py_ecc`` (the
reference). Values of different libraries may meet in one operation; they are converted through coordinates or
bytes. Bytes never depend on the library.

None of this is constant time: Python cannot promise that.
"""

# ruff: noqa: SLF001 - the value types of this module read one another

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NoReturn, Self, TypeVar

from tpre_offchain.crypto import curve_encoding as encoding
from tpre_offchain.crypto import curve_libraries as libraries
from tpre_offchain.crypto.curve_backend import Backend, Coordinates, Group, R
from tpre_offchain.crypto.curve_encoding import SCALAR_BYTES, decode_scalar, encode_scalar
from tpre_offchain.crypto.curve_libraries import active_backend, available_backends, using_backend
from tpre_offchain.errors import CryptoError

__all__ = [
    "G1",
    "G1_BYTES",
    "G1_EVM",
    "G2",
    "G2_BYTES",
    "G2_EVM",
    "GT",
    "GT_BYTES",
    "H2",
    "SCALAR_BYTES",
    "R",
    "Z",
    "active_backend",
    "available_backends",
    "decode_scalar",
    "encode_scalar",
    "g1",
    "g2",
    "msm",
    "multi_pairing",
    "pairing",
    "pairing_product_is_one",
    "using_backend",
]  # fmt: skip

G1_BYTES: Final = 48
G1_EVM: Final = 128
G2_BYTES: Final = 96
G2_EVM: Final = 256
GT_BYTES: Final = 576

# hash_to_curve of SCHEME §1, derived again by a test: nobody knows its logarithm to g2.
_H2_BYTES: Final = bytes.fromhex(
    "a833af0eab02ce9ce1955af6f90be12f8d9adb40fdf6b89b755ae9842885e016acb077d2830e9b5dec22a9550018706c"
    "157a6b3acd8c2eaa94f5ee8fa0508a13dd66991af38c49bbffc618aa779d28d7e616499c05f7e50ed0eaa82e4ea885cd"
)


# --- points ---------------------------------------------------------------------------------------


class _Immutable:
    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class _Point(_Immutable):
    """What G1 and G2 share. Byte forms are computed once."""

    __slots__ = ("_backend", "_compressed", "_coordinates", "_native")

    _backend: Backend
    _native: Any
    _compressed: bytes | None
    _coordinates: Coordinates | None

    def __init__(
        self,
        backend: Backend,
        native: Any,
        compressed: bytes | None = None,
        coordinates: Coordinates | None = None,
    ) -> None:
        """Not for callers: values come from the class methods."""
        put = object.__setattr__
        put(self, "_backend", backend)
        put(self, "_native", native)
        put(self, "_compressed", compressed)
        put(self, "_coordinates", coordinates)

    @classmethod
    def _group(cls, backend: Backend) -> Group:
        raise NotImplementedError

    @classmethod
    def generator(cls) -> Self:
        """The standard generator."""
        return cls(backend := libraries.active(), cls._group(backend).generator())

    @classmethod
    def identity(cls) -> Self:
        """The neutral element. It can be computed with and encoded, but no decoder accepts it."""
        return cls(backend := libraries.active(), cls._group(backend).identity())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode the compressed form (Zcash, Ethereum consensus), strictly (SCHEME §1).

        Raises ``WrongLength``, ``NonCanonical``, ``IdentityPoint``, ``NotOnCurve`` or ``NotInSubgroup``.
        """
        backend = libraries.active()
        group = cls._group(backend)
        x, y_is_larger = encoding.parse_compressed(group.name, data)
        return cls(backend, group.from_x(x, y_is_larger), compressed=bytes(data))

    @classmethod
    def from_evm(cls, data: bytes) -> Self:
        """Decode the EIP-2537 form, strictly (SCHEME §1). Raises as ``from_bytes`` does."""
        backend = libraries.active()
        group = cls._group(backend)
        coordinates = encoding.parse_evm(group.name, data)
        return cls(backend, group.from_coordinates(coordinates), coordinates=coordinates)

    def to_bytes(self) -> bytes:
        """The compressed form, 48 bytes in G1 and 96 in G2."""
        if self._compressed is not None:
            return self._compressed
        compressed = self._compress()
        object.__setattr__(self, "_compressed", compressed)
        return compressed

    def to_evm(self) -> bytes:
        """The EIP-2537 form, 128 bytes in G1 and 256 in G2."""
        return encoding.to_evm(self._group(self._backend).name, None if self.is_identity() else self._affine())

    def is_identity(self) -> bool:
        """Whether this is the neutral element."""
        return self._group(self._backend).is_identity(self._native)

    def __add__(self, other: Self) -> Self:
        if type(other) is not type(self):
            return NotImplemented
        return type(self)(self._backend, self._group(self._backend).add(self._native, _native_in(self._backend, other)))

    def __sub__(self, other: Self) -> Self:
        if type(other) is not type(self):
            return NotImplemented
        return self + -other

    def __neg__(self) -> Self:
        return type(self)(self._backend, self._group(self._backend).negate(self._native))

    def __mul__(self, scalar: int) -> Self:
        """Scalar multiple; any integer, taken modulo R."""
        if not isinstance(scalar, int):
            return NotImplemented
        return type(self)(self._backend, self._group(self._backend).multiply(self._native, scalar % R))

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        if other._backend is self._backend:
            return self._group(self._backend).equal(self._native, other._native)
        return self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash((type(self), self.to_bytes()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.to_bytes().hex()[:16]}…)"

    def _affine(self) -> Coordinates:
        if self._coordinates is not None:
            return self._coordinates
        coordinates = self._group(self._backend).to_coordinates(self._native)
        object.__setattr__(self, "_coordinates", coordinates)
        return coordinates

    def _compress(self) -> bytes:
        if self.is_identity():
            return encoding.compress_identity(self._group(self._backend).name)
        coordinates = self._affine()
        half = len(coordinates) // 2
        return encoding.compress(coordinates[:half], encoding.is_larger(coordinates[half:]))


class G1(_Point):
    """A point of G1: 48 bytes compressed, 128 on the chain."""

    __slots__ = ()

    @classmethod
    def _group(cls, backend: Backend) -> Group:
        return backend.g1


class G2(_Point):
    """A point of G2: 96 bytes compressed, 256 on the chain."""

    __slots__ = ()

    @classmethod
    def _group(cls, backend: Backend) -> Group:
        return backend.g2


_AnyPoint = TypeVar("_AnyPoint", G1, G2)


def _native_in(backend: Backend, point: _Point) -> Any:
    if point._backend is backend:
        return point._native
    group = point._group(backend)
    return group.identity() if point.is_identity() else group.from_coordinates(point._affine())


def msm(points: Sequence[_AnyPoint], scalars: Sequence[int]) -> _AnyPoint:
    """Sum of ``points[i] * scalars[i]``, scalars taken modulo R.

    Raises ``CryptoError`` if there are none, or unequally many, or points of both groups.
    """
    if len(points) != len(scalars):
        raise CryptoError(f"{len(points)} points but {len(scalars)} scalars")
    if not points:
        raise CryptoError("a sum over no points has no group")
    first = points[0]
    if any(type(point) is not type(first) for point in points):
        raise CryptoError("the points of a sum must be of one group")
    backend = first._backend
    natives = [_native_in(backend, point) for point in points]
    return type(first)(backend, first._group(backend).msm(natives, [scalar % R for scalar in scalars]))


# --- the target group -----------------------------------------------------------------------------


class GT(_Immutable):
    """An element of the target group: 576 bytes. Often a secret, so neither ``repr`` nor errors show it."""

    __slots__ = ("_backend", "_bytes", "_native")

    _backend: Backend
    _native: Any
    _bytes: bytes | None

    def __init__(self, backend: Backend, native: Any) -> None:
        """Not for callers: values come from ``one`` and ``pairing``."""
        object.__setattr__(self, "_backend", backend)
        object.__setattr__(self, "_native", native)
        object.__setattr__(self, "_bytes", None)

    @classmethod
    def one(cls) -> GT:
        """The neutral element."""
        return cls(backend := libraries.active(), backend.gt_one())

    def to_bytes(self) -> bytes:
        """The one canonical form: 12 coefficients in tower order, each 48 bytes big-endian (SCHEME §1)."""
        if self._bytes is not None:
            return self._bytes
        encoded = self._backend.gt_to_bytes(self._native)
        object.__setattr__(self, "_bytes", encoded)
        return encoded

    def inverse(self) -> GT:
        """The element whose product with this one is one."""
        return self ** (R - 1)

    def __mul__(self, other: GT) -> GT:
        if not isinstance(other, GT):
            return NotImplemented
        if other._backend is self._backend:
            return GT(self._backend, self._backend.gt_multiply(self._native, other._native))
        # Not every library reads GT from bytes: values of two of them meet in the reference.
        libraries.require_available("py_ecc")
        from tpre_offchain.crypto.curve_pyecc import gt_from_bytes

        reference = libraries.load("py_ecc")
        product = reference.gt_multiply(gt_from_bytes(self.to_bytes()), gt_from_bytes(other.to_bytes()))
        return GT(reference, product)

    def __pow__(self, exponent: int) -> GT:
        """Power; any integer, taken modulo R."""
        if not isinstance(exponent, int):
            return NotImplemented
        return GT(self._backend, self._backend.gt_power(self._native, exponent % R))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GT):
            return NotImplemented
        return self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def __repr__(self) -> str:
        return "GT(…)"


def pairing(p: G1, q: G2) -> GT:
    """e(p, q), as blst, mcl and arkworks define it."""
    return multi_pairing([(p, q)])


def multi_pairing(pairs: Sequence[tuple[G1, G2]]) -> GT:
    """Product of the pairings; one for no pairs. Cheaper than one by one where the library shares work."""
    backend = _backend_of(pairs)
    return GT(backend, backend.multi_pairing(_natives(backend, pairs)))


def pairing_product_is_one(pairs: Sequence[tuple[G1, G2]]) -> bool:
    """Whether the product of the pairings is one. A predicate: a check must raise on ``False``."""
    backend = _backend_of(pairs)
    return backend.pairing_product_is_one(_natives(backend, pairs))


def _backend_of(pairs: Sequence[tuple[G1, G2]]) -> Backend:
    return pairs[0][0]._backend if pairs else libraries.active()


def _natives(backend: Backend, pairs: Sequence[tuple[G1, G2]]) -> list[tuple[Any, Any]]:
    if any((type(p), type(q)) != (G1, G2) for p, q in pairs):
        raise CryptoError("a pairing takes a point of G1 and a point of G2, in this order")
    return [(_native_in(backend, p), _native_in(backend, q)) for p, q in pairs]


# --- constants ------------------------------------------------------------------------------------


def g1() -> G1:
    """The generator of G1."""
    return G1.generator()


def g2() -> G2:
    """The generator of G2."""
    return G2.generator()


def H2() -> G2:  # noqa: N802 - h2 of SCHEME §1
    """The second generator of G2, whose logarithm to the first nobody knows."""
    return _h2(active_backend())


def Z() -> GT:  # noqa: N802 - the Z of SCHEME §1
    """e(g1, g2)."""
    return _z(active_backend())


@lru_cache
def _h2(backend: str) -> G2:
    with using_backend(backend):
        return G2.from_bytes(_H2_BYTES)


@lru_cache
def _z(backend: str) -> GT:
    with using_backend(backend):
        return pairing(g1(), g2())
