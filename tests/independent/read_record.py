r"""Read one converted record with nothing but SPEC.md, web3, py_ecc and cryptography.

A second implementation of the delegatee's side, over the modules beside it: none imports anything of tpre_offchain.

    python -m tests.independent.read_record --rpc URL --addresses FILE --words FILE --grant ID --record ID \
        --store DIR -o OUT
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

from eth_abi import decode
from web3 import Web3

from tests.independent.spec_base import G2, H, R, g1, g2, keccak, mul, pairings, word, words
from tests.independent.spec_data import decrypt, text
from tests.independent.spec_flow import decode_metadata, open_sealed, signer, signing_hash
from tests.independent.spec_keys import derived, label_key, seed_of_words

G1_WORDS = "(bytes32,bytes32,bytes32,bytes32)"
G2_WORDS = "(bytes32,bytes32,bytes32,bytes32,bytes32,bytes32,bytes32,bytes32)"
PROOF = "(uint128,uint256)"
RECORD = f"({G1_WORDS},bytes32,bytes,{PROOF},bytes32,string)"
REKEY = f"(uint32,{G1_WORDS},{G2_WORDS},{G2_WORDS},{G1_WORDS}[],{G1_WORDS},{PROOF},bytes32[])"
ROUND_DATA = "(bytes32,bytes32,bytes32,bytes32,bytes32)"


# --- the chain ---


class Chain:
    def __init__(self, rpc: str, addresses: dict[str, str]) -> None:
        self.web3 = Web3(Web3.HTTPProvider(rpc))
        self.addresses = addresses
        self.chain_id = self.web3.eth.chain_id

    def events(
        self, contract: str, signature: str, types: list[str], topics: list[bytes | None]
    ) -> list[tuple[Any, Any]]:
        wanted: Any = {
            "address": self.addresses[contract],
            "topics": [keccak(signature.encode()), *topics],
            "fromBlock": 0,
        }
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
    preimage = words(chain.chain_id, chain.addresses["RecordRegistry"], owner, owner_version, stream, epoch)
    assert H("TPRE-V1/label", preimage) == label, "the label is not that of the stream and epoch"
    context = label + preimage + words(record_id, publisher)

    capsule = g1(b"".join(c1))
    inverse = pow(derived(seed, "receiving", user_version), -1, R)
    W = g1(chain.conversion(grant_id, record_id))
    K = pairings([(mul(capsule, inverse), g2(b"".join(U))), (mul(W, -inverse), G2)])
    message = open_sealed(K, label_key(g1(b"".join(A)), label), context, capsule, c2, c3)
    metadata = decode_metadata(message)
    metadata["signer"] = signer(signing_hash(label, record_id, message[:-65]), metadata["signature"])
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

    cid = text(metadata["cid"])
    blob = (Path(arguments.store) / "blobs" / cid[-2:] / cid / "data").read_bytes()
    assert len(blob) == metadata["encryptedLength"]
    assert hashlib.sha256(blob).digest() == metadata["encryptedSha256"]
    plain = b"".join(decrypt(metadata["dek"], blob))
    assert len(plain) == metadata["plainLength"]
    Path(arguments.output).write_bytes(plain)
    print(
        json.dumps(
            {
                "name": metadata["name"],
                "sha256": hashlib.sha256(plain).hexdigest(),
                "signer": Web3.to_checksum_address(metadata["signer"]),
            }
        )
    )


if __name__ == "__main__":
    main()
