"""Events as a story: pure, complete, in order, and within what was asked for."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from tpre_offchain.audit.timeline import Scope, timeline
from tpre_offchain.chain.abi import events, structs
from tpre_offchain.chain.abi.events import Event
from tpre_offchain.chain.abi.log import LogPosition
from tpre_offchain.types import Address

ALICE = Address("0x" + "aa" * 20)
NOT_TOLD = {"Held", "Credited"}


def _at(block: int, index: int = 0) -> LogPosition:
    return LogPosition(ALICE, block, bytes(32), bytes([block]) * 32, index, 1_800_000_000 + block)


def _some(kind: Any) -> Any:
    """A value of a field's type."""
    hint: Any = kind
    hint = getattr(hint, "__supertype__", hint)
    hint = getattr(hint, "__supertype__", hint)
    if get_origin(hint) is tuple:
        return (_some(get_args(hint)[0]),)
    if hasattr(hint, "__dataclass_fields__"):
        hints = get_type_hints(hint)
        return hint(**{name: _some(hints[name]) for name in hint.__dataclass_fields__})
    if hint is structs.Phase:
        return structs.Phase.EXPIRED
    return {int: 1, str: ALICE, bytes: b"\x01" * 32, bool: True}[hint]


def _event(kind: type[Event], block: int = 1, index: int = 0, **given: Any) -> Event:
    hints = {name: hint for name, hint in get_type_hints(kind).items() if name != "at"}
    return kind(at=_at(block, index), **{**{name: _some(hint) for name, hint in hints.items()}, **given})


@pytest.mark.parametrize("kind", Event.__subclasses__(), ids=lambda kind: kind.__name__)
def test_timeline__every_event__is_told_and_fits_into_json(kind: type[Event]) -> None:
    entries = timeline([_event(kind)])
    assert len(entries) == (0 if kind.__name__ in NOT_TOLD else 1)
    for entry in entries:
        assert entry.action
        json.dumps(dataclasses.asdict(entry))


def test_timeline__any_order__is_that_of_the_chain() -> None:
    told = [_event(events.GrantRevoked, 2, 1), _event(events.RoundOpened, 1), _event(events.VoteCast, 2, 0)]
    assert [(entry.block, entry.log_index) for entry in timeline(told)] == [(1, 0), (2, 0), (2, 1)]


def test_timeline__scope_of_a_grant__has_its_rounds() -> None:
    told = [
        _event(events.AccessGranted, 1, grant_id=3),
        _event(events.RoundOpened, 2, grant_id=3, round_id=3 << 32),
        _event(events.VoteCast, 3, round_id=3 << 32),
        _event(events.VoteCast, 4, round_id=4 << 32),
    ]
    assert [entry.block for entry in timeline(told, Scope(grant=3))] == [1, 2, 3]
    assert [entry.block for entry in timeline(told, Scope(round=4 << 32))] == [4]


def test_timeline__scope_of_a_record__has_the_rounds_that_convert_it() -> None:
    record = 1 << 192
    told = [
        _event(events.RecordPublished, 1, record_id=record),
        _event(events.RoundOpened, 2, record_ids=(record,)),
        _event(events.RoundOpened, 3, record_ids=(record + 1,)),
    ]
    assert [entry.block for entry in timeline(told, Scope(record=record))] == [1, 2]


def test_timeline__scope_of_an_account__has_what_it_did_and_what_was_done_to_it() -> None:
    bob = "0x" + "bb" * 20
    told = [
        _event(events.VoteCast, 1, proxy=bob),
        _event(events.VoteCast, 2),
        _event(events.PublisherSet, 3, publisher=bob),
    ]
    assert [entry.block for entry in timeline(told, Scope(account=bob.upper().replace("X", "x")))] == [1, 3]


def test_timeline__votes__say_which_way() -> None:
    told = [_event(events.VoteCast, 1), _event(events.VoteCast, 2, approve=False)]
    assert [entry.action for entry in timeline(told)] == ["voted for it", "voted against it"]


def test_timeline__large_values__are_left_to_verify() -> None:
    (entry,) = timeline([_event(events.CfragsSubmitted)])
    assert not {"cfrags", "proof"} & set(entry.detail)
