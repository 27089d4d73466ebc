"""What members of a committee tell one another about a round, and how they sign it (SPEC §15).

Two messages: cfrags for whoever leads, and a leader's question for a vote, with the cfrags that its result was made of.
A signature names the round, the recipient and the subject, so that a message is good for nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from tpre_offchain.chain.abi.structs import Proof
from tpre_offchain.chain.abi.structs import Signature as CompactSignature
from tpre_offchain.chain.signing import signer_of
from tpre_offchain.crypto.cfrag import CFrags
from tpre_offchain.errors import ProtocolError
from tpre_offchain.types import Address, Slot

CFRAGS: Final = "cfrags"
VOTE: Final = "vote"
POINT_BYTES: Final = 128
HASH_BYTES: Final = 32
COMPACT_BYTES: Final = 64
MOST_NESTED: Final = 2 + 2 * 32
"""Objects and arrays of a ballot with the batches of a whole committee."""
PARITY: Final = 1 << 255
HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


class ExchangeRefused(ProtocolError):
    """A message about a round is not taken. ``status``: what HTTP calls it."""

    def __init__(self, status: int, message: str, *, culprit: str | None = None) -> None:
        super().__init__(message, culprit=culprit, retryable=status == 404)
        self.status = status


@dataclass(frozen=True)
class Batch:
    """One slot's cfrags (128 bytes each) of all records of a round, with their proof: unverified."""

    slot: Slot
    proxy: Address
    cfrags: tuple[bytes, ...]
    proof: Proof
    excluded: int = 0
    """Rounds that a record left go on by way of the chain."""


@dataclass(frozen=True)
class Ballot:
    """A leader's question: approve the result of these batches? ``result_hash``: what it says that comes out."""

    result_hash: bytes
    batches: tuple[Batch, ...]


def body_limit(records: int, threshold: int) -> int:
    """The most bytes that a message about a round of this size takes."""
    return 1_024 + threshold * (512 + records * (2 * POINT_BYTES + 16))


def encode_cfrags(cfrags: CFrags) -> bytes:
    """The body that offers one's cfrags."""
    return json.dumps(_batch_json(cfrags)).encode()


def encode_ballot(result_hash: bytes, batches: Mapping[Slot, CFrags]) -> bytes:
    """The body that asks for a vote."""
    parts = {str(slot): _batch_json(cfrags) for slot, cfrags in batches.items()}
    return json.dumps({"result_hash": result_hash.hex(), "batches": parts}).encode()


def decode_cfrags(body: bytes, slot: Slot, proxy: Address) -> Batch:
    """Of the sender in ``slot``. Raises ``ExchangeRefused`` (400)."""
    return _batch(_object(body), slot, proxy)


def decode_ballot(body: bytes, accounts: Mapping[Slot, Address]) -> Ballot:
    """``accounts``: of the committee. Raises ``ExchangeRefused`` (400)."""
    message = _object(body)
    parts = message.get("batches")
    if not isinstance(parts, dict):
        _refuse("no batches")
    batches = []
    for name, part in parts.items():
        slot = Slot(int(name)) if name.isascii() and name.isdigit() and len(name) < 3 else Slot(0)
        if slot not in accounts or not isinstance(part, dict):
            _refuse("a batch of no slot")
        batches.append(_batch(part, slot, accounts[slot]))
    if len({batch.slot for batch in batches}) != len(batches):
        _refuse("two batches of a slot")
    return Ballot(_bytes(message.get("result_hash"), HASH_BYTES), tuple(batches))


def _batch_json(cfrags: CFrags) -> dict[str, Any]:
    return {
        "cfrags": [point.to_evm().hex() for point in cfrags.points],
        "challenge": cfrags.proof.challenge.to_bytes(16, "big").hex(),
        "response": cfrags.proof.response.to_bytes(32, "big").hex(),
    }


def _batch(part: Mapping[str, Any], slot: Slot, proxy: Address) -> Batch:
    cfrags = part.get("cfrags")
    if not isinstance(cfrags, list):
        _refuse("no cfrags")
    challenge, response = _bytes(part.get("challenge"), 16), _bytes(part.get("response"), HASH_BYTES)
    proof = Proof(int.from_bytes(challenge, "big"), int.from_bytes(response, "big"))
    return Batch(slot, proxy, tuple(_bytes(point, POINT_BYTES) for point in cfrags), proof)


def read_json(body: bytes, nested: int) -> object:
    """A stranger's JSON of so many objects and arrays at most. Raises ``ValueError``.

    Counted, because py_ecc lifts the interpreter's limit: text that is nested deep would overflow the process's stack.
    """
    if body.count(b"[") + body.count(b"{") > nested:
        raise ValueError("more objects and arrays than such a message has")
    return json.loads(body)


def _object(body: bytes) -> dict[str, Any]:
    try:
        message = read_json(body, MOST_NESTED)
    except ValueError:
        _refuse("no JSON of its form")
    if not isinstance(message, dict):
        _refuse("no object")
    return message


def _bytes(value: object, size: int) -> bytes:
    if not isinstance(value, str) or len(value) != 2 * size:
        _refuse(f"a value is not of {size} bytes")
    try:
        return bytes.fromhex(value)
    except ValueError:
        _refuse("a value is not hexadecimal")


def _refuse(why: str) -> NoReturn:
    raise ExchangeRefused(400, f"the message is malformed: {why}")


# --- signatures ---------------------------------------------------------------------------------------------------


def compact(signature: bytes) -> CompactSignature:
    """65 bytes as the contract takes them (EIP-2098)."""
    s = int.from_bytes(signature[32:64], "big") | (PARITY if signature[64] == 28 else 0)
    return CompactSignature(signature[:32], s.to_bytes(32, "big"))


def signer_of_compact(digest: bytes, signature: CompactSignature) -> Address | None:
    """The account that signed; a compact signature must be low, as the contract wants it."""
    word = int.from_bytes(signature.vs, "big")
    s = word & (PARITY - 1)
    if s > HALF_ORDER:
        return None
    return signer_of(digest, signature.r + s.to_bytes(32, "big") + bytes([28 if word & PARITY else 27]))
