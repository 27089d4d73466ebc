"""Blocks of an exact size out of any byte source: an open file, a socket file or an iterable of byte strings.

Files may answer with fewer bytes than asked for and iterables may yield pieces of any length; both the data
encryption (SCHEME §8) and the content addressing cut their input at fixed offsets, so they read through this
one place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable


@runtime_checkable
class Readable(Protocol):
    """Anything with ``read(n)`` that returns at most n bytes and ``b""`` at its end."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""


Source = Readable | Iterable[bytes]


class ExactReader:
    """Reads exactly as many bytes as asked for, fewer only at the end of the source.

    Holds at most one piece of the source besides what it returns. A block that the source delivers in one
    piece is handed on without a copy.
    """

    def __init__(self, source: Source) -> None:
        self._pieces: Iterator[bytes] = iter(()) if isinstance(source, Readable) else iter(source)
        self._file: Readable | None = source if isinstance(source, Readable) else None
        self._left = memoryview(b"")

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes; fewer, possibly none, only where the source ends."""
        parts: list[bytes | memoryview] = []
        missing = size
        while missing:
            piece = self._next_piece(missing)
            if not len(piece):
                break
            parts.append(piece)
            missing -= len(piece)
        if len(parts) == 1 and isinstance(parts[0], bytes):
            return parts[0]
        return b"".join(parts)

    def _next_piece(self, limit: int) -> bytes | memoryview:
        """1 to ``limit`` bytes, or none at the end."""
        if self._file is not None:
            return _checked(self._file.read(limit))
        if not len(self._left):
            # Skip empty pieces: in an iterable they do not mean the end.
            piece = next((piece for piece in map(_checked, self._pieces) if len(piece)), b"")
            if len(piece) <= limit:
                return piece
            self._left = memoryview(piece)
        piece_view, self._left = self._left[:limit], self._left[limit:]
        return piece_view


def exact_chunks(source: Source, size: int) -> Iterator[bytes]:
    """Cut ``source`` into blocks of exactly ``size`` bytes; the last may be shorter but is never empty."""
    reader = ExactReader(source)
    while chunk := reader.take(size):
        yield chunk


def _checked(piece: object) -> bytes:
    # A bytearray could be overwritten by its owner while we still refer to it; a str or None is the wrong
    # kind of file.
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, bytearray | memoryview):
        return bytes(piece)
    raise TypeError(f"a byte source must give bytes, not {type(piece).__name__}")
