r"""Read one converted record with nothing but SPEC.md, web3, py_ecc and cryptography.

A second implementation of the delegatee's side: it imports nothing of tpre_offchain. The section numbers are SPEC's.

    python tests/independent/read_record.py --rpc URL --addresses FILE --words FILE --grant ID --record ID \
        --store DIR -o OUT
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import py_ecc.optimized_bls12_381 as bls
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from eth_abi import decode
from eth_account import Account
from eth_account.hdaccount.mnemonic import Mnemonic
from eth_account.types import Language
from web3 import Web3

P = bls.field_modulus
R = bls.curve_order
keccak = Web3.keccak

G1_WORDS = "(bytes32,bytes32,bytes32,bytes32)"
G2_WORDS = "(bytes32,bytes32,bytes32,bytes32,bytes32,bytes32,bytes32,bytes32)"
PROOF = "(uint128,uint256)"
RECORD = f"({G1_WORDS},bytes32,bytes,{PROOF},bytes32,string)"
REKEY = f"(uint32,{G1_WORDS},{G2_WORDS},{G2_WORDS},{G1_WORDS}[],{G1_WORDS},{PROOF},bytes32[])"
ROUND_DATA = "(bytes32,bytes32,bytes32,bytes32,bytes32)"


# --- §1, §2: encodings and hashes ---


def word(value: int | str) -> bytes:
    return (int(value, 16) if isinstance(value, str) else value).to_bytes(32, "big")


def H(tag: str, *fields: bytes) -> bytes:
    return bytes(keccak(keccak(text=tag) + b"".join(fields)))


def H128(tag: str, *fields: bytes) -> int:
    return int.from_bytes(H(tag, *fields)) % 2**128


def hkdf(ikm: bytes, salt: str | bytes, info: bytes, length: int) -> bytes:
    salt = salt.encode() if isinstance(salt, str) else salt
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(ikm)


def reduce(wide: bytes) -> int:
    return 1 + int.from_bytes(wide) % (R - 1)


def coordinates(evm: bytes) -> list[int]:
    return [int.from_bytes(evm[i : i + 64]) for i in range(0, len(evm), 64)]


def g1(evm: bytes) -> Any:
    x, y = coordinates(evm)
    point = (bls.FQ(x), bls.FQ(y), bls.FQ.one())
    assert bls.is_on_curve(point, bls.b)
    assert bls.is_inf(bls.multiply(point, R))
    return point


def g2(evm: bytes) -> Any:
    x0, x1, y0, y1 = coordinates(evm)
    point = (bls.FQ2([x0, x1]), bls.FQ2([y0, y1]), bls.FQ2.one())
    assert bls.is_on_curve(point, bls.b2)
    assert bls.is_inf(bls.multiply(point, R))
    return point


def g1_evm(point: Any) -> bytes:
    return b"".join(int(c.n).to_bytes(64) for c in bls.normalize(point))


def g1_compressed(point: Any) -> bytes:
    x, y = (int(c.n) for c in bls.normalize(point))
    return (x + (1 << 383) + (1 << 381) * (2 * y > P)).to_bytes(48)


def gt_bytes(value: Any) -> bytes:
    """§12: py_ecc's Fp12 in the tower's basis."""
    p = [int(c) for c in value.coeffs]
    out = b""
    for i in (0, 2, 4, 1, 3, 5):
        s = -1 if i % 2 else 1
        out += (s * (p[i] + p[i + 6]) % P).to_bytes(48) + (s * p[i + 6] % P).to_bytes(48)
    return out


def pairing(point1: Any, point2: Any) -> Any:
    return bls.pairing(point2, point1) ** 3


# --- §3, §4: keys, labels, capsules ---


def seed_of_words(words: str) -> bytes:
    """BIP-39: 24 words are 264 bits, 256 of entropy and 8 of checksum."""
    wordlist = Mnemonic(Language.ENGLISH).wordlist
    bits = "".join(f"{wordlist.index(w):011b}" for w in words.split())
    seed = int(bits[:256], 2).to_bytes(32)
    assert int(bits[256:], 2) == hashlib.sha256(seed).digest()[0], "these are not 24 words of BIP-39"
    return seed


def receiving_secret(seed: bytes, version: int) -> int:
    return reduce(hkdf(seed, "TPRE-V1/keys", b"receiving" + version.to_bytes(4), 48))


def open_capsule(A: Any, label: bytes, context: bytes, c1: Any, c2: bytes, c3: bytes, K: Any) -> bytes:
    h = int.from_bytes(keccak(b"TPRE-V1/label-scalar" + label)) % R
    A_L = bls.add(A, bls.multiply(bls.G1, h))
    pad = hkdf(gt_bytes(K), "TPRE-V1/c2", g1_compressed(c1) + g1_compressed(A_L) + context, 32)
    sigma = bytes(x ^ y for x, y in zip(c2, pad, strict=True))
    k = reduce(hkdf(sigma, "TPRE-V1/k", g1_compressed(A_L) + context, 48))
    assert bls.eq(bls.multiply(A_L, k), c1), "the capsule does not open: c1"
    assert pairing(bls.multiply(bls.G1, k), bls.G2) == K, "the capsule does not open: Z^k"
    return AESGCM(hkdf(sigma, "TPRE-V1/dem", context, 32)).decrypt(bytes(12), c3, g1_compressed(c1) + c2 + context)


# --- §5: metadata ---


def parse_metadata(data: bytes, label: bytes, record_id: int) -> dict[str, Any]:
    at = 0

    def take(count: int) -> bytes:
        nonlocal at
        at += count
        assert at <= len(data)
        return data[at - count : at]

    assert take(1) == b"\x01"
    m: dict[str, Any] = {"dek": take(32), "cid": take(take(1)[0]), "sha256": take(32)}
    m |= {name: int.from_bytes(take(8)) for name in ("encrypted_length", "plain_length", "created_at")}
    m |= {name: take(take(1)[0]).decode() for name in ("media_type", "name")}
    unsigned = data[:at]
    digest = H("TPRE-V1/metadata-signature", label, word(record_id), bytes(keccak(unsigned)))
    m["signer"] = Account._recover_hash(digest, signature=take(65))
    assert at == len(data), "bytes follow the metadata"
    return m


# --- §10: data ---


def decrypt_data(dek: bytes, blob: bytes) -> Iterator[bytes]:
    header = blob[:33]
    assert header[:10] == b"TPRE-DEM\x01\x14"
    prefix, salt, size = header[10:17], header[17:33], 2**20 + 16
    aead = AESGCM(hkdf(dek, salt, b"TPRE-V1/data" + header, 32))
    chunks = [blob[i : i + size] for i in range(33, len(blob), size)]
    for i, chunk in enumerate(chunks):
        last = i == len(chunks) - 1
        assert len(chunk) > 16 or len(chunks) == 1
        yield aead.decrypt(prefix + i.to_bytes(4) + bytes([last]), chunk, None)


# --- the chain ---


class Chain:
    def __init__(self, rpc: str, addresses: dict[str, str]) -> None:
        self.web3 = Web3(Web3.HTTPProvider(rpc))
        self.addresses = addresses
        self.chain_id = self.web3.eth.chain_id

    def events(
        self, contract: str, signature: str, types: list[str], topics: list[bytes | None]
    ) -> list[tuple[Any, Any]]:
        wanted: Any = {"address": self.addresses[contract], "topics": [keccak(text=signature), *topics], "fromBlock": 0}
        logs = self.web3.eth.get_logs(wanted)
        return [(log, decode(types, bytes(log["data"]))) for log in logs]

    def published(self, record_id: int) -> tuple[bytes, int, Any]:
        signature = f"RecordPublished(uint256,uint64,bytes32,uint32,{RECORD})"
        [(log, (epoch, record))] = self.events("RecordRegistry", signature, ["uint32", RECORD], [word(record_id)])
        return bytes(log["topics"][3]), epoch, record

    def rekey(self, grant_id: int, label: bytes) -> tuple[int, int, Any]:
        signature = f"RekeyPosted(uint64,bytes32,uint32,uint32,{REKEY})"
        [(_, values)] = self.events("GrantRegistry", signature, ["uint32", "uint32", REKEY], [word(grant_id), label])
        owner_version, user_version, rekey = values
        return owner_version, user_version, rekey

    def delegator(self, grant_id: int) -> str:
        signature = f"AccessGranted(uint64,address,address,uint40,uint32,uint256[],bytes32,{G1_WORDS})"
        kinds = ["uint40", "uint32", "uint256[]", "bytes32", G1_WORDS]
        [(log, _)] = self.events("GrantRegistry", signature, kinds, [word(grant_id)])
        return Web3.to_checksum_address(bytes(log["topics"][2])[-20:])

    def conversion(self, grant_id: int, record_id: int) -> bytes:
        """W of a finalized round of the grant that converted the record."""
        opened = f"RoundOpened(uint256,uint64,address,uint32,uint40,{ROUND_DATA},uint256[],{G1_WORDS}[])"
        types = ["uint32", "uint40", ROUND_DATA, "uint256[]", f"{G1_WORDS}[]"]
        for log, (_, _, _, record_ids, _) in self.events("ConversionRounds", opened, types, [None, word(grant_id)]):
            round_id = bytes(log["topics"][1])
            finalized = self.events(
                "ConversionRounds",
                "RoundFinalized(uint256,uint64,address,uint32,uint32,bytes32,bool)",
                ["uint32", "uint32", "bytes32", "bool"],
                [round_id],
            )
            if record_id not in record_ids or not finalized:
                continue
            result_hash = finalized[0][1][2]
            proposals = self.events(
                "ConversionRounds",
                f"LeaderProposed(uint256,address,uint8,uint32,uint128,bytes32,{G1_WORDS}[])",
                ["uint8", "uint32", "uint128", "bytes32", f"{G1_WORDS}[]"],
                [round_id],
            )
            _, _, excluded, _, results = next(values for _, values in proposals if values[3] == result_hash)
            kept = [r for j, r in enumerate(record_ids) if not excluded >> j & 1]
            if record_id in kept:
                return b"".join(results[kept.index(record_id)])
        raise SystemExit("no finalized round of this grant converted the record")


def read(chain: Chain, seed: bytes, grant_id: int, record_id: int) -> dict[str, Any]:
    label, epoch, (c1, c2, c3, _proof, cid_hash, _tags) = chain.published(record_id)
    owner_version, user_version, (_, A, U, *_rest) = chain.rekey(grant_id, label)
    owner, stream, publisher = chain.delegator(grant_id), record_id >> 192, record_id >> 32 & 2**160 - 1
    registry = chain.addresses["RecordRegistry"]
    preimage = [word(v) for v in (chain.chain_id, registry, owner, owner_version, stream, epoch)]
    assert H("TPRE-V1/label", *preimage) == label, "the label is not that of the stream and epoch"
    context = b"".join([label, *preimage, word(record_id), word(publisher)])

    c1_point = g1(b"".join(c1))
    inverse = pow(receiving_secret(seed, user_version), -1, R)
    W = g1(chain.conversion(grant_id, record_id))
    K = pairing(bls.multiply(c1_point, inverse), g2(b"".join(U))) * pairing(bls.multiply(W, R - inverse), bls.G2)
    metadata = parse_metadata(open_capsule(g1(b"".join(A)), label, context, c1_point, c2, c3, K), label, record_id)
    assert int(metadata["signer"], 16) == publisher, "the metadata is not signed by the record's publisher"
    assert keccak(metadata["cid"]) == cid_hash, "the location is not the one that the record names"
    return metadata


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("rpc", "addresses", "words", "grant", "record", "store"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("-o", "--output", required=True)
    arguments = parser.parse_args()
    deployment = json.loads(Path(arguments.addresses).read_text())
    chain = Chain(arguments.rpc, deployment["contracts"])
    seed = seed_of_words(Path(arguments.words).read_text())
    metadata = read(chain, seed, int(arguments.grant), int(arguments.record))

    cid = "b" + base32(metadata["cid"])
    blob = (Path(arguments.store) / "blobs" / cid[-2:] / cid / "data").read_bytes()
    assert len(blob) == metadata["encrypted_length"]
    assert hashlib.sha256(blob).digest() == metadata["sha256"]
    plain = b"".join(decrypt_data(metadata["dek"], blob))
    assert len(plain) == metadata["plain_length"]
    Path(arguments.output).write_bytes(plain)
    print(
        json.dumps(
            {"name": metadata["name"], "sha256": hashlib.sha256(plain).hexdigest(), "signer": metadata["signer"]}
        )
    )


def base32(data: bytes) -> str:
    return base64.b32encode(data).decode().lower().rstrip("=")


if __name__ == "__main__":
    main()
