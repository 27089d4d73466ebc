"""What a proxy does next in a round: one pure function from what it knows to an action (PROTOCOL §2-§3).

The protocol needs t cfrags, one proposal and a majority of votes. Any honest member can take any of these steps and
each is safe to repeat, so this file is about one question: whose turn is it? Everybody computes the same queue from
public facts. Its head acts at once; every later place waits one back-off more, and acts only if the step is still to
be taken. Dead proxies thus cost time, never the round, and live ones do not race each other for gas.

Checks are made as late as possible: a proxy looks at its own fragment before it uses it, at others' cfrags before it
combines them or votes for what was combined.

Where members have endpoints a round first goes off the chain (``_off_chain``): cfrags to the lowest in rank that
answers, which asks for votes and sends one transaction. What is not finalized within a proxy's patience goes on by way
of the chain, from whatever stands there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from tpre_offchain.chain.abi.structs import Phase
from tpre_offchain.proxy.rounds.snapshot import Exchanged, RoundSnapshot, Verdict
from tpre_offchain.types import Slot


@dataclass(frozen=True, slots=True)
class Me:
    """The proxy that decides: its slot in the round's committee, and its patience."""

    slot: Slot
    backoff_s: float = 2.0
    """What one place in a queue is worth."""
    patience_s: float = 1.5
    """For how long a round may go on off the chain; a third of it for each leader that is tried."""
    settle_s: float = 15.0
    """For how long a result that I signed may be on its way into a block."""


@dataclass(frozen=True, slots=True)
class CheckGrant:
    """Open my fragment of the re-key and verify the capsules of the round's records. Nothing is sent."""


@dataclass(frozen=True, slots=True)
class CheckCfrags:
    """Verify the proofs of these submissions. Nothing is sent."""

    slots: frozenset[Slot]


@dataclass(frozen=True, slots=True)
class Complain:
    """Show the contract that the owner dealt me a bad fragment; the grant is void."""


@dataclass(frozen=True, slots=True)
class ReportCapsules:
    """Show the contract that these records' capsule proofs do not hold; they leave the round."""

    positions: frozenset[int]


@dataclass(frozen=True, slots=True)
class Submit:
    """Post my cfrags of all records still in the round."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Send my cfrags to this member, who leads if it is alive. To myself: I lead. Nothing goes on the chain."""

    leader: Slot


@dataclass(frozen=True, slots=True)
class AskVotes:
    """Combine these t verified cfrags and ask the others to sign the result. Nothing goes on the chain."""

    contributors: frozenset[Slot]


@dataclass(frozen=True, slots=True)
class FinalizeSigned:
    """Bring the result that votes were asked for, and the signed votes."""

    contributors: frozenset[Slot]


