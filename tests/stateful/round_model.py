"""One round as the model keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tpre_offchain.types import RoundId


@dataclass
class RoundModel:
    """One round; slots count from 1, records of the round from 0."""

    id: RoundId
    records: tuple[int, ...]
    deadline: int
    reserve: int
    """Fees and price that the round holds."""
    vote_end: int = 0
    submitted: dict[int, bool] = field(default_factory=dict)
    """Slots whose cfrags stand, in order, and whether they are good."""
    challenged: set[int] = field(default_factory=set)
    approvals: set[int] = field(default_factory=set)
    rejections: set[int] = field(default_factory=set)
    barred: set[int] = field(default_factory=set)
    claimed: set[int] = field(default_factory=set)
    excluded: set[int] = field(default_factory=set)
    contributors: set[int] = field(default_factory=set)
    vouched: set[int] = field(default_factory=set)
    """Contributors whose cfrags are not on the chain: nothing of theirs can be challenged."""
    leader: int = 0
    finalized: bool = False
    closed: bool = False
    price_reserved: bool = True

    @property
    def remaining(self) -> list[int]:
        """Positions of the records still in."""
        return [j for j in range(len(self.records)) if j not in self.excluded]

    def drop_proposal(self) -> None:
        self.leader = self.vote_end = 0
        self.approvals, self.rejections, self.contributors = set(), set(), set()
