"""Votes and messages between members as the vectors have them (SPEC §15)."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account

from tests.vectors.reading import Flow, domain_of, load, raw
from tpre_offchain.chain.abi.structs import Signature
from tpre_offchain.chain.signing import signer_of
from tpre_offchain.crypto import pre
from tpre_offchain.crypto.codec import cfrags_from_evm
from tpre_offchain.crypto.hashing import keccak256
from tpre_offchain.crypto.typed_data import message_digest, vote_digest
from tpre_offchain.errors import CryptoError
from tpre_offchain.proxy.messages import (
    CFRAGS,
    Batch,
    ExchangeRefused,
    body_limit,
    compact,
    decode_ballot,
    decode_cfrags,
    encode_ballot,
    encode_cfrags,
    signer_of_compact,
)
from tpre_offchain.proxy.rounds.exchanged import Candidate
from tpre_offchain.types import Address, Slot

FILE = load("messages.json")
FLOW = Flow(load(FILE["file"]))
INDEX = FILE["round"]
DOMAIN = domain_of(FILE)
ROUND = FLOW.round_context(INDEX)
ACCOUNTS = {Slot(i): Address(member["account"]) for i, member in enumerate(FILE["members"], 1)}
OFFER, BALLOT = FILE["messages"]
VOTER = Slot(3)


def signature_of(vector: dict[str, Any]) -> Signature:
    data = raw(vector["compact"])
    return Signature(data[:32], data[32:])


def message_hash(message: dict[str, Any]) -> bytes:
    return message_digest(DOMAIN, ROUND.round_id, message["recipient"], message["subject"], message["body"].encode())


# --- what is right ------------------------------------------------------------------------------------------------


def test_votes__of_the_vectors__are_signed_and_recovered() -> None:
    digest = vote_digest(DOMAIN, ROUND.round_id, raw(FILE["resultHash"]))
    assert digest == raw(FILE["voteDigest"])
    for vector in FILE["votes"]:
        member = FILE["members"][vector["slot"] - 1]
        signature = raw(vector["signature"])
        assert bytes(Account.unsafe_sign_hash(digest, raw(member["secret"])).signature) == signature
        assert compact(signature) == signature_of(vector)
        assert str(signer_of_compact(digest, signature_of(vector))).lower() == member["account"]


@pytest.mark.parametrize("message", FILE["messages"], ids=lambda message: message["subject"])
def test_messages__of_the_vectors__have_their_digest_and_signer(message: dict[str, Any]) -> None:
    digest = message_hash(message)
    assert (keccak256(message["body"].encode()), digest) == (raw(message["bodyHash"]), raw(message["digest"]))
    assert message["path"] == f"/rounds/{ROUND.round_id:x}/{message['subject']}"
    signer = signer_of(digest, bytes.fromhex(message["signature"]))
    assert str(signer).lower() == ACCOUNTS[message["sender"]]


def test_bodies__of_the_vectors__are_what_members_write_and_read() -> None:
    cfrags = {slot: FLOW.cfrags(INDEX, slot - 1) for slot in (Slot(1), Slot(2))}
    assert encode_cfrags(cfrags[OFFER["sender"]]).decode() == OFFER["body"]
    assert encode_ballot(raw(FILE["resultHash"]), cfrags).decode() == BALLOT["body"]
    assert body_limit(3, 2) == FILE["bodyLimit"]
    judge(CFRAGS, OFFER["body"], OFFER["sender"])
    judge("vote", BALLOT["body"], OFFER["sender"])


# --- what is refused ----------------------------------------------------------------------------------------------


def verified(batch: Batch) -> pre.VerifiedCFrags:
    proof = (batch.proof.challenge, batch.proof.response)
    cfrags = cfrags_from_evm(batch.slot, batch.cfrags, proof)
    return pre.verify_cfrags(FLOW.trusted_rekey(), ROUND, FLOW.round_capsules(INDEX), cfrags)


def judge(subject: str, body: str, sender: int) -> None:
    """As a member does: read it, then verify the proofs, then combine."""
    if subject == CFRAGS:
        verified(decode_cfrags(body.encode(), Slot(sender), ACCOUNTS[Slot(sender)]))
        return
    ballot = decode_ballot(body.encode(), ACCOUNTS)
    candidate = Candidate.of(ROUND.round_id, [verified(batch) for batch in ballot.batches], 2)
    if candidate.result_hash != ballot.result_hash:
        raise ExchangeRefused(422, "another result")


@pytest.mark.parametrize("case", FILE["rejects"]["votes"], ids=lambda case: case["name"])
def test_signer_of_compact__no_vote_of_that_member__is_somebody_else_or_nobody(case: dict[str, str]) -> None:
    signer = signer_of_compact(raw(FILE["voteDigest"]), signature_of(case))
    assert signer is None or signer.lower() != ACCOUNTS[VOTER]


@pytest.mark.parametrize("case", FILE["rejects"]["signatures"], ids=lambda case: case["name"])
def test_signer_of__header_for_something_else__is_somebody_else_or_nobody(case: dict[str, str]) -> None:
    try:
        signature = bytes.fromhex(case["signature"])
    except ValueError:
        signature = b""
    signer = signer_of(message_hash(OFFER), signature)
    assert signer is None or signer.lower() != ACCOUNTS[OFFER["sender"]]


@pytest.mark.parametrize("case", FILE["rejects"]["bodies"], ids=lambda case: case["name"])
def test_judge__bad_body__is_malformed_or_does_not_hold(case: dict[str, Any]) -> None:
    with pytest.raises((ExchangeRefused, CryptoError)) as caught:
        judge(case["subject"], case["body"], 1)
    assert getattr(caught.value, "status", 422) == case["status"]
