"""Between our values and the tuples that eth_abi takes, guided by the ABI's own types.

A struct becomes the dataclass of ``structs`` with the same fields, a point its EIP-2537 bytes, a ``Member`` its
dataclass, an enum its ``IntEnum``; bytes of fixed size must have exactly that size.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any

from eth_utils.address import to_checksum_address

from tpre_offchain.chain.abi import structs
from tpre_offchain.errors import ChainError
from tpre_offchain.types import Address

POINT_WORDS = {"G1Point": 4, "G2Point": 8}
WORD_BYTES = 32

STRUCTS: Mapping[str, type[Any]] = {
    "Proof": structs.Proof,
    "IProxyRegistry.Settings": structs.ProxySettings,
    "IProxyRegistry.Proxy": structs.ProxyInfo,
    "IRecordRegistry.Terms": structs.Terms,
    "IRecordRegistry.Stream": structs.Stream,
    "IRecordRegistry.RecordInput": structs.RecordInput,
    "IGrantRegistry.Settings": structs.GrantSettings,
    "IGrantRegistry.Access": structs.Access,
    "IGrantRegistry.AccessRequest": structs.AccessRequest,
    "IGrantRegistry.DrawProof": structs.DrawProof,
    "IGrantRegistry.Rekey": structs.Rekey,
    "IGrantRegistry.FirstRound": structs.FirstRound,
    "IConversionRounds.Settings": structs.RoundSettings,
    "IConversionRounds.RecordRef": structs.RecordRef,
    "IConversionRounds.RoundData": structs.RoundData,
    "IConversionRounds.Round": structs.Round,
    "IConversionRounds.Signature": structs.Signature,
    "IConversionRounds.Submission": structs.Submission,
    "IConversionRounds.ChallengeKeys": structs.ChallengeKeys,
    "IConversionRounds.CapsuleReport": structs.CapsuleReport,
    "IConversionRounds.ClaimedRound": structs.ClaimedRound,
}

ENUMS: Mapping[str, type[IntEnum]] = {
    "IGrantRegistry.Status": structs.Status,
    "IConversionRounds.Phase": structs.Phase,
}


class BadArgument(ChainError):
    """A value does not fit the type that the contract declares; nothing was sent."""


@dataclass(frozen=True)
class AbiType:
    """One type of an ABI: a plain type, a struct with fields, or an array of another."""

    name: str
    """Our name of the parameter or field, in snake case."""
    canonical: str
    """As eth_abi wants it, tuples spelled out."""
    internal: str
    """The Solidity name of a struct, enum or user-defined type, without its keyword."""
    fields: tuple[AbiType, ...] = ()
    element: AbiType | None = None

    @property
    def wire(self) -> str:
        """As ``canonical``, with a string for the bytes that it is on the wire: no contract checks that it is UTF-8,
        and an event that cannot be decoded would stop every reader."""
        return self.canonical.replace("string", "bytes")


@lru_cache(maxsize=4096)
def snake_case(name: str) -> str:
    """``feePerCfragWei`` -> ``fee_per_cfrag_wei``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


@lru_cache(maxsize=4096)
def checksum_address(raw: str | bytes) -> Address:
    """An address in its EIP-55 form; cached, since the same few come back all the time."""
    return Address(to_checksum_address(raw))


def parse_type(entry: Mapping[str, Any]) -> AbiType:
    """The type of an ABI's parameter entry."""
    name = snake_case(entry.get("name") or "")
    return _parse(name, entry["type"], entry.get("internalType", ""), entry.get("components", ()))


def _parse(name: str, kind: str, internal: str, components: Sequence[Mapping[str, Any]]) -> AbiType:
    if kind.endswith("]"):
        element = _parse(name, kind[: kind.rindex("[")], internal[: internal.rfind("[")], components)
        return AbiType(name, element.canonical + kind[kind.rindex("[") :], "", element=element)
    fields = tuple(parse_type(component) for component in components)
    canonical = f"({','.join(field.canonical for field in fields)})" if kind == "tuple" else kind
    return AbiType(name, canonical, internal.rsplit(" ", maxsplit=1)[-1], fields)


def to_abi(kind: AbiType, value: Any) -> Any:
    """Our value as eth_abi takes it. Raises ``BadArgument`` where it does not fit."""
    if kind.element is not None:
        element = kind.element
        return [to_abi(element, item) for item in value]
    if kind.internal in POINT_WORDS:
        return _point_words(kind, value)
    if kind.fields:
        return tuple(to_abi(field, getattr(value, field.name)) for field in kind.fields)
    if isinstance(value, structs.Member):
        return value.word
    if re.fullmatch(r"bytes\d+", kind.canonical):
        return _exactly(kind, value, int(kind.canonical[5:]))
    return structs.text_to_bytes(value) if kind.canonical == "string" else value


def from_abi(kind: AbiType, value: Any) -> Any:
    """What eth_abi decoded as our value."""
    if kind.element is not None:
        element = kind.element
        return tuple(from_abi(element, item) for item in value)
    if kind.internal in POINT_WORDS:
        return b"".join(value)
    if kind.fields:
        fields = {field.name: from_abi(field, item) for field, item in zip(kind.fields, value, strict=True)}
        return STRUCTS[kind.internal](**fields)
    if kind.internal == "Member":
        return structs.Member(
            checksum_address((value & ((1 << structs.ADDRESS_BITS) - 1)).to_bytes(20, "big")),
            value >> structs.ADDRESS_BITS,
        )
    if kind.internal in ENUMS:
        return ENUMS[kind.internal](value)
    if kind.canonical == "address":
        return checksum_address(value)
    return structs.text_from_bytes(value) if kind.canonical == "string" else value


def _point_words(kind: AbiType, value: bytes) -> tuple[bytes, ...]:
    point = _exactly(kind, value, POINT_WORDS[kind.internal] * WORD_BYTES)
    return tuple(point[i : i + WORD_BYTES] for i in range(0, len(point), WORD_BYTES))


def _exactly(kind: AbiType, value: Any, size: int) -> bytes:
    # eth_abi pads a short value with zeros in silence: a truncated hash would reach the chain
    if not isinstance(value, bytes) or len(value) != size:
        found = f"{len(value)} bytes" if isinstance(value, bytes) else type(value).__name__
        raise BadArgument(f"{kind.name or kind.internal or kind.canonical} takes {size} bytes, not {found}")
    return value
