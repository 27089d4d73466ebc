"""Vectors of content identifiers (SPEC §11): of blobs, and texts and bytes that are none."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.vectors.making.data import plaintext
from tests.vectors.making.values import hex_of
from tpre_offchain.storage.cid import LEAF_BYTES, MAX_LINKS, Cid, Codec, TreeBuilder, compute_cid
from tpre_offchain.storage.unixfs import Child, encode_node

LENGTHS = (0, 1, 1000, LEAF_BYTES, LEAF_BYTES + 1, 2 * LEAF_BYTES, 3 * LEAF_BYTES + 5)
LEAVES = (MAX_LINKS, MAX_LINKS + 1, 2 * MAX_LINKS + 1)
"""Blobs of that many full leaves of zeros: one node that is full, and two levels."""


def make_cids() -> dict[str, Any]:
    """The content of cids.json."""
    return {
        "blobs": [_blob(length) for length in LENGTHS],
        "zeros": [_zeros(leaves) for leaves in LEAVES],
        "rejects": _rejects(),
    }


def _blob(length: int) -> dict[str, Any]:
    nodes: list[str] = []
    data = plaintext(length)
    tree = TreeBuilder(lambda _, block: nodes.append(hex_of(block)))
    for at in range(0, max(length, 1), LEAF_BYTES):
        tree.add_leaf(data[at : at + LEAF_BYTES])
    cid = tree.finish()
    assert cid == compute_cid([data])
    leaves = [
        hex_of(hashlib.sha256(data[at : at + LEAF_BYTES]).digest()) for at in range(0, max(length, 1), LEAF_BYTES)
    ]
    return {"length": length, "leaves": leaves, "nodes": nodes, **_both(cid)}


def _zeros(leaves: int) -> dict[str, Any]:
    nodes: list[str] = []
    tree, leaf = TreeBuilder(lambda cid, _: nodes.append(hex_of(cid.digest))), bytes(LEAF_BYTES)
    for _ in range(leaves):
        tree.add_leaf(leaf)
    return {"leafCount": leaves, "nodeDigests": nodes, **_both(tree.finish())}


def _both(cid: Cid) -> dict[str, str]:
    return {"cid": str(cid), "binary": hex_of(cid.to_bytes())}


def _rejects() -> dict[str, list[dict[str, str]]]:
    good = Cid.of_block(Codec.RAW, b"")
    text, raw = str(good), good.to_bytes()
    last = "abcdefghijklmnopqrstuvwxyz234567"
    stray = text[:-1] + last[last.index(text[-1]) ^ 1]
    texts = [
        ("empty", ""),
        ("upper case", text.upper()),
        ("without its b", text[1:]),
        ("one character short", text[:-1]),
        ("one character long", text + "a"),
        ("padded", text + "======"),
        ("a character that is not of base32", text[:9] + "1" + text[10:]),
        ("bits after the last byte", stray),
        ("base58 of version 0", "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"),
    ]
    binaries = [
        ("version 0", raw[2:]),
        ("another version", b"\x02" + raw[1:]),
        ("codec dag-cbor", raw[:1] + b"\x71" + raw[2:]),
        ("SHA-512", raw[:2] + b"\x13" + raw[3:]),
        ("a digest of 31 bytes", raw[:-1]),
        ("a byte too many", raw + b"\x00"),
    ]
    node = encode_node([Child(raw, size=LEAF_BYTES, stored=LEAF_BYTES)] * 2)
    nodes = [
        ("empty", b""),
        ("no links", encode_node([])),
        ("a byte too many", node + b"\x00"),
        ("a byte too few", node[:-1]),
        ("a field that we do not write", node + b"\x1a\x00"),
    ]
    return {
        "texts": [{"name": name, "text": value} for name, value in texts],
        "binaries": [{"name": name, "binary": hex_of(value)} for name, value in binaries],
        "nodes": [{"name": name, "block": hex_of(value)} for name, value in nodes],
    }
