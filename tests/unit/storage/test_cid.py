"""Content identifiers: the ones Kubo gives, computed without Kubo. The vectors were given by a real Kubo node."""

from __future__ import annotations

import io
import random

import pytest
from cid import make_cid  # type: ignore[import-untyped]  # an independent reading of the same text form

from tpre_offchain.storage import cid as cid_module
from tpre_offchain.storage.cid import CID_BYTES, LEAF_BYTES, Cid, Codec, TreeBuilder, compute_cid
from tpre_offchain.storage.errors import BlobMalformed, InvalidCid
from tpre_offchain.storage.unixfs import Child, decode_node, encode_node

EMPTY = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def pattern(size: int) -> bytes:
    """The bytes of the vectors: 0, 1, ... 250, 0, ..."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


# size -> CID, given by Kubo 0.43.1:
# ``ipfs add --cid-version=1 --raw-leaves --chunker=size-1048576 --max-file-links=174``
VECTORS: dict[int, str] = {
    0: "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
    1: "bafkreidogqfzz75tpkmjzjke425xqcrmpcib2p5tg44hnbirumdbpl5adu",
    2**20 - 1: "bafkreielkxdkfu2eicjkgfuykayoada6n6dar2xzclejnxxhyn2niqhnce",
    2**20: "bafkreidddocae7lltzjlkooe5a3tmiwsgazn7logjvqk7bzttsidpzhxne",
    2**20 + 1: "bafybeidjogjfwuhbzwopgd4bn3skcf5m6oz72xshywcndzxgqb623nfclu",
    2 * 2**20: "bafybeihakzyqh6ih4iwgqily25hqovthaujdkbcfybornyhhbpoa63jwri",
    5 * 2**20: "bafybeif3cqzr34eco3pr3jiypjq5j5ine35czekpyoa6q5uvwecywczeem",
    174 * 2**20: "bafybeieq7vmtajvffxyv5fa7bj3demekby7wz3u55iron6zh4hmo55shtu",
    174 * 2**20 + 1: "bafybeid6rnwk4p26rnpm2hptfa2b4liiadd5ctskfacvpzysk63bquyzte",
}


@pytest.mark.parametrize(("size", "expected"), VECTORS.items())
def test_compute_cid__vectors_of_kubo__agree(size: int, expected: str) -> None:
    assert str(compute_cid(io.BytesIO(pattern(size)))) == expected


@pytest.mark.parametrize("size", [0, 1, LEAF_BYTES])
def test_compute_cid__up_to_one_leaf__is_the_raw_block(size: int) -> None:
    data = pattern(size)
    assert compute_cid([data]) == Cid.of_block(Codec.RAW, data)


def test_compute_cid__odd_pieces__change_nothing(seeded: random.Random) -> None:
    data = seeded.randbytes(3 * LEAF_BYTES + 17)
    cuts = sorted(seeded.randrange(len(data)) for _ in range(20))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert compute_cid(pieces) == compute_cid(io.BytesIO(data))


def test_compute_cid__one_more_leaf_than_links__makes_a_second_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cid_module, "MAX_LINKS", 2)
    nodes: list[tuple[Cid, bytes]] = []
    tree = TreeBuilder(lambda cid, block: nodes.append((cid, block)))
    for byte in range(5):
        tree.add_leaf(bytes([byte]))
    root = tree.finish()
    # ((0 1) (2 3)) ((4)); a node is complete once its right neighbour begins, or at the end.
    assert root == nodes[-1][0]
    assert [len(decode_node(block)) for _, block in nodes] == [2, 2, 1, 2, 1, 2]
    assert sum(child.size for child in decode_node(nodes[-1][1])) == 5
    assert tree.finish() == root


def test_parse__text_of_a_cid__gives_it_back() -> None:
    cid = Cid.of_block(Codec.DAG_PB, b"x")
    assert Cid.parse(str(cid)) == cid
    assert Cid.from_bytes(cid.to_bytes()) == cid
    assert len(cid.to_bytes()) == CID_BYTES
    assert make_cid(str(cid)).buffer == cid.to_bytes()


@pytest.mark.parametrize(
    "text",
    [
        "",
        EMPTY[:-1],
        EMPTY + "a",
        EMPTY.upper(),
        EMPTY[:20] + "0" + EMPTY[21:],  # not in the alphabet
        EMPTY[:20] + "é" + EMPTY[21:],
        EMPTY[:-1] + "v",  # stray bits after the last byte: another spelling of the same bytes
        "z" + EMPTY[1:],
        "QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR",  # CIDv0
        "/ipfs/" + EMPTY,
        "../" * 19 + "ab",
    ],
)
def test_parse__anything_else__raises(text: str) -> None:
    with pytest.raises(InvalidCid):
        Cid.parse(text)


def test_from_bytes__other_version_codec_hash_or_length__raises() -> None:
    good = Cid.of_block(Codec.RAW, b"").to_bytes()
    for bad in (b"", good[:-1], good + b"\0", b"\x02" + good[1:], good[:1] + b"\x71" + good[2:],
                good[:2] + b"\x13" + good[3:], good[:3] + b"\x1f" + good[4:]):  # fmt: skip
        with pytest.raises(InvalidCid):
            Cid.from_bytes(bad)
    with pytest.raises(InvalidCid):
        Cid(Codec.RAW, b"short")


def leaf(byte: int, size: int = 3) -> Child:
    block = bytes([byte]) * size
    return Child(Cid.of_block(Codec.RAW, block).to_bytes(), size=size, stored=size)


def test_decode_node__what_was_encoded__gives_it_back() -> None:
    children = (leaf(1), leaf(2, 300), leaf(3, 1 << 20))
    assert decode_node(encode_node(children)) == children


def test_decode_node__any_changed_byte__raises_or_gives_other_children() -> None:
    """No two blocks mean the same children."""
    children = (leaf(1), leaf(2, 300))
    block = encode_node(children)
    for position in range(len(block)):
        for bit in (1, 0x80):
            other = bytearray(block)
            other[position] ^= bit
            try:
                assert decode_node(bytes(other)) != children
            except BlobMalformed:
                continue


@pytest.mark.parametrize(
    "block",
    [b"", b"\n", b"\x0a\x02\x08\x01", b"\xff" * 20, b"\x12\x00\x0a\x04\x08\x02\x18\x00", b"\x08\x01", b"\x12\x05abc"],
)
def test_decode_node__no_file_node__raises(block: bytes) -> None:
    with pytest.raises(BlobMalformed):
        decode_node(block)


def test_decode_node__bytes_appended__raises() -> None:
    with pytest.raises(BlobMalformed):
        decode_node(encode_node((leaf(1),)) + b"\x0a\x00")
