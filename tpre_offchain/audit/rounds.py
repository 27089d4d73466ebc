"""The part of an audit that is about one round: what was submitted, combined, voted (SCHEME §5, §6; SPEC §9)."""

from __future__ import annotations

from collections.abc import Sequence

from tpre_offchain.audit.chain import AuditedChain
from tpre_offchain.audit.findings import Findings, require
from tpre_offchain.chain.abi.events import (
    CfragChallenged,
    CfragsSubmitted,
    LeaderProposed,
    RoundFinalized,
    RoundOpened,
    VoteCast,
)
from tpre_offchain.chain.abi.structs import Member, Round
from tpre_offchain.crypto import hashing
from tpre_offchain.crypto.capsule import VerifiedCapsule
from tpre_offchain.crypto.cfrag import (
    CFrags,
    InvalidCFragProof,
    RoundContext,
    VerifiedCFrags,
    combine_cfrags,
    verify_cfrags,
    verify_result,
)
from tpre_offchain.crypto.curve import G1
from tpre_offchain.crypto.kfrag import VerifiedRekey, mask_hash
from tpre_offchain.crypto.proofs import Proof
from tpre_offchain.errors import DecodingError
from tpre_offchain.types import Slot


async def check_round(
    chain: AuditedChain,
    findings: Findings,
    opened: RoundOpened,
    committee: Sequence[Member],
    rekey: VerifiedRekey | None,
    capsules: Sequence[VerifiedCapsule | None],
) -> None:
    """Check one round, given what was found of its grant and of its records."""
    shown = f"round {opened.round_id >> 32}/{opened.round_id & 0xFFFFFFFF}"
    state = await chain.contracts.rounds.round_of(opened.round_id)
    with findings.check(shown, "it was opened on what the contract stores"):
        _require_opening(opened, committee, state)
    with findings.check(shown, "its capsules are those of its records"):
        for j, capsule in enumerate(capsules):
            if not state.excluded >> j & 1:
                require(capsule is not None and capsule.c1.to_evm() == opened.capsules[j], f"record {j} has another")
    if rekey is None:
        with findings.check(shown, "its re-key holds"):
            require(False, "there is no verified re-key of its epoch")
        return
    with findings.check(shown, "its label and re-key are the grant's"):
        expected = (rekey.context.label, mask_hash(rekey.rekey), rekey.rest_hash)
        require((opened.data.label, opened.data.mask_hash, opened.data.rekey_rest) == expected, "others")
    submissions = chain.all_of(CfragsSubmitted, round_id=opened.round_id)
    with findings.check(shown, "submissions are the chain of hashes that the contract stores"):
        _require_chain(submissions, state)
    cfrags = _check_cfrags(chain, findings, shown, opened, rekey, submissions)
    if state.finalized:
        _check_result(chain, findings, shown, opened, committee, rekey, state, cfrags)


def _require_opening(opened: RoundOpened, committee: Sequence[Member], state: Round) -> None:
    data = opened.data
    require(hashing.keccak256(b"".join(opened.capsules)) == data.capsules_hash, "other capsules")
    require(hashing.words_hash(opened.record_ids) == data.record_ids_hash, "other records")
    require(list(opened.record_ids) == sorted(set(opened.record_ids)), "records are not in order")
    data_hash = hashing.round_data_hash(
        data.label, data.mask_hash, data.rekey_rest, data.capsules_hash, data.record_ids_hash
    )
    committee_hash = hashing.words_hash(member.word for member in committee)
    require(hashing.round_key(committee_hash, data_hash) == state.key, "another committee or other values")


def _require_chain(submissions: Sequence[CfragsSubmitted], state: Round) -> None:
    value = state.key
    for one in submissions:
        link = hashing.submission_link(one.slot, one.excluded, one.cfrags, one.proof.challenge, one.proof.response)
        value = hashing.submissions_after(value, link)
    require(value == state.submissions, "another chain: the node's events are not all, or not true")


def _check_cfrags(
    chain: AuditedChain,
    findings: Findings,
    shown: str,
    opened: RoundOpened,
    rekey: VerifiedRekey,
    submissions: Sequence[CfragsSubmitted],
) -> dict[Slot, tuple[CfragsSubmitted, VerifiedCFrags]]:
    """The cfrags whose proof holds. Those that were challenged must not hold: somebody paid for it."""
    context = RoundContext(chain.domain, opened.round_id)
    challenged = {event.slot for event in chain.all_of(CfragChallenged, round_id=opened.round_id)}
    verified: dict[Slot, tuple[CfragsSubmitted, VerifiedCFrags]] = {}
    for one in submissions:
        c1s = [G1.from_evm(c1) for j, c1 in enumerate(opened.capsules) if not one.excluded >> j & 1]
        if one.slot in challenged:
            with findings.check(shown, f"cfrags of slot {one.slot} were rightly challenged"):
                require(not _holds(rekey, context, c1s, one), "their proof holds", one.proxy)
            continue
        with findings.check(shown, f"proof of slot {one.slot}'s cfrags"):
            require(rekey.context.member(one.slot).account == one.proxy, "another proxy's slot", one.proxy)
            verified[one.slot] = (one, verify_cfrags(rekey, context, c1s, _cfrags(one)))
    return verified


