"""Past events of the contracts, asked for by their indexed parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from tpre_offchain.chain.abi.decoding import decode_logs, topic_of
from tpre_offchain.chain.abi.events import Event
from tpre_offchain.errors import ProtocolError
from tpre_offchain.proxy.contracts import ProxyContracts
from tpre_offchain.types import Address

EventT = TypeVar("EventT", bound=Event)
Topic = str | list[str]
"""One value, or several of which any will do."""


class MissingHistory(ProtocolError):
    """The node does not return an event that storage says was emitted."""

    default_retryable = True
    default_hint = "nodes prune logs: ask one that keeps them since the deployment's block"


async def events_of(
    contracts: ProxyContracts,
    address: Address,
    kinds: Sequence[type[Event]],
    topics: Sequence[Topic] = (),
    from_block: int | None = None,
    to_block: int | None = None,
) -> tuple[Event, ...]:
    """Events of these kinds with these indexed parameters, in chain order; since the deployment by default."""
    connection = contracts.connection
    first = contracts.first_block if from_block is None else from_block
    last = (await connection.latest()).number if to_block is None else to_block
    kind_topics: list[Topic] = [["0x" + topic_of(kind).hex() for kind in kinds]]
    return decode_logs(await connection.get_logs([address], first, last, [*kind_topics, *topics]))


def last_of(kind: type[EventT], events: Iterable[Event], what: str) -> EventT:
    """The newest event of a kind. Raises ``MissingHistory``, naming ``what``."""
    found = [event for event in events if isinstance(event, kind)]
    if not found:
        raise MissingHistory(f"the node has no event of {what}")
    return found[-1]


def word_topic(number: int) -> str:
    """A number or an address as a topic."""
    return f"0x{number:064x}"
