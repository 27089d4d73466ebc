"""From the address of a store, as it stands in settings and on the command line, to the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tpre_offchain.storage.errors import UnknownStore
from tpre_offchain.storage.fallback import FallbackStore, Fault
from tpre_offchain.storage.gateway import GatewayStore
from tpre_offchain.storage.kubo import KuboStore
from tpre_offchain.storage.local import LocalStore
from tpre_offchain.storage.store import BlobStore


def open_store(address: str, on_fault: Callable[[Fault], None] | None = None) -> BlobStore:
    """Open ``local:PATH``, ``kubo:URL`` or ``gateway:URL``; several, separated by commas, become a
    ``FallbackStore``.

    Nothing is contacted yet. ``on_fault`` hears of each store that fails a read. Raises ``UnknownStore``.
    """
    stores = [_open_one(part.strip()) for part in address.split(",")]
    if len(stores) == 1:
        return stores[0]
    return FallbackStore(stores) if on_fault is None else FallbackStore(stores, on_fault)


def _open_one(address: str) -> BlobStore:
    kind, _, rest = address.partition(":")
    if rest and kind == "local":
        return LocalStore(Path(rest).expanduser())
    if rest and kind == "kubo":
        return KuboStore(rest)
    if rest and kind == "gateway":
        return GatewayStore(rest)
    raise UnknownStore(f"unknown kind of store: {kind!r}")
