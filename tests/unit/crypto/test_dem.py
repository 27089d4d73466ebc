"""Data encryption (SCHEME §8): what round-trips, and everything that must not pass."""

from __future__ import annotations

import hashlib
import io
import random
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

from tpre_offchain.crypto import dem
from tpre_offchain.errors import WrongLength

MIB = 1 << 20
FULL = MIB + dem.TAG_BYTES
KEY = bytes(range(32))


def fixed_random(seed: int = 1) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes


def data_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def encrypt(data: bytes, key: bytes = KEY, seed: int = 1) -> bytes:
    return b"".join(dem.encrypt_stream(key, io.BytesIO(data), fixed_random(seed)))


def decrypt(sealed: bytes, key: bytes = KEY) -> bytes:
    return b"".join(dem.decrypt_stream(key, io.BytesIO(sealed)))


def released_until_error(sealed: bytes, error: type[Exception]) -> tuple[bytes, Exception]:
    """What a reader gets before the error, and the error."""
    out: list[bytes] = []
    with pytest.raises(error) as caught:
        out.extend(dem.decrypt_stream(KEY, io.BytesIO(sealed)))
    return b"".join(out), caught.value


@pytest.fixture(scope="module")
def three() -> tuple[bytes, bytes]:
    """Data of two full chunks and a short one, and its encrypted form."""
    data = data_of(2 * MIB + 100)
    return data, encrypt(data)


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, 3 * MIB + 7])
def test_decrypt__any_size__gives_the_data_back(size: int) -> None:
    data = data_of(size)
    sealed = encrypt(data)
    assert decrypt(sealed) == data
    assert len(sealed) == dem.encrypted_size(size)


def test_encrypted_size__negative__raises() -> None:
    with pytest.raises(ValueError, match="negative"):
        dem.encrypted_size(-1)


def test_encrypt__known_randomness__follows_the_specified_layout() -> None:
    """The format again, from its description alone; a change here is a format change."""
    data = data_of(MIB + 5)
    drawn = [b"PREFIX7", b"SALTSALTSALTSALT"]
    sealed = b"".join(dem.encrypt_stream(KEY, [data], lambda _: drawn.pop(0)))
    header = b"TPRE-DEM" + b"\x01\x14" + b"PREFIX7" + b"SALTSALTSALTSALT"
    info = b"TPRE-V1/data" + header
    key = HKDF(algorithm=SHA256(), length=32, salt=b"SALTSALTSALTSALT", info=info).derive(KEY)
    first = AESGCM(key).encrypt(b"PREFIX7" + bytes(4) + b"\x00", data[:MIB], None)
    last = AESGCM(key).encrypt(b"PREFIX7" + b"\x00\x00\x00\x01" + b"\x01", data[MIB:], None)
    assert sealed == header + first + last


def test_encrypt__fixed_vector__has_the_committed_digest() -> None:
    sealed = b"".join(dem.encrypt_stream(KEY, [b"hello"], bytes))
    assert hashlib.sha256(sealed).hexdigest() == VECTOR


VECTOR = "a60f553c28a65fff23920db9c32f33cb0004b5ccfe48288eaf5c5cba6d30eed8"


@pytest.mark.parametrize("size", [0, 31, 33])
def test_encrypt__key_of_wrong_length__raises_at_once(size: int) -> None:
    with pytest.raises(WrongLength) as caught:
        dem.encrypt_stream(bytes(size), [], fixed_random())
    assert caught.value.what == "data key"
    with pytest.raises(WrongLength):
        dem.decrypt_stream(bytes(size), [])


def test_encrypt__short_randomness__raises() -> None:
    with pytest.raises(WrongLength) as caught:
        dem.encrypt_stream(KEY, [], lambda n: bytes(n - 1))
    assert caught.value.what == "randomness"


def test_encrypt__counter_exhausted__raises_data_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dem, "MAX_CHUNKS", 2)
    assert len(encrypt(bytes(2 * MIB))) == dem.encrypted_size(2 * MIB)
    with pytest.raises(dem.DataTooLong):
        encrypt(bytes(2 * MIB + 1))


