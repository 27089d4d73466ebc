"""Data encryption: any amount of data under one 32-byte data key, in constant memory (SCHEME §8).

AES-256-GCM in the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015). Layout:

    header   8  b"TPRE-DEM"
             1  version, 0x01
             1  log2 of the chunk size, 20 in this version
             7  nonce prefix, random
            16  salt, random
    chunk i  up to 1,048,576 bytes of ciphertext, then its 16-byte tag

    key     = HKDF-SHA256(ikm = data key, salt = salt, info = "TPRE-V1/data" || header), 32 bytes
    nonce_i = prefix (7) || i (4, big-endian, from 0) || 1 if chunk i is the last, else 0

All chunks but the last are full. The last one holds at least one byte unless there is no data at all. The
counter places a chunk, the last byte of the nonce says where the end is, and the header is bound into the
key: whatever is cut, moved, changed or appended fails a tag before a byte of that chunk is released.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tpre_offchain.chunking import ExactReader, Source
from tpre_offchain.errors import CryptoError, WrongLength

DEK_BYTES = 32
CHUNK_LOG2 = 20
CHUNK_BYTES = 1 << CHUNK_LOG2
TAG_BYTES = 16
HEADER_BYTES = 33
MAX_CHUNKS = 1 << 32

_MAGIC = b"TPRE-DEM"
_VERSION = 1
_FIXED = _MAGIC + bytes([_VERSION, CHUNK_LOG2])
_PREFIX_BYTES = 7
_SALT_BYTES = 16
_INFO = b"TPRE-V1/data"

Random = Callable[[int], bytes]
"""A source of randomness: n -> n random bytes."""


class DataError(CryptoError):
    """Encrypted data is not what its key holder wrote. What was released before is genuine, but it is not the
    whole.
    """


class NotEncryptedData(DataError):
    """The header is that of another format or version."""

    default_hint = "this is not a file encrypted by tpre, or it was made by a newer version"


class TruncatedData(DataError):
    """The data ends before its last chunk."""

    default_hint = "fetch the data again: its end is missing"


class DamagedChunk(DataError):
    """A chunk's tag does not hold: changed, moved, cut or extended data, or another key. ``index``: counted
    from 0.
    """

    index: int

    def __init__(self, index: int) -> None:
        super().__init__(
            f"chunk {index} is damaged, out of place or under another key",
            hint="fetch the data again, from another place if there is one",
        )
        self.index = index


class TrailingData(DataError):
    """Bytes follow the last chunk."""


class EmptyLastChunk(DataError):
    """The data ends with an empty chunk after others: a second form of the same data, which no honest writer
    makes.
    """


class DataTooLong(CryptoError):
    """More than 2^32 chunks (4 PiB): the counter must not wrap."""


def encrypted_size(size: int) -> int:
    """Bytes that ``size`` bytes of data take once encrypted: header, data and 16 bytes for each started MiB."""
    if size < 0:
        raise ValueError("size must not be negative")
    return HEADER_BYTES + size + TAG_BYTES * max(1, -(-size // CHUNK_BYTES))


def encrypt_stream(dek: bytes, source: Source, random: Random) -> Iterator[bytes]:
    """Encrypt ``source`` under the 32-byte data key ``dek``; yields the header, then chunk by chunk (SCHEME
    §8).

    ``random`` gives the nonce prefix and the salt. Raises ``WrongLength`` for a key of another size and
    ``DataTooLong`` past 4 PiB.
    """
    header = _FIXED + _exactly(random(_PREFIX_BYTES), _PREFIX_BYTES) + _exactly(random(_SALT_BYTES), _SALT_BYTES)
    return _encrypt_chunks(_cipher(dek, header), header, ExactReader(source))


def decrypt_stream(dek: bytes, source: Source) -> Iterator[bytes]:
    """Decrypt what ``encrypt_stream`` made; yields each chunk once its tag has been verified (SCHEME §8).

    The data is complete only when the iterator ends without an error. Raises ``WrongLength`` for a key of
    another size, ``NotEncryptedData``, ``TruncatedData``, ``DamagedChunk``, ``TrailingData`` or
    ``EmptyLastChunk``, before anything of the chunk concerned is released.
    """
    _require_dek(dek)
    return _decrypt_chunks(dek, ExactReader(source))


def _encrypt_chunks(cipher: AESGCM, header: bytes, reader: ExactReader) -> Iterator[bytes]:
    yield header
    prefix = _prefix(header)
    index = 0
    chunk = reader.take(CHUNK_BYTES)
    while True:
        # Whether a full chunk is the last shows only in the next read.
        following = reader.take(CHUNK_BYTES) if len(chunk) == CHUNK_BYTES else b""
        yield cipher.encrypt(_nonce(prefix, index, last=not following), chunk, None)
        if not following:
            return
        chunk, index = following, index + 1


def _decrypt_chunks(dek: bytes, reader: ExactReader) -> Iterator[bytes]:
    header = reader.take(HEADER_BYTES)
    if header[: len(_FIXED)] != _FIXED[: len(header)]:
        raise NotEncryptedData("the data does not start with this format's header")
    if len(header) < HEADER_BYTES:
        raise TruncatedData("the data ends within its header")
    cipher = _cipher(dek, header)
    prefix = _prefix(header)
    full = CHUNK_BYTES + TAG_BYTES
    index = 0
    chunk = reader.take(full)
    while True:
        following = reader.take(full) if len(chunk) == full else b""
        plain = _open_chunk(cipher, prefix, index, chunk, last=not following)
        if index and not plain:
            raise EmptyLastChunk(f"chunk {index} is empty though data precedes it")
        if plain:
            yield plain
        if not following:
            return
        chunk, index = following, index + 1


def _open_chunk(cipher: AESGCM, prefix: bytes, index: int, chunk: bytes, *, last: bool) -> bytes:
    if len(chunk) < TAG_BYTES:
        raise TruncatedData(f"the data ends within chunk {index}")
    try:
        return cipher.decrypt(_nonce(prefix, index, last=last), chunk, None)
    except InvalidTag:
        pass
    # It fails in its place. Would it hold in the other role? Then the chunk is sound and the end is what is
    # wrong.
    try:
        cipher.decrypt(_nonce(prefix, index, last=not last), chunk, None)
    except InvalidTag:
        raise DamagedChunk(index) from None
    if last:
        raise TruncatedData(f"the data ends after chunk {index}, which is not its last")
    raise TrailingData(f"bytes follow chunk {index}, which is the last")


def _cipher(dek: bytes, header: bytes) -> AESGCM:
    _require_dek(dek)
    salt = header[-_SALT_BYTES:]
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=_INFO + header).derive(dek))


def _prefix(header: bytes) -> bytes:
    return header[len(_FIXED) : len(_FIXED) + _PREFIX_BYTES]


def _nonce(prefix: bytes, index: int, *, last: bool) -> bytes:
    if index >= MAX_CHUNKS:
        raise DataTooLong(f"no more than {MAX_CHUNKS} chunks can be encrypted under one header")
    return prefix + index.to_bytes(4, "big") + bytes([last])


def _require_dek(dek: bytes) -> None:
    if len(dek) != DEK_BYTES:
        raise WrongLength(f"{len(dek)} bytes instead of {DEK_BYTES}", what="data key")


def _exactly(drawn: bytes, size: int) -> bytes:
    if len(drawn) != size:
        raise WrongLength(f"{len(drawn)} bytes instead of {size}", what="randomness")
    return drawn
