"""Inner nodes of a file tree: UnixFS v1 in dag-pb, written and read in their one canonical form.

Protobuf, by hand because only these few fields exist and the bytes, not the values, are what is hashed:

    PBNode   2: PBLink (repeated, first)   1: Data
    PBLink   1: Hash (a CID)   2: Name ("")   3: Tsize (bytes of the whole subtree, nodes included)
    Data     1: Type (2, File)   3: filesize   4: blocksizes (repeated, not packed)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tpre_offchain.storage.errors import BlobMalformed

_VARINT, _BYTES = 0, 2


@dataclass(frozen=True, slots=True)
class Child:
    """A link of a node. ``cid``: binary. ``size``: bytes of file content below it. ``stored``: bytes of its
    subtree.
    """

    cid: bytes
    size: int
    stored: int


def encode_node(children: Sequence[Child]) -> bytes:
    """The dag-pb block of a file node over ``children``."""
    links = b"".join(_field(2, _link(child)) for child in children)
    data = _number(1, 2) + _number(3, sum(child.size for child in children))
    data += b"".join(_number(4, child.size) for child in children)
    return links + _field(1, data)


def decode_node(block: bytes) -> tuple[Child, ...]:
    """The children of a file node. Raises ``BlobMalformed`` for anything that ``encode_node`` does not write."""
    try:
        children = tuple(_read_children(block))
    except (ValueError, IndexError, KeyError):
        raise BlobMalformed("a block is no file node in dag-pb") from None
    if not children or encode_node(children) != block:
        raise BlobMalformed("a block is not a file node in the layout that we read")
    return children


def _read_children(block: bytes) -> Iterator[Child]:
    """Lenient: ``decode_node`` holds the result against the canonical encoding."""
    fields = list(_fields(block))
    links = [dict(_fields(_as_bytes(value))) for number, value in fields if number == 2]
    data = [value for number, value in fields if number == 1]
    sizes = [value for number, value in _fields(_as_bytes(data[0])) if number == 4]
    for link, size in zip(links, sizes, strict=True):
        yield Child(_as_bytes(link[1]), size=_as_int(size), stored=_as_int(link[3]))


def _link(child: Child) -> bytes:
    return _field(1, child.cid) + _field(2, b"") + _number(3, child.stored)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | _BYTES]) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return bytes([number << 3 | _VARINT]) + _varint(value)


def _fields(buffer: bytes) -> Iterator[tuple[int, bytes | int]]:
    position = 0
    while position < len(buffer):
        key, position = _read_varint(buffer, position)
        value, position = _read_varint(buffer, position)
        if key & 7 == _VARINT:
            yield key >> 3, value
        elif key & 7 == _BYTES and position + value <= len(buffer):
            yield key >> 3, buffer[position : position + value]
            position += value
        else:
            raise ValueError("unknown wire type or length past the end")


def _read_varint(buffer: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 63, 7):
        byte = buffer[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("number too long")


def _as_bytes(value: bytes | int) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where bytes belong")
    return value


def _as_int(value: bytes | int) -> int:
    if isinstance(value, bytes):
        raise ValueError("bytes where a number belongs")
    return value
