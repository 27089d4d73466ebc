"""The steps that the state machine takes: on the contracts and in the model at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.stateful import world as given
from tests.stateful.evm import Reverted
from tests.stateful.model import Error, Model, RoundModel, bitmap
from tests.stateful.world import World, data_hash, link_of
from tpre_offchain.chain import structs
from tpre_offchain.chain.structs import Phase
from tpre_offchain.types import Address, Slot

SLOTS = st.integers(1, given.SIZE)
PICK = st.integers(0, 7)
OPENED = precondition(lambda self: bool(self.model.rounds))


@lru_cache
def the_world() -> World:
    """Made once: half a minute of pairings in Python would otherwise be spent on every example."""
    return World()


@dataclass(frozen=True)
class Posted:
    """What was submitted, as a challenge has to show it."""

    slot: int
    excluded: int
    cfrags: tuple[bytes, ...]
    proof: structs.Proof

    @property
    def link(self) -> bytes:
        return link_of(self.slot, self.excluded, self.cfrags, self.proof)


class RoundsMachine(RuleBasedStateMachine):
    """Random steps by random accounts; after each, every figure of the contracts must be the model's."""

    seen: ClassVar[Counter[str]] = Counter()
    """How often each function did its work, and with which errors it refused."""

    @initialize()
    def start(self) -> None:
        self.world = the_world()
        self.evm = self.world.evm
        self.evm.revert(self.world.start)
        self.posted: list[list[Posted]] = []
        self.result_hashes: list[bytes] = []
        settings = given.SETTINGS
        self.model = Model(
            grant=given.GRANT,
            owner=self.world.owner,
            user=self.world.user,
            proxies={slot: self.world.proxy(slot) for slot in range(1, given.SIZE + 1)},
            threshold=given.THRESHOLD,
            settings=settings.rounds,
            bond=settings.proxies.bond_wei,
            miss_limit=settings.proxies.miss_limit,
            miss_penalty=settings.proxies.miss_penalty_wei,
            expiry=self.world.expiry,
            quota=given.QUOTA,
            price=given.PRICE_WEI,
            deposit=given.DEPOSIT_WEI,
            bad_records=frozenset({given.BAD_RECORD}),
        )

    # --- doing ---

    def step(
        self, error: Error, sender: Address, contract: str, function: str, *arguments: Any, value: int = 0
    ) -> None:
        """Sends what the model accepted, and sees what it refused refused with the same words."""
        if error is None:
            self.seen[f"{function}: done"] += 1
            self.evm.send(sender, contract, function, *arguments, value=value)
            return
        self.seen[f"{function}: {error[0]}"] += 1
        with pytest.raises(Reverted) as caught:
            self.evm.call(contract, function, *arguments, sender=sender, value=value)
        assert (caught.value.name, caught.value.arguments) == error

    def in_round(self, error: Error, sender: Address, function: str, *arguments: Any) -> None:
        self.step(error, sender, "ConversionRounds", function, *arguments)

    def index(self, pick: int) -> int:
        return pick % len(self.model.rounds)

    def account(self, who: str) -> Address:
        return self.world.proxy(int(who)) if who.isdigit() else getattr(self.world, who)

    def remaining_records(self, r: RoundModel) -> tuple[int, ...]:
        return tuple(r.records[j] for j in r.remaining)

    def excluded(self, r: RoundModel) -> int:
        return sum(1 << j for j in r.excluded)

    def papers(self, r: RoundModel) -> tuple[structs.RoundData, bytes]:
        data = self.world.round_data(r.records)
        return data, data_hash(data)

    # --- rounds ---

    @rule(
        who=st.sampled_from(["user", "user", "owner", "stranger"]),
        records=st.sampled_from([(0,), (0, 2), (0, 1, 2), (0, 1, 2), (1,), (2, 0), (1, 1), ()]),
    )
    def open_round(self, who: str, records: tuple[int, ...]) -> None:
        sender = self.account(who)
        error = self.model.open(self.evm.now, sender, records)
        refs = tuple(self.world.records[j].ref for j in records)
        self.in_round(error, sender, "openRound", given.GRANT, 0, *self.world.hashes, refs)
        if error is None:
            self.posted.append([])
            self.result_hashes.append(bytes(32))

    def submit_as(self, pick: int, slot: int, sender: Address, good: bool, short: bool = False) -> None:
        r = self.model.rounds[self.index(pick)]
        made = self.world.cfrags(r.id, slot, self.remaining_records(r) or r.records)
        points = tuple(point.to_evm() for point in made.points)[: -1 if short else None]
        proof = structs.Proof(made.proof.challenge, made.proof.response ^ (not good))
        posted = Posted(slot, self.excluded(r), points, proof)
        error = self.model.submit(self.evm.now, r, sender, slot, len(points), good)
        _, hashed = self.papers(r)
        self.in_round(error, sender, "submitCfrags", r.id, self.world.committee, hashed, slot, points, proof)
        if error is None:
            self.posted[self.index(pick)].append(posted)

    @OPENED
    @rule(
        pick=PICK,
        slot=SLOTS,
        good=st.sampled_from([True, True, False]),
        sender=st.sampled_from(["", "", "", "1", "stranger"]),
    )
    def submit(self, pick: int, slot: int, good: bool, sender: str) -> None:
        self.submit_as(pick, slot, self.account(sender or str(slot)), good)

    @OPENED
    @rule(pick=PICK, slot=SLOTS)
    def submit_one_too_few(self, pick: int, slot: int) -> None:
        self.submit_as(pick, slot, self.world.proxy(slot), good=True, short=True)

    def propose_as(self, pick: int, slot: int, contributors: set[int], right: bool, sender: Address) -> None:
        r = self.model.rounds[self.index(pick)]
        points = self.world.results(self.remaining_records(r) or r.records)
        if not right:
            points = (points[0] + points[0], *points[1:])
        results = tuple(point.to_evm() for point in points)
        error = self.model.propose(self.evm.now, r, sender, slot, contributors, right)
        data, _ = self.papers(r)
        capsules = tuple(self.world.records[j].capsule.c1.to_evm() for j in r.records)
        papers = (r.id, self.world.committee, data, slot, bitmap(contributors))
        self.in_round(error, sender, "propose", *papers, self.world.mask, capsules, results)
        if error is None:
            fields = [r.id, bitmap(contributors), self.excluded(r), keccak(b"".join(results))]
            self.result_hashes[self.index(pick)] = keccak(encode(["uint256", "uint32", "uint128", "bytes32"], fields))

    @OPENED
    @rule(pick=PICK, slot=SLOTS, contributors=st.sets(SLOTS), right=st.booleans())
    def propose(self, pick: int, slot: int, contributors: set[int], right: bool) -> None:
        self.propose_as(pick, slot, contributors, right, self.world.proxy(slot))

    @OPENED
    @rule(pick=PICK, slot=SLOTS, approve=st.booleans(), known=st.sampled_from([True, True, True, False]))
    def vote(self, pick: int, slot: int, approve: bool, known: bool) -> None:
        index = self.index(pick)
        r, sender, current = self.model.rounds[index], self.world.proxy(slot), self.result_hashes[index]
        named = current if known else keccak(current)
        error = self.model.vote(self.evm.now, r, sender, slot, approve, (named, current))
        _, hashed = self.papers(r)
        self.in_round(error, sender, "vote", r.id, self.world.committee, hashed, slot, named, approve)

    @OPENED
    @rule(pick=PICK)
    def take_the_next_step(self, pick: int) -> None:
        """What an honest proxy would do: without it random steps seldom reach the end of a round."""
        r = self.model.rounds[self.index(pick)]
        free = [slot for slot in self.model.proxies if slot not in r.challenged]
        phase = self.model.phase(r, self.evm.now)
        if phase == Phase.SUBMITTING and (waiting := [slot for slot in free if slot not in r.submitted]):
            self.submit_as(pick, waiting[0], self.world.proxy(waiting[0]), good=True)
        elif phase == Phase.PROPOSING and (leaders := [slot for slot in free if slot not in r.barred]):
            self.propose_as(pick, leaders[-1], set(r.submitted), True, self.world.proxy(leaders[-1]))
        elif phase == Phase.VOTING and (voters := [slot for slot in free if slot not in r.approvals | r.rejections]):
            self.vote(pick, voters[0], True, True)
        elif phase == Phase.PROVABLE:
            self.finalize_by_proof(pick)
        elif phase in (Phase.EXPIRED, Phase.ENDED):
            self.close(pick)
        elif r.submitted:
            self.claim(pick, min(r.submitted))

    @OPENED
    @rule(pick=PICK)
    def finalize_by_proof(self, pick: int) -> None:
        r = self.model.rounds[self.index(pick)]
        error = self.model.finalize_by_proof(self.evm.now, r)
        self.in_round(error, self.world.stranger, "finalizeByProof", r.id, self.world.committee, self.papers(r)[1])

    @OPENED
    @rule(pick=PICK)
    def close(self, pick: int) -> None:
        r = self.model.rounds[self.index(pick)]
        error = self.model.close(self.evm.now, r)
        self.in_round(error, self.world.stranger, "close", r.id, self.world.committee, self.papers(r)[1])

    @OPENED
    @rule(pick=PICK, slot=SLOTS)
    def claim(self, pick: int, slot: int) -> None:
        r = self.model.rounds[self.index(pick)]
        error = self.model.claim(self.evm.now, r, slot)
        self.in_round(error, self.world.stranger, "claimFee", r.id, self.world.committee, self.papers(r)[1], slot)

    @OPENED
    @rule(pick=PICK, slot=SLOTS)
    def challenge(self, pick: int, slot: int) -> None:
        index = self.index(pick)
        r, posted = self.model.rounds[index], self.posted[index]
        place = next((i for i, one in enumerate(posted) if one.slot == slot), None)
        one = posted[place] if place is not None else Posted(slot, 0, (), structs.Proof(0, 0))
        data, _ = self.papers(r)
        links = [p.link for p in posted]
        before = self.chain(data, links[: place or 0])
        later = tuple(links[(place or 0) + 1 :])
        submission = structs.Submission(Slot(slot), one.excluded, one.cfrags, one.proof, before, later)
        capsules = tuple(self.world.records[j].capsule.c1.to_evm() for j in r.records)
        error = self.model.challenge(self.evm.now, r, self.world.stranger, slot)
        shown = (r.id, self.world.committee, data, submission, capsules, self.world.challenge_keys)
        self.in_round(error, self.world.stranger, "challengeCfrags", *shown)

    def chain(self, data: structs.RoundData, links: list[bytes]) -> bytes:
        value = self.world.round_key(data)
        for link in links:
            value = keccak(value + link)
        return value

    @OPENED
    @rule(pick=PICK, position=st.integers(0, given.RECORDS - 1))
    def report(self, pick: int, position: int) -> None:
        r = self.model.rounds[self.index(pick)]
        position %= len(r.records)
        record = self.world.records[r.records[position]]
        error = self.model.report(self.evm.now, r, position, record.id)
        ids = tuple(self.world.records[j].id for j in r.records)
        shown = (r.id, self.world.committee, self.papers(r)[0], ids, record.report(position), self.world.challenge_keys)
        self.in_round(error, self.world.stranger, "reportCapsule", *shown)

    @OPENED
    @rule(pick=PICK, committee=st.booleans())
    def submit_with_wrong_papers(self, pick: int, committee: bool) -> None:
        r = self.model.rounds[self.index(pick)]
        if self.model.phase(r, self.evm.now) != Phase.SUBMITTING:
            return
        members = self.world.committee[::-1] if committee else self.world.committee
        hashed = self.papers(r)[1] if committee else bytes(32)
        error = ("WrongCommittee" if committee else "WrongRoundData", (r.id,))
        self.in_round(error, self.world.proxy(1), "submitCfrags", r.id, members, hashed, 1, (), structs.Proof(0, 0))

    # --- time, grant, money ---

    @rule(seconds=st.sampled_from([1, 5, 11, 31, 61]))
    def wait(self, seconds: int) -> None:
        self.evm.now += seconds

    @rule(who=st.sampled_from(["stranger", "user", "stranger", "owner"]))
    def revoke(self, who: str) -> None:
        sender = self.account(who)
        self.step(self.model.revoke(sender), sender, "GrantRegistry", "revoke", given.GRANT)

    @rule(records=st.integers(1, 3))
    def add_deposit(self, records: int) -> None:
        value = records * given.THRESHOLD * given.FEE
        error = self.model.add_deposit(self.evm.now, value)
        self.step(error, self.world.user, "GrantRegistry", "addDeposit", given.GRANT, value=value)

    @rule()
    def collect_price(self) -> None:
        self.step(self.model.collect_price(), self.world.stranger, "GrantRegistry", "collectPrice", given.GRANT)

    @rule()
    def reclaim_deposit(self) -> None:
        error = self.model.reclaim(self.evm.now)
        self.step(error, self.world.stranger, "GrantRegistry", "reclaimDeposit", given.GRANT)

    @rule(who=st.sampled_from(["owner", "user", "stranger", "1", "2", "3"]))
    def withdraw(self, who: str) -> None:
        account = self.account(who)
        self.step(self.model.withdraw(account), account, "Treasury", "withdraw", account)

    # --- what must hold after every step ---

    @invariant()
    def rounds_are_the_models(self) -> None:
        for index, r in enumerate(self.model.rounds):
            data, _ = self.papers(r)
            expected = structs.Round(
                deadline=r.deadline,
                vote_end=r.vote_end,
                submitted=bitmap(r.submitted),
                approvals=bitmap(r.approvals),
                rejections=bitmap(r.rejections),
                challenged=bitmap(r.challenged),
                leader=Slot(r.leader),
                records=len(r.records),
                threshold=self.model.threshold,
                committee_size=len(self.model.proxies),
                finalized=r.finalized,
                closed=r.closed,
                excluded=self.excluded(r),
                claimed=bitmap(r.claimed),
                barred=bitmap(r.barred),
                contributors=bitmap(r.contributors),
                key=self.world.round_key(data),
                submissions=self.chain(data, [one.link for one in self.posted[index]]),
                result_hash=self.result_hashes[index],
            )
            assert self.evm.call("ConversionRounds", "roundOf", r.id) == expected
            assert self.evm.call("ConversionRounds", "phaseOf", r.id) == self.model.phase(r, self.evm.now)

    @invariant()
    def money_is_the_models(self) -> None:
        model, treasury = self.model, self.evm.addresses["Treasury"]
        access = self.evm.call("GrantRegistry", "accessOf", given.GRANT)
        found = (access.status, access.converted, access.used, access.rounds, access.price, access.deposit)
        money = (model.status, model.converted, model.used, len(model.rounds), model.price, model.deposit)
        assert found == money
        held = self.evm.call("Treasury", "heldUnder", given.GRANT.to_bytes(32, "big"))
        assert held == model.held_for_grant
        who = [model.owner, model.user, self.world.stranger, *model.proxies.values()]
        credits_ = Counter({account: self.evm.call("Treasury", "creditOf", account) for account in who})
        assert credits_ == +model.credits
        bonds = {
            slot: self.evm.call("ProxyRegistry", "proxyOf", account).bond for slot, account in model.proxies.items()
        }
        assert bonds == model.bonds
        claims = self.evm.call("Treasury", "totalClaims")
        assert claims == held + credits_.total() + sum(bonds.values()) == self.evm.balance(treasury)