def test_encrypt__same_data_twice__shares_no_bytes() -> None:
    one, two = encrypt(data_of(64), seed=1), encrypt(data_of(64), seed=2)
    assert one[10:] != two[10:]
    assert one[dem.HEADER_BYTES :] != two[dem.HEADER_BYTES :]


def test_decrypt__wrong_key__releases_nothing(three: tuple[bytes, bytes]) -> None:
    with pytest.raises(dem.DamagedChunk) as caught:
        next(dem.decrypt_stream(bytes(32), io.BytesIO(three[1])))
    assert caught.value.index == 0


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_decrypt__cut_at_a_chunk_boundary__raises_truncated(three: tuple[bytes, bytes], chunks: int) -> None:
    data, sealed = three
    released, _ = released_until_error(sealed[: dem.HEADER_BYTES + chunks * FULL], dem.TruncatedData)
    # The chunk before the cut is withheld too: it is not the last, and nothing after it says so.
    assert released == data[: max(0, chunks - 1) * MIB]


@pytest.mark.parametrize("length", [0, 1, 8, 10, 17, dem.HEADER_BYTES - 1])
def test_decrypt__cut_within_the_header__raises_truncated(three: tuple[bytes, bytes], length: int) -> None:
    released, _ = released_until_error(three[1][:length], dem.TruncatedData)
    assert released == b""


@pytest.mark.parametrize("beyond", [1, 15])
def test_decrypt__cut_within_a_tag__raises_truncated(three: tuple[bytes, bytes], beyond: int) -> None:
    released, _ = released_until_error(three[1][: dem.HEADER_BYTES + FULL + beyond], dem.TruncatedData)
    assert released == three[0][:MIB]


def test_decrypt__cut_within_a_chunk__raises_damaged(three: tuple[bytes, bytes]) -> None:
    data, sealed = three
    released, error = released_until_error(sealed[:-1], dem.DamagedChunk)
    assert released == data[: 2 * MIB]
    assert isinstance(error, dem.DamagedChunk)
    assert error.index == 2


@pytest.mark.parametrize(
    ("position", "index"),
    [
        (10, 0),  # nonce prefix
        (17, 0),  # salt
        (dem.HEADER_BYTES - 1, 0),
        (dem.HEADER_BYTES, 0),  # first byte of the first chunk
        (dem.HEADER_BYTES + FULL - 1, 0),  # last byte of its tag
        (dem.HEADER_BYTES + FULL, 1),
        (dem.HEADER_BYTES + FULL + MIB, 1),  # first byte of its tag
        (-116, 2),
        (-17, 2),
        (-16, 2),
        (-1, 2),
    ],
)
def test_decrypt__one_flipped_bit__releases_nothing_of_that_chunk(
    three: tuple[bytes, bytes], position: int, index: int
) -> None:
    data, sealed = three
    damaged = bytearray(sealed)
    damaged[position] ^= 0x10
    released, error = released_until_error(bytes(damaged), dem.DamagedChunk)
    assert isinstance(error, dem.DamagedChunk)
    assert error.index == index
    assert released == data[: index * MIB]


@pytest.mark.parametrize("position", [0, 7, 8, 9])
def test_decrypt__other_magic_version_or_chunk_size__raises_not_encrypted(
    three: tuple[bytes, bytes], position: int
) -> None:
    damaged = bytearray(three[1])
    damaged[position] ^= 1
    released, _ = released_until_error(bytes(damaged), dem.NotEncryptedData)
    assert released == b""


def test_decrypt__swapped_chunks__raises_damaged(three: tuple[bytes, bytes]) -> None:
    sealed = three[1]
    header, one = sealed[: dem.HEADER_BYTES], sealed[dem.HEADER_BYTES : dem.HEADER_BYTES + FULL]
    two, last = sealed[dem.HEADER_BYTES + FULL : dem.HEADER_BYTES + 2 * FULL], sealed[-116:]
    released, error = released_until_error(header + two + one + last, dem.DamagedChunk)
    assert (released, error.index) == (b"", 0)  # type: ignore[attr-defined]
    released, error = released_until_error(header + one + one + two + last, dem.DamagedChunk)
    assert (released, error.index) == (three[0][:MIB], 1)  # type: ignore[attr-defined]


