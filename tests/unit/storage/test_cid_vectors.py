"""Content identifiers as the vectors have them (SPEC §11)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vectors.making.data import plaintext
from tests.vectors.reading import load, raw
from tpre_offchain.storage.cid import LEAF_BYTES, Cid, compute_cid
from tpre_offchain.storage.errors import BlobMalformed, InvalidCid
from tpre_offchain.storage.unixfs import decode_node, encode_node

CIDS = load("cids.json")
REJECTS = CIDS["rejects"]


@pytest.mark.parametrize("vector", CIDS["blobs"], ids=lambda vector: str(vector["length"]))
def test_compute_cid__blob_of_the_vectors__gives_its_cid(vector: dict[str, Any]) -> None:
    cid = compute_cid([plaintext(vector["length"])])
    assert (str(cid), cid.to_bytes()) == (vector["cid"], raw(vector["binary"]))
    assert Cid.parse(vector["cid"]) == Cid.from_bytes(raw(vector["binary"])) == cid
    for node in vector["nodes"]:
        assert encode_node(decode_node(raw(node))) == raw(node)


@pytest.mark.parametrize("vector", CIDS["zeros"], ids=lambda vector: str(vector["leafCount"]))
def test_compute_cid__more_leaves_than_a_node_links__gives_its_cid(vector: dict[str, Any]) -> None:
    assert str(compute_cid(bytes(LEAF_BYTES) for _ in range(vector["leafCount"]))) == vector["cid"]


@pytest.mark.parametrize("case", REJECTS["texts"], ids=lambda case: case["name"])
def test_parse__text_that_is_no_cid__raises(case: dict[str, str]) -> None:
    with pytest.raises(InvalidCid):
        Cid.parse(case["text"])


@pytest.mark.parametrize("case", REJECTS["binaries"], ids=lambda case: case["name"])
def test_from_bytes__bytes_that_are_no_cid__raise(case: dict[str, str]) -> None:
    with pytest.raises(InvalidCid):
        Cid.from_bytes(raw(case["binary"]))


@pytest.mark.parametrize("case", REJECTS["nodes"], ids=lambda case: case["name"])
def test_decode_node__bytes_that_we_do_not_write__raise(case: dict[str, str]) -> None:
    with pytest.raises(BlobMalformed):
        decode_node(raw(case["block"]))