def _holds(rekey: VerifiedRekey, context: RoundContext, c1s: Sequence[G1], one: CfragsSubmitted) -> bool:
    try:
        verify_cfrags(rekey, context, c1s, _cfrags(one))
    except (InvalidCFragProof, DecodingError):
        return False
    return True


def _cfrags(one: CfragsSubmitted) -> CFrags:
    return CFrags(
        one.slot,
        tuple(G1.from_evm(point) for point in one.cfrags),
        Proof(one.proof.challenge, one.proof.response),
    )


def _check_result(
    chain: AuditedChain,
    findings: Findings,
    shown: str,
    opened: RoundOpened,
    committee: Sequence[Member],
    rekey: VerifiedRekey,
    state: Round,
    cfrags: dict[Slot, tuple[CfragsSubmitted, VerifiedCFrags]],
) -> None:
    final = chain.one_of(RoundFinalized, shown, round_id=opened.round_id)
    proposed = chain.one_of(
        LeaderProposed,
        shown,
        lambda event: hashing.proposal_hash(state.key, event.result_hash) == state.proposal,
        round_id=opened.round_id,
    )
    kept = [j for j in range(len(opened.capsules)) if not proposed.excluded >> j & 1]
    with findings.check(shown, "the result is the one whose hash the contract stores"):
        points = [G1.from_evm(point) for point in proposed.results]
        found = hashing.result_hash(opened.round_id, proposed.contributors, proposed.excluded, points)
        require(found == proposed.result_hash == final.result_hash, "another hash")
    with findings.check(shown, "e(W, h2) == e(c1, V) for every record"):
        c1s = [G1.from_evm(opened.capsules[j]) for j in kept]
        points = [G1.from_evm(point) for point in proposed.results]
        verify_result(RoundContext(chain.domain, opened.round_id), rekey.rekey.mask, c1s, points)
    slots = [Slot(i + 1) for i in range(len(committee)) if proposed.contributors >> i & 1]
    posted = {one.slot for one in chain.all_of(CfragsSubmitted, round_id=opened.round_id)}
    with findings.check(shown, "it is of as many contributors as the threshold"):
        require(len(slots) == state.threshold, f"{len(slots)} contributors for threshold {state.threshold}")
    # one transaction brought results and signed votes, all of which the contract checked (SPEC §15)
    signed = proposed.at.tx_hash == final.at.tx_hash and not final.by_proof and not posted >= set(slots)
    if not signed:
        with findings.check(shown, "the result is what its contributors' cfrags combine to"):
            _require_combined(proposed, slots, cfrags, state.threshold)
    with findings.check(shown, "the leader sits in its slot"):
        require(committee[proposed.slot - 1].account == proposed.leader == final.leader, "another", proposed.leader)
    how = "finalized by proof" if final.by_proof else "more than half of the committee voted for it"
    how = "more than half of the committee signed it" if signed else how
    with findings.check(shown, how):
        _require_votes(chain, opened, committee, proposed, final, state)


def _require_combined(
    proposed: LeaderProposed,
    slots: Sequence[Slot],
    cfrags: dict[Slot, tuple[CfragsSubmitted, VerifiedCFrags]],
    threshold: int,
) -> None:
    parts = []
    for slot in slots:
        require(slot in cfrags, f"slot {slot} has no verified cfrags", proposed.leader)
        submitted, verified = cfrags[slot]
        # records that left the round after this submission are in its batch and not in the result
        before = [j for j in range(128) if not submitted.excluded >> j & 1]
        parts.append(verified.without([i for i, j in enumerate(before) if proposed.excluded >> j & 1]))
    combined = combine_cfrags(parts, threshold)
    require(tuple(point.to_evm() for point in combined.points) == proposed.results, "another point", proposed.leader)


def _require_votes(
    chain: AuditedChain,
    opened: RoundOpened,
    committee: Sequence[Member],
    proposed: LeaderProposed,
    final: RoundFinalized,
    state: Round,
) -> None:
    cast = chain.all_of(VoteCast, round_id=opened.round_id, result_hash=proposed.result_hash)
    approvals = 1 << (proposed.slot - 1)
    if not cast and not final.by_proof and proposed.at.tx_hash == final.at.tx_hash:
        approvals |= state.approvals  # signatures: the contract keeps whose, not the signatures
    for vote in cast:
        require(committee[vote.slot - 1].account == vote.proxy, f"slot {vote.slot} is not its voter's", vote.proxy)
        approvals |= int(vote.approve) << (vote.slot - 1)
    require(approvals == state.approvals, "the votes are not those that the contract counted")
    require(approvals == final.approvals, "the event names other voters than voted")
    enough = 2 * approvals.bit_count() > len(committee)
    require(enough != final.by_proof, "finalized in another way than the votes say")
