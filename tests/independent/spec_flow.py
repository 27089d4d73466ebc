"""A flow file made again from its secrets and its randomness, and every check that it must pass (SPEC.md §4-§9)."""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from py_ecc.secp256k1 import secp256k1

from tests.independent import spec_base as base
from tests.independent.spec_base import (
    G1,
    G2,
    H128,
    H,
    R,
    add,
    evm,
    g1,
    g2,
    hkdf,
    keccak,
    mul,
    need,
    reduce,
    word,
    words,
    xor,
)
from tests.independent.spec_grants import (
    check_pairing,
    coefficients_of,
    context_of,
    evaluate,
    pad_of,
    rekey_hashes,
    slot_commitment,
)
from tests.independent.spec_keys import (
    Values,
    label_key,
    label_preimage,
    label_secret,
    num,
    point,
    points,
    proof,
    raw,
    show,
)

# --- §4, §5: records ---


def context_bytes(flow: Values, record_id: int) -> bytes:
    delegator, label = flow["delegator"], flow["label"]
    stream = int(label["streamId"])
    need(record_id >> 192 == stream, "WrongStream")
    preimage = label_preimage(flow["domain"], delegator["account"], delegator["version"], stream, label["epoch"])
    publisher = record_id >> 32 & 2**160 - 1
    return H("TPRE-V1/label", preimage) + preimage + words(record_id, publisher)


def encode_metadata(m: Values) -> bytes:
    numbers = b"".join(int(m[name]).to_bytes(8) for name in ("encryptedLength", "plainLength", "createdAt"))
    cid, media, name = raw(m["cid"]), m["mediaType"].encode(), m["name"].encode()
    parts = [bytes([len(part)]) + part for part in (cid, media, name)]
    return b"\x01" + raw(m["dek"]) + parts[0] + raw(m["encryptedSha256"]) + numbers + parts[1] + parts[2]


def decode_metadata(data: bytes) -> Values:
    at = 0

    def take(count: int) -> bytes:
        nonlocal at
        at += count
        need(at <= len(data), "MetadataMalformed")
        return data[at - count : at]

    def text() -> str:
        try:
            return take(take(1)[0]).decode()
        except UnicodeDecodeError:
            raise base.Refused("MetadataMalformed") from None

    need(take(1) == b"\x01", "MetadataMalformed")
    m: Values = {"dek": take(32), "cid": take(take(1)[0]), "encryptedSha256": take(32)}
    need(len(m["cid"]) >= 2 and m["cid"][0] == 1, "MetadataMalformed")
    m |= {name: int.from_bytes(take(8)) for name in ("encryptedLength", "plainLength", "createdAt")}
    m |= {"mediaType": text(), "name": text(), "signature": take(65)}
    need(m["signature"][64] in (27, 28) and at == len(data), "MetadataMalformed")
    return m


def signing_hash(label: bytes, record_id: int, unsigned: bytes) -> bytes:
    return H("TPRE-V1/metadata-signature", label, word(record_id), keccak(unsigned))


