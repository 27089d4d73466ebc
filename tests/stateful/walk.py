"""What a random walk does and sees: each step on the contracts and in the model, and what must hold after it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import pytest
from eth_utils.crypto import keccak
from hypothesis.stateful import RuleBasedStateMachine, invariant

from tests.stateful import world as given
from tests.stateful.evm import Reverted
from tests.stateful.model import BURNED, Error, Model, bitmap
from tests.stateful.round_model import RoundModel
from tests.stateful.world import World, data_hash, link_of
from tpre_offchain.chain.abi import structs
from tpre_offchain.types import Address, Slot


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


class Walk(RuleBasedStateMachine):
    """After each step, every figure of the contracts must be the model's."""

    seen: ClassVar[Counter[str]] = Counter()
    """How often each function did its work, and with which errors it refused."""

    def set_up(self) -> None:
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

    def chain(self, data: structs.RoundData, links: list[bytes]) -> bytes:
        value = self.world.round_key(data)
        for link in links:
            value = keccak(value + link)
        return value

    def proposal(self, index: int, data: structs.RoundData) -> bytes:
        voted = self.result_hashes[index]
        return keccak(self.world.round_key(data) + voted) if any(voted) else bytes(32)

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
                price_reserved=r.price_reserved,
                excluded=self.excluded(r),
                claimed=bitmap(r.claimed),
                barred=bitmap(r.barred),
                contributors=bitmap(r.contributors),
                key=self.world.round_key(data),
                submissions=self.chain(data, [one.link for one in self.posted[index]]),
                proposal=self.proposal(index, data),
            )
            assert self.evm.call("ConversionRounds", "roundOf", r.id) == expected
            assert self.evm.call("ConversionRounds", "phaseOf", r.id) == self.model.phase(r, self.evm.now)

    @invariant()
    def money_is_the_models(self) -> None:
        model, treasury = self.model, self.evm.addresses["Treasury"]
        access = self.evm.call("GrantRegistry", "accessOf", given.GRANT)
        found = (access.status, access.served, access.used, access.rounds, access.price, access.deposit)
        money = (model.status, model.served, model.used, len(model.rounds), model.price, model.deposit)
        assert found == money
        held = self.evm.call("Treasury", "heldUnder", given.GRANT.to_bytes(32, "big"))
        assert held == model.held_for_grant
        who = [model.owner, model.user, self.world.stranger, BURNED, *model.proxies.values()]
        credits_ = Counter({account: self.evm.call("Treasury", "creditOf", account) for account in who})
        assert credits_ == +model.credits
        bonds = {
            slot: self.evm.call("ProxyRegistry", "proxyOf", account).bond for slot, account in model.proxies.items()
        }
        assert bonds == model.bonds
        claims = self.evm.call("Treasury", "totalClaims")
        assert claims == held + credits_.total() + sum(bonds.values()) == self.evm.balance(treasury)
