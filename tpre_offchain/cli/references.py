"""How ids are written on the command line: records as STREAM/PUBLISHER/SEQUENCE, the rest as numbers.

What does not fit into the contracts' types is refused here, as wrong usage.
"""

from __future__ import annotations

import math
import re
from typing import Final

import click

_RECORD: Final = re.compile(r"(\d+)/(0x[0-9a-fA-F]{40})/(\d+)")
_ROUND: Final = re.compile(r"(\d+)/(\d+)")


class RecordType(click.ParamType[int]):
    """A record: STREAM/0xPUBLISHER/SEQUENCE as the catalogue shows it, or its number."""

    name = "record"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: RET503
        """The number. Fails for anything else, and for parts that do not fit."""
        if isinstance(value, int):
            return value
        text = str(value)
        found = _RECORD.fullmatch(text)
        if found:
            stream, publisher, sequence = int(found[1]), int(found[2], 16), int(found[3])
            if stream < 1 << 64 and sequence < 1 << 32:
                return stream << 192 | publisher << 32 | sequence
        elif re.fullmatch(r"\d+|0x[0-9a-fA-F]+", text) and int(text, 0) < 1 << 256:
            return int(text, 0)
        self.fail(
            f"{text!r} is no record; write STREAM/0xPUBLISHER/SEQUENCE as `tpre user catalog` shows it", param, ctx
        )


class RoundType(click.ParamType[int]):
    """A round: GRANT/INDEX, or its number."""

    name = "round"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: RET503
        """The number. Fails for anything else."""
        if isinstance(value, int):
            return value
        text = str(value)
        found = _ROUND.fullmatch(text)
        if found and int(found[1]) < 1 << 64 and int(found[2]) < 1 << 32:
            return int(found[1]) << 32 | int(found[2])
        if re.fullmatch(r"\d+|0x[0-9a-fA-F]+", text) and int(text, 0) < 1 << 96:
            return int(text, 0)
        self.fail(f"{text!r} is no round; write GRANT/INDEX", param, ctx)


class TagType(click.ParamType[tuple[str, str]]):
    """A public tag: KEY=VALUE."""

    name = "key=value"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Key and value."""
        key, found, rest = str(value).partition("=")
        if not found or not key:
            self.fail(f"{value!r} is no tag; write KEY=VALUE", param, ctx)
        return key, rest


class AddressType(click.ParamType[str]):
    """An account: 0x and 40 hex digits; where they are of mixed case, their EIP-55 checksum must hold."""

    name = "address"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address in its checksummed form."""
        text = str(value)
        if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
            self.fail(f"{text!r} is no address; write 0x and 40 hex digits", param, ctx)
        from tpre_offchain.chain.abi.values import checksum_address

        address = checksum_address(text)
        if text not in (address, address.lower(), "0x" + text[2:].upper()):
            self.fail(f"the checksum of {text} does not hold: a digit is wrong", param, ctx)
        return address


class DaysType(click.ParamType[float]):
    """A number of days, above zero and up to a hundred years."""

    name = "days"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: RET503
        """The number; "nan" and "inf" are none."""
        try:
            days = float(str(value))
        except ValueError:
            days = math.nan
        if 0 < days <= MAX_DAYS:
            return days
        self.fail(f"{value!r} is no number of days above 0", param, ctx)


MAX_DAYS: Final = 36_500
RECORD: Final = RecordType()
ROUND: Final = RoundType()
TAG: Final = TagType()
ADDRESS: Final = AddressType()
DAYS: Final = DaysType()
ID: Final = click.IntRange(0, 2**64 - 1)
"""Of a stream, request or grant."""
EPOCH: Final = click.IntRange(0, 2**32 - 1)
COUNT: Final = click.IntRange(1, 2**32 - 1)
PRICE: Final = click.IntRange(0, 2**96 - 1)
"""In wei."""


def stream_number(text: str) -> int | None:
    """A stream's number, or None where the text must be a name. Raises ``click.BadParameter`` for one out of range."""
    if not text.isascii() or not text.isdecimal():
        return None
    if int(text) >= 1 << 64:
        raise click.BadParameter(f"{text} is no number of a stream")
    return int(text)
