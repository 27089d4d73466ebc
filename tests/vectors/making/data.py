"""Vectors of encrypted data (SPEC §10): blobs, and blobs that must be refused."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.vectors.making.values import hex_of, recorded_random
from tpre_offchain.crypto.dem import CHUNK_BYTES, HEADER_BYTES, TAG_BYTES, encrypt_stream

LENGTHS = (0, 1, 1000, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 5)
SHOWN = 1_200
"""Blobs up to this size are in the file whole."""

Piece = Sequence[int] | str
"""Of a blob that is refused: [from, to) of the good one, or these bytes."""

FULL = CHUNK_BYTES + TAG_BYTES


@lru_cache
def plaintext(length: int) -> bytes:
    """The data of a length: the first bytes of SHAKE-256("tpre")."""
    return hashlib.shake_256(b"tpre").digest(length)


def make_data() -> dict[str, Any]:
    """The content of data.json."""
    return {"blobs": [_blob(length) for length in LENGTHS], "rejects": _rejects()}


def _dek(length: int) -> bytes:
    return hashlib.sha256(f"data of {length}".encode()).digest()


@lru_cache
def _encrypted(length: int) -> tuple[bytes, tuple[str, ...]]:
    drawn: list[str] = []
    blob = b"".join(encrypt_stream(_dek(length), [plaintext(length)], recorded_random(f"data {length}", drawn)))
    return blob, tuple(drawn)


def _key(length: int) -> bytes:
    header = _encrypted(length)[0][:HEADER_BYTES]
    return HKDF(SHA256(), 32, salt=header[-16:], info=b"TPRE-V1/data" + header).derive(_dek(length))


def _blob(length: int) -> dict[str, Any]:
    blob, drawn = _encrypted(length)
    shown = {"blob": hex_of(blob)} if len(blob) <= SHOWN else {}
    return {
        "length": length,
        "plainSha256": hex_of(hashlib.sha256(plaintext(length)).digest()),
        "dek": hex_of(_dek(length)),
        "random": list(drawn),
        "header": hex_of(blob[:HEADER_BYTES]),
        "key": hex_of(_key(length)),
        "encryptedLength": len(blob),
        "encryptedSha256": hex_of(hashlib.sha256(blob).digest()),
        **shown,
    }


def _rejects() -> list[dict[str, Any]]:
    small, one, two, three = 1000, CHUNK_BYTES, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 5
    sizes = {length: len(_encrypted(length)[0]) for length in LENGTHS}

    def case(name: str, length: int, error: str, released: int, pieces: list[Piece]) -> dict[str, Any]:
        return {"name": name, "length": length, "pieces": pieces, "python": error, "released": released}

    def flipped(length: int, at: int) -> list[Piece]:
        byte = _encrypted(length)[0][at]
        return [[0, at], hex_of(bytes([byte ^ 1])), [at + 1, sizes[length]]]

    first, second = [HEADER_BYTES, HEADER_BYTES + FULL], [HEADER_BYTES + FULL, HEADER_BYTES + 2 * FULL]
    head, rest = [0, HEADER_BYTES], [HEADER_BYTES + 2 * FULL, sizes[three]]
    whole = [0, sizes[one]]
    return [
        case("nothing at all", small, "TruncatedData", 0, []),
        case("cut within the header", small, "TruncatedData", 0, [[0, HEADER_BYTES - 1]]),
        case("the header alone", small, "TruncatedData", 0, [head]),
        case("cut within the tag of the only chunk", small, "TruncatedData", 0, [[0, HEADER_BYTES + TAG_BYTES - 1]]),
        case("cut by a byte", small, "DamagedChunk", 0, [[0, sizes[small] - 1]]),
        case("cut at a chunk's boundary", three, "TruncatedData", CHUNK_BYTES, [head, first, second]),
        case("cut within a later chunk's tag", three, "TruncatedData", two, [[0, HEADER_BYTES + 2 * FULL + 15]]),
        case("first two chunks exchanged", three, "DamagedChunk", 0, [head, second, first, rest]),
        case("first chunk twice", three, "DamagedChunk", CHUNK_BYTES, [head, first, first, second, rest]),
        case("last chunk first", three, "DamagedChunk", 0, [head, rest, first, second]),
        case("a bit of the data", three, "DamagedChunk", CHUNK_BYTES, flipped(three, HEADER_BYTES + FULL + 7)),
        case("a bit of a tag", small, "DamagedChunk", 0, flipped(small, sizes[small] - 1)),
        case("a bit of the nonce prefix", small, "DamagedChunk", 0, flipped(small, 10)),
        case("a bit of the salt", small, "DamagedChunk", 0, flipped(small, HEADER_BYTES - 1)),
        case("another magic", small, "NotEncryptedData", 0, flipped(small, 0)),
        case("another version", small, "NotEncryptedData", 0, flipped(small, 8)),
        case("another chunk size", small, "NotEncryptedData", 0, flipped(small, 9)),
        case("a byte after a short last chunk", small, "DamagedChunk", 0, [[0, sizes[small]], "0x00"]),
        case("a byte after a full last chunk", one, "TrailingData", 0, [whole, "0x00"]),
        case("a whole chunk after the last", one, "TrailingData", 0, [whole, first]),
        case("an empty last chunk after a full one", one + 1, "EmptyLastChunk", one, _with_empty_end()),
    ]


def _with_empty_end() -> list[Piece]:
    """A full chunk that is not the last, then an empty one that is: both tags hold, and yet no writer makes it."""
    longer = CHUNK_BYTES + 1
    nonce = _encrypted(longer)[0][10:17] + (1).to_bytes(4, "big") + b"\x01"
    return [[0, HEADER_BYTES + FULL], hex_of(AESGCM(_key(longer)).encrypt(nonce, b"", None))]
