"""What was exchanged off the chain about one round: cfrags held, leaders tried, votes given and got."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tpre_offchain.chain.abi.structs import Signature
from tpre_offchain.crypto.cfrag import CombinedResult, VerifiedCFrags
from tpre_offchain.crypto.hashing import result_hash
from tpre_offchain.crypto.pre import combine
from tpre_offchain.proxy.rounds.snapshot import Exchanged
from tpre_offchain.types import RoundId, Slot


@dataclass(frozen=True)
class Candidate:
    """A combined result that votes are asked for."""

    result: CombinedResult
    result_hash: bytes

    @classmethod
    def of(cls, round_id: RoundId, parts: Iterable[VerifiedCFrags], threshold: int) -> Candidate:
        """Combine verified cfrags. Raises what ``combine`` raises."""
        result = combine(list(parts), threshold)
        return cls(result, result_hash(round_id, result.contributor_bitmap, 0, result.points))


@dataclass
class RoundExchange:
    """Lost with the process, and nothing is lost with it: the chain path needs none of it."""

    peers: Mapping[Slot, str] | None = None
    """Endpoints of the other members; None: not looked up yet."""
    held: dict[Slot, VerifiedCFrags] = field(default_factory=dict)
    """Whose cfrags came here and are good; one's own among them."""
    liars: set[Slot] = field(default_factory=set)
    """Who sent what does not hold: they are heard no more in this round."""
    offered_at_s: dict[Slot, float] = field(default_factory=dict)
    """The leaders that this proxy turned to."""
    failed: set[Slot] = field(default_factory=set)
    """Those that did not take what they were offered."""
    candidate: Candidate | None = None
    approvals: dict[Slot, Signature] = field(default_factory=dict)
    """Others' signed votes for the candidate."""
    signed: dict[bytes, Signature] = field(default_factory=dict)
    """This proxy's votes by result hash."""
    signed_at_s: float = 0.0
    messages: Counter[Slot] = field(default_factory=Counter)
    """How many of each member were listened to."""

    def view(self, me: Slot) -> Exchanged | None:
        """For decisions; None while endpoints are not known."""
        if self.peers is None:
            return None
        candidate = self.candidate
        return Exchanged(
            reachable=frozenset(self.peers) | {me},
            held=frozenset(self.held),
            offered_at_s=dict(self.offered_at_s),
            failed=frozenset(self.failed),
            asked=frozenset(candidate.result.contributors) if candidate is not None else None,
            approvals=frozenset(self.approvals),
            signed_at_s=self.signed_at_s,
        )
