"""Content identifiers: the CID that Kubo gives for the same bytes, computed in constant memory.

The layout is that of

    ipfs add --cid-version=1 --raw-leaves --chunker=size-1048576 --max-file-links=174

(174 is also what Kubo takes unasked): raw leaves of 1 MiB, one leaf alone is the whole blob, else a balanced
tree of UnixFS file nodes in dag-pb with at most 174 links each; SHA-256; CIDv1. ``unixfs.py`` has the
encoding of the tree's nodes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

from tpre_offchain.chunking import Source, exact_chunks
from tpre_offchain.storage.errors import InvalidCid
from tpre_offchain.storage.unixfs import Child, encode_node

LEAF_BYTES = 1 << 20
MAX_LINKS = 174
CID_BYTES = 36

_VERSION_1 = 0x01
_SHA256_32 = b"\x12\x20"
_TEXT_LENGTH = 59


class Codec(IntEnum):
    """How a block is read: the multicodec number in its CID."""

    RAW = 0x55
    DAG_PB = 0x70


@dataclass(frozen=True, slots=True, order=True)
class Cid:
    """A CIDv1 over SHA-256. ``str()`` is its base32 text of 59 characters, ``to_bytes()`` its 36 bytes."""

    codec: Codec
    digest: bytes

    def __post_init__(self) -> None:
        if len(self.digest) != 32:
            raise InvalidCid(f"a SHA-256 digest has 32 bytes, not {len(self.digest)}")

    @classmethod
    def of_block(cls, codec: Codec, block: bytes) -> Cid:
        """The CID of one block."""
        return cls(codec, sha256(block).digest())

    @classmethod
    def parse(cls, text: str) -> Cid:
        """Read the text form, strictly: one spelling for each CID. Raises ``InvalidCid``."""
        if len(text) != _TEXT_LENGTH or text[0] != "b":
            raise InvalidCid(f"not a base32 CIDv1 of {_TEXT_LENGTH} characters: {text[:80]!r}")
        try:
            cid = cls.from_bytes(base64.b32decode(text[1:].upper() + "======"))
        except (binascii.Error, ValueError):
            raise InvalidCid(f"not base32: {text!r}") from None
        if str(cid) != text:  # upper case, or stray bits in the last character
            raise InvalidCid(f"not the canonical spelling: {text!r}")
        return cid

    @classmethod
    def from_bytes(cls, raw: bytes) -> Cid:
        """Read the 36-byte form. Raises ``InvalidCid``."""
        if len(raw) != CID_BYTES or raw[0] != _VERSION_1 or raw[2:4] != _SHA256_32:
            raise InvalidCid("not a CIDv1 over SHA-256")
        if raw[1] not in (Codec.RAW, Codec.DAG_PB):
            raise InvalidCid(f"codec 0x{raw[1]:02x} is neither raw nor dag-pb")
        return cls(Codec(raw[1]), raw[4:])

    def to_bytes(self) -> bytes:
        """36 bytes: version, codec, 0x12 0x20, digest."""
        return bytes([_VERSION_1, self.codec]) + _SHA256_32 + self.digest

    def __str__(self) -> str:
        return "b" + base64.b32encode(self.to_bytes()).decode().lower().rstrip("=")


def _ignore_node(_cid: Cid, _block: bytes) -> None:
    return None


class TreeBuilder:
    """Builds the tree over leaves that arrive in order; holds at most 174 links a level.

    ``on_node`` is given each inner node as soon as it is complete, the root last.
    """

    def __init__(self, on_node: Callable[[Cid, bytes], None] = _ignore_node) -> None:
        self._levels: list[list[Child]] = [[]]
        self._on_node = on_node

    def add_leaf(self, leaf: bytes) -> None:
        """Append a leaf: 1 MiB, or less if it is the last one."""
        digest = Cid.of_block(Codec.RAW, leaf)
        self._append(0, Child(digest.to_bytes(), size=len(leaf), stored=len(leaf)))

    def finish(self) -> Cid:
        """The CID of the blob: that of the only leaf, or of the tree's root."""
        if self._levels == [[]]:
            self.add_leaf(b"")
        level = 0
        while level + 1 < len(self._levels) or len(self._levels[level]) > 1:
            self._close(level)
            level += 1
        return Cid.from_bytes(self._levels[level][0].cid)

    def _append(self, level: int, child: Child) -> None:
        # A full level is closed only when one more child comes: whether 174 children are the root is known
        # only then.
        if len(self._levels[level]) == MAX_LINKS:
            self._close(level)
        self._levels[level].append(child)

    def _close(self, level: int) -> None:
        children = self._levels[level]
        if level + 1 == len(self._levels):
            self._levels.append([])
        if not children:
            return
        block = encode_node(children)
        cid = Cid.of_block(Codec.DAG_PB, block)
        self._on_node(cid, block)
        size = sum(child.size for child in children)
        stored = len(block) + sum(child.stored for child in children)
        self._levels[level] = []
        self._append(level + 1, Child(cid.to_bytes(), size=size, stored=stored))


def compute_cid(source: Source) -> Cid:
    """The CID of a whole blob, read once in constant memory."""
    tree = TreeBuilder()
    for leaf in exact_chunks(source, LEAF_BYTES):
        tree.add_leaf(leaf)
    return tree.finish()
