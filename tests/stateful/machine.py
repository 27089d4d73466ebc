"""The steps of a random walk, by owner, user, proxies and strangers, right and wrong."""

from __future__ import annotations

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.stateful import world as given
from tests.stateful.model import bitmap
from tests.stateful.walk import Posted, Walk
from tpre_offchain.chain.abi import structs
from tpre_offchain.chain.abi.structs import Phase
from tpre_offchain.crypto.typed_data import vote_digest
from tpre_offchain.proxy.messages import compact
from tpre_offchain.types import Address, Slot

SLOTS = st.integers(1, given.SIZE)
PICK = st.integers(0, 7)
OPENED = precondition(lambda self: bool(self.model.rounds))


class RoundsMachine(Walk):
    """Rules for rounds of one grant; ``pick`` names one of those open."""

    @initialize(
        records=st.sampled_from([(0, 1, 2), (0, 1, 2), (0,), ()]),
        steps=st.integers(0, 7),
        bad=st.sampled_from([0, 0, 1, 2]),
        leaves=st.integers(0, 7),
    )
    def start(self, records: tuple[int, ...], steps: int, bad: int, leaves: int) -> None:
        """A round that has gone some way already: deep states are rare otherwise.

        ``bad``: the slot whose cfrags are bad, or 0. ``leaves``: before which step the bad record leaves the round.
        """
        self.set_up()
        if records:
            self.open_round("user", records)
            for step in range(steps):
                if step == leaves:
                    self.report(0, (given.BAD_RECORD,), slot=1)
                self.take_the_next_step(0, bad)

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
    @rule(pick=PICK, wrong=st.sampled_from(["count", "committee", "data"]), slot=SLOTS)
    def submit_wrongly(self, pick: int, wrong: str, slot: int) -> None:
        if wrong == "count":
            self.submit_as(pick, slot, self.world.proxy(slot), good=True, short=True)
            return
        r = self.model.rounds[self.index(pick)]
        if self.model.phase(r, self.evm.now) == Phase.SUBMITTING:
            members = self.world.committee[::-1] if wrong == "committee" else self.world.committee
            hashed = bytes(32) if wrong == "data" else self.papers(r)[1]
            error = ("WrongCommittee" if wrong == "committee" else "WrongRoundData", (r.id,))
            self.in_round(error, self.world.proxy(1), "submitCfrags", r.id, members, hashed, 1, (), structs.Proof(0, 0))

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
    @rule(
        pick=PICK,
        slot=SLOTS,
        contributors=st.sampled_from([(), (), (1,), (1, 2), (1, 3), (1, 2, 3)]),
        right=st.booleans(),
    )
    def propose(self, pick: int, slot: int, contributors: tuple[int, ...], right: bool) -> None:
        """No contributors named: those who submitted."""
        contributors = contributors or tuple(self.model.rounds[self.index(pick)].submitted)
        self.propose_as(pick, slot, set(contributors), right, self.world.proxy(slot))

    @OPENED
    @rule(
        pick=PICK,
        slot=SLOTS,
        contributors=st.sampled_from([(), (), (), (1, 2), (2, 3), (1,), (1, 4)]),
        voters=st.sampled_from([(), (), (), (1,), (2, 3), (3, 4)]),
        forged=st.sampled_from([0, 0, 0, 1]),
        sender=st.sampled_from(["", "", "", "stranger"]),
    )
    def finalize_signed(
        self, pick: int, slot: int, contributors: tuple[int, ...], voters: tuple[int, ...], forged: int, sender: str
    ) -> None:
        """Nobody named: those who submitted and others, and all who may vote. ``forged``: the first signature."""
        index = self.index(pick)
        r = self.model.rounds[index]
        free = [one for one in self.model.proxies if one not in r.challenged]
        more = [one for one in free if one not in r.submitted]
        chosen = set(contributors) or {*r.submitted, *more[: max(0, given.THRESHOLD - len(r.submitted))]}
        signing = set(voters) or set(free) - {slot}
        results = tuple(point.to_evm() for point in self.world.results(self.remaining_records(r) or r.records))
        fields = [r.id, bitmap(chosen), self.excluded(r), keccak(b"".join(results))]
        voted = keccak(encode(["uint256", "uint32", "uint128", "bytes32"], fields))
        digest = vote_digest(self.world.domain, r.id, bytes(32) if forged else voted)
        members = [self.account(str(one) if one in self.model.proxies else "stranger") for one in sorted(signing)]
        first = min(signing, default=0) if forged else 0
        who = self.account(sender or str(slot))
        error = self.model.finalize_signed(self.evm.now, r, who, slot, (chosen, signing), first)
        papers = (r.id, self.world.committee, self.papers(r)[0], slot, bitmap(chosen), self.world.mask)
        capsules = tuple(self.world.records[j].capsule.c1.to_evm() for j in r.records)
        signatures = tuple(compact(self.evm.sign(member, digest)) for member in members)
        self.in_round(error, who, "finalizeSigned", *papers, capsules, results, bitmap(signing), signatures)
        if error is None:
            self.result_hashes[index] = voted

    @OPENED
    @rule(pick=PICK, slot=SLOTS, approve=st.booleans(), known=st.sampled_from([True, True, True, False]))
    def vote(self, pick: int, slot: int, approve: bool, known: bool) -> None:
        self.vote_as(pick, slot, approve, known)

    def vote_as(self, pick: int, slot: int, approve: bool, known: bool) -> None:
        index = self.index(pick)
        r, sender, current = self.model.rounds[index], self.world.proxy(slot), self.result_hashes[index]
        named = current if known else keccak(current)
        error = self.model.vote(self.evm.now, r, sender, slot, approve, (named, current))
        _, hashed = self.papers(r)
        self.in_round(error, sender, "vote", r.id, self.world.committee, hashed, slot, named, approve)

    @OPENED
    @rule(pick=PICK, bad=st.sampled_from([0, 0, 0, 1]))
    def take_the_next_step(self, pick: int, bad: int = 0) -> None:
        """What an honest proxy would do, or time where there is nothing to do. ``bad``: the slot that cheats."""
        r = self.model.rounds[self.index(pick)]
        free = [slot for slot in self.model.proxies if slot not in r.challenged]
        phase = self.model.phase(r, self.evm.now)
        if phase == Phase.SUBMITTING and (waiting := [slot for slot in free if slot not in r.submitted]):
            self.submit_as(pick, waiting[0], self.world.proxy(waiting[0]), good=waiting[0] != bad)
        elif phase == Phase.PROPOSING and (leaders := [slot for slot in free if slot not in r.barred]):
            self.propose_as(pick, leaders[-1], set(r.submitted), True, self.world.proxy(leaders[-1]))
        elif phase == Phase.VOTING and (voters := [slot for slot in free if slot not in r.approvals | r.rejections]):
            self.vote_as(pick, voters[0], approve=True, known=True)
        elif phase == Phase.PROVABLE:
            self.finalize(pick, known=True)
        elif phase in (Phase.EXPIRED, Phase.ENDED) and not r.closed:
            self.close(pick)
        elif (r.finalized or r.closed) and (unpaid := [slot for slot in r.submitted if slot not in r.claimed]):
            if self.evm.now <= r.vote_end:
                self.evm.now = r.vote_end  # the last moment of the challenge window: too early
                self.claim_as(pick, unpaid[0])
                self.evm.now += 1
            self.claim_as(pick, unpaid[0])
        else:
            self.evm.now = max(self.evm.now, r.deadline + 1)

    @OPENED
    @rule(pick=PICK, steps=st.integers(2, 4))
    def go_on(self, pick: int, steps: int) -> None:
        for _ in range(steps):
            self.take_the_next_step(pick)

    @OPENED
    @rule(pick=PICK, does=st.sampled_from(["finalize", "finalize another", "close", "claim", "settle"]), slot=SLOTS)
    def end(self, pick: int, does: str, slot: int) -> None:
        if does == "claim":
            self.claim_as(pick, slot)
        elif does == "settle":
            self.settle_price(pick)
        elif does == "close":
            self.close(pick)
        else:
            self.finalize(pick, known=does == "finalize")

    def finalize(self, pick: int, known: bool) -> None:
        index = self.index(pick)
        r, current = self.model.rounds[index], self.result_hashes[index]
        named = current if known else keccak(current)
        error = self.model.finalize_by_proof(self.evm.now, r, (named, current))
        papers = (r.id, self.world.committee, self.papers(r)[1], named)
        self.in_round(error, self.world.stranger, "finalizeByProof", *papers)

    def close(self, pick: int) -> None:
        r = self.model.rounds[self.index(pick)]
        error = self.model.close(self.evm.now, r)
        self.in_round(error, self.world.stranger, "close", r.id, self.world.committee, self.papers(r)[1])

    def claim_as(self, pick: int, slot: int) -> None:
        r = self.model.rounds[self.index(pick)]
        error = self.model.claim(self.evm.now, r, slot)
        claims = [structs.ClaimedRound(r.id, self.papers(r)[1])]
        self.in_round(error, self.world.stranger, "claimFees", self.world.committee, slot, claims)

    def settle_price(self, pick: int) -> None:
        r = self.model.rounds[self.index(pick)]
        self.in_round(self.model.settle_price(self.evm.now, r), self.world.stranger, "settlePrice", r.id)

    @OPENED
    @rule(pick=PICK, which=st.integers(0, given.SIZE))
    def challenge(self, pick: int, which: int) -> None:
        """Of what was posted, in order; then a slot that posted nothing, unless all did."""
        index = self.index(pick)
        r, posted = self.model.rounds[index], self.posted[index]
        slot = posted[which].slot if which < len(posted) else max(set(self.model.proxies) - set(r.submitted), default=1)
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

    @OPENED
    @rule(
        pick=PICK,
        positions=st.sampled_from([*[(given.BAD_RECORD,)] * 2, (given.BAD_RECORD,) * 2, (0,), (1, 2), ()]),
        slot=st.integers(0, given.SIZE),
    )
    def report(self, pick: int, positions: tuple[int, ...], slot: int) -> None:
        r = self.model.rounds[self.index(pick)]
        places = [position % len(r.records) for position in positions]
        reports = [self.world.records[r.records[place]].report(place) for place in places]
        ids = tuple(self.world.records[j].id for j in r.records)
        sender = self.world.proxy(slot) if slot else self.world.stranger
        error = self.model.report(self.evm.now, r, sender, slot, tuple((place, ids[place]) for place in places))
        papers = (r.id, self.world.committee, self.papers(r)[0], ids, reports, self.world.challenge_keys, slot)
        self.in_round(error, sender, "reportCapsules", *papers)

    # --- time, grant, money ---

    @rule(seconds=st.sampled_from([1, 5, 11, 31, 61]))
    def wait(self, seconds: int) -> None:
        self.evm.now += seconds

    @OPENED
    @rule(pick=PICK, edge=st.sampled_from(["deadline", "vote_end", "proof", "expiry"]), past=st.booleans())
    def wait_to_the_edge(self, pick: int, edge: str, past: bool) -> None:
        """To the last moment of a window, or the first after it."""
        r = self.model.rounds[self.index(pick)]
        proof_end = r.deadline + 2 * self.model.settings.vote_seconds
        moments = {"deadline": r.deadline, "vote_end": r.vote_end, "proof": proof_end, "expiry": self.model.expiry - 1}
        self.evm.now = max(self.evm.now, moments[edge] + past)

    @rule(who=st.sampled_from(["stranger", "user", "stranger", "owner"]))
    def revoke(self, who: str) -> None:
        sender = self.account(who)
        self.step(self.model.revoke(sender), sender, "GrantRegistry", "revoke", given.GRANT)

    @rule(who=st.sampled_from(["stranger", "owner", "stranger", "user"]))
    def surrender(self, who: str) -> None:
        sender = self.account(who)
        self.step(self.model.surrender(sender), sender, "GrantRegistry", "surrender", given.GRANT)

    @rule(what=st.sampled_from(["deposit", "reclaim", "owner", "user", "stranger", "1", "2", "3"]))
    def move_money(self, what: str) -> None:
        """A deposit, the deposit back, or somebody's credit."""
        grant, stranger = given.GRANT, self.world.stranger
        if what == "deposit":
            value = given.RESERVE_WEI
            error = self.model.add_deposit(self.evm.now, value)
            self.step(error, self.world.user, "GrantRegistry", "addDeposit", grant, value=value)
        elif what == "reclaim":
            self.step(self.model.reclaim(self.evm.now), stranger, "GrantRegistry", "reclaimDeposit", grant)
        else:
            account = self.account(what)
            self.step(self.model.withdraw(account), account, "Treasury", "withdraw", account)
