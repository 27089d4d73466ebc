"""Rounds of one grant as a few sets and sums: what the contracts must do, written from SPEC §9 and the interfaces.

Each step returns the error that it must fail with, or None after it has changed the model. No cryptography: whether a
cfrag, a capsule or a result is right is what the caller knows from having made it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.stateful.round_model import RoundModel
from tpre_offchain.chain.abi.ids import make_round_id
from tpre_offchain.chain.abi.structs import Phase, RoundSettings, Status
from tpre_offchain.types import Address, GrantId

Error = tuple[str, tuple[Any, ...]] | None

BURNED = Address("0x000000000000000000000000000000000000dEaD")
"""Half of every penalty goes here."""


@dataclass
class Model:
    """The grant, its rounds, and everybody's money, all in wei."""

    grant: GrantId
    owner: Address
    user: Address
    proxies: dict[int, Address]
    threshold: int
    settings: RoundSettings
    bond: int
    miss_limit: int
    miss_penalty: int
    expiry: int
    quota: int
    price: int
    deposit: int
    bad_records: frozenset[int]
    status: Status = Status.GRANTED
    served: bool = False
    exits: dict[int, int] = field(default_factory=dict)
    """When a slot's exit began; here because its bond became too small."""
    used: int = 0
    rounds: list[RoundModel] = field(default_factory=list)
    credits: Counter[str] = field(default_factory=Counter)
    bonds: dict[int, int] = field(default_factory=dict)
    missed: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.bonds = dict.fromkeys(self.proxies, self.bond)

    # --- what follows from the state ---

    def is_live(self, now: int) -> bool:
        return self.status == Status.GRANTED and now < self.expiry

    def phase(self, r: RoundModel, now: int) -> Phase:
        if r.finalized:
            return Phase.FINALIZED
        if not r.remaining:
            return Phase.ENDED
        if r.leader:
            if now <= r.vote_end:
                return Phase.VOTING
            return Phase.PROVABLE if now <= r.deadline + 2 * self.settings.vote_seconds else Phase.EXPIRED
        readable = len(r.submitted) >= self.threshold
        if self.status not in (Status.GRANTED, Status.SURRENDERED) and not readable:
            return Phase.ENDED
        if now > r.deadline:
            return Phase.EXPIRED
        return Phase.PROPOSING if readable else Phase.SUBMITTING

    @property
    def held_for_grant(self) -> int:
        return self.deposit + sum(r.reserve for r in self.rounds)

    def _majority(self, slots: set[int]) -> bool:
        return 2 * len(slots) > len(self.proxies)

    def _wrong_phase(self, r: RoundModel, now: int, expected: Phase) -> Error:
        current = self.phase(r, now)
        return None if current == expected else ("WrongPhase", (r.id, current, expected))

    def _not_member(self, r: RoundModel, slot: int, sender: Address) -> Error:
        if self.proxies.get(slot) != sender:
            return "NotInSlot", (r.id, slot, sender)
        return ("SlotChallenged", (r.id, slot)) if slot in r.challenged else None

    def _penalize(self, now: int, slot: int, amount: int, beneficiary: Address) -> None:
        taken = min(amount, self.bonds[slot])
        self.bonds[slot] -= taken
        if self.bonds[slot] < self.bond // 2:
            self.exits.setdefault(slot, now)
        self.credits[beneficiary] += taken // 2
        self.credits[BURNED] += taken - taken // 2

    def _keep_in_reserve(self, r: RoundModel, amount: int) -> None:
        self.deposit += r.reserve - amount
        r.reserve = amount

    def _owed(self, r: RoundModel) -> int:
        fees = self.settings.fee_per_cfrag_wei * len(r.submitted) * len(r.remaining)
        return fees + (self.price * len(r.remaining) if r.price_reserved else 0)

    def _pay_price(self, r: RoundModel) -> None:
        self.served = True
        if r.price_reserved:
            r.price_reserved = False
            r.reserve -= self.price * len(r.remaining)
            self.credits[self.owner] += self.price * len(r.remaining)

    # --- steps of a round ---

    def open(self, now: int, sender: Address, records: tuple[int, ...]) -> Error:
        if not records:
            return "WrongRecordCount", (0, 1, 100)
        if error := self._not_granted(now):
            return error
        if sender != self.user:
            return "NotPayer", (self.grant, sender, self.user)
        if self.used + len(records) > self.quota:
            return "QuotaExceeded", (self.grant, self.used, len(records), self.quota)
        reserve = len(records) * (self.threshold * self.settings.fee_per_cfrag_wei + self.price)
        if reserve > self.deposit:
            return "DepositTooSmall", (self.grant, self.deposit, reserve)
        for j in range(1, len(records)):
            if records[j] <= records[j - 1]:
                return "RecordsNotAscending", (j,)
        self.deposit -= reserve
        self.used += len(records)
        round_id = make_round_id(self.grant, len(self.rounds))
        self.rounds.append(RoundModel(round_id, records, now + self.settings.round_seconds, reserve))
        return None

    def _not_granted(self, now: int) -> Error:
        if self.status != Status.GRANTED:
            return "WrongStatus", (self.grant, self.status, Status.GRANTED)
        return ("StaleGrant", (self.grant, self.expiry)) if now >= self.expiry else None

    def submit(self, now: int, r: RoundModel, sender: Address, slot: int, count: int, good: bool) -> Error:
        if self.phase(r, now) == Phase.PROPOSING:
            return "EnoughCfrags", (r.id, self.threshold)
        if error := self._wrong_phase(r, now, Phase.SUBMITTING) or self._not_member(r, slot, sender):
            return error
        if slot in r.submitted:
            return "AlreadySubmitted", (r.id, slot)
        if count != len(r.remaining):
            return "WrongCfragCount", (r.id, count, len(r.remaining))
        if self.bonds[slot] < self.bond // 2:
            return "NotBonded", (sender,)
        r.submitted[slot] = good
        return None

    def propose(
        self, now: int, r: RoundModel, sender: Address, slot: int, contributors: set[int], right: bool
    ) -> Error:
        if error := self._wrong_phase(r, now, Phase.PROPOSING) or self._not_member(r, slot, sender):
            return error
        if slot in r.barred:
            return "LeaderBarred", (r.id, slot)
        if not contributors <= set(r.submitted):
            return "ContributorsNotSubmitted", (r.id, bitmap(contributors), bitmap(r.submitted))
        if len(contributors) != self.threshold:
            return "WrongContributorCount", (r.id, len(contributors), self.threshold)
        if not right:
            return "WrongResult", (r.id,)
        r.leader, r.approvals, r.contributors = slot, {slot}, set(contributors)
        r.vote_end = now + self.settings.vote_seconds
        self._pay_price(r)
        if self._majority(r.approvals):
            self._finalize(now, r)
        return None

    def vote(
        self, now: int, r: RoundModel, sender: Address, slot: int, approve: bool, hashes: tuple[bytes, bytes]
    ) -> Error:
        """``hashes``, here and below: the result hash given, and the proposal's."""
        if error := self._wrong_phase(r, now, Phase.VOTING):
            return error
        if hashes[0] != hashes[1]:
            return "WrongResultHash", (r.id, hashes[0])
        if error := self._not_member(r, slot, sender):
            return error
        if slot in r.approvals | r.rejections:
            return "AlreadyVoted", (r.id, slot)
        (r.approvals if approve else r.rejections).add(slot)
        if self._majority(r.approvals):
            self._finalize(now, r)
        elif self._majority(r.rejections):
            r.barred.add(r.leader)
            r.drop_proposal()
        return None

    def finalize_by_proof(self, now: int, r: RoundModel, hashes: tuple[bytes, bytes]) -> Error:
        if error := self._wrong_phase(r, now, Phase.PROVABLE):
            return error
        if hashes[0] != hashes[1]:
            return "WrongResultHash", (r.id, hashes[0])
        self._finalize(now, r)
        return None

    def finalize_signed(
        self, now: int, r: RoundModel, sender: Address, slot: int, named: tuple[set[int], set[int]], forged: int
    ) -> Error:
        """``named``: contributors and voters; ``forged``: the first voter whose signature is not its own, or 0.

        The result is right.
        """
        contributors, voters = named
        phase = self.phase(r, now)
        if phase not in (Phase.SUBMITTING, Phase.PROPOSING):
            return "WrongPhase", (r.id, phase, Phase.SUBMITTING)
        if error := self._not_member(r, slot, sender):
            return error
        allowed = set(self.proxies) - r.challenged
        if not contributors <= allowed:
            return "SlotsNotAllowed", (r.id, bitmap(contributors), bitmap(allowed))
        if not set(r.submitted) <= contributors:
            return "SubmittedLeftOut", (r.id, bitmap(r.submitted), bitmap(contributors))
        if not voters <= allowed - {slot}:
            return "SlotsNotAllowed", (r.id, bitmap(voters), bitmap(allowed - {slot}))
        if len(contributors) != self.threshold:
            return "WrongContributorCount", (r.id, len(contributors), self.threshold)
        if not self._majority(voters | {slot}):
            return "TooFewVotes", (r.id, bitmap(voters | {slot}), len(self.proxies))
        if forged:
            return "WrongSignature", (r.id, forged)
        r.vouched = contributors - set(r.submitted)
        r.submitted |= dict.fromkeys(sorted(r.vouched), True)
        r.leader, r.approvals, r.contributors = slot, voters | {slot}, set(contributors)
        self._pay_price(r)
        self._finalize(now, r)
        return None

    def _finalize(self, now: int, r: RoundModel) -> None:
        r.finalized = True
        r.vote_end = now + self.settings.challenge_seconds
        self._keep_in_reserve(r, self._owed(r))

    def close(self, now: int, r: RoundModel) -> Error:
        phase = self.phase(r, now)
        if phase not in (Phase.EXPIRED, Phase.ENDED):
            return "WrongPhase", (r.id, phase, Phase.EXPIRED)
        if r.closed:
            return "AlreadyClosed", (r.id,)
        missing: set[int] = set()
        if phase == Phase.EXPIRED and not r.leader and len(r.submitted) < self.threshold:
            opened = r.deadline - self.settings.round_seconds
            hindered = bool(r.excluded or r.challenged)
            staying = {slot for slot in self.proxies if self.exits.get(slot, now + 1) > opened}
            missing = set() if hindered else staying - set(r.submitted)
        r.price_reserved &= len(r.submitted) >= self.threshold
        r.drop_proposal()
        r.closed = True
        r.vote_end = now + self.settings.challenge_seconds
        self._keep_in_reserve(r, self._owed(r))
        for slot in missing:
            self.missed[slot] += 1
            if self.missed[slot] > self.miss_limit:
                self._penalize(now, slot, self.miss_penalty, self.user)
        return None

    def challenge(self, now: int, r: RoundModel, sender: Address, slot: int) -> Error:
        over = r.finalized or r.closed
        if over and now > r.vote_end:
            return "ChallengeWindowOver", (r.id,)
        if slot not in r.submitted:
            return "NotSubmitted", (r.id, slot)
        if slot in r.vouched:
            return "WrongSubmission", (r.id, slot)
        if r.submitted[slot]:
            return "CfragIsGood", (r.id, slot)
        del r.submitted[slot]
        r.challenged.add(slot)
        if over:
            self._keep_in_reserve(r, r.reserve - self.settings.fee_per_cfrag_wei * len(r.remaining))
        self._penalize(now, slot, self.settings.challenge_penalty_wei, sender)
        return None

    def report(
        self, now: int, r: RoundModel, sender: Address, slot: int, shown: tuple[tuple[int, int], ...]
    ) -> Error:
        """``slot``: 0 for no member. ``shown``: position and id of the records whose capsules are reported."""
        phase = self.phase(r, now)
        if not Phase.SUBMITTING <= phase <= Phase.PROVABLE:
            return "WrongPhase", (r.id, phase, Phase.SUBMITTING)
        if slot and (error := self._not_member(r, slot, sender)):
            return error
        for position, record_id in shown:
            if position not in r.excluded and r.records[position] not in self.bad_records:
                return "CapsuleIsGood", (r.id, record_id)
        left = {position for position, _ in shown} - r.excluded
        if not left:
            return None
        r.excluded |= left
        if r.leader:
            r.drop_proposal()
        fee = self.settings.fee_per_cfrag_wei
        self.credits[sender if slot else BURNED] += len(left) * fee
        r.reserve -= len(left) * fee
        back = len(left) * ((self.threshold - 1) * fee + (self.price if r.price_reserved else 0))
        self._keep_in_reserve(r, r.reserve - back)
        return None

    def claim(self, now: int, r: RoundModel, slot: int) -> Error:
        if not r.finalized and not r.closed:
            return "WrongPhase", (r.id, self.phase(r, now), Phase.FINALIZED)
        if now <= r.vote_end:
            return "ChallengeWindowOpen", (r.id, r.vote_end)
        if slot not in r.submitted:
            return "NotSubmitted", (r.id, slot)
        if slot in r.claimed:
            return None
        r.claimed.add(slot)
        fee = self.settings.fee_per_cfrag_wei * len(r.remaining)
        r.reserve -= fee
        self.credits[self.proxies[slot]] += fee
        if r.price_reserved:
            self._settle(r)
        return None

    def settle_price(self, now: int, r: RoundModel) -> Error:
        if not r.finalized and not r.closed:
            return "WrongPhase", (r.id, self.phase(r, now), Phase.FINALIZED)
        if now <= r.vote_end:
            return "ChallengeWindowOpen", (r.id, r.vote_end)
        if not r.price_reserved:
            return "NothingToSettle", (r.id,)
        self._settle(r)
        return None

    def _settle(self, r: RoundModel) -> None:
        if len(r.submitted) >= self.threshold:
            self._pay_price(r)
        else:
            r.price_reserved = False
            self._keep_in_reserve(r, r.reserve - self.price * len(r.remaining))

    # --- the grant and its money ---

    def revoke(self, sender: Address) -> Error:
        if self.status != Status.GRANTED:
            return "WrongStatus", (self.grant, self.status, Status.GRANTED)
        if sender != self.owner:
            return "NotDelegator", (self.grant, sender, self.owner)
        self.status = Status.REVOKED
        return None

    def surrender(self, sender: Address) -> Error:
        if self.status != Status.GRANTED:
            return "WrongStatus", (self.grant, self.status, Status.GRANTED)
        if sender != self.user:
            return "NotDelegatee", (self.grant, sender, self.user)
        self.status = Status.SURRENDERED
        self.credits[self.user] += self.deposit
        self.deposit = 0
        return None

    def add_deposit(self, now: int, amount: int) -> Error:
        if error := self._not_granted(now):
            return error
        self.deposit += amount
        return None

    def reclaim(self, now: int) -> Error:
        if self.is_live(now):
            return "GrantStillLive", (self.grant,)
        if not self.deposit:
            return "NothingToReclaim", (self.grant,)
        self.credits[self.user] += self.deposit
        self.deposit = 0
        return None

    def withdraw(self, account: Address) -> Error:
        if not self.credits[account]:
            return "NothingToWithdraw", (account,)
        self.credits[account] = 0
        return None


def bitmap(slots: Any) -> int:
    """Bit i-1 is slot i."""
    return sum(1 << (slot - 1) for slot in slots)
