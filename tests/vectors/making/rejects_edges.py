"""Rejects at the edges: sizes, places, the one label without a key, signers, and which cause comes first."""

from __future__ import annotations

from typing import Any

from tests.vectors.making import values
from tests.vectors.making.cases import Case, flipped, plus_g1, raw
from tests.vectors.making.values import hex_of, hex_word
from tpre_offchain.crypto import hashing
from tpre_offchain.crypto.curve import G1, G2, R, g1, g2, multi_pairing
from tpre_offchain.crypto.kem import xor

DEVICE = "flow 2 of 3 device"


def edge_cases(flow: dict[str, Any]) -> list[Case]:
    """Those of rejects.json."""
    return [*_labels(), *_places(flow), *_sizes(flow), *_order(flow), *_signers(flow)]


def encoded_proofs(flow: dict[str, Any]) -> list[dict[str, str]]:
    """48-byte proofs that no decoder may take."""
    good = raw(flow["records"][0]["proof"]["encoded"])
    cases = (
        ("one byte short", "WrongLength", good[:-1]),
        ("one byte long", "WrongLength", good + b"\x00"),
        ("response r", "NonCanonical", good[:16] + R.to_bytes(32, "big")),
        ("response of all ones", "NonCanonical", good[:16] + b"\xff" * 32),
    )
    return [{"name": name, "python": python, "encoded": hex_of(data)} for name, python, data in cases]


def _labels() -> list[Case]:
    """The delegating key -h: its label key is the identity."""
    alice = values.identity("alice")
    label = hashing.label(values.DOMAIN, values.account("alice"), 1, 1, 0)
    secret = -hashing.label_scalar(label) % R
    assert secret != alice.delegating_key().secret
    replace = {
        ".labels[0].delegatingSecret": hex_word(secret),
        ".labels[0].delegatingKey": hex_of((g1() * secret).to_evm()),
    }
    return [
        Case(f"label: {name} is zero", check, "UnusableLabel", "", replace, {"label": 0}, "keys.json")
        for name, check in (("a_L", "label_secret"), ("the logarithm of A_L", "label_key"))
    ]


def _places(flow: dict[str, Any]) -> list[Case]:
    """A record whose id names another stream than its label."""
    record_id = int(flow["records"][0]["recordId"], 16) + (1 << 192)
    replace = {".records[0].recordId": hex_word(record_id)}
    return [Case("record: of another stream than its label", "record_place", "WrongStream", "", replace, {"record": 0})]


def _sizes(flow: dict[str, Any]) -> list[Case]:
    def case(name: str, key: str, value: str, python: str, solidity: str) -> Case:
        return Case(f"size: {name}", "publish", python, solidity, {f".records[0].{key}": value}, {"record": 0})

    c2, c3 = raw(flow["records"][0]["c2"]), raw(flow["records"][0]["c3"])
    return [
        case("c2 of 31 bytes", "c2", hex_of(c2[1:]), "WrongLength", ""),
        case("c2 of 33 bytes", "c2", hex_of(c2 + b"\x00"), "WrongLength", ""),
        case("c3 of 15 bytes", "c3", hex_of(c3[:15]), "WrongLength", "SealedTooShort"),
        case("c3 of 4097 bytes", "c3", hex_of(c3[:1] * 4097), "WrongLength", "SealedTooLong"),
        case("tags of 257 bytes", "tags", "t" * 257, "", "TextTooLong"),
    ]


def _order(flow: dict[str, Any]) -> list[Case]:
    """Several faults at once: the first cause of SPEC §4's order is the one that is named."""

    def case(name: str, kind: str, replace: dict[str, Any], check: str = "decrypt_reencrypted") -> Case:
        return Case(f"decryption: {name}", check, "DecryptionFailed", "", replace, {"round": 0, "record": 0}, kind=kind)

    record, results = flow["records"][0], flow["rounds"][0]["results"]
    other = {".delegatee.secret": hex_word(values.identity("bob").receiving_key().secret)}
    wrong_w = {".rounds[0].results": [plus_g1(results[0])]}
    crafted = {".records[0].c2": _crafted(flow)}
    wrong_c2, wrong_c3 = {".records[0].c2": flipped(record["c2"])}, {".records[0].c3": flipped(record["c3"])}
    return [
        case("another receiving key, W wrong, c2 changed", "wrong key", {**other, **wrong_w, **wrong_c2}),
        case("W wrong, c2 changed", "wrong conversion", {**wrong_w, **wrong_c2}),
        case("W wrong, c3 changed", "wrong conversion", {**wrong_w, **wrong_c3}),
        case("W wrong, c2 made for it", "wrong conversion", {**wrong_w, **crafted}),
        case("by the owner, c2 changed", "wrong capsule", wrong_c2, "decrypt_original"),
        case("by the owner, c3 changed", "wrong capsule", wrong_c3, "decrypt_original"),
        case(
            "by the owner, c2 made for a wrong W",
            "wrong capsule",
            crafted,
            "decrypt_original",
        ),
    ]


def _crafted(flow: dict[str, Any]) -> str:
    """c2 with which record 0 opens under the wrong K that W g1 gives: c1 is met, Z^k is not."""
    record, inverse = flow["records"][0], pow(int(flow["delegatee"]["secret"], 16), -1, R)
    c1, label_key = G1.from_evm(raw(record["c1"])), G1.from_evm(raw(flow["label"]["labelKey"]))
    wrong = G1.from_evm(raw(plus_g1(flow["rounds"][0]["results"][0])))
    masked_key = G2.from_evm(raw(flow["grant"]["U"]))
    shared = multi_pairing([(c1, masked_key * inverse), (-wrong, g2() * inverse)])
    mask = hashing.sigma_mask(shared, c1, label_key, raw(record["context"]))
    return hex_of(xor(raw(record["sigma"]), mask))


def _signers(flow: dict[str, Any]) -> list[Case]:
    def case(name: str, signature: bytes) -> Case:
        replace = {".records[0].metadata.signature": hex_of(signature)}
        return Case(f"signature: {name}", "require_signer", "SignatureMismatch", "", replace, {"record": 0})

    digest, other = raw(flow["records"][0]["signingHash"]), raw(flow["records"][1]["signingHash"])
    personal = hashing.keccak256(b"\x19Ethereum Signed Message:\n32" + digest)
    good = raw(flow["records"][0]["metadata"]["signature"])
    return [
        case("the owner's, not the publisher's", values.sign("flow 2 of 3 owner", digest)),
        case("of another record", values.sign(DEVICE, other)),
        case("over the digest with the prefix of EIP-191", values.sign(DEVICE, personal)),
        case("the other v", good[:64] + bytes([27 + 28 - good[64]])),
        case("no signature", bytes(64) + b"\x1b"),
    ]
