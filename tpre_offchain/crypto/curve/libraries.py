"""Which curve library is used: found, chosen and loaded here, for this room alone."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Final

from tpre_offchain.crypto.curve.backend import Backend
from tpre_offchain.errors import BackendUnavailable

# In order of preference; each with the module that must be importable.
_LIBRARIES: Final = {"mcl": "pymcl", "blst": "ckzg", "arkworks": "py_arkworks_bls12381", "py_ecc": "py_ecc"}
_THROUGH_C: Final = ("mcl", "blst")
"""Reached past their modules' own interface, so that only loading them tells whether they are there."""
_override: ContextVar[str | None] = ContextVar("tpre_curve_backend", default=None)


@lru_cache
def available_backends() -> tuple[str, ...]:
    """Names of the curve libraries that can be used here, the preferred one first."""
    return tuple(filter(_is_usable, _LIBRARIES))


@lru_cache
def _is_usable(name: str) -> bool:
    try:
        _require_usable(name)
    except BackendUnavailable:
        return False
    return True


def _require_usable(name: str) -> None:
    module = _LIBRARIES[name]
    if importlib.util.find_spec(module) is None:
        raise BackendUnavailable(f"curve backend {name!r} is not installed", hint=f"pip install {module}")
    if name in _THROUGH_C:
        load(name)


def active_backend() -> str:
    """Name of the library that new values are made with. Raises ``BackendUnavailable``."""
    return _override.get() or _default_backend()


@lru_cache
def _default_backend() -> str:
    chosen = os.environ.get("TPRE_CURVE")
    if chosen:
        return require_available(chosen)
    # not all that are available: the others need not be loaded
    usable = next(filter(_is_usable, _LIBRARIES), None)
    if usable is None:
        raise BackendUnavailable("no curve library is installed", hint="pip install py_arkworks_bls12381")
    return usable


@contextmanager
def using_backend(name: str) -> Iterator[None]:
    """Make new values with this library inside the ``with`` block. Raises ``BackendUnavailable``."""
    token = _override.set(require_available(name))
    try:
        yield
    finally:
        _override.reset(token)


def require_available(name: str) -> str:
    """The name, if it is that of a library that can be used. Raises ``BackendUnavailable``."""
    if name not in _LIBRARIES:
        raise BackendUnavailable(f"no curve backend {name!r}", hint=f"one of {', '.join(_LIBRARIES)}")
    _require_usable(name)
    return name


@lru_cache
def load(name: str) -> Backend:
    """The backend of this name, whose module is installed. Raises ``BackendUnavailable`` if it does not work."""
    # Imported here, not above: each library is optional, and slow ones are not loaded in vain.
    if name in _THROUGH_C:
        return _load_through_c(name)
    if name == "arkworks":
        from tpre_offchain.crypto.curve.arkworks import ArkworksBackend

        return ArkworksBackend()
    from tpre_offchain.crypto.curve.pyecc import PyEccBackend

    return PyEccBackend()


def _load_through_c(name: str) -> Backend:
    from tpre_offchain.crypto.curve.known_answers import require_known_answers

    backend: Backend
    if name == "mcl":
        from tpre_offchain.crypto.curve.mcl import MclBackend

        backend = MclBackend()
    else:
        from tpre_offchain.crypto.curve.blst_pairing import BlstBackend

        backend = BlstBackend()
    require_known_answers(backend)
    return backend


def active() -> Backend:
    """The library that new values are made with."""
    return load(active_backend())
