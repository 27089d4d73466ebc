"""How ids are written on the command line: records as STREAM/PUBLISHER/SEQUENCE, the rest as numbers."""

from __future__ import annotations

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
        if found and int(found[2]) < 1 << 32:
            return int(found[1]) << 32 | int(found[2])
        if re.fullmatch(r"\d+|0x[0-9a-fA-F]+", text):
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


RECORD: Final = RecordType()
ROUND: Final = RoundType()
TAG: Final = TagType()
