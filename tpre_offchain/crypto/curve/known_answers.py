"""What a backend over foreign C functions must compute right before it is taken: for ``libraries`` alone."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from tpre_offchain.crypto.curve.backend import Backend, Group, R
from tpre_offchain.errors import BackendUnavailable, CryptoError

_SCALAR: Final = R // 7 * 5 + 2
_OTHER: Final = 2**127 + 9
_SHA256: Final = "76f7469c2217d4992c21f74311e617b7224ff139c083896028d229c89f319b7c"


def require_known_answers(backend: Backend) -> None:
    """Raise ``BackendUnavailable`` unless the library behind the backend is the one that it is written for."""
    try:
        right = answers(backend) == _SHA256
    except CryptoError:
        right = False
    if not right:
        raise BackendUnavailable(f"the library of {backend.name!r} computes something else than it should")


def answers(backend: Backend) -> str:
    """SHA-256, in hexadecimal, of what the operations give: the same for each library of BLS12-381."""
    found = [*_of_group(backend.g1), *_of_group(backend.g2)]
    p, q = backend.g1.multiply(backend.g1.generator(), _OTHER), backend.g2.generator()
    fixed = backend.g2.fix(backend.g2.multiply(q, _SCALAR))
    # a fixed point may be prepared when it comes again
    values = [backend.multi_pairing(pairs) for pairs in ([(p, fixed), (p, q)], [(p, fixed)], [(p, fixed)])]
    values += [backend.gt_power(backend.gt_multiply(values[0], values[1]), _SCALAR), backend.gt_one()]
    found += map(backend.gt_to_bytes, values)
    found += [backend.pairing_product_is_one([(p, q), (backend.g1.negate(p), q)])]
    return hashlib.sha256(repr(found).encode()).hexdigest()


def _of_group(group: Group) -> list[Any]:
    g = group.generator()
    p, q = group.multiply_secret(g, _SCALAR), group.multiply(g, _OTHER)
    total = group.negate(group.msm([p, q, group.add(p, q)], [_SCALAR, _OTHER, R - _OTHER]))
    coordinates = group.to_coordinates(total)
    again = group.from_coordinates(coordinates)
    points = (p, q, again, group.from_x(coordinates[: len(coordinates) // 2], True))
    relations = (group.equal(total, again), group.is_identity(group.add(total, group.negate(again))))
    return [*map(group.to_coordinates, points), *relations]
