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
_LIBRARIES: Final = {"mcl": "pymcl", "arkworks": "py_arkworks_bls12381", "py_ecc": "py_ecc"}
_override: ContextVar[str | None] = ContextVar("tpre_curve_backend", default=None)


@lru_cache
def available_backends() -> tuple[str, ...]:
    """Names of the curve libraries that are installed, the preferred one first."""
    return tuple(name for name, module in _LIBRARIES.items() if importlib.util.find_spec(module))


def active_backend() -> str:
    """Name of the library that new values are made with. Raises ``BackendUnavailable``."""
    return _override.get() or _default_backend()


@lru_cache
def _default_backend() -> str:
    chosen = os.environ.get("TPRE_CURVE")
    if chosen:
        return require_available(chosen)
    if not available_backends():
        raise BackendUnavailable("no curve library is installed", hint="pip install py_arkworks_bls12381")
    return available_backends()[0]


@contextmanager
def using_backend(name: str) -> Iterator[None]:
    """Make new values with this library inside the ``with`` block. Raises ``BackendUnavailable``."""
    token = _override.set(require_available(name))
    try:
        yield
    finally:
        _override.reset(token)


def require_available(name: str) -> str:
    """The name, if it is that of an installed library. Raises ``BackendUnavailable``."""
    if name not in _LIBRARIES:
        raise BackendUnavailable(f"no curve backend {name!r}", hint=f"one of {', '.join(_LIBRARIES)}")
    if name not in available_backends():
        raise BackendUnavailable(f"curve backend {name!r} is not installed", hint=f"pip install {_LIBRARIES[name]}")
    return name


@lru_cache
def load(name: str) -> Backend:
    """The backend of this name, which is available."""
    # Imported here, not above: each library is optional, and slow ones are not loaded in vain.
    if name == "mcl":
        return _load_mcl()
    if name == "arkworks":
        from tpre_offchain.crypto.curve.arkworks import ArkworksBackend

        return ArkworksBackend()
    from tpre_offchain.crypto.curve.pyecc import PyEccBackend

    return PyEccBackend()


def _load_mcl() -> Backend:
    try:
        from tpre_offchain.crypto.curve import mcl_c
    except BackendUnavailable:
        # a build of pymcl whose C functions are not to be seen: its Python classes do the same, slower
        from tpre_offchain.crypto.curve.mcl import MclBackend

        return MclBackend()
    return mcl_c.MclBackend()


def active() -> Backend:
    """The library that new values are made with."""
    return load(active_backend())
