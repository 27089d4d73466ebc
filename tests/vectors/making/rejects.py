"""Vectors that must be rejected: one flow each, with some values replaced, and the error that this must give."""

from __future__ import annotations

from typing import Any

from tests.vectors.making import values
from tests.vectors.making.cases import FLOW, Case, flipped, plus_g1, plus_g2, plus_one, raw
from tests.vectors.making.points import bad_compressed, bad_points, outside
from tests.vectors.making.rejects_edges import edge_cases, encoded_proofs
from tests.vectors.making.values import DOMAIN, hex_of, hex_word
from tpre_offchain.crypto import hashing
from tpre_offchain.crypto.curve import G1, G2, R, g1, g2
from tpre_offchain.crypto.kem import xor
from tpre_offchain.crypto.proofs import prove_knowledge

OTHER = "flow_3_5.json"


def make_rejects(flows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The content of rejects.json."""
    flow, other = flows[FLOW], flows[OTHER]
    groups = (
        _keys(), _capsules(flow), _grants(flow, other), _fragments(flow), _complaints(flow), _cfrags(flow),
        _results(flow), _decryptions(flow), _metadata(flow), edge_cases(flow),
    )  # fmt: skip
    cases = [case.as_values() for group in groups for case in group]
    return {"points": bad_points(), "compressed": bad_compressed(), "proofs": encoded_proofs(flow), "cases": cases}


# --- keys and capsules ----------------------------------------------------------------------------


def _keys() -> list[Case]:
    def case(name: str, key: int, replace: dict[str, Any]) -> Case:
        solidity = "InvalidProxyKeyProof" if key == 2 else "InvalidKeyProof"
        at = {"identity": 0, "key": key}
        return Case(f"key proof: {name}", "verify_key_proof", "InvalidKeyProof", solidity, replace, at, "keys.json")

    where = ".identities[0]"
    alice = values.identity("alice")
    shifted, rogue = alice.delegating_key().public + g1(), alice.receiving_key().public + g2()
    return [
        case("another account's", 0, {f"{where}.account": values.account("bob")}),
        case("another version's", 0, {f"{where}.keys[0].version": 2}),
        case("another registry's", 0, {f"{where}.keys[0].registry": DOMAIN.proxy_registry}),
        case("delegating key shifted", 0, {f"{where}.keys[0].key": hex_of(shifted.to_evm())}),
        case("receiving key shifted", 1, {f"{where}.keys[1].key": hex_of(rogue.to_evm())}),
        case("proxy key in the role of a delegating key", 2, {f"{where}.keys[2].role": 1}),
        case("receiving key, challenge zero", 1, {f"{where}.keys[1].proof.challenge": hex_word(0)}),
        case("proxy key, response zero", 2, {f"{where}.keys[2].proof.response": hex_word(0)}),
    ]


def _capsules(flow: dict[str, Any]) -> list[Case]:
    def case(name: str, replace: dict[str, Any], python: str = "InvalidCapsuleProof", solidity: str = "") -> Case:
        return Case(f"capsule: {name}", "verify_capsule", python, solidity, replace, {"record": 0})

    record, source = flow["records"][0], flow["records"][1]
    at = ".records[0]"
    doubled = G1.from_evm(raw(source["c1"])) * 2
    return [
        case("copied from another record", {f"{at}.{key}": source[key] for key in ("c1", "c2", "c3", "proof")}),
        case("c1 of another record", {f"{at}.c1": source["c1"]}),
        case("c1 of another record re-randomised", {f"{at}.c1": hex_of(doubled.to_evm())}),
        case("c2 changed", {f"{at}.c2": flipped(record["c2"])}),
        case("c3 changed", {f"{at}.c3": flipped(record["c3"])}),
        case("under another sequence number", {f"{at}.recordId": hex_word(int(record["recordId"], 16) + 9)}),
        case("challenge zero", {f"{at}.proof.challenge": hex_word(0)}),
        case("response plus one", {f"{at}.proof.response": plus_one(record["proof"]["response"])}),
        case("response r", {f"{at}.proof.response": hex_word(R)}, "NonCanonical", "ScalarTooLarge"),
    ]


# --- grants ---------------------------------------------------------------------------------------


def _proven(flow: dict[str, Any], replace: dict[str, Any]) -> dict[str, Any]:
    """The replaced values with a proof of R that holds for them: what a dishonest delegator posts."""
    grant = {**flow["grant"], **{path.removeprefix(".grant."): value for path, value in replace.items()}}
    terms = (
        hashing.word(int(grant["grantId"])),
        hashing.address_word(flow["delegator"]["account"]),
        hashing.word(flow["delegator"]["version"]),
        hashing.address_word(flow["delegatee"]["account"]),
        hashing.word(flow["delegatee"]["version"]),
        hashing.word(flow["threshold"]),
        hashing.word(flow["committeeSize"]),
        raw(grant["committeeHash"]),
        raw(flow["label"]["label"]),
    )
    masks = (G2.from_evm(raw(grant["U"])), G2.from_evm(raw(grant["V"])))
    context = hashing.grant_context(DOMAIN, terms, masks, [G1.from_evm(raw(c)) for c in grant["commitments"]])
    e, pads = int(grant["e"], 16), [raw(pad) for pad in grant["pads"]]
    random = values.recorded_random(f"reject {sorted(replace)}", [])
    label_key = G1.from_evm(raw(flow["label"]["labelKey"]))
    proof = prove_knowledge(g1(), e, hashing.grant_proof(context, label_key, g1() * e, pads), random)
    return {
        **replace,
        ".grant.ephemeralProof.challenge": hex_word(proof.challenge),
        ".grant.ephemeralProof.response": hex_word(proof.response),
    }


def _members(count: int) -> list[dict[str, Any]]:
    keys = [hex_of((g1() * (i + 1)).to_evm()) for i in range(count)]
    return [{"account": values.account(f"one of many {i}"), "keyVersion": 1, "key": key} for i, key in enumerate(keys)]


def _grants(flow: dict[str, Any], other: dict[str, Any]) -> list[Case]:
    def case(name: str, replace: dict[str, Any], python: str = "MalformedGrant", solidity: str = "") -> Case:
        return Case(f"grant: {name}", "verify_rekey", python, solidity or python, replace, {})

    grant = flow["grant"]
    first, second = grant["commitments"]
    unmasked = G2.from_evm(raw(flow["delegatee"]["key"])) * pow(int(flow["label"]["labelSecret"], 16), -1, R)
    bad_u, bad_v = plus_g2(grant["U"]), plus_g2(grant["V"])
    outside_g1, outside_g2 = outside("G1"), outside("G2")
    no_member = ("NotInSubgroup", "InvalidPoint")
    ephemeral, count = ("InvalidGrantProof", "InvalidEphemeralProof"), "WrongCommitmentCount"
    theirs, proof_at, pads = other["grant"], ".grant.ephemeralProof", grant["pads"]
    return [
        case("U is wrong", _proven(flow, {".grant.U": bad_u})),
        case("U is not masked", _proven(flow, {".grant.U": hex_of(unmasked.to_evm())})),
        case("V is wrong", _proven(flow, {".grant.V": bad_v})),
        case("U and V are wrong by the same factor", _proven(flow, {".grant.U": bad_u, ".grant.V": bad_v})),
        case("C_0 is wrong", _proven(flow, {".grant.commitments": [plus_g1(first), second]})),
        case("commitments exchanged", _proven(flow, {".grant.commitments": [second, first]})),
        case("U changed after the proof", {".grant.U": bad_u}, *ephemeral),
        case("C_1 changed after the proof", {".grant.commitments": [first, plus_g1(second)]}, *ephemeral),
        case("of another grant id", {".grant.grantId": values.u64(int(grant["grantId"]) + 1)}, *ephemeral),
        case("E_1 changed after the proof", {".grant.pads": [flipped(pads[0]), *pads[1:]]}, *ephemeral),
        case("R copied with its proof", {".grant.R": theirs["R"], proof_at: theirs["ephemeralProof"]}, *ephemeral),
        case("response plus one", {f"{proof_at}.response": plus_one(grant["ephemeralProof"]["response"])}, *ephemeral),
        case("one commitment too few", {".grant.commitments": [first]}, solidity=count),
        case("one commitment too many", {".grant.commitments": [first, second, second]}, solidity=count),
        case("one fragment too few", {".grant.pads": pads[:-1]}, solidity="WrongPadCount"),
        case("one fragment too many", {".grant.pads": pads * 2}, solidity="WrongPadCount"),
        case("U is the identity", {".grant.U": hex_of(bytes(256))}, "IdentityPoint"),
        case("V is the identity", {".grant.V": hex_of(bytes(256))}, "IdentityPoint"),
        case("R is the identity", {".grant.R": hex_of(bytes(128))}, "IdentityPoint"),
        case("C_1 is the identity", {".grant.commitments": [first, hex_of(bytes(128))]}, "IdentityPoint"),
        case("C_1 is outside the subgroup", {".grant.commitments": [first, outside_g1]}, *no_member),
        case("U is outside the subgroup", {".grant.U": outside_g2}, *no_member),
        case("V is outside the subgroup", {".grant.V": outside_g2}, *no_member),
        case("C_0 is outside the subgroup", {".grant.commitments": [outside_g1, second]}, *no_member),
        case("R is outside the subgroup", {".grant.R": outside_g1}, *no_member),
        case("threshold zero", {".threshold": 0}, "BadThreshold"),
        case("33 members", {".committeeSize": 33, ".grant.members": _members(33)}, "BadThreshold"),
        case("threshold above the committee", {".threshold": 4}, "BadThreshold"),
    ]  # fmt: skip


def _fragments(flow: dict[str, Any]) -> list[Case]:
    grant = flow["grant"]
    pad, fragment = raw(grant["padHashes"][0]), int(grant["fragments"][0], 16)

    def case(name: str, fragment: int) -> Case:
        pads = [hex_of(xor(pad, hashing.word(fragment))), *grant["pads"][1:]]
        replaced = _proven(flow, {".grant.pads": pads})
        return Case(f"fragment: {name}", "open_fragment", "BadFragment", "", replaced, {"slot": 1})

    return [
        case("zero", 0),
        case("one more", (fragment + 1) % R),
        case("not below r", fragment + R),
        case("that of another slot", int(grant["fragments"][1], 16)),
    ]


def _complaints(flow: dict[str, Any]) -> list[Case]:
    def case(name: str, replace: dict[str, Any]) -> Case:
        error = "InvalidComplaintProof"
        return Case(f"complaint: {name}", "verify_complaint", error, error, replace, {})

    made = flow["complaint"]
    return [
        case("K is wrong", {".complaint.K": plus_g1(made["K"])}),
        case("of another slot", {".complaint.slot": 1}),
        case("of another grant", {".grant.grantId": values.u64(int(flow["grant"]["grantId"]) + 1)}),
        case("response plus one", {".complaint.proof.response": plus_one(made["proof"]["response"])}),
    ]


# --- rounds ---------------------------------------------------------------------------------------


def _cfrags(flow: dict[str, Any]) -> list[Case]:
    def case(name: str, replace: dict[str, Any], python: str = "InvalidCFragProof") -> Case:
        return Case(f"cfrags: {name}", "verify_cfrags", python, "", replace, {"round": 1, "cfrags": 0})

    at = ".rounds[1].cfrags[0]"
    mine, neighbour = flow["rounds"][1]["cfrags"][:2]
    first, second, third = mine["points"]
    ids = flow["rounds"][1]["roundId"]
    return [
        case("one is wrong", {f"{at}.points": [first, plus_g1(second), third]}),
        case("two exchanged", {f"{at}.points": [second, first, third]}),
        case("one too few", {f"{at}.points": [first, second]}),
        case(
            "of another slot with its proof", {f"{at}.points": neighbour["points"], f"{at}.proof": neighbour["proof"]}
        ),
        case("under another slot", {f"{at}.slot": 2}),
        case("proof of another round", {f"{at}.proof": flow["rounds"][0]["cfrags"][0]["proof"]}),
        case("replayed into another round", {".rounds[1].roundId": plus_one(ids)}),
        case("response plus one", {f"{at}.proof.response": plus_one(mine["proof"]["response"])}),
        case("response r", {f"{at}.proof.response": hex_word(R)}),
        case("one is the identity", {f"{at}.points": [first, second, hex_of(bytes(128))]}),
        case("one is outside the subgroup", {f"{at}.points": [first, second, outside("G1")]}),
        case("a slot that does not exist", {f"{at}.slot": 4}, "NoSuchSlot"),
    ]


def _results(flow: dict[str, Any]) -> list[Case]:
    def case(name: str, results: list[str], *, round_index: int = 1, python: str = "WrongResult") -> Case:
        replace = {f".rounds[{round_index}].results": results}
        return Case(f"result: {name}", "verify_result", python, "WrongResult", replace, {"round": round_index})

    first, second, third = flow["rounds"][1]["results"]
    minus = hex_of((G1.from_evm(raw(second)) - g1()).to_evm())
    capsules = [record["c1"] for record in flow["records"]]
    return [
        case("one is wrong", [first, second, plus_g1(third)]),
        case("two exchanged", [second, first, third]),
        case("two errors that cancel", [plus_g1(first), minus, third]),
        case("the capsules themselves", capsules),
        case("a single one is wrong", [second], round_index=0),
        case("a cfrag alone", [flow["rounds"][0]["cfrags"][0]["points"][0]], round_index=0),
    ]


def _decryptions(flow: dict[str, Any]) -> list[Case]:
    def case(name: str, kind: str, replace: dict[str, Any]) -> Case:
        return Case(
            f"decryption: {name}", "decrypt_reencrypted", "DecryptionFailed", "", replace, {"round": 0}, kind=kind
        )

    record = flow["records"][0]
    result, secret = flow["rounds"][0]["results"], values.identity("bob").receiving_key()
    key = {".delegatee.secret": hex_word(secret.secret)}
    return [
        case("W is wrong", "wrong conversion", {".rounds[0].results": [plus_g1(result[0])]}),
        case("W of another record", "wrong conversion", {".rounds[0].results": [flow["rounds"][1]["results"][1]]}),
        case("another receiving key", "wrong key", key),
        case("c2 changed", "wrong capsule", {".records[0].c2": flipped(record["c2"])}),
        case("c3 changed", "wrong capsule", {".records[0].c3": flipped(record["c3"])}),
        case("under another record id", "wrong capsule", {".records[0].recordId": flow["records"][1]["recordId"]}),
    ]


def _metadata(flow: dict[str, Any]) -> list[Case]:
    message = raw(flow["records"][0]["message"])

    def case(name: str, data: bytes) -> Case:
        replace = {".records[0].message": hex_of(data)}
        return Case(f"metadata: {name}", "decode_metadata", "MetadataMalformed", "", replace, {"record": 0})

    name_at = message.index("m\u00e4rz.csv".encode())
    cid_at = message.index(raw(flow["records"][0]["metadata"]["cid"]))
    return [
        case("empty", b""),
        case("another version", b"\x02" + message[1:]),
        case("one byte short", message[:-1]),
        case("one byte long", message + b"\x00"),
        case("v of the signature", message[:-1] + b"\x00"),
        case("name is not UTF-8", message[: name_at + 1] + b"\xff\xff" + message[name_at + 3 :]),
        case("CID of version 0", message[:cid_at] + b"\x12" + message[cid_at + 1 :]),
        case("CID longer than the rest", message[: cid_at - 1] + b"\xff" + message[cid_at:]),
    ]
