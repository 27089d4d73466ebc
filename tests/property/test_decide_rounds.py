"""Whole rounds of workers that see the chain late, die and lie: each must end, and end well when t honest ones live.

The chain is a small model of ConversionRounds: `accept` gives the state after a transaction, or None where
the contract reverts.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hypothesis import event, given, note, settings
from hypothesis import strategies as st

from tpre_offchain.chain.abi.structs import Phase
from tpre_offchain.proxy.rounds.decide import (
    AskVotes,
    Challenge,
    CheckCfrags,
    CheckGrant,
    ClaimFee,
    Close,
    Done,
    FinalizeByProof,
    FinalizeSigned,
    Me,
    Offer,
    Propose,
    Submit,
    Transaction,
    Vote,
    Wait,
    decide,
)
from tpre_offchain.proxy.rounds.snapshot import Exchanged, RoundSnapshot, Verdict
from tpre_offchain.types import RoundId, Slot

BACKOFF_S, PATIENCE_S, RETRY_S, CHALLENGE_S = 2.0, 1.5, 1.0, 5
OPENED_S, ROUND_S, VOTE_S = 1_000, 300, 10
FOREVER = float("inf")
Sent = Transaction | ClaimFee
Step = Sent | Offer | AskVotes


def accept(state: RoundSnapshot, sender: Slot, step: Sent, liars: frozenset[Slot]) -> RoundSnapshot | None:
    """The contract: state after the step, None if it reverts."""
    match step, state.phase:
        case Submit(), Phase.SUBMITTING if sender not in state.submitted | state.challenged:
            return replace(state, submitted=state.submitted | {sender})
        case Challenge(slot), _ if slot in state.submitted & liars:
            return replace(state, submitted=state.submitted - {slot}, challenged=state.challenged | {slot})
        case Propose(contributors), Phase.PROPOSING:
            allowed = sender not in state.challenged | state.rejected_leaders and len(contributors) == state.threshold
            if not allowed or not contributors <= state.submitted or contributors & liars:
                return None
            proposed = replace(state, leader=sender, contributors=contributors, vote_end_s=int(state.now_s) + VOTE_S)
            return finalize_if(replace(proposed, approvals=frozenset({sender})), majority=True)
        case Vote(approve=True), Phase.VOTING if sender not in state.approvals | state.rejections:
            return finalize_if(replace(state, approvals=state.approvals | {sender}), majority=True)
        case FinalizeSigned(contributors), Phase.SUBMITTING | Phase.PROPOSING:
            if contributors & (liars | state.challenged) or not state.submitted <= contributors:
                return None
            signed = replace(state, submitted=contributors, contributors=contributors, leader=sender)
            return finalize_if(replace(signed, approvals=frozenset({sender})), majority=False)
        case FinalizeByProof(), Phase.PROVABLE:
            return finalize_if(state, majority=False)
        case Close(), Phase.EXPIRED | Phase.ENDED if not state.settled:
            return replace(state, settled=True, vote_end_s=int(state.now_s) + CHALLENGE_S)
        case ClaimFee(), Phase.FINALIZED | Phase.EXPIRED if sender in state.submitted - state.claimed:
            return replace(state, claimed=state.claimed | {sender}) if state.now_s > state.vote_end_s else None
        case _:
            return None


def finalize_if(state: RoundSnapshot, *, majority: bool) -> RoundSnapshot:
    if majority and len(state.approvals) < state.majority:
        return state
    return replace(state, finalized=True, vote_end_s=int(state.now_s) + CHALLENGE_S)


@dataclass(frozen=True)
class World:
    """What Hypothesis chooses."""

    n: int
    threshold: int
    ranking: tuple[Slot, ...]
    deaths: dict[Slot, float]
    liars: frozenset[Slot]
    delays: tuple[float, ...]
    """Drawn from in turn: seconds until something is seen or mined."""
    reachable: frozenset[Slot] = frozenset()
    """Who has an endpoint."""

    @property
    def steadfast(self) -> frozenset[Slot]:
        return frozenset(self.ranking) - self.liars - self.deaths.keys()


@dataclass
class Worker:
    me: Me
    view: RoundSnapshot
    seen: int = 0
    """Index of the newest state that it has seen."""
    busy: bool = False
    cfrags: dict[Slot, Verdict] = field(default_factory=dict)
    done: bool = False
    exchanged: Exchanged | None = None


class Simulation:
    """Discrete events: a worker looks at the newest state that reached it and decides; what it sends is mined later."""

    def __init__(self, world: World) -> None:
        self.world = world
        start = RoundSnapshot(
            round_id=RoundId(1),
            threshold=world.threshold,
            ranking=world.ranking,
            records=1,
            deadline_s=OPENED_S + ROUND_S,
            vote_seconds=VOTE_S,
            now_s=OPENED_S,
            since_s=OPENED_S,
            fee_wei=1,
            fragment=Verdict.GOOD,
            bad_capsules=frozenset(),
        )
        self.states = [start]
        self.workers = {slot: Worker(Me(slot, BACKOFF_S, PATIENCE_S), start) for slot in world.ranking}
        for slot in world.reachable:
            self.workers[slot].exchanged = Exchanged(world.reachable)
        self.attempts: Counter[tuple[Slot, str]] = Counter()
        self.accepted: list[tuple[float, Slot, Sent]] = []
        self.delays: Iterator[float] = itertools.cycle(world.delays)
        self.order = itertools.count()
        self.agenda: list[tuple[float, int, Slot, Step | None, int]] = []
        for slot in world.ranking:
            self.plan(OPENED_S + next(self.delays), slot)

    def plan(self, at_s: float, slot: Slot, step: Step | None = None, sees: int = 0) -> None:
        heapq.heappush(self.agenda, (at_s, next(self.order), slot, step, sees))

    def run(self) -> RoundSnapshot:
        for _ in range(20_000):
            if not self.agenda:
                return self.states[-1]
            now_s, _, slot, step, sees = heapq.heappop(self.agenda)
            if isinstance(step, Offer | AskVotes):
                if self.lives(slot, now_s):
                    self.exchange(now_s, slot, step)
            elif step is not None:
                self.mine(now_s, slot, step)
            elif self.lives(slot, now_s):
                self.wake(now_s, slot, sees)
        raise AssertionError("the round does not come to rest")

    def lives(self, slot: Slot, now_s: float) -> bool:
        return now_s < self.world.deaths.get(slot, FOREVER)

    def exchange(self, now_s: float, slot: Slot, step: Offer | AskVotes) -> None:
        """An offer or the answers to a ballot arrive."""
        worker = self.workers[slot]
        worker.busy, mine = False, worker.exchanged
        assert mine is not None
        match step:
            case Offer(leader):
                mine = replace(mine, offered_at_s={**mine.offered_at_s, leader: now_s})
                if not self.lives(leader, now_s):
                    mine = replace(mine, failed=mine.failed | {leader})
                elif leader == slot:
                    mine = replace(mine, held=mine.held | {slot})
                elif slot not in self.world.liars:
                    theirs = self.workers[leader].exchanged
                    assert theirs is not None
                    self.workers[leader].exchanged = replace(theirs, held=theirs.held | {slot})
                    self.plan(now_s, leader)
            case AskVotes(contributors):
                assert len(contributors) == self.world.threshold
                mine = replace(mine, asked=contributors, approvals=self.votes(now_s, slot, contributors))
        worker.exchanged = mine
        self.plan(now_s, slot)

    def votes(self, now_s: float, leader: Slot, contributors: frozenset[Slot]) -> frozenset[Slot]:
        """Who signs: liars never do, and nobody else for cfrags of theirs."""
        voters = {slot for slot in self.world.reachable - self.world.liars - {leader} if self.lives(slot, now_s)}
        if contributors & self.world.liars:
            return frozenset()
        for slot in voters:
            theirs = self.workers[slot].exchanged
            assert theirs is not None
            self.workers[slot].exchanged = replace(theirs, signed_at_s=theirs.signed_at_s or now_s)
        return frozenset(voters)

    def mine(self, now_s: float, slot: Slot, step: Sent) -> None:
        worker = self.workers[slot]
        worker.busy = False
        after = accept(replace(self.states[-1], now_s=now_s), slot, step, self.world.liars)
        if after is None:
            self.plan(now_s + RETRY_S, slot)
            return
        self.states.append(after)
        self.accepted.append((now_s, slot, step))
        worker.seen = len(self.states) - 1
        for other in self.workers:
            # one's own receipt tells the sender at once; the rest hear of it when they hear of it
            self.plan(now_s if other == slot else now_s + next(self.delays), other, sees=len(self.states) - 1)

    def wake(self, now_s: float, slot: Slot, sees: int) -> None:
        worker = self.workers[slot]
        worker.seen = max(worker.seen, sees)
        known = self.states[worker.seen]
        before = worker.view.phase
        view = replace(known, now_s=now_s, since_s=worker.view.since_s, cfrags=dict(worker.cfrags))
        view = replace(view, exchanged=worker.exchanged)
        worker.view = replace(view, since_s=now_s) if view.phase is not before else view
        if worker.busy or worker.done:
            return
        self.act(now_s, slot, worker)

    def act(self, now_s: float, slot: Slot, worker: Worker) -> None:
        match decide(worker.view, worker.me):
            case Wait(until_s):
                assert until_s > now_s
                self.plan(until_s, slot)
            case Done():
                worker.done = True
            case CheckGrant():
                raise AssertionError("checked before")
            case CheckCfrags(slots):
                assert slots <= worker.view.submitted | worker.view.contributors
                worker.cfrags |= {s: Verdict.BAD if s in self.world.liars else Verdict.GOOD for s in slots}
                self.plan(now_s, slot)
            case step:
                worker.busy = True
                self.attempts[slot, type(step).__name__] += 1
                self.plan(now_s + next(self.delays), slot, step)


@st.composite
def worlds(draw: st.DrawFn, *, enough: bool, exchange: bool = False) -> World:
    n = draw(st.integers(1, 9))
    threshold = draw(st.integers(1, n))
    ranking = draw(st.permutations([Slot(i) for i in range(1, n + 1)]))
    most_faults = n - threshold if enough else n
    least_faults = 0 if enough else n - threshold + 1
    faulty = draw(st.lists(st.sampled_from(ranking), min_size=least_faults, max_size=most_faults, unique=True))
    # with too few, they must be dead from the start: a proxy that dies later may have served before
    liar_count = draw(st.integers(0, len(faulty))) if enough else 0
    moment = st.floats(OPENED_S, OPENED_S + 40, allow_nan=False)
    deaths = {slot: draw(moment) if enough else OPENED_S for slot in faulty[liar_count:]}
    delays = draw(st.lists(st.floats(0.001, 1.0), min_size=1, max_size=30))
    reachable = frozenset(draw(st.sets(st.sampled_from(ranking))) if exchange else ())
    return World(n, threshold, tuple(ranking), deaths, frozenset(faulty[:liar_count]), tuple(delays), reachable)


@settings(max_examples=150, deadline=None, print_blob=True)
@given(worlds(enough=True))
def test_round__at_least_t_honest_live__finalizes(world: World) -> None:
    simulation = Simulation(world)
    final = simulation.run()
    note(f"accepted: {simulation.accepted}")
    assert final.phase is Phase.FINALIZED
    assert len(world.steadfast) >= world.threshold
    assert final.contributors.isdisjoint(world.liars)
    for slot in world.ranking:
        assert sum(1 for _, who, step in simulation.accepted if who == slot and isinstance(step, Submit)) <= 1
    # those whose cfrags stood and who live to claim are paid, once
    assert world.steadfast & final.submitted <= final.claimed
    event(f"by proof: {len(final.approvals) < final.majority}")


@settings(max_examples=200, deadline=None, print_blob=True)
@given(worlds(enough=True, exchange=True))
def test_round__some_exchange_off_the_chain_and_at_least_t_honest_live__finalizes(world: World) -> None:
    simulation = Simulation(world)
    final = simulation.run()
    note(f"accepted: {simulation.accepted}")
    assert final.phase is Phase.FINALIZED
    assert final.contributors.isdisjoint(world.liars)
    assert world.steadfast & final.submitted <= final.claimed
    event(f"signed: {any(isinstance(step, FinalizeSigned) for _, _, step in simulation.accepted)}")


@settings(max_examples=60, deadline=None, print_blob=True)
@given(worlds(enough=True, exchange=True).filter(lambda world: not world.deaths and not world.liars))
def test_round__all_exchange_and_nobody_fails__one_transaction(world: World) -> None:
    quick = replace(
        world, delays=tuple(delay * PATIENCE_S / 12 for delay in world.delays), reachable=frozenset(world.ranking)
    )
    simulation = Simulation(quick)
    simulation.run()
    sent = Counter(name for (_, name), count in simulation.attempts.items() for _ in range(count))
    sent -= Counter({"ClaimFee": sent["ClaimFee"], "Offer": sent["Offer"], "AskVotes": sent["AskVotes"]})
    assert sent == {"FinalizeSigned": 1}


@settings(max_examples=80, deadline=None, print_blob=True)
@given(worlds(enough=False))
def test_round__fewer_than_t_live__is_closed(world: World) -> None:
    simulation = Simulation(world)
    final = simulation.run()
    assert not final.finalized
    assert final.settled is bool(world.steadfast)  # with nobody alive nobody closes: anyone else may
    assert len(final.submitted) < world.threshold
    closes = [step for _, _, step in simulation.accepted if isinstance(step, Close)]
    assert len(closes) <= 1


@settings(max_examples=60, deadline=None, print_blob=True)
@given(worlds(enough=True).filter(lambda world: not world.deaths and not world.liars))
def test_round__nobody_fails_and_chain_is_fast__no_transaction_is_wasted(world: World) -> None:
    quick = replace(world, delays=tuple(delay * BACKOFF_S / 10 for delay in world.delays))
    simulation = Simulation(quick)
    final = simulation.run()
    sent = Counter(name for (_, name), count in simulation.attempts.items() for _ in range(count))
    assert sent["Submit"] == world.threshold
    assert sent["Propose"] == 1
    assert sent["Vote"] == final.majority - 1
    assert sent["FinalizeByProof"] == sent["Close"] == sent["Challenge"] == 0