def test_decrypt__chunk_of_another_file_under_the_same_key__raises_damaged() -> None:
    data = data_of(MIB + 1)
    mine, other = encrypt(data, seed=1), encrypt(data, seed=2)
    released, error = released_until_error(mine[: dem.HEADER_BYTES + FULL] + other[-17:], dem.DamagedChunk)
    assert (released, error.index) == (data[:MIB], 1)  # type: ignore[attr-defined]


def test_decrypt__bytes_after_a_full_last_chunk__raises_trailing() -> None:
    released, _ = released_until_error(encrypt(bytes(MIB)) + b"x", dem.TrailingData)
    assert released == b""


def test_decrypt__bytes_after_a_short_last_chunk__raises_damaged(three: tuple[bytes, bytes]) -> None:
    released, error = released_until_error(three[1] + b"x", dem.DamagedChunk)
    assert (released, error.index) == (three[0][: 2 * MIB], 2)  # type: ignore[attr-defined]


def test_decrypt__empty_last_chunk_after_others__raises() -> None:
    """Only the holder of the key can make this; two forms of one file would still be one too many."""
    sealed = encrypt(bytes(MIB + 1), seed=3)
    header = sealed[: dem.HEADER_BYTES]
    cipher = dem._cipher(KEY, header)
    crafted = sealed[:-17] + cipher.encrypt(dem._nonce(dem._prefix(header), 1, last=True), b"", None)
    released, _ = released_until_error(crafted, dem.EmptyLastChunk)
    assert released == bytes(MIB)


class DribblingFile:
    """A file that gives a few bytes at a time, as sockets and pipes do."""

    def __init__(self, data: bytes, step: int) -> None:
        self._file = io.BytesIO(data)
        self._step = step

    def read(self, size: int, /) -> bytes:
        return self._file.read(min(size, self._step))


@pytest.mark.parametrize("step", [1000, 65_537, MIB, 5 * MIB])
def test_streams__short_reads_and_odd_pieces__change_nothing(step: int) -> None:
    data = data_of(2 * MIB + 3)
    whole = encrypt(data)
    assert b"".join(dem.encrypt_stream(KEY, DribblingFile(data, step), fixed_random())) == whole
    pieces = [b"", *(whole[i : i + step] for i in range(0, len(whole), step)), b""]
    assert b"".join(dem.decrypt_stream(KEY, iter(pieces))) == data
    assert b"".join(dem.decrypt_stream(KEY, DribblingFile(whole, step))) == data


def test_encrypt__text_file__raises_type_error() -> None:
    with pytest.raises(TypeError, match="not str"):
        list(dem.encrypt_stream(KEY, io.StringIO("text"), fixed_random()))  # type: ignore[arg-type]


def test_streams__256_mib__memory_stays_flat() -> None:
    block = data_of(MIB)

    def source() -> Iterator[bytes]:
        for _ in range(256):
            yield block

    # Sealed and opened in one pipeline, so that neither side can hide the whole in memory.
    pipeline = dem.decrypt_stream(KEY, dem.encrypt_stream(KEY, source(), fixed_random()))
    tracemalloc.start()
    try:
        total = sum(len(piece) for piece in pipeline)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 256 * MIB
    assert peak < 16 * MIB


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 2), st.binary(min_size=32, max_size=32), st.data())
def test_decrypt__any_data_then_any_flipped_bit__opens_then_fails(
    tail: bytes, chunks: int, key: bytes, draw: st.DataObject
) -> None:
    data = bytes(chunks * MIB) + tail
    sealed = encrypt(data, key)
    assert decrypt(sealed, key) == data
    bit = draw.draw(st.integers(0, 8 * len(sealed) - 1))
    damaged = bytearray(sealed)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(dem.DataError):
        decrypt(bytes(damaged), key)
