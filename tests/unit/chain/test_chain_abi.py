"""The Python mirrors of the contracts against the exported ABIs, and values on their way in and out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from string import Formatter
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from tpre_offchain.chain.abi import ids, structs
from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.abi.codec import (
    CONTRACT_NAMES,
    AbiEvent,
    AbiMissing,
    UndecodableData,
    decode_values,
    encode_values,
    load_abi,
    parse_abi,
)
from tpre_offchain.chain.abi.decoding import decode_log, event_classes, topic_of
from tpre_offchain.chain.abi.events import Event
from tpre_offchain.chain.abi.log import Log
from tpre_offchain.chain.abi.revert_texts import REVERT_TEXTS
from tpre_offchain.chain.abi.reverts import ContractRevert, decode_revert, known_errors
from tpre_offchain.chain.abi.values import ENUMS, POINT_WORDS, STRUCTS, AbiType, BadArgument, snake_case, to_abi
from tpre_offchain.chain.contracts.conversion_rounds import ConversionRounds
from tpre_offchain.chain.contracts.grant_registry import GrantRegistry
from tpre_offchain.chain.contracts.key_registry import KeyRegistry
from tpre_offchain.chain.contracts.proxy_registry import ProxyRegistry, slot_of
from tpre_offchain.chain.contracts.record_registry import RecordRegistry
from tpre_offchain.chain.contracts.treasury import Treasury, bond_key, grant_key
from tpre_offchain.types import Address, Epoch, GrantId, RoundId, Slot, StreamId

CLASSES = (KeyRegistry, ProxyRegistry, RecordRegistry, GrantRegistry, ConversionRounds, Treasury)
# functions that only the system's contracts may call, and references between them: no client has a use for these
BETWEEN_CONTRACTS = {
    "hold", "credit", "penalize", "recordMiss", "recordServed", "takeQuota", "returnReserve",
    "openFirstRound", "isEnded", "committeeHashOf",
    "keys", "records", "proxies", "grants", "rounds", "treasury", "verifier",
}  # fmt: skip
OPENING = "IGrantRegistry.Opening"
"""What they tell one another, likewise."""
IN_SETTINGS = {"complaintPenaltyWei", "maxGrantSeconds"}
ADDRESS = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")


def events() -> list[AbiEvent]:
    return [event for name in CONTRACT_NAMES for event in load_abi(name).events.values()]


def walk(kind: AbiType) -> Iterator[AbiType]:
    yield kind
    for inner in (*kind.fields, *([kind.element] if kind.element else [])):
        yield from walk(inner)


def all_types() -> Iterator[AbiType]:
    for name in CONTRACT_NAMES:
        abi = load_abi(name)
        roots = [*abi.constructor]
        for function in abi.functions.values():
            roots += [*function.inputs, *function.outputs]
        for event in abi.events.values():
            roots += [*event.indexed, *event.plain]
        for root in roots:
            yield from walk(root)


def sample(kind: AbiType, size: int = 2) -> Any:
    """Some value of a type, as eth_abi takes it."""
    if kind.element is not None:
        return [sample(kind.element, size) for _ in range(size)]
    if kind.fields:
        return tuple(sample(field, size) for field in kind.fields)
    if kind.canonical == "address":
        return ADDRESS
    if kind.canonical == "bool":
        return True
    if kind.canonical == "string":
        return "Grüße"
    if kind.canonical == "bytes":
        return b"\x01\x02\x03"
    if kind.canonical.startswith("bytes"):
        return bytes(range(1, int(kind.canonical[5:]) + 1))
    if kind.internal in ENUMS:
        return 3
    return 5


# --- the mirrors ----------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", CLASSES)
def test_contract_class__functions_of_the_abi__has_a_method_for_each(cls: type[Any]) -> None:
    public = set(load_abi(cls.NAME).functions) - BETWEEN_CONTRACTS - IN_SETTINGS
    methods = {name for name in vars(cls) if not name.startswith("_")}
    renamed = {"leavePool": "leave"}
    assert {renamed.get(name, snake_case(name)) for name in public} <= methods


def test_structs__fields_of_the_abi__are_mirrored() -> None:
    seen = {kind.internal: kind for kind in all_types() if kind.fields and kind.internal not in (*POINT_WORDS, OPENING)}
    assert seen
    for internal, kind in seen.items():
        mirror = STRUCTS[internal]
        assert is_dataclass(mirror)
        assert {field.name for field in fields(mirror)} == {field.name for field in kind.fields}, internal


def test_events__names__are_unique_among_contracts() -> None:
    names = [event.name for event in events()]
    assert len(set(names)) == len(names)
    assert set(names) == set(event_classes())


@pytest.mark.parametrize("event", events(), ids=lambda event: event.name)
def test_decode_log__every_event__gives_its_dataclass(event: AbiEvent) -> None:
    indexed = [sample(kind) for kind in event.indexed]
    plain = [sample(kind) for kind in event.plain]
    log = Log(
        address=ADDRESS,
        topics=(event.topic, *(encode([k.canonical], [v]) for k, v in zip(event.indexed, indexed, strict=True))),
        data=encode([kind.canonical for kind in event.plain], plain),
        block_number=7,
        block_hash=b"b" * 32,
        tx_hash=b"t" * 32,
        log_index=3,
        timestamp=99,
    )
    decoded = decode_log(log)
    assert type(decoded) is event_classes()[event.name]
    assert (decoded.at.block_number, decoded.at.log_index, decoded.at.timestamp) == (7, 3, 99)
    # and back: the decoded values encode to the same data
    values = [to_abi(kind, getattr(decoded, kind.name)) for kind in event.plain]
    assert encode([kind.wire for kind in event.plain], values) == log.data
    assert topic_of(type(decoded)) == event.topic


def test_decode_log__foreign_or_empty_topic__gives_none() -> None:
    log = Log(ADDRESS, (b"\x01" * 32,), b"", 1, b"b" * 32, b"t" * 32, 0)
    assert decode_log(log) is None
    assert decode_log(Log(ADDRESS, (), b"", 1, b"b" * 32, b"t" * 32, 0)) is None


def test_decode_log__data_cut_short__raises_undecodable() -> None:
    event = next(event for event in events() if event.name == "RoundOpened")
    topics = (event.topic, *(encode([kind.canonical], [sample(kind)]) for kind in event.indexed))
    with pytest.raises(UndecodableData, match=r"ConversionRounds\.RoundOpened"):
        decode_log(Log(ADDRESS, topics, b"\x00" * 31, 1, b"b" * 32, b"t" * 32, 0))


# --- values ---------------------------------------------------------------------------------------


def test_encode__grant_with_rekeys__decodes_to_the_same_words() -> None:
    proof = structs.Proof(2**127, 9)
    rekey = structs.Rekey(
        epoch=Epoch(1),
        delegating_key=b"\x01" * 128,
        masked_key=b"\x02" * 256,
        mask=b"\x03" * 256,
        commitments=(b"\x04" * 128, b"\x05" * 128),
        ephemeral=b"\x06" * 128,
        ephemeral_proof=proof,
        pads=(b"\x07" * 32,) * 3,
    )
    function = load_abi("GrantRegistry").functions["grant"]
    draw = structs.DrawProof(b"\x09" * 128, proof)
    data = function.encode(GrantId(1), 2, 3, draw, b"\x08" * 256, [rekey], structs.NO_FIRST_ROUND)
    assert data[:4] == function.selector
    points = (rekey.delegating_key, rekey.masked_key, rekey.mask, *rekey.commitments, rekey.ephemeral, draw.gamma)
    for part in (*points, *rekey.pads):
        assert part in data


@pytest.mark.parametrize("size", [0, 48, 127, 129, 256])
def test_encode__point_of_another_size__raises_bad_argument(size: int) -> None:
    function = load_abi("KeyRegistry").functions["registerDelegatingKey"]
    with pytest.raises(BadArgument, match="takes 128 bytes"):
        function.encode(b"\x01" * size, structs.Proof(1, 2))


@pytest.mark.parametrize("value", [b"\x01" * 31, b"\x01" * 33, "0x" + "01" * 32, 7])
def test_encode__hash_that_is_not_32_bytes__raises_bad_argument(value: Any) -> None:
    with pytest.raises(BadArgument, match="takes 32 bytes"):
        load_abi("RecordRegistry").functions["createStream"].encode(value, "", structs.Terms(1, 1))


@pytest.mark.parametrize("value", [-1, 2**64, "one", None])
def test_encode__integer_out_of_range__raises_bad_argument(value: Any) -> None:
    with pytest.raises(BadArgument, match=r"RecordRegistry\.streamOf"):
        load_abi("RecordRegistry").functions["streamOf"].encode(value)


def test_encode__wrong_number_of_arguments__raises_bad_argument() -> None:
    with pytest.raises(BadArgument, match="takes 1 arguments, not 2"):
        load_abi("RecordRegistry").functions["streamOf"].encode(1, 2)


@given(st.integers(0, 2**64 - 1), st.binary(min_size=20, max_size=20), st.integers(0, 2**32 - 1))
def test_record_id__made_and_taken_apart__is_the_same(stream: int, publisher: bytes, sequence: int) -> None:
    account = Address("0x" + publisher.hex())
    record_id = ids.make_record_id(StreamId(stream), account, sequence)
    assert ids.stream_of_record(record_id) == stream
    assert ids.publisher_of_record(record_id).lower() == account
    assert ids.sequence_of_record(record_id) == sequence


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1))
def test_round_id__made_and_taken_apart__is_the_same(grant: int, index: int) -> None:
    round_id = ids.make_round_id(GrantId(grant), index)
    assert (ids.grant_of_round(round_id), ids.index_of_round(round_id)) == (grant, index)


def test_proof__48_bytes__round_trips_and_other_sizes_raise() -> None:
    proof = structs.Proof(2**128 - 1, 7)
    assert structs.Proof.from_bytes(proof.to_bytes()) == proof
    with pytest.raises(ValueError, match="48 bytes"):
        structs.Proof.from_bytes(b"\x00" * 47)


def test_slot_of__member_or_stranger__counts_from_one() -> None:
    committee = [structs.Member(ADDRESS, 1), structs.Member(Address("0x" + "22" * 20), 1)]
    assert slot_of(committee, committee[1].account) == 2
    assert slot_of(committee, Address("0x" + "33" * 20)) is None
    assert committee[0].word == (1 << 160) | int(ADDRESS, 16)


def test_treasury_keys__grant_and_proxy__never_meet() -> None:
    assert grant_key(GrantId(5)) == bytes(31) + b"\x05"
    assert bond_key(ADDRESS) == bytes.fromhex(ADDRESS[2:]) + bytes(12)


# --- reverts --------------------------------------------------------------------------------------


def test_revert_texts__every_custom_error__has_message_and_hint_for_its_parameters() -> None:
    for name, declared in known_errors().items():
        assert name in REVERT_TEXTS, name
        text = REVERT_TEXTS[name]
        assert text.hint
        used = {field for _, field, _, _ in Formatter().parse(text.message) if field}
        for error in declared:
            assert used <= {kind.name for kind in error.inputs}, (name, error.contract)


@pytest.mark.parametrize("name", sorted(known_errors()))
def test_decode_revert__every_custom_error__carries_its_arguments(name: str) -> None:
    for error in known_errors()[name]:
        values = [sample(kind) for kind in error.inputs]
        data = error.selector + encode([kind.canonical for kind in error.inputs], values)
        revert = decode_revert(data, error.contract, "doing something")
        assert (revert.name, revert.contract, revert.data) == (name, error.contract, data)
        assert list(revert.arguments) == [kind.name for kind in error.inputs]
        assert str(revert).startswith("doing something: ")
        assert revert.to_dict()["revert"] == name


def test_decode_revert__error_string_panic_empty_and_junk__is_told_apart() -> None:
    string = bytes.fromhex("08c379a0") + encode(["string"], ["no"])
    panic = bytes.fromhex("4e487b71") + encode(["uint256"], [17])
    assert decode_revert(string).arguments == {"reason": "no"}
    assert decode_revert(panic).arguments == {"code": 17}
    assert "without a reason" in str(decode_revert(b""))
    assert decode_revert(b"\xde\xad\xbe\xef\x00").arguments == {"data": "0xdeadbeef00"}
    cut = known_errors()["UnknownGrant"][0].selector + b"\x00" * 31
    assert decode_revert(cut).name == "Unknown"


def revert(name: str, **arguments: Any) -> ContractRevert:
    return ContractRevert(name, arguments, "", b"")


def test_means_done__submission__takes_later_phases_and_repeats_for_done() -> None:
    rounds = ConversionRounds(None, ADDRESS)  # type: ignore[arg-type]  # no call is made
    submit = rounds.submit_cfrags(RoundId(1), [], b"\x01" * 32, Slot(1), [], structs.Proof(1, 1))
    assert revert("AlreadySubmitted", round_id=1, slot=1).means_done(submit)
    assert revert("EnoughCfrags", round_id=1, threshold=3).means_done(submit)
    for phase in structs.Phase:
        done = revert("WrongPhase", round_id=1, current=phase, expected=structs.Phase.SUBMITTING).means_done(submit)
        assert done == (phase not in {structs.Phase.NONE, structs.Phase.SUBMITTING})
    assert not revert("WrongCommittee", round_id=1).means_done(submit)


def test_call__shown__hides_the_data() -> None:
    assert "data" not in repr(Call(ADDRESS, b"\x01" * 5_000, description="x"))


# --- files ----------------------------------------------------------------------------------------


def test_load_abi__contract_that_was_never_built__raises_abi_missing() -> None:
    with pytest.raises(AbiMissing) as missing:
        load_abi("NoSuchContract")
    assert "make build" in str(missing.value.hint)


def test_parse_abi__empty__has_nothing() -> None:
    abi = parse_abi("Empty", json.loads("[]"))
    assert (abi.functions, abi.events, abi.errors, abi.constructor) == ({}, {}, {}, ())


def test_events__shown_class__is_an_event() -> None:
    assert all(issubclass(cls, Event) for cls in event_classes().values())


@pytest.mark.parametrize("raw", [b"", "grüße".encode(), b"\xff\xfe\x00 not UTF-8", bytes(range(256))])
def test_decode__string_of_any_bytes__lossless(raw: bytes) -> None:
    # a contract does not check: one such purpose or tag must not stop every reader of events
    kinds = load_abi("GrantRegistry").functions["requestAccess"].inputs
    request = structs.AccessRequest(StreamId(1), Epoch(0), Epoch(0), 1, 1, purpose=structs.text_from_bytes(raw))
    (decoded,) = decode_values(kinds, encode_values(kinds, [request], "test"), "test")
    assert decoded == request
    assert structs.text_to_bytes(decoded.purpose) == raw
