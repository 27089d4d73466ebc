"""From raw logs to the events of ``events``, and the topics to ask a node for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from tpre_offchain.chain.abi.codec import CONTRACT_NAMES, AbiEvent, decode_values, load_abi
from tpre_offchain.chain.abi.events import Event
from tpre_offchain.chain.abi.log import Log, LogPosition


@cache
def event_classes() -> dict[str, type[Event]]:
    """Every event class by its name."""
    return {cls.__name__: cls for cls in Event.__subclasses__()}


@cache
def _events_by_topic() -> dict[bytes, AbiEvent]:
    # no two contracts of ours share an event's name; the unit tests hold that
    return {topic: event for name in CONTRACT_NAMES for topic, event in load_abi(name).events.items()}


def topic_of(event: type[Event]) -> bytes:
    """The first topic (32 bytes) of an event's logs. Raises ``KeyError`` for a class that no contract emits."""
    return _topics_by_name()[event.__name__]


@cache
def _topics_by_name() -> dict[str, bytes]:
    return {event.name: topic for topic, event in _events_by_topic().items()}


def decode_log(log: Log) -> Event | None:
    """The event that a log is, or None where it is none of ours. Raises ``UndecodableData``."""
    event = _events_by_topic().get(log.topics[0]) if log.topics else None
    cls = event_classes().get(event.name) if event is not None else None
    if event is None or cls is None:
        return None
    where = f"{event.contract}.{event.name}"
    # indexed parameters of ours are all of one word, so the topics decode as they would in data
    indexed = decode_values(event.indexed, b"".join(log.topics[1:]), where)
    plain = decode_values(event.plain, log.data, where)
    names = [kind.name for kind in (*event.indexed, *event.plain)]
    position = LogPosition(log.address, log.block_number, log.block_hash, log.tx_hash, log.log_index, log.timestamp)
    return cls(at=position, **dict(zip(names, (*indexed, *plain), strict=True)))


def decode_logs(logs: Iterable[Log]) -> tuple[Event, ...]:
    """The events among some logs, in their order."""
    return tuple(event for event in map(decode_log, logs) if event is not None)
