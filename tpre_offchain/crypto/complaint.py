"""Complaints: a proxy shows that the fragment it was given is not the committed one (SCHEME §4)."""

from __future__ import annotations

from dataclasses import dataclass

from tpre_offchain.crypto import hashing
from tpre_offchain.crypto.curve import G1, g1
from tpre_offchain.crypto.hashing import Random
from tpre_offchain.crypto.keys import ProxyKey
from tpre_offchain.crypto.kfrag import BoundRekey, NoSuchSlot, fragment_is_good, unmask_fragment
from tpre_offchain.crypto.proofs import Proof, equality_is_proven, prove_equality
from tpre_offchain.errors import VerificationError
from tpre_offchain.types import Slot


class InvalidComplaintProof(VerificationError):
    """A complaint does not show that its K is N_i^e."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """K = N_i^e and the proof of it. It makes the fragment of its slot public."""

    slot: Slot
    shared: G1
    proof: Proof


@dataclass(frozen=True, slots=True)
class ComplaintVerdict:
    """What a proven complaint showed: the fragment, and whether the delegator (``upheld``) or the proxy is to blame."""

    slot: Slot
    fragment: int
    upheld: bool


def prove_complaint(grant: BoundRekey, slot: Slot, key: ProxyKey, random: Random) -> Complaint:
    """The complaint of a slot's proxy. It publishes the fragment, and with t = 1 the re-key itself.

    Never make one about a good fragment. Raises ``NoSuchSlot`` if the slot is not this key's.
    """
    if grant.context.member(slot).public_key != key.public:
        raise NoSuchSlot(f"slot {slot} is not that of this proxy key")
    shared = grant.rekey.ephemeral.times_secret(key.secret)
    transcript = _complaint_transcript(grant, slot, shared)
    proof = prove_equality((g1(), grant.rekey.ephemeral), key.secret, transcript, random)
    return Complaint(slot, shared, proof)


def verify_complaint(grant: BoundRekey, complaint: Complaint) -> ComplaintVerdict:
    """Judge a complaint as the contract does. Raises ``InvalidComplaintProof`` if K is not shown to be N_i^e."""
    slot, ephemeral = complaint.slot, grant.rekey.ephemeral
    member = grant.context.member(slot)
    transcript = _complaint_transcript(grant, slot, complaint.shared)
    points = (member.public_key, complaint.shared)
    if not equality_is_proven((g1(), ephemeral), points, complaint.proof, transcript):
        raise InvalidComplaintProof(f"the complaint of slot {slot} is not proven", culprit=member.account)
    fragment = unmask_fragment(grant, slot, complaint.shared)
    return ComplaintVerdict(slot, fragment, not fragment_is_good(grant, fragment, grant.commitment(slot)))


def _complaint_transcript(grant: BoundRekey, slot: Slot, shared: G1) -> hashing.Transcript:
    context = grant.context
    points = (context.member(slot).public_key, grant.rekey.ephemeral, shared)
    return hashing.complaint_proof(context.domain, context.grant_id, context.label, slot, points)
