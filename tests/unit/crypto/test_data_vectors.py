"""Encrypted data as the vectors have it (SPEC §10)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.vectors.making.data import plaintext
from tests.vectors.reading import load, raw
from tpre_offchain.crypto import dem

DATA = load("data.json")
BLOBS: dict[int, dict[str, Any]] = {vector["length"]: vector for vector in DATA["blobs"]}


def encrypted(length: int) -> bytes:
    vector = BLOBS[length]
    drawn = iter(vector["random"])
    return b"".join(dem.encrypt_stream(raw(vector["dek"]), [plaintext(length)], lambda _: raw(next(drawn))))


@pytest.mark.parametrize("length", sorted(BLOBS))
def test_encrypt__data_of_the_vectors__gives_their_blobs(length: int) -> None:
    vector, blob = BLOBS[length], encrypted(length)
    assert hashlib.sha256(plaintext(length)).digest() == raw(vector["plainSha256"])
    assert (len(blob), hashlib.sha256(blob).digest()) == (vector["encryptedLength"], raw(vector["encryptedSha256"]))
    assert blob[: dem.HEADER_BYTES] == raw(vector["header"])
    assert blob == raw(vector.get("blob", "0x" + blob.hex()))
    assert b"".join(dem.decrypt_stream(raw(vector["dek"]), [blob])) == plaintext(length)


def pieces(case: dict[str, Any]) -> Iterator[bytes]:
    blob = encrypted(case["length"])
    for piece in case["pieces"]:
        yield raw(piece) if isinstance(piece, str) else blob[piece[0] : piece[1]]


@pytest.mark.parametrize("case", DATA["rejects"], ids=lambda case: case["name"])
def test_decrypt__blob_that_no_writer_made__releases_the_sound_beginning_and_raises(case: dict[str, Any]) -> None:
    released: list[bytes] = []
    with pytest.raises(dem.DataError) as caught:
        released.extend(dem.decrypt_stream(raw(BLOBS[case["length"]]["dek"]), list(pieces(case))))
    assert type(caught.value).__name__ == case["python"]
    assert b"".join(released) == plaintext(case["length"])[: case["released"]]
