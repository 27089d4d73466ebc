"""From an action to the contract call that does it: the cryptography happens here, the sending elsewhere.

``prepare`` is pure but for the randomness passed in. Gas limits are set here for the steps that a round waits for, so
that none of them costs a call to the node first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tpre_offchain.chain.abi import structs
from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.abi.events import LeaderProposed
from tpre_offchain.crypto import hashing
from tpre_offchain.crypto.cfrag import CFrags, RoundContext, VerifiedCFrags
from tpre_offchain.crypto.complaint import prove_complaint
from tpre_offchain.crypto.hashing import Random
from tpre_offchain.crypto.keys import ProxyKey
from tpre_offchain.crypto.kfrag import VerifiedKFrag, rekey_tail
from tpre_offchain.crypto.pre import combine, reencrypt
from tpre_offchain.crypto.proofs import Proof
from tpre_offchain.errors import ProtocolError
from tpre_offchain.proxy.contracts import ProxyContracts
from tpre_offchain.proxy.rounds.checks import Findings
from tpre_offchain.proxy.rounds.decide import (
    Challenge,
    Close,
    Complain,
    FinalizeByProof,
    FinalizeSigned,
    Propose,
    ReportCapsules,
    Submit,
    Transaction,
    Vote,
)
from tpre_offchain.proxy.rounds.exchanged import RoundExchange
from tpre_offchain.proxy.rounds.grants import LabelGrant, Seat
from tpre_offchain.proxy.rounds.rounds import RoundFacts, bitmap_of_positions, bitmap_of_slots, positions_of
from tpre_offchain.types import Slot

# upper bounds of gas: a base, a part for each record, a part for each committee member
SUBMIT_GAS = (110_000, 8_000, 1_500)
PROPOSE_GAS = (320_000, 36_000, 1_500)
VOTE_GAS = (160_000, 0, 1_500)
FINALIZE_SIGNED_GAS = (380_000, 36_000, 8_000)


class NotChecked(ProtocolError):
    """An action was asked for before the check that it needs: a fault of ours."""


@dataclass(frozen=True)
class Workbench:
    """All that an action on one round may need."""

    contracts: ProxyContracts
    seat: Seat
    facts: RoundFacts
    findings: Findings
    random: Random
    proxy_key: ProxyKey | None = None
    """Of a complaint alone: what is left to do after a grant must not need a key that is erased by then."""
    exchange: RoundExchange = field(default_factory=RoundExchange)

    @property
    def grant(self) -> LabelGrant:
        """The re-key. Raises ``NotChecked``."""
        if self.findings.grant is None:
            raise NotChecked("the grant's re-key was not read yet")
        return self.findings.grant

    @property
    def kfrag(self) -> VerifiedKFrag:
        """The own fragment. Raises ``NotChecked`` if there is no good one."""
        if self.grant.kfrag is None:
            raise NotChecked("there is no good fragment")
        return self.grant.kfrag

    @property
    def round_context(self) -> RoundContext:
        """For the transcripts of this round."""
        return RoundContext(self.contracts.domain, self.facts.round_id)

    @property
    def data_hash(self) -> bytes:
        """Hash of what RoundOpened fixed (SPEC §9)."""
        data = self.facts.opened.data
        return hashing.round_data_hash(
            data.label, data.mask_hash, data.rekey_rest, data.capsules_hash, data.record_ids_hash
        )

    def key_of(self, action: Transaction) -> str:
        """Names the logical step for the outbox: what is sent and mined under a key is not sent again."""
        subject = f"{self.facts.round_id:x}"
        match action:
            case Vote() | FinalizeByProof():
                proposal = self.facts.proposal
                subject += f":{proposal.result_hash.hex()}" if proposal is not None else ""
            case Propose(contributors) | FinalizeSigned(contributors):
                subject += f":{bitmap_of_slots(contributors)}:{bitmap_of_positions(self.facts.excluded)}"
            case Challenge(slot):
                subject += f":{slot}"
            case ReportCapsules(positions):
                subject += f":{bitmap_of_positions(positions)}"
            case _:
                pass
        return f"{type(action).__name__}:{subject}"

    def gas(self, bounds: tuple[int, int, int]) -> int:
        """A gas limit for a round of this size."""
        base, record, member = bounds
        return base + record * len(self.facts.opened.record_ids) + member * len(self.seat.committee)


def prepare(action: Transaction, bench: Workbench) -> Call:
    """The call that does an action. Raises ``NotChecked`` and what the cryptography raises."""
    match action:
        case Submit():
            return _submit(bench)
        case Propose(contributors):
            return _propose(bench, sorted(contributors))
        case FinalizeSigned():
            return _finalize_signed(bench)
        case Vote(approve):
            return _vote(bench, approve=approve)
        case Challenge(slot):
            return _challenge(bench, slot)
        case ReportCapsules(positions):
            return _report(bench, sorted(positions))
        case Complain():
            return _complain(bench)
        case FinalizeByProof():
            return _finalize(bench)
        case Close():
            return bench.contracts.rounds.close(bench.facts.round_id, bench.seat.committee, bench.data_hash)


def convert(bench: Workbench) -> CFrags:
    """This proxy's cfrags of the records still in the round. Raises ``NotChecked``."""
    capsules = [bench.findings.capsules[position] for position, _, _ in bench.facts.records_in]
    return reencrypt(bench.kfrag, bench.round_context, capsules, bench.random)


def _submit(bench: Workbench) -> Call:
    cfrags = convert(bench)
    call = bench.contracts.rounds.submit_cfrags(
        bench.facts.round_id,
        bench.seat.committee,
        bench.data_hash,
        bench.seat.slot,
        [point.to_evm() for point in cfrags.points],
        _proof(cfrags.proof),
    )
    return replace(call, gas_hint=bench.gas(SUBMIT_GAS))


