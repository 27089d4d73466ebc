"""blst's C functions, which ckzg's extension module carries: for ``blst`` and ``blst_pairing`` alone.

They are not ckzg's interface, and a build may hide them or lay its structures out otherwise. So names and sizes are
asked for here, and known answers (``known_answers``) before a backend is taken.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Final

import ckzg

from tpre_offchain.crypto.curve.backend import FIELD_BYTES
from tpre_offchain.errors import BackendUnavailable

FIELD_WORDS: Final = FIELD_BYTES // 8
GT_FIELDS: Final = 12
LINES_WORDS: Final = 68 * 6 * FIELD_WORDS
"""What a Miller loop needs of its point of G2: 68 lines of six field elements."""

_POINTER, _SIZE, _BYTES = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p

# Of a point's group, p1 or p2; the results are ``void``, ``bool`` or an enumeration: ``int`` reads them all.
_SHORT_OF_A_GROUP: Final[Mapping[str, tuple[Any, ...]]] = {
    "{}_add_or_double": (_POINTER, _POINTER, _POINTER),
    "{}_affine_in_{}": (_POINTER,),
    "{}_cneg": (_POINTER, _SIZE),
    "{}_deserialize": (_POINTER, _BYTES),
    "{}_double": (_POINTER, _POINTER),
    "{}_from_affine": (_POINTER, _POINTER),
    "{}_is_equal": (_POINTER, _POINTER),
    "{}_is_inf": (_POINTER,),
    "{}_mult": (_POINTER, _POINTER, _BYTES, _SIZE),
    "{}_serialize": (_POINTER, _POINTER),
    "{}_to_affine": (_POINTER, _POINTER),
    "{}_uncompress": (_POINTER, _BYTES),
}
_LONG_OF_A_GROUP: Final[Mapping[str, tuple[Any, ...]]] = {
    "{}s_mult_pippenger": (_POINTER, _POINTER, _SIZE, _POINTER, _SIZE, _POINTER),
    "{}s_mult_wbits": (_POINTER, _POINTER, _SIZE, _SIZE, _POINTER, _SIZE, _POINTER),
    "{}s_mult_wbits_precompute": (_POINTER, _SIZE, _POINTER, _SIZE),
}
_SIZES_OF_A_GROUP: Final[Mapping[str, tuple[Any, ...]]] = {
    "{}s_mult_pippenger_scratch_sizeof": (_SIZE,),
    "{}s_mult_wbits_precompute_sizeof": (_SIZE, _SIZE),
    "{}s_mult_wbits_scratch_sizeof": (_SIZE,),
}
_SHORT: Final[Mapping[str, tuple[Any, ...]]] = {
    "bendian_from_fp12": (_POINTER, _POINTER),
    "fp_cneg": (_POINTER, _POINTER, _SIZE),
    "fp_from_bendian": (_POINTER, _BYTES),
    "fp_mul": (_POINTER, _POINTER, _POINTER),
    "fp12_cyclotomic_sqr": (_POINTER, _POINTER),
    "fp12_is_one": (_POINTER,),
    "fp12_mul": (_POINTER, _POINTER, _POINTER),
}
_LONG: Final[Mapping[str, tuple[Any, ...]]] = {
    "encode_to_g1": (_POINTER, _BYTES, _SIZE, _BYTES, _SIZE, _POINTER, _SIZE),
    "final_exp": (_POINTER, _POINTER),
    "miller_loop_lines": (_POINTER, _POINTER, _POINTER),
    "miller_loop_n": (_POINTER, _POINTER, _POINTER, _SIZE),
    "precompute_lines": (_POINTER, _POINTER),
}
# by their number of field elements
_STRUCTURES: Final = {"p1": 3, "p1_affine": 2, "p2": 6, "p2_affine": 4, "fp12": GT_FIELDS}


def _load() -> SimpleNamespace:
    """Every function under its name without ``blst_``. Raises ``BackendUnavailable`` if one is not there."""
    found = SimpleNamespace()
    try:
        # PyDLL keeps the interpreter's lock, which is cheaper than giving it back for a microsecond
        short, long = ctypes.PyDLL(ckzg.__file__), ctypes.CDLL(ckzg.__file__)
        for library, functions in ((short, _SHORT), (long, _LONG)):
            _bind(found, library, functions, ctypes.c_int)
        for group in (("p1", "g1"), ("p2", "g2")):
            _bind(found, short, _SHORT_OF_A_GROUP, ctypes.c_int, group)
            _bind(found, long, _LONG_OF_A_GROUP, ctypes.c_int, group)
            _bind(found, short, _SIZES_OF_A_GROUP, _SIZE, group)
            _bind(found, short, {"{}_generator": ()}, _POINTER, group)
        _bind(found, short, {f"{name}_sizeof": () for name in _STRUCTURES}, _SIZE)
    except (AttributeError, OSError):
        raise BackendUnavailable("this build of ckzg does not export blst's functions") from None
    if any(getattr(found, f"{name}_sizeof")() != fields * FIELD_BYTES for name, fields in _STRUCTURES.items()):
        raise BackendUnavailable("ckzg carries a blst whose structures have other sizes")
    return found


def _bind(
    into: SimpleNamespace,
    library: ctypes.CDLL,
    functions: Mapping[str, tuple[Any, ...]],
    result: Any,
    group: tuple[str, ...] = (),
) -> None:
    for pattern, arguments in functions.items():
        name = pattern.format(*group)
        function = getattr(library, f"blst_{name}")
        function.argtypes, function.restype = arguments, result
        setattr(into, name, function)


blst: Final = _load()


def addresses(first: Any) -> Any:
    """How blst takes an array: the address of its first element, then none, for the others follow it."""
    return (ctypes.c_void_p * 2)(ctypes.addressof(first), None)
