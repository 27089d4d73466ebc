"""How long a proxy waits for what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from tpre_offchain.proxy.rounds.open_round import OpenRound


@dataclass(frozen=True)
class WorkerSettings:
    """Seconds, but for ``simulate`` and ``confirmations``."""

    backoff_s: float = 2.0
    """What one place in a queue is worth; a few block times."""
    retry_s: float = 1.0
    """After a step that failed or came too late; doubled with each failure."""
    retry_limit_s: float = 30.0
    """The most that it is doubled to."""
    simulate: bool = False
    """Run each transaction by ``eth_call`` before it is sent: costs a call, saves gas when the view is stale."""
    confirmations: int = 0
    """Blocks to wait until an event counts."""
    poll_s: float = 1.0
    """Between questions where the endpoint cannot push."""
    lull_s: float = 15.0
    """Where the endpoint pushes: after news, until the chain is read all the same. No push tells of blocks undone."""
    recheck_s: float = 30.0
    """The longest time a running round is not held against the contract's storage."""
    patience_s: float = 1.5
    """How long a round may go on off the chain, where it does, before this proxy takes the chain's way."""
    settle_s: float = 15.0
    """How long it waits for a result that it signed to come into a block: more than a block time."""
    crowd_s: float = 0.1
    """What each other round that runs at the same time adds to ``backoff_s``, ``patience_s`` and ``settle_s``: every
    member has that much more to do."""
    gather_s: float = 2.0
    """How long a fee that came due waits for others of its grant, to be claimed with them."""
    keys_s: float = 10.0
    """Between looks at where the node keys are kept, and, once a version is due to be erased, at the chain."""
    compare_s: float = 600.0
    """Between comparisons of the endpoints, where there are several."""

    def beside(self, one: OpenRound) -> Self:
        """The waits of a round with its crowd; a quarter of its time at most is added."""
        more_s = min(one.crowd * self.crowd_s, one.settings.round_seconds / 4)
        return replace(
            self,
            backoff_s=self.backoff_s + more_s,
            patience_s=self.patience_s + more_s,
            settle_s=self.settle_s + more_s,
        )
