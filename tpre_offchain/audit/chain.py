"""The chain as an auditor reads it: all events of a deployment, and the contracts' views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tpre_offchain.chain.abi.decoding import decode_logs
from tpre_offchain.chain.abi.events import Event
from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.logs.reading import LogReader
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.crypto.hashing import Domain
from tpre_offchain.errors import ProtocolError

EventT = TypeVar("EventT", bound=Event)


class EventMissing(ProtocolError):
    """The chain has no event of what was asked about, or the node has pruned it."""

    default_hint = "check the id; a node that prunes logs cannot answer, ask one that keeps them"


@dataclass(frozen=True)
class AuditedChain:
    """A deployment and all of its events, in chain order, up to ``head``."""

    connection: Connection
    deployment: Deployment
    contracts: Contracts
    events: tuple[Event, ...]
    head: int

    @classmethod
    async def read(
        cls, logs: LogReader, deployment: Deployment, from_block: int | None = None, to_block: int | None = None
    ) -> AuditedChain:
        """Read the events of all six contracts; by default since the deployment. Raises ``EndpointDown``."""
        connection = logs.connection
        head = (await connection.latest()).number if to_block is None else to_block
        first = deployment.deploy_block if from_block is None else from_block
        found = await logs.get_logs(list(deployment.addresses.values()), first, head)
        return cls(connection, deployment, Contracts.of(connection, deployment), decode_logs(found), head)

    @property
    def domain(self) -> Domain:
        """What every transcript of this deployment is bound to."""
        at = self.deployment.address_of
        return Domain(
            chain_id=self.deployment.chain_id,
            key_registry=at("KeyRegistry"),
            proxy_registry=at("ProxyRegistry"),
            record_registry=at("RecordRegistry"),
            grant_registry=at("GrantRegistry"),
            rounds=at("ConversionRounds"),
        )

    def all_of(self, kind: type[EventT], **fields: Any) -> Sequence[EventT]:
        """The events of a kind whose fields have these values."""
        return [
            event
            for event in self.events
            if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items())
        ]

    def one_of(
        self, kind: type[EventT], what: str, accept: Callable[[EventT], bool] = lambda _: True, **fields: Any
    ) -> EventT:
        """The last such event. Raises ``EventMissing``, naming ``what``."""
        found = [event for event in self.all_of(kind, **fields) if accept(event)]
        if not found:
            raise EventMissing(f"there is no event of {what}")
        return found[-1]