def signer(digest: bytes, signature: bytes) -> str:
    """The account that signed; empty for what is no signature."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        return ""
    r, s, v = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64]
    if not (0 < r < secp256k1.N and 0 < s < secp256k1.N):
        return ""
    try:
        x, y = secp256k1.ecdsa_raw_recover(digest, (v, r, s))
    except ValueError:  # no point has this r
        return ""
    return show(keccak(x.to_bytes(32) + y.to_bytes(32))[12:])


def capsule_fields(label: bytes, record_id: int, key: Any, c1: bytes, c2: bytes, c3: bytes) -> tuple[str, bytes]:
    return "TPRE-V1/capsule-proof", label + word(record_id) + evm(key) + c1 + c2 + keccak(c3)


def sealed_hashes(label: bytes, r: Values) -> Values:
    """§6."""
    parts = words(num(r["proof"]["challenge"]), num(r["proof"]["response"]))
    tags = keccak(r["tags"].encode())
    c3_hash, cid_hash = keccak(raw(r["c3"])), keccak(raw(r["metadata"]["cid"]))
    seal = keccak(raw(r["c2"]) + c3_hash + parts + cid_hash + tags)
    return {
        "c3Hash": show(c3_hash),
        "cidHash": show(cid_hash),
        "tagsHash": show(tags),
        "sealHash": show(seal),
        "recordHash": show(keccak(label + keccak(raw(r["c1"])) + seal)),
    }


def _record(flow: Values, given: Values) -> Values:
    stream = int(flow["label"]["streamId"])
    record_id = stream << 192 | num(given["publisher"]) << 32 | given["sequence"]
    context, key = context_bytes(flow, record_id), g1(raw(flow["label"]["labelKey"]))
    label, unsigned = context[:32], encode_metadata(given["metadata"])
    message, digest = unsigned + raw(given["metadata"]["signature"]), signing_hash(label, record_id, unsigned)
    assert signer(digest, message[-65:]) == given["publisher"]
    entropy, fresh = map(raw, given["random"])
    seed = entropy + raw(given["publisherSecret"]) + hashlib.sha256(message).digest()
    sigma = hkdf(seed, "TPRE-V1/sigma", context, 32)
    k = reduce(hkdf(sigma, "TPRE-V1/k", base.compressed(key) + context, 48))
    shared, c1 = base.pairings([(mul(G1, k), G2)]), mul(key, k)
    small = base.compressed(c1)
    mask = hkdf(base.gt_bytes(shared), "TPRE-V1/c2", small + base.compressed(key) + context, 32)
    c2, c3_key = xor(sigma, mask), hkdf(sigma, "TPRE-V1/dem", context, 32)
    c3 = AESGCM(c3_key).encrypt(bytes(12), message, small + c2 + context)
    made = base.prove([key], k, fresh, *capsule_fields(label, record_id, key, evm(c1), c2, c3))
    record = {
        **given,
        "recordId": show(word(record_id)),
        "context": show(context),
        "message": show(message),
        "signingHash": show(digest),
        "sigma": show(sigma),
        "k": show(word(k)),
        "shared": show(base.gt_bytes(shared)),
        **point("c1", c1),
        "sigmaMask": show(mask),
        "c2": show(c2),
        "c3Key": show(c3_key),
        "c3": show(c3),
        "proof": proof(made, [key]),
    }
    record |= sealed_hashes(label, record)
    owners = base.pairings([(mul(c1, pow(num(flow["label"]["labelSecret"]), -1, R)), G2)])
    assert open_sealed(owners, key, context, c1, c2, c3) == message
    return record


def open_sealed(shared: Any, key: Any, context: bytes, c1: Any, c2: bytes, c3: bytes) -> bytes:
    small = base.compressed(c1)
    sigma = xor(c2, hkdf(base.gt_bytes(shared), "TPRE-V1/c2", small + base.compressed(key) + context, 32))
    k = reduce(hkdf(sigma, "TPRE-V1/k", base.compressed(key) + context, 48))
    need(base.same(mul(key, k), c1), "DecryptionFailed", "wrong capsule")
    need(base.pairings([(mul(G1, k), G2)]) == shared, "DecryptionFailed", "wrong conversion")
    try:
        return AESGCM(hkdf(sigma, "TPRE-V1/dem", context, 32)).decrypt(bytes(12), c3, small + c2 + context)
    except InvalidTag:
        raise base.Refused("DecryptionFailed", "wrong capsule") from None


# --- §7: the grant ---


def _grant(flow: Values) -> Values:
    given, n = flow["grant"], flow["committeeSize"]
    members = [_member(member) for member in given["members"]]
    drawn = [raw(value) for value in given["random"]]
    coefficients, e = coefficients_of(drawn[:-2]), int.from_bytes(drawn[-2]) % R
    a_l, key = num(flow["label"]["labelSecret"]), g1(raw(flow["label"]["labelKey"]))
    U = add(mul(g2(raw(flow["delegatee"]["key"])), pow(a_l, -1, R)), mul(G2, coefficients[0]))
    V, commitments = mul(base.h2(), coefficients[0]), [mul(key, c) for c in coefficients]
    ephemeral = mul(G1, e)
    grant = {
        "grantId": given["grantId"],
        "members": members,
        "committee": [member["packed"] for member in members],
        "committeeHash": show(keccak(b"".join(raw(member["packed"]) for member in members))),
        "random": given["random"],
        "coefficients": [show(word(c)) for c in coefficients],
        "e": show(word(e)),
        **point("U", U),
        **point("V", V),
        **points("commitments", commitments),
        **point("R", ephemeral),
    }
    ctx = context_of({**flow, "grant": grant})
    label = raw(flow["label"]["label"])
    fragments = [evaluate(coefficients, i) for i in range(1, n + 1)]
    shared = [mul(g1(raw(member["key"])), e) for member in members]
    pads = [pad_of(ctx, label, i, K) for i, K in enumerate(shared, 1)]
    sealed = [xor(word(s), pad) for s, pad in zip(fragments, pads, strict=True)]
    pads_hash = keccak(b"".join(sealed))
    fields = ("TPRE-V1/grant-proof", ctx, evm(key), evm(ephemeral), pads_hash)
    grant |= {
        "context": show(ctx),
        "ephemeralProof": proof(base.prove([G1], e, drawn[-1], *fields), [G1]),
        "fragments": [show(word(s)) for s in fragments],
        **points("shared", shared),
        "padHashes": [show(pad) for pad in pads],
        "pads": [show(pad) for pad in sealed],
        **points("slotCommitments", [slot_commitment(commitments, i) for i in range(1, n + 1)]),
        "rho": show(word(H128("TPRE-V1/grant-check", ctx, evm(ephemeral), pads_hash))),
    }
    grant |= rekey_hashes({**flow, "grant": grant})
    check_pairing({**flow, "grant": grant})
    return grant


def _member(given: Values) -> Values:
    packed = given["keyVersion"] << 160 | num(given["account"])
    return {**given, "packed": show(word(packed)), **point("key", mul(G1, num(given["secret"])))}


def complaint_fields(flow: Values, slot: int, K: Any) -> tuple[str, bytes]:
    grant, domain = flow["grant"], flow["domain"]
    where = words(domain["chainId"], domain["grantRegistry"], int(grant["grantId"]))
    nodes = raw(grant["members"][slot - 1]["key"]) + raw(grant["R"])
    return "TPRE-V1/complaint-proof", where + raw(flow["label"]["label"]) + word(slot) + nodes + evm(K)


def _complaint(flow: Values, given: Values) -> Values:
    grant, slot = flow["grant"], flow["committeeSize"]
    ni, ephemeral = num(grant["members"][slot - 1]["secret"]), g1(raw(grant["R"]))
    K = mul(ephemeral, ni)
    made = base.prove([G1, ephemeral], ni, raw(given["random"][0]), *complaint_fields(flow, slot, K))
    fragment = xor(raw(grant["pads"][slot - 1]), pad_of(raw(grant["context"]), raw(flow["label"]["label"]), slot, K))
    return {
        **given,
        "slot": slot,
        **point("K", K),
        "proof": proof(made, [G1, ephemeral]),
        "fragment": show(fragment),
        "upheld": fragment != raw(grant["fragments"][slot - 1]),
    }


# --- the whole ---


def remake_flow(flow: Values, remake_round: Any) -> Values:
    label_given, delegator, delegatee = flow["label"], flow["delegator"], flow["delegatee"]
    a, b = num(delegator["secret"]), num(delegatee["secret"])
    owner = (delegator["account"], delegator["version"])
    preimage = label_preimage(flow["domain"], *owner, int(label_given["streamId"]), label_given["epoch"])
    label = H("TPRE-V1/label", preimage)
    made = {
        **flow,
        "delegator": {**delegator, **point("key", mul(G1, a))},
        "delegatee": {**delegatee, **point("key", mul(G2, b))},
        "label": {
            **label_given,
            "label": show(label),
            "labelSecret": show(word(label_secret(a, label))),
            **point("labelKey", label_key(mul(G1, a), label)),
        },
    }
    made["records"] = [_record(made, record) for record in flow["records"]]
    made["grant"] = _grant(made)
    made["complaint"] = _complaint(made, flow["complaint"])
    made["rounds"] = [remake_round(made, index, given) for index, given in enumerate(flow["rounds"])]
    return made
