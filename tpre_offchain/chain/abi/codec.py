"""The contracts' ABIs, as the contract build exported them to ``abi/``: calls, results, events and custom errors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.crypto import keccak

from tpre_offchain.chain.abi.values import AbiType, BadArgument, from_abi, parse_type, to_abi
from tpre_offchain.errors import ChainError

CONTRACT_NAMES = ("KeyRegistry", "ProxyRegistry", "RecordRegistry", "GrantRegistry", "ConversionRounds", "Treasury")
SELECTOR_BYTES = 4


class AbiMissing(ChainError):
    """The exported ABI of a contract is not there."""

    default_hint = "run `make build`: it compiles the contracts and exports their ABIs"


class UndecodableData(ChainError):
    """A node returned data that is not what the contract's ABI says; perhaps another contract lives at the address."""

    default_hint = "compare the deployment file with the chain: another contract may live at that address"


class EmptyAnswer(UndecodableData):
    """A node answered a question to a contract with nothing, as if no code were at its address.

    That the deployment is there was found when it was opened, so the node is replacing blocks, or it is not in sync.
    """

    default_retryable = True
    default_hint = "ask again; if it stays so, the node is not in sync, or the deployment file is of another chain"


@dataclass(frozen=True)
class AbiFunction:
    """A function of a contract: 4-byte selector, parameters, results."""

    contract: str
    name: str
    selector: bytes
    inputs: tuple[AbiType, ...]
    outputs: tuple[AbiType, ...]

    def encode(self, *arguments: Any) -> bytes:
        """Call data. Raises ``BadArgument``."""
        if len(arguments) != len(self.inputs):
            raise BadArgument(f"{self.contract}.{self.name} takes {len(self.inputs)} arguments, not {len(arguments)}")
        return self.selector + encode_values(self.inputs, arguments, f"{self.contract}.{self.name}")

    def decode_result(self, data: bytes) -> Any:
        """The result: None, one value, or a tuple of several. Raises ``UndecodableData``, ``EmptyAnswer``."""
        if self.outputs and not data:
            raise EmptyAnswer(f"{self.contract}.{self.name}: the node gave an empty answer")
        values = decode_values(self.outputs, data, f"{self.contract}.{self.name}")
        return values if len(values) > 1 else (values[0] if values else None)


@dataclass(frozen=True)
class AbiEvent:
    """An event of a contract; ``topic`` is its 32-byte first topic."""

    contract: str
    name: str
    topic: bytes
    indexed: tuple[AbiType, ...]
    plain: tuple[AbiType, ...]


@dataclass(frozen=True)
class AbiError:
    """A custom error that a contract can revert with."""

    contract: str
    name: str
    selector: bytes
    inputs: tuple[AbiType, ...]


@dataclass(frozen=True)
class ContractAbi:
    """All of one contract: functions and events by name and topic, errors by selector, the compiled code."""

    name: str
    functions: Mapping[str, AbiFunction] = field(repr=False)
    events: Mapping[bytes, AbiEvent] = field(repr=False)
    errors: Mapping[bytes, AbiError] = field(repr=False)
    constructor: tuple[AbiType, ...] = field(repr=False)
    creation_code: str = field(repr=False)
    """0x-prefixed hex, as the build left it; placeholders where a library is to be linked."""
    runtime_code: str = field(repr=False)
    raw: Sequence[Mapping[str, Any]] = field(repr=False)


@cache
def load_abi(name: str) -> ContractAbi:
    """The exported ABI of one contract, parsed once. Raises ``AbiMissing``."""
    resource = files("tpre_offchain.chain").joinpath("abi", f"{name}.json")
    try:
        exported = json.loads(resource.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise AbiMissing(f"no exported ABI of {name}") from missing
    return parse_abi(name, exported["abi"], exported["bytecode"], exported["deployedBytecode"])


def parse_abi(
    name: str, entries: Sequence[Mapping[str, Any]], creation_code: str = "0x", runtime_code: str = "0x"
) -> ContractAbi:
    """A contract from its JSON ABI and 0x-prefixed code."""
    of_kind = {
        kind: [e for e in entries if e["type"] == kind] for kind in ("function", "event", "error", "constructor")
    }
    functions = [_function(name, entry) for entry in of_kind["function"]]
    events = [_event(name, entry) for entry in of_kind["event"]]
    errors = [_error(name, entry) for entry in of_kind["error"]]
    constructors = of_kind["constructor"]
    return ContractAbi(
        name=name,
        functions={function.name: function for function in functions},
        events={event.topic: event for event in events},
        errors={error.selector: error for error in errors},
        constructor=_types(constructors[0]["inputs"]) if constructors else (),
        creation_code=creation_code,
        runtime_code=runtime_code,
        raw=entries,
    )


def encode_values(types: Sequence[AbiType], values: Sequence[Any], where: str) -> bytes:
    """``abi.encode`` of our values. Raises ``BadArgument``."""
    try:
        converted = [to_abi(kind, value) for kind, value in zip(types, values, strict=True)]
        return encode([kind.wire for kind in types], converted)
    except (EncodingError, TypeError, AttributeError, ValueError) as problem:
        raise BadArgument(f"{where}: {problem}") from problem


def decode_values(types: Sequence[AbiType], data: bytes, where: str) -> tuple[Any, ...]:
    """Our values from ``abi.encode``d data. Raises ``UndecodableData``."""
    try:
        values = decode([kind.wire for kind in types], data)
        return tuple(from_abi(kind, value) for kind, value in zip(types, values, strict=True))
    except (DecodingError, ValueError, OverflowError) as problem:
        raise UndecodableData(f"{where}: {problem}") from problem


def _types(entries: Sequence[Mapping[str, Any]]) -> tuple[AbiType, ...]:
    return tuple(parse_type(entry) for entry in entries)


def _signature_hash(name: str, inputs: Sequence[AbiType]) -> bytes:
    return keccak(text=f"{name}({','.join(kind.canonical for kind in inputs)})")


def _function(contract: str, entry: Mapping[str, Any]) -> AbiFunction:
    inputs = _types(entry["inputs"])
    selector = _signature_hash(entry["name"], inputs)[:SELECTOR_BYTES]
    return AbiFunction(contract, entry["name"], selector, inputs, _types(entry["outputs"]))


def _event(contract: str, entry: Mapping[str, Any]) -> AbiEvent:
    types = _types(entry["inputs"])
    flags = [bool(parameter["indexed"]) for parameter in entry["inputs"]]
    return AbiEvent(
        contract=contract,
        name=entry["name"],
        topic=_signature_hash(entry["name"], types),
        indexed=tuple(kind for kind, indexed in zip(types, flags, strict=True) if indexed),
        plain=tuple(kind for kind, indexed in zip(types, flags, strict=True) if not indexed),
    )


def _error(contract: str, entry: Mapping[str, Any]) -> AbiError:
    inputs = _types(entry["inputs"])
    return AbiError(contract, entry["name"], _signature_hash(entry["name"], inputs)[:SELECTOR_BYTES], inputs)
