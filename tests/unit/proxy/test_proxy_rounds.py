"""A round told by its events: order of arrival, reorganisation, times that events do not tell."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from tpre_offchain.chain.abi.events import (
    CfragChallenged,
    CfragsSubmitted,
    FeeClaimed,
    LeaderProposed,
    ProposalRejected,
    RecordExcluded,
    RoundClosed,
    RoundFinalized,
    RoundOpened,
    VoteCast,
)
from tpre_offchain.chain.abi.log import LogPosition
from tpre_offchain.chain.abi.structs import Access, Member, Phase, Proof, Round, RoundData, RoundSettings, Status
from tpre_offchain.errors import ProtocolError
from tpre_offchain.proxy.daemon.settings import WorkerSettings
from tpre_offchain.proxy.rounds.decide import Me, Submit, Wait, decide
from tpre_offchain.proxy.rounds.grants import Seat
from tpre_offchain.proxy.rounds.open_round import OpenRound
from tpre_offchain.proxy.rounds.rounds import (
    BrokenHistory,
    RoundEvent,
    RoundLog,
    bitmap_of_positions,
    bitmap_of_slots,
    fold,
    positions_of,
    ranking,
    slot_of,
    slots_of,
)
from tpre_offchain.proxy.rounds.snapshot import Verdict
from tpre_offchain.types import Address, Epoch, GrantId, Label, RecordId, RoundId, Slot, StreamId

ROUND = RoundId(7 << 32)
ACCOUNTS = [Address(f"0x{n:040x}") for n in range(1, 6)]
COMMITTEE = tuple(Member(account, 1) for account in ACCOUNTS)
SETTINGS = RoundSettings(60, 10, 30, 5, 1)


def at(block: int, index: int = 0, timestamp: int | None = None, fork: int = 0) -> LogPosition:
    return LogPosition(ACCOUNTS[0], block, bytes([fork] * 31 + [block]), bytes(32), index, timestamp)


def opened(block: int = 1) -> RoundOpened:
    data = RoundData(Label(bytes(32)), bytes(32), bytes(32), bytes(32), bytes(32))
    return RoundOpened(
        at=at(block),
        round_id=ROUND,
        grant_id=GrantId(7),
        opener=ACCOUNTS[0],
        epoch=Epoch(0),
        deadline=1_060,
        data=data,
        record_ids=(RecordId(10), RecordId(20)),
        capsules=(b"\x01" * 128, b"\x02" * 128),
    )


def submitted(slot: int, block: int, **where: Any) -> CfragsSubmitted:
    return CfragsSubmitted(
        at=at(block, **where),
        round_id=ROUND,
        proxy=ACCOUNTS[slot - 1],
        slot=Slot(slot),
        excluded=0,
        cfrags=(),
        proof=Proof(1, 1),
    )


def proposed(slot: int, block: int, **where: Any) -> LeaderProposed:
    return LeaderProposed(
        at=at(block, **where),
        round_id=ROUND,
        leader=ACCOUNTS[slot - 1],
        slot=Slot(slot),
        contributors=0b111,
        excluded=0,
        result_hash=bytes([slot] * 32),
        results=(),
    )


def voted(slot: int, block: int, *, approve: bool = True) -> VoteCast:
    return VoteCast(
        at=at(block), round_id=ROUND, proxy=ACCOUNTS[slot - 1], slot=Slot(slot), approve=approve, result_hash=bytes(32)
    )


def rejected(block: int) -> ProposalRejected:
    return ProposalRejected(at=at(block, 1), round_id=ROUND, leader=ACCOUNTS[0], result_hash=bytes(32))


def challenged(slot: int, block: int) -> CfragChallenged:
    return CfragChallenged(
        at=at(block), round_id=ROUND, proxy=ACCOUNTS[slot - 1], slot=Slot(slot), challenger=ACCOUNTS[0]
    )


def finalized(block: int, timestamp: int | None = None) -> RoundFinalized:
    return RoundFinalized(
        at=at(block, 1, timestamp),
        round_id=ROUND,
        grant_id=GrantId(7),
        leader=ACCOUNTS[0],
        contributors=0b111,
        approvals=3,
        result_hash=bytes(32),
        by_proof=False,
    )


LAST_BLOCK = 5
"""Of what ``stored_round`` tells."""
STORY: list[RoundEvent] = [
    opened(),
    submitted(1, 2),
    submitted(2, 3),
    submitted(3, 3, index=1),
    proposed(1, 4),
    voted(2, 5),
    voted(3, 6),
]


class TestFold:
    def test_fold__finalized_by_signed_votes__contributors_stand_as_if_they_had_submitted(self) -> None:
        facts = fold([opened(), submitted(3, 2), proposed(1, 4), finalized(4)])
        assert facts.submitted == {1, 2, 3}
        assert facts.vouched == {1, 2}
        assert facts.votes == {1: True, 2: True}

    def test_fold__whole_story__all_facts(self) -> None:
        facts = fold([*STORY, finalized(6)])
        assert facts.submitted == {1, 2, 3}
        assert facts.proposal is not None
        assert facts.votes == {1: True, 2: True, 3: True}
        assert facts.finalized
        assert not facts.settled

    def test_fold__challenge__cfrags_stand_no_more_but_stay_in_the_chain(self) -> None:
        facts = fold([*STORY[:4], challenged(2, 5)])
        assert facts.submitted == {1, 3}
        assert facts.challenged == {2}
        assert [one.slot for one in facts.submissions] == [1, 2, 3]

    def test_fold__rejected__proposal_gone_and_leader_barred(self) -> None:
        facts = fold([*STORY[:5], voted(2, 5, approve=False), rejected(6)])
        assert facts.proposal is None
        assert facts.votes == {}
        assert facts.rejected_leaders == {1}

    def test_fold__record_leaves__proposal_falls_without_blame(self) -> None:
        left = RecordExcluded(at=at(5), round_id=ROUND, record_id=RecordId(10), reporter=ACCOUNTS[0])
        facts = fold([*STORY[:5], left])
        assert facts.proposal is None
        assert facts.rejected_leaders == frozenset()
        assert facts.excluded == {0}
        assert facts.records_in == ((1, 20, b"\x02" * 128),)

    def test_fold__closed_and_claimed__told(self) -> None:
        closed = RoundClosed(at=at(7), round_id=ROUND, phase=Phase.EXPIRED, missing=0)
        claimed = FeeClaimed(at=at(8), round_id=ROUND, proxy=ACCOUNTS[2], amount=1)
        facts = fold([*STORY[:4], closed, claimed])
        assert facts.settled
        assert facts.claimants == {ACCOUNTS[2]}

    def test_fold__closed_while_it_was_voted_on__proposal_falls(self) -> None:
        closed = RoundClosed(at=at(7), round_id=ROUND, phase=Phase.EXPIRED, missing=0)
        facts = fold([*STORY, closed])
        assert (facts.settled, facts.proposal, facts.votes) == (True, None, {})

    @pytest.mark.parametrize("events", [[], [submitted(1, 2)]])
    def test_fold__no_beginning__raises(self, events: list[Any]) -> None:
        with pytest.raises(BrokenHistory) as caught:
            fold(events)
        assert caught.value.retryable

    def test_submission_of__none__raises(self) -> None:
        with pytest.raises(ProtocolError, match="slot 5 submitted nothing"):
            fold(STORY).submission_of(Slot(5))


class TestRoundLog:
    def test_add__any_order_of_arrival__same_facts(self, seeded: random.Random) -> None:
        log = RoundLog()
        for event in seeded.sample(STORY, len(STORY)):
            assert log.add(event)
        assert fold(log.events) == fold(STORY)

    def test_add__twice__once(self) -> None:
        log = RoundLog()
        assert log.add(opened())
        assert not log.add(opened())

    def test_rewind__later_blocks__forgotten(self) -> None:
        log = RoundLog()
        for event in STORY:
            log.add(event)
        assert log.rewind(3)
        assert log.events == STORY[:4]
        assert not log.rewind(3)


class TestIds:
    @pytest.mark.parametrize("slots", [set(), {1}, {2, 5}, {32}])
    def test_slots_of__bitmap_of_slots__inverse(self, slots: set[int]) -> None:
        assert slots_of(bitmap_of_slots(map(Slot, slots))) == slots
        assert bitmap_of_slots([Slot(1)]) == 1

    @pytest.mark.parametrize("positions", [set(), {0}, {1, 99}])
    def test_positions_of__bitmap_of_positions__inverse(self, positions: set[int]) -> None:
        assert positions_of(bitmap_of_positions(positions)) == positions

    def test_ranking__other_round__other_order_of_all(self) -> None:
        orders = {ranking(RoundId(n), COMMITTEE) for n in range(20)}
        assert len(orders) > 10
        assert all(set(order) == {1, 2, 3, 4, 5} for order in orders)

    def test_slot_of__member_and_stranger(self) -> None:
        assert slot_of(COMMITTEE, ACCOUNTS[2]) == 3
        assert slot_of(COMMITTEE, Address("0x" + "ff" * 20)) is None


def seat(slot: int = 1) -> Seat:
    numbers: dict[str, Any] = dict.fromkeys(Access.__dataclass_fields__, 0)
    numbers |= {"delegatee": ACCOUNTS[0], "delegator": ACCOUNTS[1], "status": Status.GRANTED, "expiry": 5_000}
    access = Access(**numbers | {"committee_hash": bytes(32), "offered": False, "threshold": 3})
    return Seat(GrantId(7), Slot(slot), COMMITTEE, replace(access, stream_id=StreamId(1)))


class TestWaits:
    def test_beside__others_run_too__every_wait_grows(self) -> None:
        one, settings = OpenRound(ROUND, seat(), SETTINGS, crowd=20), WorkerSettings(crowd_s=0.1)
        waits = settings.beside(one)
        grown = (settings.backoff_s + 2.0, settings.patience_s + 2.0, settings.settle_s + 2.0)
        assert (waits.backoff_s, waits.patience_s, waits.settle_s) == pytest.approx(grown)

    def test_beside__very_many_others__a_quarter_of_the_round_at_most(self) -> None:
        one = OpenRound(ROUND, seat(), SETTINGS, crowd=1_000_000)
        assert WorkerSettings().beside(one).backoff_s == WorkerSettings().backoff_s + SETTINGS.round_seconds / 4


class TestOpenRound:
    def open_round(self) -> OpenRound:
        one = OpenRound(ROUND, seat(), SETTINGS)
        one.add([opened()], 1_000.0)
        return one

    def test_snapshot__phase_lasts__since_stays(self) -> None:
        one = self.open_round()
        assert one.snapshot(seat(), 1_000.0).since_s == 1_000.0
        assert one.snapshot(seat(), 1_005.0).since_s == 1_000.0
        one.add(STORY[1:4], 1_006.0)
        later = one.snapshot(seat(), 1_007.0)
        assert later.phase is Phase.PROPOSING
        assert later.since_s == 1_007.0

    def test_snapshot__vote_end__from_the_block_or_else_from_the_clock(self) -> None:
        one = self.open_round()
        one.add([*STORY[1:4], proposed(1, 4)], 1_010.0)
        assert one.snapshot(seat(), 1_010.0).vote_end_s == 1_020
        other = self.open_round()
        other.add([*STORY[1:4], proposed(1, 4, timestamp=1_004)], 1_010.0)
        assert other.snapshot(seat(), 1_010.0).vote_end_s == 1_014
        other.add([*STORY[5:], finalized(6, timestamp=1_005)], 1_010.0)
        assert other.snapshot(seat(), 1_010.0).vote_end_s == 1_035

    def test_snapshot__grant_ended_expired_or_surrendered__only_the_first_ends_it(self) -> None:
        one = self.open_round()
        mine = seat()
        for status in (Status.REVOKED, Status.VOIDED):
            ended = replace(mine, access=replace(mine.access, status=status))
            assert one.snapshot(ended, 1_000.0).phase is Phase.ENDED
        surrendered = replace(mine, access=replace(mine.access, status=Status.SURRENDERED))
        assert one.snapshot(surrendered, 1_000.0).phase is Phase.SUBMITTING
        expired = replace(mine, access=replace(mine.access, expiry=1_000))
        assert one.snapshot(mine, 1_000.0).phase is Phase.SUBMITTING
        assert one.snapshot(expired, 1_000.0).phase is Phase.SUBMITTING

    def test_rewind__submission_undone__submitted_again(self) -> None:
        one = self.open_round()
        one.findings.bad_capsules = frozenset()
        one.add([submitted(1, 2)], 1_001.0)
        assert Slot(1) in one.snapshot(seat(), 1_001.0).submitted
        assert one.rewind(1, 1_002.0)
        snapshot = one.snapshot(seat(), 1_002.0)
        assert snapshot.bad_capsules is None  # what was found out of other blocks counts no more
        snapshot = replace(snapshot, fragment=Verdict.GOOD, bad_capsules=frozenset(), ranking=(Slot(1),))
        assert decide(snapshot, Me(Slot(1))) == Submit()

    def test_retract__the_opening_itself__gone(self) -> None:
        one = self.open_round()
        one.add([submitted(1, 2)], 1_001.0)
        gone = []
        for event in (submitted(1, 2), opened()):
            assert one.retract(event, 1_002.0)
            gone.append(one.gone)
        assert gone == [False, True]
        assert not one.retract(opened(), 1_002.0)

    def test_add__news__wakes_whoever_waits(self) -> None:
        one = self.open_round()
        one.changed.clear()
        assert not one.add([opened()], 1_001.0)
        assert not one.changed.is_set()
        assert one.add([submitted(1, 2)], 1_001.0)
        assert one.changed.is_set()

    def test_agrees_with__storage_of_the_same_story__takes_its_time(self) -> None:
        one = self.open_round()
        one.add(STORY[1:6], 1_010.0)
        assert one.agrees_with(stored_round(), LAST_BLOCK)
        assert one.snapshot(seat(), 1_010.0).vote_end_s == 1_017

    def test_agrees_with__storage_of_an_earlier_block__events_since_then_say_nothing_against_it(self) -> None:
        one = self.open_round()
        one.add(STORY[1:], 1_010.0)
        assert one.agrees_with(stored_round(), LAST_BLOCK)
        assert not one.agrees_with(stored_round(), LAST_BLOCK + 1)
        # before it was opened there is nothing to agree with
        assert not one.agrees_with(stored_round(), 0)

    def test_replace_log__read_up_to_a_block__later_events_stay(self) -> None:
        one = self.open_round()
        one.add([submitted(3, 2), *STORY[4:]], 1_010.0)
        one.replace_log(STORY[:6], LAST_BLOCK, 1_010.0)
        assert one.log.events == STORY

    @pytest.mark.parametrize(
        "change",
        [
            {"submitted": 0b1},
            {"challenged": 0b1},
            {"approvals": 0b111},
            {"rejections": 0b1},
            {"excluded": 1},
            {"leader": Slot(2)},
            {"finalized": True},
            {"closed": True},
        ],
    )
    def test_agrees_with__anything_else_stored__differs(self, change: dict[str, Any]) -> None:
        one = self.open_round()
        one.add(STORY[1:6], 1_010.0)
        assert not one.agrees_with(replace(stored_round(), **change), LAST_BLOCK)


def stored_round() -> Round:
    values: dict[str, Any] = dict.fromkeys(Round.__dataclass_fields__, 0)
    values |= {"vote_end": 1_017, "submitted": 0b111, "approvals": 0b11, "leader": Slot(1)}
    return Round(**values | {"finalized": False, "closed": False})


def test_decide__from_events_alone__later_ranks_wait() -> None:
    order = ranking(ROUND, COMMITTEE)
    last = order[-1]
    one = OpenRound(ROUND, seat(last), SETTINGS)
    one.add([opened()], 1_000.0)
    assert decide(one.snapshot(seat(last), 1_000.0), Me(last, 2.0)) == Wait(1_004.0)