@dataclass(frozen=True, slots=True)
class Challenge:
    """Show the contract that a submission's proof does not hold; its cfrags leave the round."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class Propose:
    """Combine these t verified submissions and post the result."""

    contributors: frozenset[Slot]


@dataclass(frozen=True, slots=True)
class Vote:
    """Vote on the live proposal."""

    approve: bool


@dataclass(frozen=True, slots=True)
class FinalizeByProof:
    """Finalize a proven result on which not enough members voted."""


@dataclass(frozen=True, slots=True)
class Close:
    """Settle a round that expired or ended: what is not owed goes back to the grant."""


@dataclass(frozen=True, slots=True)
class ClaimFee:
    """Take the fee of my cfrags, with others that are due."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before this moment unless the chain says something new."""

    until_s: float


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do in this round."""


Transaction = Complain | ReportCapsules | Submit | Challenge | Propose | Vote | FinalizeByProof | FinalizeSigned | Close
"""Sent for one round alone."""
Action = CheckGrant | CheckCfrags | Offer | AskVotes | Transaction | ClaimFee | Wait | Done


def decide(snapshot: RoundSnapshot, me: Me) -> Action:
    """The next step of proxy ``me`` in the round of ``snapshot``. Pure: the same arguments give the same action."""
    match snapshot.phase:
        case Phase.SUBMITTING:
            return _off_chain(snapshot, me) or _while_submitting(snapshot, me)
        case Phase.PROPOSING:
            return _while_proposing(snapshot, me)
        case Phase.VOTING:
            return _while_voting(snapshot, me)
        case Phase.PROVABLE:
            return _in_turn(FinalizeByProof(), _alive_first(snapshot), snapshot, me, since_s=snapshot.vote_end_s + 1)
        case Phase.EXPIRED | Phase.ENDED if not snapshot.settled:
            return _in_turn(Close(), _alive_first(snapshot), snapshot, me)
        case _:
            return _after_the_end(snapshot, me)


def _off_chain(snapshot: RoundSnapshot, me: Me) -> Action | None:
    """The next step off the chain; None: by way of the chain, because of what is missing or because time is up."""
    exchanged, present, until_s = snapshot.exchanged, _present(snapshot), _on_chain_from_s(snapshot, me)
    if exchanged is None or snapshot.now_s >= until_s or me.slot not in present or me.slot in snapshot.submitted:
        return None
    if snapshot.fragment is None or snapshot.bad_capsules is None:
        return CheckGrant()
    if snapshot.fragment is Verdict.BAD or snapshot.bad_capsules:
        return None
    if exchanged.signed_at_s:
        return Wait(until_s)
    late_s = {slot: at_s + me.patience_s / 3 for slot, at_s in exchanged.offered_at_s.items()}
    leader = next(
        (slot for slot in present if slot not in exchanged.failed and snapshot.now_s < late_s.get(slot, inf)), None
    )
    if leader is not None and leader not in late_s:
        return Offer(leader)
    # whoever did not find a leader before itself is one
    step = _lead(snapshot, exchanged) if me.slot in late_s else None
    return step or Wait(min(until_s, late_s[leader] if leader is not None else until_s))


def _on_chain_from_s(snapshot: RoundSnapshot, me: Me) -> float:
    """When this proxy no longer waits for what goes on off the chain.

    Where it signed a result, that is on its way: cfrags that are posted meanwhile would only make it fail.
    """
    if snapshot.exchanged is None or len(_present(snapshot)) < max(snapshot.threshold, snapshot.majority):
        return 0.0
    return max(snapshot.since_s + me.patience_s, snapshot.exchanged.signed_at_s + me.settle_s)


def _present(snapshot: RoundSnapshot) -> list[Slot]:
    """Rank order of those who can be reached; none once a record left, since results off the chain are of all."""
    if snapshot.exchanged is None or snapshot.excluded:
        return []
    return [slot for slot in _able(snapshot) if slot in snapshot.exchanged.reachable]


def _lead(snapshot: RoundSnapshot, exchanged: Exchanged) -> Action | None:
    """What stands on the chain is owed its fee, so the result is of that and of what came here."""
    if unchecked := snapshot.submitted - snapshot.cfrags.keys():
        return CheckCfrags(unchecked)
    if any(snapshot.cfrags[slot] is Verdict.BAD for slot in snapshot.submitted):
        return None
    have = snapshot.submitted | (exchanged.held - snapshot.challenged)
    if len(have) < snapshot.threshold:
        return None
    asked = exchanged.asked
    if asked is None or not snapshot.submitted <= asked <= have:
        more = [slot for slot in snapshot.ranking if slot in have - snapshot.submitted]
        return AskVotes(snapshot.submitted | frozenset(more[: snapshot.threshold - len(snapshot.submitted)]))
    return FinalizeSigned(asked) if len(exchanged.approvals) + 1 >= snapshot.majority else None


def _able(snapshot: RoundSnapshot) -> list[Slot]:
    """Rank order of those whose cfrags were not shown to be bad."""
    return [slot for slot in snapshot.ranking if slot not in snapshot.challenged]


def _while_submitting(snapshot: RoundSnapshot, me: Me) -> Action:
    able, since_s = _able(snapshot), _on_chain_from_s(snapshot, me)
    if me.slot in snapshot.submitted or me.slot not in able:
        return _prepare_to_lead(snapshot, me)
    if snapshot.fragment is None or snapshot.bad_capsules is None:
        return _in_turn(CheckGrant(), able, snapshot, me, at_once=snapshot.threshold, since_s=since_s)
    if snapshot.fragment is Verdict.BAD:
        return Complain()
    # a record with a false proof may be the copy of another: converting it would be an oracle (SCHEME §3)
    if reportable := snapshot.bad_capsules - snapshot.excluded:
        return _in_turn(ReportCapsules(reportable), able, snapshot, me)
    return _in_turn(Submit(), able, snapshot, me, at_once=snapshot.threshold, since_s=since_s)


def _prepare_to_lead(snapshot: RoundSnapshot, me: Me) -> Action:
    unchecked = snapshot.submitted - snapshot.cfrags.keys()
    # whoever would lead checks cfrags as they come, and has less to do when the last one is there
    if unchecked and me.slot == _alive_first(snapshot)[0]:
        return CheckCfrags(unchecked)
    return Wait(snapshot.deadline_s + 1)


def _while_proposing(snapshot: RoundSnapshot, me: Me) -> Action:
    candidates = [slot for slot in _alive_first(snapshot) if slot not in snapshot.rejected_leaders]
    if me.slot not in candidates:
        return Wait(snapshot.deadline_s + 1)
    return _in_turn(_check_then_propose(snapshot), candidates, snapshot, me)


def _check_then_propose(snapshot: RoundSnapshot) -> Action:
    if unchecked := snapshot.submitted - snapshot.cfrags.keys():
        return CheckCfrags(unchecked)
    standing = [slot for slot in snapshot.ranking if slot in snapshot.submitted]
    if bad := [slot for slot in standing if snapshot.cfrags[slot] is Verdict.BAD]:
        return Challenge(bad[0])
    return Propose(frozenset(standing[: snapshot.threshold]))


def _while_voting(snapshot: RoundSnapshot, me: Me) -> Action:
    electors = [slot for slot in _alive_first(snapshot) if slot not in snapshot.approvals | snapshot.rejections]
    if me.slot not in electors:
        return Wait(snapshot.vote_end_s + 1)
    if unchecked := snapshot.contributors - snapshot.cfrags.keys():
        ballot: Action = CheckCfrags(unchecked)
    else:
        # the contract has proven the result itself; judged here is whether the contributors' proofs hold
        ballot = Vote(approve=all(snapshot.cfrags[slot] is Verdict.GOOD for slot in snapshot.contributors))
    return _in_turn(ballot, electors, snapshot, me, at_once=snapshot.majority - len(snapshot.approvals))


def _after_the_end(snapshot: RoundSnapshot, me: Me) -> Action:
    if me.slot not in snapshot.submitted - snapshot.claimed or snapshot.fee_wei == 0:
        return Done()
    return ClaimFee() if snapshot.now_s >= snapshot.vote_end_s + 1 else Wait(snapshot.vote_end_s + 1)


def _alive_first(snapshot: RoundSnapshot) -> list[Slot]:
    """Rank order, but those who submitted in this round before those who may be dead; the challenged not at all."""
    return sorted(_able(snapshot), key=lambda slot: slot not in snapshot.submitted)


def _in_turn(
    action: Action, queue: Sequence[Slot], snapshot: RoundSnapshot, me: Me, *, at_once: int = 1, since_s: float = 0.0
) -> Action:
    """The action if my turn has come, else the wait for it: the first ``at_once`` of the queue do not wait."""
    if me.slot not in queue:
        return Done() if isinstance(action, Close) else Wait(snapshot.deadline_s + 1)
    places_before_me = max(0, queue.index(me.slot) - at_once + 1)
    my_turn_s = max(snapshot.since_s, since_s) + places_before_me * me.backoff_s
    return action if snapshot.now_s >= my_turn_s else Wait(my_turn_s)
