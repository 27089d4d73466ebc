"""messages.json: votes and messages of rounds off the chain (SPEC.md §15)."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from py_ecc.secp256k1 import secp256k1

from tests.independent import spec_base as base
from tests.independent.spec_base import Refused, keccak, word, words
from tests.independent.spec_flow import signer
from tests.independent.spec_keys import Values, address_of, num, raw, show
from tests.independent.spec_rounds import check_cfrags, lagrange

DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
VOTE = "Vote(uint256 roundId,bytes32 resultHash)"
MESSAGE = "Message(uint256 roundId,address recipient,string subject,bytes32 bodyHash)"
HALF = secp256k1.N // 2


def typed(domain: Values, struct: bytes) -> bytes:
    names = b"".join(keccak(text.encode()) for text in (DOMAIN, "TPRE ConversionRounds", "1"))
    separator = keccak(names + words(domain["chainId"], domain["conversionRounds"]))
    return keccak(b"\x19\x01" + separator + keccak(struct))


def vote_digest(domain: Values, round_id: int, voted: bytes) -> bytes:
    return typed(domain, keccak(VOTE.encode()) + word(round_id) + voted)


def message_digest(domain: Values, round_id: int, recipient: str, subject: str, body: str) -> bytes:
    hashes = keccak(subject.encode()) + keccak(body.encode())
    return typed(domain, keccak(MESSAGE.encode()) + words(round_id, recipient) + hashes)


def sign(digest: bytes, key: bytes) -> bytes:
    """RFC 6979, with the low s."""
    v, r, s = secp256k1.ecdsa_raw_sign(digest, key)
    return r.to_bytes(32) + s.to_bytes(32) + bytes([v])


def compact(signature: bytes) -> bytes:
    vs = int.from_bytes(signature[32:64]) | (signature[64] - 27) << 255
    return signature[:32] + vs.to_bytes(32)


def vote_signer(digest: bytes, short: bytes) -> str:
    vs = int.from_bytes(short[32:])
    s = vs % 2**255
    return "" if s > HALF else signer(digest, short[:32] + s.to_bytes(32) + bytes([27 + (vs >> 255)]))


def remake_messages(content: Values, flow: Values) -> Values:
    domain, round_ = content["domain"], flow["rounds"][content["round"]]
    round_id = num(round_["roundId"])
    results = b"".join(map(raw, round_["results"]))
    voted = keccak(words(round_id, content["contributors"], 0) + keccak(results))
    digest = vote_digest(domain, round_id, voted)
    secrets = [raw(member["secret"]) for member in content["members"]]
    votes = []
    for slot, secret in enumerate(secrets, 1):
        signature = sign(digest, secret)
        votes.append({"slot": slot, "signature": show(signature), "compact": show(compact(signature))})
    m = len(round_["remaining"])
    return {
        **content,
        "members": [{"account": address_of(key), "secret": show(key)} for key in secrets],
        "resultHash": show(voted),
        "voteDigest": show(digest),
        "votes": votes,
        "bodyLimit": 1024 + flow["threshold"] * (512 + 272 * m),
        "messages": [_message(domain, round_id, secrets, given) for given in content["messages"]],
    }


def _message(domain: Values, round_id: int, secrets: list[bytes], given: Values) -> Values:
    digest = message_digest(domain, round_id, given["recipient"], given["subject"], given["body"])
    return {
        **given,
        "path": f"/rounds/{round_id:x}/{given['subject']}",
        "bodyHash": show(keccak(given["body"].encode())),
        "digest": show(digest),
        "signature": sign(digest, secrets[given["sender"] - 1]).hex(),
    }


# --- a member that is sent a message ---


def malformed() -> NoReturn:
    raise Refused("malformed", status=400)


def _bytes(value: Any, size: int) -> str:
    if not isinstance(value, str) or len(value) != 2 * size:
        malformed()
    try:
        return show(bytes.fromhex(value))
    except ValueError:
        malformed()


def _batch(flow: Values, index: int, slot: int, given: Any) -> list[str]:
    """Its points, once its proof holds."""
    if not isinstance(given, dict) or not isinstance(given.get("cfrags"), list):
        malformed()
    points = [_bytes(point, 128) for point in given["cfrags"]]
    proof = {"challenge": _bytes(given.get("challenge"), 16), "response": _bytes(given.get("response"), 32)}
    rounds = [*flow["rounds"]]
    rounds[index] = {**rounds[index], "cfrags": [{"slot": slot, "points": points, "proof": proof}]}
    try:
        check_cfrags({**flow, "rounds": rounds}, index, 0)
    except Refused as refused:
        raise Refused(refused.name, status=422) from None
    return points


def judge(content: Values, flow: Values, subject: str, body: str, sender: int) -> None:
    index = content["round"]
    try:
        if body.count("{") + body.count("[") > 66:
            malformed()
        message = json.loads(body)
    except ValueError:
        malformed()
    if not isinstance(message, dict):
        malformed()
    if subject == "cfrags":
        _batch(flow, index, sender, message)
        return
    batches = message.get("batches")
    if not isinstance(batches, dict):
        malformed()
    named = [name for name in batches if name.isascii() and name.isdigit() and len(name) < 3]
    slots = [int(name) for name in named]
    members = range(1, len(content["members"]) + 1)
    if len(named) < len(batches) or len(set(slots)) < len(slots) or not set(slots) <= set(members):
        malformed()
    result_hash = _bytes(message.get("result_hash"), 32)
    parts = {slot: _batch(flow, index, slot, batches[name]) for slot, name in zip(slots, named, strict=True)}
    slots.sort()
    weights = lagrange(slots)
    columns = zip(*(parts[slot] for slot in slots), strict=True)
    results = [base.msm([base.g1(raw(point)) for point in column], weights) for column in columns]
    bitmap = sum(1 << (slot - 1) for slot in slots)
    voted = keccak(words(num(flow["rounds"][index]["roundId"]), bitmap, 0) + base.points_hash(*results))
    if show(voted) != result_hash:
        raise Refused("another result", status=422)


def wrong_messages(content: Values, flow: Values) -> list[str]:
    wrong, rejects = [], content["rejects"]
    accounts = [member["account"] for member in content["members"]]
    for given in content["messages"]:
        judge(content, flow, given["subject"], given["body"], given["sender"])
    for case in rejects["votes"]:
        found = vote_signer(raw(content["voteDigest"]), raw(case["compact"]))
        wrong += [f"vote {case['name']}"] * (found == accounts[2])
    offer = content["messages"][0]
    for case in rejects["signatures"]:
        try:
            signature = bytes.fromhex(case["signature"])
        except ValueError:
            signature = b""
        found = signer(raw(offer["digest"]), signature)
        wrong += [f"signature {case['name']}"] * (found == accounts[offer["sender"] - 1])
    for case in rejects["bodies"]:
        status = 200
        try:
            judge(content, flow, case["subject"], case["body"], 1)
        except Refused as refused:
            status = refused.status
        wrong += [f"{case['name']}: {status}"] * (status != case["status"])
    return wrong
