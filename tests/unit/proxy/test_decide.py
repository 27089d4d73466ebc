"""decide(): whose turn it is and what it does, one rule at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tpre_offchain.chain.abi.structs import Phase
from tpre_offchain.proxy.rounds.decide import (
    Action,
    Challenge,
    CheckCfrags,
    CheckGrant,
    ClaimFee,
    Close,
    Complain,
    Done,
    FinalizeByProof,
    Me,
    Propose,
    ReportCapsules,
    Submit,
    Vote,
    Wait,
    decide,
)
from tpre_offchain.proxy.rounds.snapshot import RoundSnapshot, Verdict
from tpre_offchain.types import RoundId, Slot

BACKOFF_S = 2.0
GOOD, BAD = Verdict.GOOD, Verdict.BAD


def slots(*numbers: int) -> frozenset[Slot]:
    return frozenset(Slot(n) for n in numbers)


def verdicts(**named: Verdict) -> dict[Slot, Verdict]:
    return {Slot(int(name[1:])): verdict for name, verdict in named.items()}


# rank order of five slots: 4 2 5 1 3; threshold 3
FRESH = RoundSnapshot(
    round_id=RoundId(1 << 32),
    threshold=3,
    ranking=(Slot(4), Slot(2), Slot(5), Slot(1), Slot(3)),
    records=2,
    deadline_s=1_060,
    vote_seconds=10,
    now_s=1_000.0,
    since_s=1_000.0,
    fee_wei=7,
)
READY = replace(FRESH, fragment=GOOD, bad_capsules=frozenset())
FULL = replace(READY, submitted=slots(4, 2, 5), cfrags=verdicts(s4=GOOD, s2=GOOD, s5=GOOD))
PROPOSED = replace(
    FULL,
    leader=Slot(4),
    contributors=slots(4, 2, 5),
    approvals=slots(4),
    vote_end_s=1_010,
    now_s=1_001.0,
    since_s=1_001.0,
)
FINALIZED = replace(PROPOSED, finalized=True, vote_end_s=1_040)


def action_of(slot: int, snapshot: RoundSnapshot, **changes: Any) -> Action:
    return decide(replace(snapshot, **changes), Me(Slot(slot), backoff_s=BACKOFF_S))


class TestSubmitting:
    @pytest.mark.parametrize("slot", [4, 2, 5])
    def test_submit__first_t_in_rank__at_once(self, slot: int) -> None:
        assert action_of(slot, READY) == Submit()

    @pytest.mark.parametrize(("slot", "turn_s"), [(1, 1_002.0), (3, 1_004.0)])
    def test_submit__later_ranks__wait_one_backoff_a_place(self, slot: int, turn_s: float) -> None:
        assert action_of(slot, READY) == Wait(turn_s)
        assert action_of(slot, READY, now_s=turn_s) == Submit()

    def test_submit__one_of_the_first_was_challenged__next_in_rank_at_once(self) -> None:
        after = {"challenged": slots(2), "submitted": slots(4, 5)}
        assert action_of(1, READY, **after) == Submit()
        assert action_of(3, READY, **after) == Wait(1_002.0)

    def test_submit__already_done__waits_for_the_others(self) -> None:
        assert action_of(5, READY, submitted=slots(5), cfrags=verdicts(s5=GOOD)) == Wait(1_061)

    def test_submit__challenged__never_again(self) -> None:
        assert action_of(4, READY, challenged=slots(4)) == Wait(1_061)

    def test_submit__nothing_checked__checks_first(self) -> None:
        assert action_of(4, FRESH) == CheckGrant()
        assert action_of(4, FRESH, fragment=GOOD) == CheckGrant()

    def test_check__not_my_turn__costs_nothing(self) -> None:
        assert action_of(1, FRESH) == Wait(1_002.0)

    def test_submit__bad_fragment__complains(self) -> None:
        assert action_of(2, FRESH, fragment=BAD, bad_capsules=frozenset()) == Complain()

    def test_submit__bad_capsule__reported_by_the_first_alone(self) -> None:
        bad = {"bad_capsules": frozenset({1})}
        assert action_of(4, READY, **bad) == ReportCapsules(frozenset({1}))
        assert action_of(2, READY, **bad) == Wait(1_002.0)
        assert action_of(2, READY, **bad, now_s=1_002.0) == ReportCapsules(frozenset({1}))

    def test_submit__bad_capsule_left_the_round__submits_the_rest(self) -> None:
        assert action_of(2, READY, bad_capsules=frozenset({1}), excluded=frozenset({1})) == Submit()

    def test_check__likely_leader__looks_at_cfrags_as_they_come(self) -> None:
        two = {"submitted": slots(4, 5), "cfrags": verdicts(s4=GOOD)}
        assert action_of(4, READY, **two) == CheckCfrags(slots(5))
        assert action_of(5, READY, **two) == Wait(1_061)


class TestProposing:
    def test_propose__first_submitter_in_rank__at_once(self) -> None:
        assert FULL.phase is Phase.PROPOSING
        assert action_of(4, FULL) == Propose(slots(4, 2, 5))

    def test_propose__others__wait_in_line(self) -> None:
        waits = [Wait(1_002.0), Wait(1_004.0), Wait(1_006.0), Wait(1_008.0)]
        assert [action_of(slot, FULL) for slot in (2, 5, 1, 3)] == waits
        assert action_of(2, FULL, now_s=1_002.0) == Propose(slots(4, 2, 5))

    def test_propose__first_in_rank_did_not_submit__submitters_lead(self) -> None:
        cfrags = verdicts(s2=GOOD, s5=GOOD, s1=GOOD)
        assert action_of(2, READY, submitted=slots(2, 5, 1), cfrags=cfrags) == Propose(slots(2, 5, 1))
        assert action_of(4, READY, submitted=slots(2, 5, 1), cfrags=cfrags) == Wait(1_006.0)

    def test_propose__unchecked_cfrags__checks_those_alone(self) -> None:
        assert action_of(4, FULL, cfrags=verdicts(s4=GOOD)) == CheckCfrags(slots(2, 5))

    def test_propose__bad_cfrag__challenges_it(self) -> None:
        assert action_of(4, FULL, cfrags=verdicts(s4=GOOD, s2=GOOD, s5=BAD)) == Challenge(Slot(5))

    def test_propose__voted_down_before__leaves_it_to_the_next(self) -> None:
        assert action_of(4, FULL, rejected_leaders=slots(4)) == Wait(1_061)
        assert action_of(2, FULL, rejected_leaders=slots(4)) == Propose(slots(4, 2, 5))

    def test_propose__cannot_open_own_fragment__still_leads(self) -> None:
        assert action_of(4, FULL, fragment=None, bad_capsules=None) == Propose(slots(4, 2, 5))


class TestVoting:
    def test_vote__enough_for_the_majority__at_once(self) -> None:
        assert PROPOSED.phase is Phase.VOTING
        assert [action_of(slot, PROPOSED) for slot in (2, 5)] == [Vote(approve=True)] * 2
        assert [action_of(slot, PROPOSED) for slot in (1, 3)] == [Wait(1_003.0), Wait(1_005.0)]

    def test_vote__some_are_silent__the_next_step_in(self) -> None:
        assert action_of(1, PROPOSED, now_s=1_003.0) == Vote(approve=True)

    def test_vote__unchecked_contributors__checks_them_first(self) -> None:
        assert action_of(2, PROPOSED, cfrags=verdicts(s2=GOOD)) == CheckCfrags(slots(4, 5))

    def test_vote__bad_contributor__against(self) -> None:
        assert action_of(2, PROPOSED, cfrags=verdicts(s4=GOOD, s2=GOOD, s5=BAD)) == Vote(approve=False)

    @pytest.mark.parametrize("slot", [2, 4])
    def test_vote__cast__waits_for_the_window(self, slot: int) -> None:
        assert action_of(slot, PROPOSED, approvals=slots(4, 2)) == Wait(1_011)

    def test_finalize__window_passed__in_turn(self) -> None:
        over = replace(PROPOSED, now_s=1_011.0, since_s=1_011.0)
        assert over.phase is Phase.PROVABLE
        assert action_of(4, over) == FinalizeByProof()
        assert action_of(2, over) == Wait(1_013.0)
        assert action_of(2, over, now_s=1_013.0) == FinalizeByProof()


class TestAfterTheEnd:
    def test_close__expired__in_turn(self) -> None:
        expired = replace(READY, now_s=1_061.0, since_s=1_061.0, submitted=slots(5))
        assert expired.phase is Phase.EXPIRED
        assert action_of(5, expired) == Close()
        assert action_of(4, expired) == Wait(1_063.0)
        assert action_of(4, expired, settled=True) == Done()

    def test_close__revoked__at_once(self) -> None:
        assert action_of(4, READY, grant_ended=True) == Close()

    def test_close__every_record_left__at_once(self) -> None:
        assert action_of(4, READY, excluded=frozenset({0, 1})) == Close()

    def test_phase__live_proposal__gets_its_grace(self) -> None:
        assert replace(PROPOSED, now_s=1_080.9).phase is Phase.PROVABLE
        assert replace(PROPOSED, now_s=1_081.0).phase is Phase.EXPIRED

    def test_claim__own_cfrags_stood__after_the_challenge_window(self) -> None:
        assert action_of(5, FINALIZED) == Wait(1_041)
        assert action_of(5, FINALIZED, now_s=1_041.0) == ClaimFee()

    def test_claim__nothing_due__done(self) -> None:
        assert action_of(1, FINALIZED) == Done()
        assert action_of(5, FINALIZED, claimed=slots(5)) == Done()
        assert action_of(5, FINALIZED, fee_wei=0) == Done()
        assert action_of(5, FINALIZED, submitted=slots(4, 2), challenged=slots(5)) == Done()


def test_decide__one_of_one__does_everything_alone() -> None:
    alone = replace(READY, threshold=1, ranking=(Slot(1),))
    assert action_of(1, alone) == Submit()
    assert action_of(1, alone, submitted=slots(1), cfrags=verdicts(s1=GOOD)) == Propose(slots(1))
