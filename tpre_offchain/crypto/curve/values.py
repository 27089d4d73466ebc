"""The values: points of G1 and G2, elements of GT. Immutable, each tied to the library it came from."""

# ruff: noqa: SLF001 - the types of this module read one another

from __future__ import annotations

from functools import lru_cache
from typing import Any, NoReturn, Self

from tpre_offchain.crypto.curve import encoding, libraries
from tpre_offchain.crypto.curve.backend import Backend, Coordinates, Group, R


class Immutable:
    """A value that cannot be changed; copies are the value itself."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class Point(Immutable):
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
        native, coordinates = _decoded_evm(backend.name, cls._group(backend).name, bytes(data))
        return cls(backend, native, coordinates=coordinates)

    def fixed(self) -> Self:
        """The same point, for one that will be multiplied or paired often: some libraries then work with tables."""
        group = self._group(self._backend)
        return type(self)(self._backend, group.fix(self._native), self._compressed, self._coordinates)

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
        return type(self)(self._backend, self._group(self._backend).add(self._native, native_in(self._backend, other)))

    def __sub__(self, other: Self) -> Self:
        if type(other) is not type(self):
            return NotImplemented
        return self + -other

    def __neg__(self) -> Self:
        return type(self)(self._backend, self._group(self._backend).negate(self._native))

    def times_secret(self, scalar: int) -> Self:
        """Scalar multiple by a secret, or by what tells one: in constant time with ``mcl`` and ``blst``.

        Any integer, taken modulo R. Nothing else of this room may be given a secret scalar.
        """
        return type(self)(self._backend, self._group(self._backend).multiply_secret(self._native, scalar % R))

    def __mul__(self, scalar: int) -> Self:
        """Scalar multiple by a public number; any integer, taken modulo R."""
        if not isinstance(scalar, int):
            return NotImplemented
        return type(self)(self._backend, self._group(self._backend).multiply(self._native, scalar % R))

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        if other._backend.natives == self._backend.natives:
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


class G1(Point):
    """A point of G1: 48 bytes compressed, 128 on the chain."""

    __slots__ = ()

    @classmethod
    def _group(cls, backend: Backend) -> Group:
        return backend.g1


class G2(Point):
    """A point of G2: 96 bytes compressed, 256 on the chain."""

    __slots__ = ()

    @classmethod
    def _group(cls, backend: Backend) -> Group:
        return backend.g2


class GT(Immutable):
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
        if other._backend.natives == self._backend.natives:
            return GT(self._backend, self._backend.gt_multiply(self._native, other._native))
        # Not every library reads GT from bytes: values of two of them meet in the reference.
        libraries.require_available("py_ecc")
        from tpre_offchain.crypto.curve.pyecc import gt_from_bytes

        reference = libraries.load("py_ecc")
        product = reference.gt_multiply(gt_from_bytes(self.to_bytes()), gt_from_bytes(other.to_bytes()))
        return GT(reference, product)

    def __pow__(self, exponent: int) -> GT:
        """Power by a public number; any integer, taken modulo R. For secrets see ``z_to_secret``."""
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


@lru_cache(maxsize=8192)
def _decoded_evm(backend: str, group: str, data: bytes) -> tuple[Any, Coordinates]:
    """Kept, for a proxy meets the same capsule in each submission of a round, and the subgroup check is dear."""
    coordinates = encoding.parse_evm(group, data)
    operations: Group = getattr(libraries.load(backend), group.lower())
    return operations.from_coordinates(coordinates), coordinates


def backend_of(value: Point | GT) -> Backend:
    """The library that the value came from."""
    return value._backend


def group_in(backend: Backend, kind: type[Point]) -> Group:
    """The operations of this point's group in a library."""
    return kind._group(backend)


def native_in(backend: Backend, point: Point) -> Any:
    """The native value of a point in a library, converted if it came from one with another form."""
    if point._backend.natives == backend.natives:
        return point._native
    group = point._group(backend)
    return group.identity() if point.is_identity() else group.from_coordinates(point._affine())
