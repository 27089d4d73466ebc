"""The metadata of a record, which its capsule seals: how to find, open and check the data (SPEC §5).

    version u8 = 1 || DEK (32) || cidLength u8 || CID || SHA-256 of the encrypted data (32) || encryptedLength u64 ||
    plainLength u64 || createdAt u64 || mediaTypeLength u8 || mediaType || nameLength u8 || name || signature (65)

The publisher's Ethereum key signs ``signing_hash``. Making the signature and recovering its signer is the callers'
affair: whoever opens a record must require that the signer is the publisher that the record's id names.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from tpre_offchain.crypto import hashing
from tpre_offchain.errors import DecodingError
from tpre_offchain.types import Label, RecordId

DEK_BYTES: Final = 32
SIGNATURE_BYTES: Final = 65

_VERSION: Final = 1
_UNSIGNED: Final = bytes(64) + b"\x1b"


class MetadataMalformed(DecodingError):
    """The bytes, or the fields, are not metadata of this version. The record's publisher made them."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata of one record.

    ``dek``: data key, 32 bytes, secret. ``cid``: binary CIDv1 of the encrypted data. ``encrypted_sha256``: its digest.
    Lengths in bytes; ``created_at_s`` in unix seconds. ``signature``: r || s || v, 65 bytes, v 27 or 28.
    Raises ``MetadataMalformed`` for a field that has no encoding.
    """

    dek: bytes = field(repr=False)
    cid: bytes
    encrypted_sha256: bytes
    encrypted_length: int
    plain_length: int
    created_at_s: int
    media_type: str
    name: str
    signature: bytes = _UNSIGNED

    def __post_init__(self) -> None:
        _require(len(self.dek) == DEK_BYTES, "the data key has not 32 bytes")
        _require(2 <= len(self.cid) <= 255 and self.cid[0] == 1, "the CID is not a binary CIDv1 of up to 255 bytes")
        _require(len(self.encrypted_sha256) == 32, "the digest has not 32 bytes")
        for number in (self.encrypted_length, self.plain_length, self.created_at_s):
            _require(0 <= number < 1 << 64, "a length or time has more than 64 bits")
        for text in (self.media_type, self.name):
            _require(len(_utf8(text)) <= 255, "the media type or name has more than 255 bytes")
        _require(
            len(self.signature) == SIGNATURE_BYTES and self.signature[-1] in (27, 28),
            "the signature has not 65 bytes that end in 27 or 28",
        )

    def signed(self, signature: bytes) -> Metadata:
        """The same with the 65-byte signature over ``signing_hash``."""
        return replace(self, signature=signature)


def signing_hash(label: Label, record_id: RecordId, metadata: Metadata) -> bytes:
    """The 32 bytes for the publisher's Ethereum key to sign, whatever the signature field holds (SPEC §5)."""
    return hashing.metadata_signature(label, record_id, encode_metadata(metadata)[:-SIGNATURE_BYTES])


def encode_metadata(metadata: Metadata) -> bytes:
    """M of SPEC §5, at most 922 bytes."""
    lengths = (metadata.encrypted_length, metadata.plain_length, metadata.created_at_s)
    return b"".join(
        (
            bytes([_VERSION]),
            metadata.dek,
            _prefixed(metadata.cid),
            metadata.encrypted_sha256,
            *(number.to_bytes(8, "big") for number in lengths),
            _prefixed(_utf8(metadata.media_type)),
            _prefixed(_utf8(metadata.name)),
            metadata.signature,
        )
    )


def decode_metadata(data: bytes) -> Metadata:
    """Decode M, strictly: version 1, UTF-8, nothing missing and nothing after it. Raises ``MetadataMalformed``."""
    reader = _Reader(data)
    _require(reader.take(1) == bytes([_VERSION]), "of another version")
    metadata = Metadata(
        dek=reader.take(DEK_BYTES),
        cid=reader.take_prefixed(),
        encrypted_sha256=reader.take(32),
        encrypted_length=reader.take_u64(),
        plain_length=reader.take_u64(),
        created_at_s=reader.take_u64(),
        media_type=reader.take_text(),
        name=reader.take_text(),
        signature=reader.take(SIGNATURE_BYTES),
    )
    _require(reader.is_at_end(), "bytes follow the signature")
    return metadata


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = bytes(data)
        self._at = 0

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        _require(len(taken) == size, "it ends early")
        self._at += size
        return taken

    def take_prefixed(self) -> bytes:
        return self.take(self.take(1)[0])

    def take_u64(self) -> int:
        return int.from_bytes(self.take(8), "big")

    def take_text(self) -> str:
        try:
            return self.take_prefixed().decode("utf-8")
        except UnicodeDecodeError:
            raise MetadataMalformed("a text is not UTF-8", what="metadata") from None

    def is_at_end(self) -> bool:
        return self._at == len(self._data)


def _prefixed(data: bytes) -> bytes:
    return bytes([len(data)]) + data


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise MetadataMalformed("a text has no UTF-8 form", what="metadata") from None


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise MetadataMalformed(otherwise, what="metadata")
