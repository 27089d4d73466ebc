"""A case of rejects.json, and how values are made wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.vectors.making.values import hex_of, hex_word
from tpre_offchain.crypto.curve import G1, G2, R, g1, g2

FLOW = "flow_2_3.json"


@dataclass(frozen=True)
class Case:
    """Values that are replaced, and the error that the check must give then. tests/vectors/README.md has the fields."""

    name: str
    check: str
    python: str
    solidity: str
    replace: dict[str, Any]
    at: dict[str, int]
    file: str = FLOW
    kind: str = ""

    def as_values(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {
            "name": self.name,
            "file": self.file,
            "check": self.check,
            "at": self.at,
            "paths": list(self.replace),
            "values": list(self.replace.values()),
            "python": self.python,
            "kind": self.kind,
            "solidity": self.solidity,
        }


def raw(value: str) -> bytes:
    """The bytes of `0x...`."""
    return bytes.fromhex(value[2:])


def plus_one(value: str, modulus: int = R) -> str:
    """One more."""
    return hex_word((int(value, 16) + 1) % modulus)


def flipped(value: str) -> str:
    """One bit changed, in the middle."""
    data = bytearray(raw(value))
    data[len(data) // 2] ^= 1
    return hex_of(bytes(data))


def plus_g1(value: str) -> str:
    """Another point of G1."""
    return hex_of((G1.from_evm(raw(value)) + g1()).to_evm())


def plus_g2(value: str) -> str:
    """Another point of G2."""
    return hex_of((G2.from_evm(raw(value)) + g2()).to_evm())
