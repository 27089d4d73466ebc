"""Proxies that lie: the package's own worker, honest until the step that it falsifies; and publishers.

Each lie of a proxy replaces ``prepare`` in the process that tells it; all the rest is left as it is. Those of
publishers change what is about to be sent: see ``Scene.share_tampered``.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tpre_offchain.chain.abi import structs
from tpre_offchain.chain.abi.call import Call
from tpre_offchain.crypto.cfrag import CFrags, RoundContext
from tpre_offchain.crypto.curve import G1, g1
from tpre_offchain.crypto.pre import combine, reencrypt
from tpre_offchain.proxy.daemon import serving
from tpre_offchain.proxy.rounds import actions
from tpre_offchain.proxy.rounds.actions import Workbench, prepare
from tpre_offchain.proxy.rounds.decide import CheckCfrags, CheckGrant, Propose, Submit, Transaction, Vote, Wait, decide
from tpre_offchain.proxy.rounds.rounds import bitmap_of_slots
from tpre_offchain.types import RoundId, Slot

Lie = Callable[[Transaction, Workbench], Call]


def _random_point() -> G1:
    return g1() * (int.from_bytes(secrets.token_bytes(31), "big") + 1)


def _context(bench: Workbench, **domain: Any) -> RoundContext:
    return RoundContext(replace(bench.contracts.domain, **domain), bench.facts.round_id)


def _true_cfrags(bench: Workbench, context: RoundContext | None = None) -> CFrags:
    capsules = [bench.findings.capsules[position] for position, _, _ in bench.facts.records_in]
    return reencrypt(bench.kfrag, context or bench.round_context, capsules, bench.random)


def _post(bench: Workbench, points: Sequence[bytes], proof: structs.Proof) -> Call:
    call = bench.contracts.rounds.submit_cfrags(
        bench.facts.round_id, bench.seat.committee, bench.data_hash, bench.seat.slot, list(points), proof
    )
    return replace(call, gas_hint=bench.gas(actions.SUBMIT_GAS))


def _as_posted(bench: Workbench, cfrags: CFrags) -> Call:
    proof = structs.Proof(cfrags.proof.challenge, cfrags.proof.response)
    return _post(bench, [point.to_evm() for point in cfrags.points], proof)


# --- false cfrags ---------------------------------------------------------------------------------


def wrong_points(action: Transaction, bench: Workbench) -> Call:
    """Points that are no conversions, with the proof of the true ones."""
    if not isinstance(action, Submit):
        return prepare(action, bench)
    true = _true_cfrags(bench)
    return _as_posted(bench, replace(true, points=tuple(_random_point() for _ in true.points)))


def wrong_proof(action: Transaction, bench: Workbench) -> Call:
    """The true points with a proof that does not hold."""
    if not isinstance(action, Submit):
        return prepare(action, bench)
    true = _true_cfrags(bench)
    return _as_posted(bench, replace(true, proof=replace(true.proof, response=true.proof.response ^ 1)))


def replayed(action: Transaction, bench: Workbench) -> Call:
    """Another proxy's cfrags under one's own name; waits for somebody else to submit."""
    if not isinstance(action, Submit):
        return prepare(action, bench)
    others = [one for one in bench.facts.submissions if one.slot != bench.seat.slot]
    if not others:
        raise actions.NotChecked("nobody to copy from yet")
    return _post(bench, others[0].cfrags, others[0].proof)


def other_round(action: Transaction, bench: Workbench) -> Call:
    """True points with a proof for another round."""
    if not isinstance(action, Submit):
        return prepare(action, bench)
    elsewhere = RoundContext(bench.contracts.domain, RoundId(bench.facts.round_id + 1))
    return _as_posted(bench, _true_cfrags(bench, elsewhere))


def other_chain(action: Transaction, bench: Workbench) -> Call:
    """True points with a proof for another chain."""
    if not isinstance(action, Submit):
        return prepare(action, bench)
    return _as_posted(bench, _true_cfrags(bench, _context(bench, chain_id=1)))


def other_contract(action: Transaction, bench: Workbench) -> Call:
    """True points with a proof for another contract of rounds."""
    if not isinstance(action, Submit):
        return prepare(action, bench)
    return _as_posted(bench, _true_cfrags(bench, _context(bench, rounds=bench.contracts.grants.address)))


# --- false proposals and votes --------------------------------------------------------------------


def _proposal(bench: Workbench, contributors: int, points: Sequence[bytes]) -> Call:
    call = bench.contracts.rounds.propose(
        bench.facts.round_id,
        bench.seat.committee,
        bench.facts.opened.data,
        bench.seat.slot,
        contributors,
        bench.grant.rekey.rekey.mask.to_evm(),
        bench.facts.opened.capsules,
        list(points),
    )
    return replace(call, gas_hint=bench.gas(actions.PROPOSE_GAS))


def own_result(action: Transaction, bench: Workbench) -> Call:
    """A result of one's own making."""
    if not isinstance(action, Propose):
        return prepare(action, bench)
    points = [_random_point().to_evm() for _ in bench.facts.records_in]
    return _proposal(bench, bitmap_of_slots(action.contributors), points)


def absent_contributors(action: Transaction, bench: Workbench) -> Call:
    """The right result, said to come from members that submitted nothing."""
    if not isinstance(action, Propose):
        return prepare(action, bench)
    everybody = [Slot(number) for number in range(1, len(bench.seat.committee) + 1)]
    absent = [slot for slot in everybody if slot not in bench.facts.submitted]
    wanted = bench.seat.access.threshold
    named = (absent + sorted(bench.facts.submitted))[:wanted]
    results = combine([actions._still_in(bench, slot) for slot in sorted(action.contributors)], wanted)
    return _proposal(bench, bitmap_of_slots(named), [point.to_evm() for point in results.points])


def against(action: Transaction, bench: Workbench) -> Call:
    """A vote against a right result."""
    return prepare(replace(action, approve=False) if isinstance(action, Vote) else action, bench)


LIES: Mapping[str, Lie] = {
    lie.__name__: lie
    for lie in (
        wrong_points,
        wrong_proof,
        replayed,
        other_round,
        other_chain,
        other_contract,
        own_result,
        absent_contributors,
        against,
    )
}
FALSE_CFRAGS = ("wrong_points", "wrong_proof", "replayed", "other_round", "other_chain", "other_contract")
FALSE_PROPOSALS = ("own_result", "absent_contributors")


def tell(name: str) -> None:
    """From now on this process tells that lie. ``silent_after_submit`` is the other way to be of no use."""
    if name == "silent_after_submit":
        setattr(serving, "decide", _submit_alone)  # noqa: B010
        return
    setattr(serving, "prepare", LIES[name])  # noqa: B010 - a name that it imports for itself


def _submit_alone(snapshot: Any, me: Any) -> Any:
    action = decide(snapshot, me)
    return action if isinstance(action, Submit | CheckGrant | CheckCfrags) else Wait(snapshot.now_s + 3600)


# --- publishers ------------------------------------------------------------------------


def false_capsule(record: structs.RecordInput) -> structs.RecordInput:
    """The publisher's proof does not hold."""
    return replace(record, proof=replace(record.proof, response=record.proof.response ^ 1))
