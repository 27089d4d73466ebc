"""``BlobStore``: what every store can do, with verification on read done here, once.

A back-end hands over raw blocks; ``get`` walks the tree from the root and releases a block's bytes only after
the block has hashed to the identifier by which its (verified) parent names it. So a store that lies, cuts
short or never stops is caught within one block, and a fallback can continue where another store failed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tpre_offchain.chunking import Source
from tpre_offchain.storage.cid import LEAF_BYTES, Cid, Codec
from tpre_offchain.storage.errors import BlobMalformed, BlobTampered, BlobTooLarge, InvalidCid
from tpre_offchain.storage.unixfs import Child, decode_node

MAX_BLOCK_BYTES = LEAF_BYTES
"""No block of our layout is larger: leaves have 1 MiB, and 174 links take some 10 KiB."""

_MAX_DEPTH = 6
"""174^6 leaves of 1 MiB: more than any blob has; a deeper tree is a trap."""


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block of a blob.

    ``offset``: where its content starts in the blob, in bytes. ``size``: how many bytes of content its
    parent says that it has; ``None`` for the root.
    """

    root: Cid
    cid: Cid
    offset: int
    size: int | None = None


ReadBlock = Callable[[BlockRef], bytes]


class BlobStore(ABC):
    """Blobs by content identifier.

    ``name`` says which store it is, without credentials; errors carry it as culprit. Every method may raise
    ``StoreUnavailable`` (retryable); every writing one ``StoreReadOnly`` or ``StoreFull``.
    """

    name: str

    def get(self, cid: Cid, *, max_bytes: int | None = None) -> Iterator[bytes]:
        """The blob in pieces of at most 1 MiB, each verified before it is yielded.

        The root is fetched and checked in this call: raises ``BlobNotFound``, ``BlobTampered``,
        ``BlobMalformed``, or ``BlobTooLarge`` if the blob has more than ``max_bytes``. Later blocks raise the
        first two from the iterator.
        """
        read = self._block_reader(cid)
        root = self._verified(read, BlockRef(cid, cid, 0))
        children = _children(cid, root)
        size = len(root) if children is None else sum(child.size for child in children)
        if max_bytes is not None and size > max_bytes:
            raise BlobTooLarge(f"{cid} has {size} bytes, {max_bytes} are allowed", culprit=self.name)
        return iter((root,)) if children is None else self._walk(read, cid, children, 0, 1)

    def verified_block(self, ref: BlockRef) -> bytes:
        """One block that hashes to its identifier. Raises ``BlobNotFound`` or ``BlobTampered``."""
        return self._verified(self._block_reader(ref.root), ref)

    def check(self, cid: Cid) -> int:
        """Read the whole blob, verify it and return its size in bytes. Raises what ``get`` raises."""
        return sum(len(piece) for piece in self.get(cid))

    def replicas(self, cid: Cid) -> tuple[str, ...]:
        """The names of the stores that say they have the blob."""
        return (self.name,) if self.has(cid) else ()

    @abstractmethod
    def put(self, source: Source) -> Cid:
        """Store and pin all that ``source`` gives, in constant memory; a failure leaves nothing behind."""

    @abstractmethod
    def has(self, cid: Cid) -> bool:
        """Whether the store says that it has the blob now. Only ``get`` or ``check`` prove it."""

    @abstractmethod
    def pin(self, cid: Cid) -> None:
        """Keep a blob that is there; twice is once. Raises ``BlobNotFound``."""

    @abstractmethod
    def unpin(self, cid: Cid) -> None:
        """Let a blob go at the store's own time; no error if it was not pinned."""

    @abstractmethod
    def pins(self) -> Iterator[Cid]:
        """All pinned blobs, in no order."""

    @abstractmethod
    def delete(self, cid: Cid) -> None:
        """Remove an unpinned blob; no error if it is not there. Raises ``BlobPinned``."""

    @abstractmethod
    def _read_block(self, ref: BlockRef) -> bytes:
        """A block's bytes as the store has them, unverified; it must stop reading at ``MAX_BLOCK_BYTES`` + 1 bytes."""

    def _block_reader(self, root: Cid) -> ReadBlock:
        """How to read the blocks of one blob during one ``get``; a store of stores remembers here whom it
        trusts.
        """
        del root
        return self._read_block

    def _verified(self, read: ReadBlock, ref: BlockRef) -> bytes:
        block = read(ref)
        if len(block) > MAX_BLOCK_BYTES or Cid.of_block(ref.cid.codec, block) != ref.cid:
            raise BlobTampered(f"the bytes given for block {ref.cid} of {ref.root} are not it", culprit=self.name)
        return block

    def _walk(
        self, read: ReadBlock, root: Cid, children: tuple[Child, ...], offset: int, depth: int
    ) -> Iterator[bytes]:
        if depth > _MAX_DEPTH:
            raise BlobMalformed(f"{root} is a tree of more than {_MAX_DEPTH} levels")
        for child in children:
            cid = _child_cid(root, child)
            if cid.codec is Codec.RAW and child.size > MAX_BLOCK_BYTES:
                raise BlobMalformed(f"{root} has a leaf of {child.size} bytes, we read {MAX_BLOCK_BYTES}")
            block = self._verified(read, BlockRef(root, cid, offset, child.size))
            below = _children(cid, block)
            size = len(block) if below is None else sum(grandchild.size for grandchild in below)
            if size != child.size:
                raise BlobMalformed(f"{root} gives {child.size} bytes to block {cid}, which has {size}")
            if below is None:
                yield block
            else:
                yield from self._walk(read, root, below, offset, depth + 1)
            offset += size


def _children(cid: Cid, block: bytes) -> tuple[Child, ...] | None:
    """The children of an inner node; ``None`` for a leaf."""
    if cid.codec is Codec.RAW:
        return None
    children = decode_node(block)
    # Children without content would make a walk of any length out of a few blocks.
    if not all(child.size for child in children):
        raise BlobMalformed(f"node {cid} has an empty child")
    return children


def _child_cid(root: Cid, child: Child) -> Cid:
    try:
        return Cid.from_bytes(child.cid)
    except InvalidCid as error:
        raise BlobMalformed(f"{root} links a block that we do not read: {error.message}") from None
