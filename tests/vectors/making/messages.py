"""Vectors of rounds off the chain (SPEC §15): votes, messages, and messages that must be refused.

They are about round 1 of flow_2_3.json, three records. Slot 2 leads; slots 1 and 2 contributed; slot 3 is asked.
"""

from __future__ import annotations

import json
from typing import Any

from tests.vectors.making import values
from tests.vectors.making.values import DOMAIN, hex_of
from tpre_offchain.crypto import hashing
from tpre_offchain.crypto.curve import G1
from tpre_offchain.crypto.hashing import keccak256
from tpre_offchain.crypto.typed_data import message_digest, vote_digest
from tpre_offchain.proxy.messages import HALF_ORDER, body_limit, compact
from tpre_offchain.types import RoundId

FLOW, ROUND = "flow_2_3.json", 1
SENDER, CONTRIBUTORS, VOTER = 2, (1, 2), 3
ORDER = 2 * HALF_ORDER + 1
NAME = "flow 2 of 3 proxy {}"


def make_messages(flows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The content of messages.json."""
    flow = flows[FLOW]
    round_ = flow["rounds"][ROUND]
    round_id = RoundId(int(round_["roundId"], 16))
    results = [G1.from_evm(bytes.fromhex(point[2:])) for point in round_["results"]]
    voted = hashing.result_hash(round_id, 0b011, 0, results)
    batches = {str(slot): _batch(round_["cfrags"][slot - 1]) for slot in CONTRIBUTORS}
    offer = json.dumps(batches[str(SENDER)]).encode()
    ballot = json.dumps({"result_hash": voted.hex(), "batches": batches}).encode()
    slots = range(1, flow["committeeSize"] + 1)
    return {
        "domain": values.domain_values(),
        "file": FLOW,
        "round": ROUND,
        "members": [{"account": values.account(NAME.format(i)), "secret": _secret(i)} for i in slots],
        "contributors": 0b011,
        "resultHash": hex_of(voted),
        "voteDigest": hex_of(vote_digest(DOMAIN, round_id, voted)),
        "votes": [_vote(round_id, voted, slot) for slot in slots],
        "bodyLimit": body_limit(len(results), flow["threshold"]),
        "messages": [_message(round_id, "cfrags", offer), _message(round_id, "vote", ballot)],
        "rejects": {
            "votes": _bad_votes(round_id, voted),
            "signatures": _bad_signatures(round_id, offer),
            "bodies": _bad_bodies(batches, voted),
        },
    }


def _secret(slot: int) -> str:
    return hex_of(values.account_key(NAME.format(slot)))


def _batch(cfrags: dict[str, Any]) -> dict[str, Any]:
    proof = cfrags["proof"]
    points = [point[2:] for point in cfrags["points"]]
    return {"cfrags": points, "challenge": proof["challenge"][-32:], "response": proof["response"][2:]}


def _vote(round_id: RoundId, voted: bytes, slot: int) -> dict[str, Any]:
    signature = values.sign(NAME.format(slot), vote_digest(DOMAIN, round_id, voted))
    short = compact(signature)
    return {"slot": slot, "signature": hex_of(signature), "compact": hex_of(short.r + short.vs)}


def _message(round_id: RoundId, subject: str, body: bytes) -> dict[str, Any]:
    recipient = values.account(NAME.format(VOTER))
    digest = message_digest(DOMAIN, round_id, recipient, subject, body)
    return {
        "path": f"/rounds/{round_id:x}/{subject}",
        "subject": subject,
        "sender": SENDER,
        "recipient": recipient,
        "body": body.decode(),
        "bodyHash": hex_of(keccak256(body)),
        "digest": hex_of(digest),
        "signature": values.sign(NAME.format(SENDER), digest).hex(),
    }


def _high(signature: bytes) -> bytes:
    """The other signature of the same digest: s above half of the order."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([27 + 28 - signature[64]])


def _bad_votes(round_id: RoundId, voted: bytes) -> list[dict[str, str]]:
    """What is not slot 3's vote for the result, 64 bytes each."""
    name = NAME.format(VOTER)

    def signed(digest: bytes, by: str = name) -> bytes:
        short = compact(values.sign(by, digest))
        return short.r + short.vs

    digest = vote_digest(DOMAIN, round_id, voted)
    good, high = values.sign(name, digest), compact(_high(values.sign(name, digest)))
    elsewhere = hashing.Domain(31338, *("0x" + "11" * 20,) * 5)
    cases = {
        "another member's": signed(digest, NAME.format(1)),
        "of another round": signed(vote_digest(DOMAIN, RoundId(round_id + 1), voted)),
        "of another chain and contract": signed(vote_digest(elsewhere, round_id, voted)),
        "for another result": signed(vote_digest(DOMAIN, round_id, keccak256(voted))),
        "the other parity": good[:32] + bytes([signed(digest)[32] ^ 0x80]) + signed(digest)[33:],
        "high s": high.r + high.vs,
        "zero": bytes(64),
    }
    return [{"name": case, "compact": hex_of(signature)} for case, signature in cases.items()]


def _bad_signatures(round_id: RoundId, body: bytes) -> list[dict[str, str]]:
    """Headers with which the first message is not slot 2's to slot 3: status 403."""
    sender, recipient = NAME.format(SENDER), values.account(NAME.format(VOTER))

    def signed(to: str = recipient, subject: str = "cfrags", about: int = round_id, what: bytes = body) -> bytes:
        return values.sign(sender, message_digest(DOMAIN, RoundId(about), to, subject, what))

    good = signed()
    short = compact(good)
    cases = {
        "to another member": signed(to=values.account(NAME.format(1))).hex(),
        "under the other subject": signed(subject="vote").hex(),
        "about another round": signed(about=round_id + 1).hex(),
        "of another body": signed(what=body + b" ").hex(),
        "v of 0 or 1": (good[:64] + bytes([good[64] - 27])).hex(),
        "the other v": (good[:64] + bytes([27 + 28 - good[64]])).hex(),
        "compact": (short.r + short.vs).hex(),
        "a byte too many": good.hex() + "00",
        "with 0x": "0x" + good.hex(),
        "empty": "",
    }
    return [{"name": case, "signature": signature} for case, signature in cases.items()]


def _bad_bodies(batches: dict[str, Any], voted: bytes) -> list[dict[str, Any]]:
    """Bodies of a subject that are malformed (400), or whose proofs or result do not hold (422)."""
    one = batches["1"]

    def offer(name: str, status: int = 400, **changed: Any) -> dict[str, Any]:
        return {
            "name": f"cfrags: {name}",
            "subject": "cfrags",
            "status": status,
            "body": json.dumps({**one, **changed}),
        }

    def vote(name: str, parts: Any, result: str = voted.hex(), status: int = 400) -> dict[str, Any]:
        body = json.dumps({"result_hash": result, "batches": parts})
        return {"name": f"vote: {name}", "subject": "vote", "status": status, "body": body}

    def text(name: str, body: str, subject: str = "cfrags") -> dict[str, Any]:
        return {"name": f"{subject}: {name}", "subject": subject, "status": 400, "body": body}

    first, second, third = one["cfrags"]
    return [
        text("empty", ""),
        text("not JSON", "{"),
        text("an array", "[]"),
        text("nested too deep", "[" * 67 + "]" * 67, "vote"),
        offer("none", cfrags=None),
        offer("not a list", cfrags=first),
        offer("a point of 127 bytes", cfrags=[first, second, third[2:]]),
        offer("a point compressed", cfrags=[first, second, third[:96]]),
        offer("a point with 0x", cfrags=["0x" + first[2:], second, third]),
        offer("challenge of 32 bytes", challenge=one["challenge"].rjust(64, "0")),
        offer("challenge a number", challenge=int(one["challenge"], 16) % 2**31),
        offer("response short", response=one["response"][2:]),
        vote("batches a list", [one]),
        vote("slot 0", {"0": one}),
        vote("a slot that is not there", {"4": one, "1": one}),
        vote("one slot in two spellings", {"1": one, "01": one}),
        vote("a slot in hexadecimal", {"0x1": one, "2": one}),
        vote("result hash of 31 bytes", batches, voted.hex()[2:]),
        offer("two exchanged", 422, cfrags=[second, first, third]),
        offer("one too few", 422, cfrags=[first, second]),
        offer("a point off the curve", 422, cfrags=[first[:-2] + "00", second, third]),
        offer("response r or more", 422, response="ff" * 32),
        vote("cfrags of the other slot", {"1": batches["2"], "2": one}, status=422),
        vote("another result", batches, keccak256(voted).hex(), status=422),
    ]
