"""Several stores as one: writes go to the first, each block is read from whichever store gives the true one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tpre_offchain.chunking import Source
from tpre_offchain.errors import StorageError
from tpre_offchain.storage.cid import Cid
from tpre_offchain.storage.errors import BlobNotFound, BlobTampered, StoreUnavailable, UnknownStore
from tpre_offchain.storage.store import BlobStore, BlockRef, ReadBlock


@dataclass(frozen=True, slots=True)
class Fault:
    """A store did not give a block that was asked of it. ``error`` says in which way it failed."""

    store: str
    block: BlockRef
    error: StorageError


def _ignore_fault(_fault: Fault) -> None:
    return None


class FallbackStore(BlobStore):
    """``stores`` in order of preference; ``on_fault`` is told of every store that fails a read, though the
    read succeeds.

    Within one ``get`` a store that failed is asked again only after all others failed, so a slow or lying one
    costs its delay once and not at every block.
    """

    def __init__(self, stores: Sequence[BlobStore], on_fault: Callable[[Fault], None] = _ignore_fault) -> None:
        if not stores:
            raise UnknownStore("no store is named")
        self._stores = tuple(stores)
        self._on_fault = on_fault
        self.name = ",".join(store.name for store in stores)

    def put(self, source: Source) -> Cid:
        """Store in the first store."""
        return self._stores[0].put(source)

    def has(self, cid: Cid) -> bool:
        """Whether any store says that it has the blob."""
        return any(self.replicas(cid))

    def replicas(self, cid: Cid) -> tuple[str, ...]:
        """The names of the stores that say they have the blob; one that cannot be reached has not."""
        names: list[str] = []
        for store in self._stores:
            try:
                names.extend(store.replicas(cid))
            except StoreUnavailable:
                continue
        return tuple(names)

    def pin(self, cid: Cid) -> None:
        """Pin in the first store."""
        self._stores[0].pin(cid)

    def unpin(self, cid: Cid) -> None:
        """Unpin in the first store."""
        self._stores[0].unpin(cid)

    def pins(self) -> Iterator[Cid]:
        """The pins of the first store."""
        return self._stores[0].pins()

    def delete(self, cid: Cid) -> None:
        """Delete from the first store."""
        self._stores[0].delete(cid)

    def _block_reader(self, root: Cid) -> ReadBlock:
        del root
        order = list(self._stores)

        def read(ref: BlockRef) -> bytes:
            errors: list[StorageError] = []
            for store in tuple(order):
                try:
                    return store.verified_block(ref)
                except StorageError as error:
                    errors.append(error)
                    self._on_fault(Fault(store.name, ref, error))
                    order.remove(store)
                    order.append(store)
            raise _summary(ref, errors)

        return read

    def _read_block(self, ref: BlockRef) -> bytes:
        return self._block_reader(ref.root)(ref)


def _summary(ref: BlockRef, errors: Sequence[StorageError]) -> StorageError:
    """One error for all: the gravest kind, with every store's words and the liars as culprits."""
    words = "; ".join(f"{error.culprit}: {error.message}" for error in errors)
    message = f"no store gave block {ref.cid} of {ref.root}: {words}"
    liars = [error.culprit or "?" for error in errors if isinstance(error, BlobTampered)]
    retryable = any(error.retryable for error in errors)
    if liars:
        return BlobTampered(message, culprit=",".join(liars), retryable=retryable)
    if all(isinstance(error, BlobNotFound) for error in errors):
        return BlobNotFound(message, retryable=retryable)
    return StoreUnavailable(message, retryable=retryable)
