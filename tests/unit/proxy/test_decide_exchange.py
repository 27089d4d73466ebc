"""decide() off the chain: who leads, when to give up, and when the chain is the way at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.proxy.test_decide import BAD, FRESH, GOOD, READY, slots, verdicts
from tpre_offchain.proxy.rounds.decide import (
    Action,
    AskVotes,
    CheckCfrags,
    CheckGrant,
    Complain,
    FinalizeSigned,
    Me,
    Offer,
    ReportCapsules,
    Submit,
    Wait,
    decide,
)
from tpre_offchain.proxy.rounds.snapshot import Exchanged, RoundSnapshot
from tpre_offchain.types import Slot

# rank order 4 2 5 1 3, threshold 3, the round seen at 1000; patience 1.5 s, so half a second for each leader
ALL = Exchanged(reachable=slots(1, 2, 3, 4, 5))


def action_of(slot: int, exchanged: Exchanged | None = ALL, snapshot: RoundSnapshot = READY, **changes: Any) -> Action:
    return decide(replace(snapshot, exchanged=exchanged, **changes), Me(Slot(slot), 2.0, patience_s=1.5, settle_s=15.0))


def offered(**at_s: float) -> Exchanged:
    return replace(ALL, offered_at_s={Slot(int(name[1:])): moment for name, moment in at_s.items()})


class TestOffering:
    @pytest.mark.parametrize("slot", [1, 2, 3, 4, 5])
    def test_offer__all_reachable__everybody_at_once_to_the_first_in_rank(self, slot: int) -> None:
        assert action_of(slot) == Offer(Slot(4))

    def test_offer__grant_not_checked__checks_it_first(self) -> None:
        assert action_of(1, snapshot=FRESH) == CheckGrant()

    def test_offer__first_failed__next_in_rank(self) -> None:
        assert action_of(1, replace(offered(s4=1_000.1), failed=slots(4)), now_s=1_000.1) == Offer(Slot(2))

    def test_offer__first_took_it__its_time_and_then_the_next(self) -> None:
        assert action_of(1, offered(s4=1_000.1), now_s=1_000.2) == Wait(1_000.6)
        assert action_of(1, offered(s4=1_000.1), now_s=1_000.7) == Offer(Slot(2))

    def test_offer__first_has_no_endpoint__passed_over(self) -> None:
        assert action_of(1, replace(ALL, reachable=slots(1, 2, 3))) == Offer(Slot(2))

    def test_offer__nobody_before_me__to_myself(self) -> None:
        assert action_of(2, replace(offered(s4=1_000.1), failed=slots(4)), now_s=1_000.1) == Offer(Slot(2))


class TestLeading:
    mine = replace(offered(s4=1_000.0), held=slots(4, 3, 1))

    def test_ask_votes__t_held__the_lowest_ranks_of_them(self) -> None:
        assert action_of(4, self.mine) == AskVotes(slots(4, 3, 1))
        assert action_of(4, replace(self.mine, held=slots(1, 2, 3, 4, 5))) == AskVotes(slots(4, 2, 5))

    def test_ask_votes__fewer_held__waits(self) -> None:
        assert action_of(4, replace(self.mine, held=slots(4, 3))) == Wait(1_000.5)

    def test_ask_votes__not_my_turn__only_holds_them(self) -> None:
        assert action_of(2, replace(self.mine, held=slots(1, 2, 3))) == Wait(1_000.5)

    def test_ask_votes__cfrags_stand_on_the_chain__are_part_of_it(self) -> None:
        chain = replace(READY, submitted=slots(5), cfrags=verdicts(s5=GOOD))
        assert action_of(4, self.mine, chain) == AskVotes(slots(4, 1, 5))
        assert action_of(4, self.mine, replace(chain, cfrags={})) == CheckCfrags(slots(5))
        # what is bad there is challenged on the chain's way
        assert action_of(4, self.mine, replace(chain, cfrags=verdicts(s5=BAD))) == Wait(1_000.5)

    def test_finalize_signed__majority_has_signed__brings_it(self) -> None:
        asked = replace(self.mine, asked=slots(4, 3, 1), approvals=slots(1, 2))
        assert action_of(4, asked) == FinalizeSigned(slots(4, 3, 1))
        assert action_of(4, replace(asked, approvals=slots(1))) == Wait(1_000.5)
        # more came in meanwhile: what was signed stays
        assert action_of(4, replace(asked, held=slots(1, 2, 3, 4, 5))) == FinalizeSigned(slots(4, 3, 1))

    def test_ask_votes__somebody_posted_since__asks_anew(self) -> None:
        asked = replace(self.mine, asked=slots(4, 3, 1), approvals=slots(1, 2))
        chain = replace(READY, submitted=slots(5), cfrags=verdicts(s5=GOOD))
        assert action_of(4, asked, chain) == AskVotes(slots(4, 1, 5))

    def test_ask_votes__held_of_a_slot_shown_to_be_bad__left_out(self) -> None:
        assert action_of(4, self.mine, challenged=slots(3)) == Wait(1_000.5)


class TestChainInstead:
    def test_submit__no_exchange__at_once(self) -> None:
        assert action_of(4, None) == Submit()

    @pytest.mark.parametrize("reachable", [slots(4), slots(4, 1)])
    def test_submit__too_few_reachable__at_once(self, reachable: frozenset[Slot]) -> None:
        assert action_of(4, Exchanged(reachable)) == Submit()

    def test_submit__patience_is_over__in_turn_from_then_on(self) -> None:
        assert action_of(4, offered(s4=1_000.0), now_s=1_001.5) == Submit()
        assert action_of(1, offered(s4=1_000.0), now_s=1_001.5) == Wait(1_003.5)

    def test_submit__signed_for_another__not_before_that_could_be_mined(self) -> None:
        signed = replace(offered(s4=1_000.0), signed_at_s=1_001.0)
        assert action_of(2, signed, now_s=1_001.4) == Wait(1_016.0)
        assert action_of(2, signed, now_s=1_016.0) == Submit()

    def test_submit__a_record_left__at_once(self) -> None:
        assert action_of(4, excluded=frozenset({0})) == Submit()

    def test_complain_or_report__bad_fragment_or_capsule__at_once(self) -> None:
        assert action_of(4, fragment=BAD) == Complain()
        assert action_of(4, bad_capsules=frozenset({1})) == ReportCapsules(frozenset({1}))

    def test_check__mine_stand_on_the_chain__goes_on_there(self) -> None:
        assert action_of(2, submitted=slots(2)) == CheckCfrags(slots(2))
