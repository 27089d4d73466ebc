"""data.json and cids.json (SPEC.md §10, §11)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.independent.spec_base import Refused, hkdf, need
from tests.independent.spec_keys import Values, raw, show

CHUNK = 2**20
FULL = CHUNK + 16
FIXED = b"TPRE-DEM\x01\x14"


def plaintext(length: int) -> bytes:
    return hashlib.shake_256(b"tpre").digest(length)


# --- §10 ---


def data_key(dek: bytes, header: bytes) -> bytes:
    return hkdf(dek, header[17:33], b"TPRE-V1/data" + header, 32)


def encrypt(dek: bytes, header: bytes, data: bytes) -> bytes:
    aead, out = AESGCM(data_key(dek, header)), [header]
    starts = range(0, max(len(data), 1), CHUNK)
    for i, start in enumerate(starts):
        nonce = header[10:17] + i.to_bytes(4) + bytes([i == len(starts) - 1])
        out.append(aead.encrypt(nonce, data[start : start + CHUNK], None))
    return b"".join(out)


def decrypt(dek: bytes, blob: bytes) -> Iterator[bytes]:
    header = blob[:33]
    need(header[:10] == FIXED[: len(header)], "NotEncryptedData")
    need(len(header) == 33, "TruncatedData")
    aead = AESGCM(data_key(dek, header))
    starts = range(33, max(len(blob), 34), FULL)
    for i, start in enumerate(starts):
        piece, last = blob[start : start + FULL], i == len(starts) - 1
        need(len(piece) >= 16, "TruncatedData")

        def opened(flag: bool, i: int = i, piece: bytes = piece) -> bytes | None:
            try:
                return aead.decrypt(header[10:17] + i.to_bytes(4) + bytes([flag]), piece, None)
            except InvalidTag:
                return None

        plain = opened(last)
        if plain is None:
            need(opened(not last) is not None, "DamagedChunk")
            raise Refused("TruncatedData" if last else "TrailingData")
        need(bool(plain) or i == 0, "EmptyLastChunk")
        yield plain


def remake_blobs(content: Values) -> list[Values]:
    return [_blob(given) for given in content["blobs"]]


def _blob(given: Values) -> Values:
    data, header = plaintext(given["length"]), FIXED + b"".join(map(raw, given["random"]))
    blob = encrypt(raw(given["dek"]), header, data)
    assert b"".join(decrypt(raw(given["dek"]), blob)) == data
    made = {
        **given,
        "plainSha256": show(hashlib.sha256(data).digest()),
        "header": show(header),
        "key": show(data_key(raw(given["dek"]), header)),
        "encryptedLength": len(blob),
        "encryptedSha256": show(hashlib.sha256(blob).digest()),
    }
    return made | ({"blob": show(blob)} if "blob" in given else {})


def wrong_blobs(content: Values) -> list[str]:
    by_length = {given["length"]: given for given in content["blobs"]}
    wrong = []
    for case in content["rejects"]:
        given, data = by_length[case["length"]], plaintext(case["length"])
        blob = encrypt(raw(given["dek"]), raw(given["header"]), data)
        bad = b"".join(raw(part) if isinstance(part, str) else blob[part[0] : part[1]] for part in case["pieces"])
        released, name = b"", ""
        try:
            for plain in decrypt(raw(given["dek"]), bad):
                released += plain
        except Refused as refused:
            name = refused.name
        wrong += [f"data {case['name']}: {name}"] * (name != case["python"] or released != data[: case["released"]])
    return wrong


# --- §11 ---


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(tag: int, content: bytes) -> bytes:
    return bytes([tag]) + varint(len(content)) + content


Child = tuple[bytes, int, int]
"""Binary CID, size, stored."""


def binary(codec: int, digest: bytes) -> bytes:
    return bytes([1, codec, 0x12, 0x20]) + digest


def text(cid: bytes) -> str:
    return "b" + base64.b32encode(cid).decode().lower().rstrip("=")


def node(children: list[Child]) -> bytes:
    links = b"".join(field(0x12, field(0x0A, cid) + b"\x12\x00\x18" + varint(stored)) for cid, _, stored in children)
    sizes = b"".join(b"\x20" + varint(size) for _, size, _ in children)
    return links + field(0x0A, b"\x08\x02\x18" + varint(sum(size for _, size, _ in children)) + sizes)


def tree(leaves: list[tuple[bytes, int]]) -> tuple[bytes, list[bytes]]:
    """Root and nodes over leaves (digest, length), level by level."""
    level: list[Child] = [(binary(0x55, digest), size, size) for digest, size in leaves]
    nodes: list[bytes] = []
    while len(level) > 1:
        groups = [level[i : i + 174] for i in range(0, len(level), 174)]
        level = []
        for group in groups:
            block = node(group)
            nodes.append(block)
            cid = binary(0x70, hashlib.sha256(block).digest())
            level.append((cid, sum(c[1] for c in group), len(block) + sum(c[2] for c in group)))
    return level[0][0], nodes


def remake_cids(content: Values) -> Values:
    made: Values = {"blobs": [], "zeros": [], "rejects": content["rejects"]}
    for given in content["blobs"]:
        data = plaintext(given["length"])
        pieces = [data[at : at + CHUNK] for at in range(0, max(len(data), 1), CHUNK)]
        root, nodes = tree([(hashlib.sha256(piece).digest(), len(piece)) for piece in pieces])
        leaves = [show(hashlib.sha256(piece).digest()) for piece in pieces]
        shown = {"leaves": leaves, "nodes": [show(block) for block in nodes]}
        made["blobs"].append({"length": given["length"], **shown, "cid": text(root), "binary": show(root)})
    zero = hashlib.sha256(bytes(CHUNK)).digest()
    for given in content["zeros"]:
        root, nodes = tree([(zero, CHUNK)] * given["leafCount"])
        digests = [show(hashlib.sha256(block).digest()) for block in nodes]
        made["zeros"].append(
            {"leafCount": given["leafCount"], "nodeDigests": digests, "cid": text(root), "binary": show(root)}
        )
    return made


def parse_binary(cid: bytes) -> None:
    good = len(cid) == 36 and cid[0] == 1 and cid[1] in (0x55, 0x70) and cid[2:4] == b"\x12\x20"
    need(good, "InvalidCid")


def parse_text(cid: str) -> None:
    need(len(cid) == 59 and cid[0] == "b", "InvalidCid")
    try:
        data = base64.b32decode(cid[1:].upper() + "=" * 6)
    except ValueError:
        raise Refused("InvalidCid") from None
    parse_binary(data)
    need(text(data) == cid, "InvalidCid")


def parse_node(block: bytes) -> list[Child]:
    """The children, by reading what ``node`` writes and nothing else."""
    try:
        children = _children(block)
    except (IndexError, ValueError):
        raise Refused("BlobMalformed") from None
    need(bool(children) and node(children) == block, "BlobMalformed")
    return children


def _children(block: bytes) -> list[Child]:
    links, data = [], b""
    for tag, value in _fields(block):
        if tag == 0x12:
            links.append(dict(_fields(value)))
        else:
            data = value
    sizes = [value for tag, value in _fields(data) if tag == 0x20]
    return [(link[0x0A], size, link[0x18]) for link, size in zip(links, sizes, strict=True)]


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag, value = data[at], 0
        at += 1
        value = number()
        if tag & 7 == 2:
            at += value
            yield tag, data[at - value : at]
        else:
            yield tag, value


def wrong_cids(content: Values) -> list[str]:
    rejects = content["rejects"]
    cases: list[tuple[Any, Callable[[Any], object], Any, str]] = []
    cases += [(case, parse_text, case["text"], "InvalidCid") for case in rejects["texts"]]
    cases += [(case, parse_binary, raw(case["binary"]), "InvalidCid") for case in rejects["binaries"]]
    cases += [(case, parse_node, raw(case["block"]), "BlobMalformed") for case in rejects["nodes"]]
    wrong = []
    for case, parse, value, expected in cases:
        name = ""
        try:
            parse(value)
        except Refused as refused:
            name = refused.name
        wrong += [f"CID {case['name']}: {name}"] * (name != expected)
    for given in content["blobs"]:
        parse_text(given["cid"])
        for block in given["nodes"]:
            parse_node(raw(block))
    return wrong
