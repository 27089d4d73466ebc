"""What is published: a file, bytes, or an open binary file, with the name and the public tags that go with it."""

from __future__ import annotations

import io
import json
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from tpre_offchain.clients.errors import SourceUnreadable

DEFAULT_MEDIA_TYPE: Final = "application/octet-stream"
MAX_NAME_BYTES: Final = 255
MAX_TAGS_BYTES: Final = 256

Data = str | Path | bytes | BinaryIO
Tags = Mapping[str, str] | str


@dataclass(frozen=True)
class Item:
    """One thing to publish. ``data``: a path, bytes, or an open binary file, which is read once.

    ``name`` and ``media_type`` are sealed; they are taken from the path if not given. ``tags`` are public: a mapping,
    or text of at most 256 bytes.
    """

    data: Data
    name: str | None = None
    media_type: str | None = None
    tags: Tags = ""

    @property
    def sealed_name(self) -> str:
        """The name that goes into the metadata, at most 255 bytes."""
        if self.name is not None:
            return self.name
        name = Path(self.data).name if isinstance(self.data, str | Path) else ""
        return name.encode("utf-8", "replace")[:MAX_NAME_BYTES].decode("utf-8", "ignore")

    @property
    def sealed_media_type(self) -> str:
        """Given, or guessed from the name."""
        return self.media_type or mimetypes.guess_type(self.sealed_name)[0] or DEFAULT_MEDIA_TYPE

    @property
    def public_tags(self) -> str:
        """The tags as the chain has them: a mapping as compact JSON with sorted keys."""
        return self.tags if isinstance(self.tags, str) else encode_tags(self.tags)

    @property
    def size(self) -> int | None:
        """Length in bytes, where it is known beforehand."""
        if isinstance(self.data, bytes):
            return len(self.data)
        return self._stat()[0] if isinstance(self.data, str | Path) else None

    @property
    def fingerprint(self) -> str:
        """What tells that the same file, unchanged, is published again; empty for what is no file."""
        if not isinstance(self.data, str | Path):
            return ""
        size, modified = self._stat()
        return f"{Path(self.data).resolve()}|{size}|{modified}|{self.public_tags}"

    @property
    def can_reopen(self) -> bool:
        """Whether the data can be read from the start a second time."""
        return isinstance(self.data, str | Path | bytes)

    def open(self) -> BinaryIO:
        """The data from its start. Raises ``SourceUnreadable``."""
        if isinstance(self.data, bytes):
            return io.BytesIO(self.data)
        if not isinstance(self.data, str | Path):
            return self.data
        try:
            return Path(self.data).open("rb")
        except OSError as error:
            raise SourceUnreadable(f"cannot read {self.data}: {error.strerror}") from None

    def _stat(self) -> tuple[int, int]:
        if not isinstance(self.data, str | Path):
            return 0, 0
        try:
            status = Path(self.data).stat()
        except OSError as error:
            raise SourceUnreadable(f"cannot read {self.data}: {error.strerror}") from None
        return status.st_size, status.st_mtime_ns


def encode_tags(tags: Mapping[str, str]) -> str:
    """Tags as they stand on the chain; none at all is the empty text."""
    return json.dumps(tags, sort_keys=True, separators=(",", ":"), ensure_ascii=False) if tags else ""


def decode_tags(text: str) -> Mapping[str, str]:
    """Tags from the chain; text that is no mapping comes under ``"text"``. Never fails: anyone may publish anything."""
    if not text:
        return {}
    if len(text) > MAX_TAGS_BYTES:
        return {"text": text}  # no contract let that pass; a parser is no match for what nests deep enough
    try:
        tags = json.loads(text)
    except (ValueError, RecursionError):
        tags = None
    if isinstance(tags, dict):
        return {str(key): value if isinstance(value, str) else json.dumps(value) for key, value in tags.items()}
    return {"text": text}
