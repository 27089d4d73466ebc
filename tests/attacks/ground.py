"""The granted access of `tests.stateful.world` on a real anvil, and what a member of its committee does in a round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.attacks.anvil_evm import AnvilEvm
from tests.integration.nets.local_nodes import LocalNode
from tests.property.scene import identity
from tests.stateful.evm import Reverted
from tests.stateful.world import GRANT, PRICE_WEI, QUOTA, SETTINGS, World, data_hash, link_of, proof
from tpre_offchain.chain.abi import structs
from tpre_offchain.chain.abi.ids import make_round_id
from tpre_offchain.clients.facts.points import chain_rekey
from tpre_offchain.crypto import pre
from tpre_offchain.crypto.curve import G1, G2
from tpre_offchain.types import Address, Epoch, GrantId, RoundId, Slot, StreamId

SECOND = GrantId(2)


@dataclass
class Played:
    """A round and what was submitted in it, as a challenge has to show it."""

    id: RoundId
    records: tuple[int, ...]
    submissions: list[structs.Submission] = field(default_factory=list)


class Ground(World):
    """One grant (t = 2, n = 3) over records 0..2, of which record 1 has a false capsule proof."""

    evm: AnvilEvm
    grant_seconds = 86_400  # longer than the exit of a proxy takes

    def __init__(self, node: LocalNode) -> None:
        super().__init__(AnvilEvm(node, SETTINGS))

    def reset(self) -> None:
        """Back to the moment after the grant."""
        self.evm.revert(self.start)
        self.start = self.evm.snapshot()

    # --- what members do ---

    def open(self, *records: int, index: int = 0) -> Played:
        refs = tuple(self.records[j].ref for j in records)
        self.evm.send(self.user, "ConversionRounds", "openRound", GRANT, 0, *self.hashes, refs)
        return Played(make_round_id(GRANT, index), records)

    def papers(self, played: Played) -> tuple[structs.RoundData, bytes]:
        """RoundData and its hash."""
        data = self.round_data(played.records)
        return data, data_hash(data)

    def submission(self, played: Played, slot: int, made: pre.CFrags | None = None) -> tuple[Any, ...]:
        """Arguments of submitCfrags: the slot's own good cfrags, or those that are given."""
        made = made or self.cfrags(played.id, slot, played.records)
        points = tuple(point.to_evm() for point in made.points)
        return (played.id, self.committee, self.papers(played)[1], slot, points, proof(made.proof))

    def submit(self, played: Played, slot: int, made: pre.CFrags | None = None) -> None:
        arguments = self.submission(played, slot, made)
        before = self.evm.call("ConversionRounds", "roundOf", played.id).submissions
        self.evm.send(self.proxy(slot), "ConversionRounds", "submitCfrags", *arguments)
        played.submissions.append(structs.Submission(Slot(slot), 0, arguments[4], arguments[5], before))

    def challenge(self, played: Played, slot: int) -> tuple[Any, ...]:
        """Arguments of challengeCfrags."""
        place = next(i for i, one in enumerate(played.submissions) if one.slot == slot)
        shown = played.submissions[place]
        later = tuple(link_of(one.slot, 0, one.cfrags, one.proof) for one in played.submissions[place + 1 :])
        submission = structs.Submission(shown.slot, 0, shown.cfrags, shown.proof, shown.before, later)
        capsules = tuple(self.records[j].capsule.c1.to_evm() for j in played.records)
        return (played.id, self.committee, self.papers(played)[0], submission, capsules, self.challenge_keys)

    def proposal(
        self, played: Played, slot: int, contributors: int, points: Sequence[G1] | None = None
    ) -> tuple[Any, ...]:
        """Arguments of propose: the right results, or those that are given."""
        results = tuple(point.to_evm() for point in points or self.results(played.records))
        capsules = tuple(self.records[j].capsule.c1.to_evm() for j in played.records)
        data = self.papers(played)[0]
        return (played.id, self.committee, data, slot, contributors, self.mask, capsules, results)

    def result_hash(self, played: Played, contributors: int) -> bytes:
        results = b"".join(point.to_evm() for point in self.results(played.records))
        fields = [played.id, contributors, 0, keccak(results)]
        return keccak(encode(["uint256", "uint32", "uint128", "bytes32"], fields))

    def phase(self, played: Played) -> structs.Phase:
        return structs.Phase(self.evm.call("ConversionRounds", "phaseOf", played.id))

    # --- what the owner does ---

    @property
    def asked(self) -> structs.AccessRequest:
        """A request like the first one."""
        return structs.AccessRequest(StreamId(1), Epoch(0), Epoch(0), 2, 3, PRICE_WEI)

    def ask_again(self) -> pre.GrantContext:
        """A second request of the user, about to be granted. It pays a redraw fee, since the first grant lives."""
        self.evm.send(self.user, "GrantRegistry", "requestAccess", self.asked, value=10**18)
        return self.context_of(SECOND, self.user)

    def context_of(self, grant_id: GrantId, delegatee: Address) -> pre.GrantContext:
        """The context of a grant of the same label, for the committee that was drawn for it."""
        _, drawn = self.draw(grant_id)
        known = {member.account: member for member in self.grant_context.members}
        members = tuple(known[one.account] for one in drawn)
        return replace(self.grant_context, grant_id=grant_id, delegatee=delegatee, members=members)

    def grant_call(
        self,
        receiving_key: G2,
        *rekeys: structs.Rekey,
        grant_id: GrantId = SECOND,
        expiry: int | None = None,
        quota: int = QUOTA,
        opening: structs.FirstRound = structs.NO_FIRST_ROUND,
    ) -> tuple[Any, ...]:
        """The owner's grant of a request, as a transaction: contract, function, arguments."""
        draw, _ = self.draw(grant_id)
        terms = (self.expiry if expiry is None else expiry, quota)
        return ("GrantRegistry", "grant", grant_id, *terms, draw, receiving_key.to_evm(), rekeys, opening)

    def made_for(self, context: pre.GrantContext, receiving_key: G2) -> pre.Rekey:
        """The owner's re-key for that context and key."""
        secret = pre.label_secret(identity("owner").delegating_key().secret, context.label)
        return pre.generate_kfrags(secret, receiving_key, context, self.random)

    def rekey_struct(self, rekey: pre.Rekey) -> structs.Rekey:
        """A re-key as the contract takes it."""
        return chain_rekey(Epoch(0), identity("owner").delegating_key().public, rekey)

    # --- what attackers meet ---

    def refused(
        self, error: str, sender: Address, contract: str, function: str, *arguments: Any, value: int = 0
    ) -> tuple[Any, ...]:
        """The arguments of the custom error with which a transaction is refused; it is mined too, and fails."""
        with pytest.raises(Reverted) as caught:
            self.evm.call(contract, function, *arguments, sender=sender, value=value)
        assert caught.value.name == error
        self.evm.try_send(sender, contract, function, *arguments, value=value)
        return caught.value.arguments