def _propose(bench: Workbench, contributors: Sequence[Slot]) -> Call:
    facts, rekey = bench.facts, bench.grant.rekey.rekey
    result = combine([_still_in(bench, slot) for slot in contributors], bench.seat.access.threshold)
    call = bench.contracts.rounds.propose(
        facts.round_id,
        bench.seat.committee,
        facts.opened.data,
        bench.seat.slot,
        bitmap_of_slots(contributors),
        rekey.mask.to_evm(),
        facts.opened.capsules,
        [point.to_evm() for point in result.points],
    )
    return replace(call, gas_hint=bench.gas(PROPOSE_GAS))


def _finalize_signed(bench: Workbench) -> Call:
    facts, candidate, majority = bench.facts, bench.exchange.candidate, len(bench.seat.committee) // 2 + 1
    if candidate is None:
        raise NotChecked("no result was combined that votes were asked for")
    voters = sorted(bench.exchange.approvals)[: majority - 1]
    call = bench.contracts.rounds.finalize_signed(
        facts.round_id,
        bench.seat.committee,
        facts.opened.data,
        bench.seat.slot,
        candidate.result.contributor_bitmap,
        bench.grant.rekey.rekey.mask.to_evm(),
        facts.opened.capsules,
        [point.to_evm() for point in candidate.result.points],
        bitmap_of_slots(voters),
        [bench.exchange.approvals[slot] for slot in voters],
    )
    return replace(call, gas_hint=bench.gas(FINALIZE_SIGNED_GAS))


def _still_in(bench: Workbench, slot: Slot) -> VerifiedCFrags:
    verified = bench.findings.cfrags.get(slot)
    if verified is None:
        raise NotChecked(f"the cfrags of slot {slot} were not verified")
    absent = positions_of(bench.facts.submission_of(slot).excluded)
    posted = [position for position in range(len(bench.facts.opened.record_ids)) if position not in absent]
    left_since = {place for place, position in enumerate(posted) if position in bench.facts.excluded}
    return verified.without(left_since)


def _vote(bench: Workbench, *, approve: bool) -> Call:
    proposal = _proposal(bench)
    call = bench.contracts.rounds.vote(
        bench.facts.round_id,
        bench.seat.committee,
        bench.data_hash,
        bench.seat.slot,
        proposal.result_hash,
        approve=approve,
    )
    return replace(call, gas_hint=bench.gas(VOTE_GAS))


def _finalize(bench: Workbench) -> Call:
    proposal = _proposal(bench)
    return bench.contracts.rounds.finalize_by_proof(
        bench.facts.round_id, bench.seat.committee, bench.data_hash, proposal.result_hash
    )


def _proposal(bench: Workbench) -> LeaderProposed:
    if bench.facts.proposal is None:
        raise NotChecked("there is no proposal")
    return bench.facts.proposal


def _challenge(bench: Workbench, slot: Slot) -> Call:
    """Needs the submission's place in the round's hash chain: the value before it and the links after it (SPEC §9)."""
    facts = bench.facts
    before = hashing.round_key(bench.grant.rekey.context.committee_hash, bench.data_hash)
    links = [
        hashing.submission_link(one.slot, one.excluded, one.cfrags, one.proof.challenge, one.proof.response)
        for one in facts.submissions
    ]
    place = [one.slot for one in facts.submissions].index(slot)
    for link in links[:place]:
        before = hashing.submissions_after(before, link)
    posted = facts.submissions[place]
    submission = structs.Submission(
        slot, posted.excluded, posted.cfrags, posted.proof, before, tuple(links[place + 1 :])
    )
    return bench.contracts.rounds.challenge_cfrags(
        facts.round_id, bench.seat.committee, facts.opened.data, submission, facts.opened.capsules, _keys(bench)
    )


def _report(bench: Workbench, positions: Sequence[int]) -> Call:
    facts, seat = bench.facts, bench.seat
    reports = [_capsule_report(bench, position) for position in positions]
    return bench.contracts.rounds.report_capsules(
        facts.round_id, seat.committee, facts.opened.data, facts.opened.record_ids, reports, _keys(bench), seat.slot
    )


def _capsule_report(bench: Workbench, position: int) -> structs.CapsuleReport:
    record = bench.findings.records[position].record
    return structs.CapsuleReport(
        position=position,
        c1=bench.facts.opened.capsules[position],
        c2=record.c2,
        c3_hash=hashing.keccak256(record.c3),
        proof=record.proof,
        cid_hash=record.cid_hash,
        tags_hash=hashing.keccak256(record.tags_bytes),
    )


def _complain(bench: Workbench) -> Call:
    rekey, key = bench.grant.rekey, bench.proxy_key
    if key is None:
        raise NotChecked("there is no node key to complain with")
    complaint = prove_complaint(rekey, bench.seat.slot, key, bench.random)
    return bench.contracts.grants.complain(
        bench.seat.grant_id,
        bench.seat.committee,
        bench.grant.posted.rekey,
        bench.seat.slot,
        key.public.to_evm(),
        complaint.shared.to_evm(),
        _proof(complaint.proof),
    )


def _keys(bench: Workbench) -> structs.ChallengeKeys:
    verified = bench.grant.rekey
    return structs.ChallengeKeys(
        label_key=verified.label_key.to_evm(),
        commitments=tuple(point.to_evm() for point in verified.rekey.commitments),
        rekey_tail=rekey_tail(verified.context, verified.rekey),
    )


def _proof(proof: Proof) -> structs.Proof:
    return structs.Proof(proof.challenge, proof.response)
