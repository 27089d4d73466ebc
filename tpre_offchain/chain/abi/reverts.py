"""Revert data as errors: ``decode_revert`` makes a ``ContractRevert`` with name, arguments, message and hint."""

from __future__ import annotations

import types
from collections.abc import Mapping
from enum import IntEnum
from functools import cache
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from tpre_offchain.chain.abi.call import Call, Receipt
from tpre_offchain.chain.abi.codec import (
    CONTRACT_NAMES,
    SELECTOR_BYTES,
    AbiError,
    UndecodableData,
    decode_values,
    load_abi,
)
from tpre_offchain.chain.abi.revert_texts import REVERT_TEXTS
from tpre_offchain.errors import ChainError

ERROR_STRING = bytes.fromhex("08c379a0")
PANIC = bytes.fromhex("4e487b71")


class ContractRevert(ChainError):
    """A contract refused a call, found by simulation: nothing was sent and nothing was paid.

    ``name``: the custom error, or ``Error``, ``Panic``, ``Unknown``. ``arguments``: by parameter, in snake case.
    ``contract``: where the error is declared, if known. ``data``: the raw revert data.
    """

    name: str
    arguments: Mapping[str, Any]
    contract: str
    data: bytes

    def __init__(
        self, name: str, arguments: Mapping[str, Any], contract: str, data: bytes, *, description: str = ""
    ) -> None:
        text = REVERT_TEXTS.get(name)
        message = _render(text.message, arguments) if text else _plain(name, arguments)
        super().__init__(
            f"{description}: {message} ({name})" if description else f"{message} ({name})",
            hint=text.hint if text else None,
            culprit=_culprit(arguments),
            retryable=text.retryable if text else False,
        )
        self.name = name
        self.arguments = types.MappingProxyType(dict(arguments))
        self.contract = contract
        self.data = data

    def to_dict(self) -> dict[str, str | bool | None]:
        """The error as plain values, with the custom error's name."""
        return {**super().to_dict(), "revert": self.name, "contract": self.contract}

    def means_done(self, call: Call) -> bool:
        """Whether this revert says that the step of ``call`` is taken already."""
        if self.name == "WrongPhase":
            return self.arguments["current"] in call.done_phases
        return self.name in call.done_errors


class Reverted(ContractRevert):
    """A transaction was mined and reverted: its gas is paid, its nonce used. ``receipt`` is the proof."""

    receipt: Receipt

    @classmethod
    def of(cls, cause: ContractRevert, receipt: Receipt, description: str) -> Reverted:
        """The mined form of a decoded revert."""
        reverted = cls(cause.name, cause.arguments, cause.contract, cause.data, description=description)
        reverted.receipt = receipt
        return reverted


def decode_revert(data: bytes, contract: str = "", description: str = "") -> ContractRevert:
    """The error that revert data stands for; errors that ``contract`` declares are tried first.

    Never fails: data of no known error gives one called ``Unknown``, empty data one that says what empty means.
    """
    selector, body = data[:SELECTOR_BYTES], data[SELECTOR_BYTES:]
    error = _find(selector, contract)
    try:
        if error is not None:
            values = decode_values(error.inputs, body, error.name)
            names = [kind.name for kind in error.inputs]
            arguments = dict(zip(names, values, strict=True))
            return ContractRevert(error.name, arguments, error.contract, data, description=description)
        if selector == ERROR_STRING:
            # as bytes: a contract may give as a reason what is no UTF-8
            reason = decode(["bytes"], body)[0].decode("utf-8", "replace")
            return ContractRevert("Error", {"reason": reason}, contract, data, description=description)
        if selector == PANIC:
            code = decode(["uint256"], body)[0]
            return ContractRevert("Panic", {"code": code}, contract, data, description=description)
    except (UndecodableData, DecodingError, OverflowError):
        pass  # bytes that only look like one of ours: fall through to Unknown, which shows them
    return ContractRevert("Unknown", {"data": "0x" + data.hex()}, contract, data, description=description)


def known_errors() -> dict[str, tuple[AbiError, ...]]:
    """All custom errors of all contracts, by name."""
    found: dict[str, tuple[AbiError, ...]] = {}
    for name in CONTRACT_NAMES:
        for error in load_abi(name).errors.values():
            found[error.name] = (*found.get(error.name, ()), error)
    return found


@cache
def _errors_by_selector() -> dict[bytes, AbiError]:
    return {selector: error for name in CONTRACT_NAMES for selector, error in load_abi(name).errors.items()}


def _find(selector: bytes, contract: str) -> AbiError | None:
    if contract in CONTRACT_NAMES and selector in load_abi(contract).errors:
        return load_abi(contract).errors[selector]
    # an error of a contract further down the call
    return _errors_by_selector().get(selector)


def _render(template: str, arguments: Mapping[str, Any]) -> str:
    shown = {name: _shown(name, value) for name, value in arguments.items()}
    return template.format_map(_Lenient(shown))


class _Lenient(dict[str, Any]):
    """Two contracts may declare one error with different parameters: what is absent shows as its name."""

    def __missing__(self, key: str) -> str:
        return key


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, IntEnum):
        return value.name.capitalize()
    if isinstance(value, bytes):
        text = value.rstrip(b"\0")
        return text.decode() if text.isascii() and text.decode().isprintable() and text else "0x" + value.hex()
    if name == "round_id":
        return f"{value >> 32}/{value & 0xFFFFFFFF}"
    return value


def _plain(name: str, arguments: Mapping[str, Any]) -> str:
    if name == "Unknown" and arguments.get("data") == "0x":
        return "the call reverted without a reason: out of gas, no contract at the address, or a failed assertion"
    return "the contract reverted with " + (", ".join(f"{k} = {_shown(k, v)}" for k, v in arguments.items()) or name)


def _culprit(arguments: Mapping[str, Any]) -> str | None:
    for name in ("account", "caller"):
        if isinstance(arguments.get(name), str):
            return str(arguments[name])
    return None
