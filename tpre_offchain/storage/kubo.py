"""A Kubo node through its RPC API, by ipfshttpclient; the only module that knows that library.

``Client(...)`` and never ``connect()``: the latter asks for a daemon of 2021. ``block rm`` is not among the
library's methods, so it goes through the same request function that they use.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import ipfshttpclient
import ipfshttpclient.exceptions as ipfs_errors

from tpre_offchain.chunking import ExactReader, Source
from tpre_offchain.errors import StorageError
from tpre_offchain.storage.cid import LEAF_BYTES, MAX_LINKS, Cid, TreeBuilder
from tpre_offchain.storage.errors import (
    BlobNotFound,
    BlobPinned,
    BlobTampered,
    InvalidCid,
    StoreFull,
    StoreUnavailable,
    UnknownStore,
)
from tpre_offchain.storage.store import MAX_BLOCK_BYTES, BlobStore, BlockRef

# Those for which the library's ``add`` has no argument.
_LAYOUT = {"max-file-links": MAX_LINKS, "hash": "sha2-256", "inline": False, "quieter": True}


class KuboStore(BlobStore):
    """The Kubo node whose RPC API is at ``url``, such as ``http://127.0.0.1:5001``.

    ``timeout_s``: how long the node may search for a block and how long we wait for any of its answers.
    """

    def __init__(self, url: str, *, timeout_s: float = 30) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 5001)
        except ValueError:  # the address itself may hold a password: say nothing of it
            raise UnknownStore("not the address of a Kubo node: its host or port makes no sense") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UnknownStore(f"not the address of a Kubo node: {parts.scheme}://{parts.hostname}")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.name = f"kubo:{parts.scheme}://{host}:{port}"
        self._timeout_s = timeout_s
        self._client = ipfshttpclient.Client(
            f"/{_address_kind(parts.hostname)}/{parts.hostname}/tcp/{port}/{parts.scheme}",
            chunk_size=LEAF_BYTES,
            session=True,
            # Our wait is longer than the node's own search, so that it is the node that says what it did not
            # find.
            timeout=timeout_s + 5,
            username=parts.username,
            password=parts.password,
        )

    def put(self, source: Source) -> Cid:
        """Add and pin. Raises ``BlobTampered`` if the node gives the bytes another identifier than theirs."""
        body = _Body(source)
        with self._node_errors():
            answer = self._client.add(
                body,
                cid_version=1,
                raw_leaves=True,
                chunker=f"size-{LEAF_BYTES}",
                pin=True,
                opts=dict(_LAYOUT),
            )
        expected = body.tree.finish()
        answered = str(answer["Hash"])
        if answered != str(expected):
            raise BlobTampered(f"the node filed {expected} under {answered}", culprit=self.name)
        return expected

    def has(self, cid: Cid) -> bool:
        """Whether the node itself, without asking others, has the blob's root block."""
        try:
            with self._node_errors():
                self._client.block.stat(str(cid), opts={"offline": True})
        except BlobNotFound:
            return False
        return True

    def pin(self, cid: Cid) -> None:
        """Pin; the node fetches what it lacks if it can find it."""
        with self._node_errors():
            self._client.pin.add(str(cid), recursive=True, opts=self._search())

    def unpin(self, cid: Cid) -> None:
        """Unpin; the next garbage collection may take the blob."""
        try:
            with self._node_errors():
                self._client.pin.rm(str(cid), recursive=True)
        except _NotPinned:
            return

    def pins(self) -> Iterator[Cid]:
        """The node's recursive pins that have our form of identifier."""
        with self._node_errors():
            keys = self._client.pin.ls(type="recursive").as_json().get("Keys") or {}
        for text in keys:
            try:
                yield Cid.parse(text)
            except InvalidCid:
                continue

    def delete(self, cid: Cid) -> None:
        """Remove the root block; the node's garbage collection takes the rest, which other blobs may share."""
        with self._node_errors():
            request = self._client._client.request  # noqa: SLF001 - the library lacks this one call
            for answer in request("/block/rm", (str(cid),), decoder="json", opts={"force": True}):
                if "pinned" in answer.get("Error", ""):
                    raise BlobPinned(f"{cid} is pinned", culprit=self.name)

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def _read_block(self, ref: BlockRef) -> bytes:
        body = bytearray()
        with (
            self._node_errors(),
            self._client.block.get(str(ref.cid), stream=True, opts=self._search()) as pieces,
        ):
            for piece in pieces:
                body += piece
                if len(body) > MAX_BLOCK_BYTES:
                    break
        return bytes(body)

    def _search(self) -> dict[str, str]:
        return {"timeout": f"{int(self._timeout_s * 1000)}ms"}

    @contextmanager
    def _node_errors(self) -> Iterator[None]:
        try:
            yield
        except ipfs_errors.ErrorResponse as error:
            raise self._translated(str(error)) from error
        except ipfs_errors.Error as error:
            # Not the error's text: it can hold the address with its credentials.
            raise StoreUnavailable(
                f"the Kubo node failed: {type(error).__name__}",
                culprit=self.name,
                hint="is the daemon running, and is this its RPC API address?",
            ) from error

    def _translated(self, text: str) -> StorageError:
        lowered = text.lower()
        if "not pinned" in lowered:
            return _NotPinned(text, culprit=self.name)
        if "no space left" in lowered or "quota" in lowered:
            return StoreFull(f"the Kubo node has no space: {text}", culprit=self.name)
        if "deadline exceeded" in lowered:
            return BlobNotFound(
                f"the node found nobody who has it in {self._timeout_s:g} s",
                culprit=self.name,
                retryable=True,
            )
        if "not found" in lowered or "could not find" in lowered:
            return BlobNotFound(f"the node does not have it: {text}", culprit=self.name)
        return StoreUnavailable(f"the Kubo node refused: {text}", culprit=self.name)


class _NotPinned(StorageError):
    """The node's word for an unpin without a pin; never leaves this module."""


class _Body:
    """The file that is uploaded: read piece by piece, each piece also given to the tree that yields its CID."""

    def __init__(self, source: Source) -> None:
        self.tree = TreeBuilder()
        self._reader = ExactReader(source)

    def read(self, size: int = LEAF_BYTES) -> bytes:
        """The next leaf; ``size`` is the client's chunk size, which is that of a leaf."""
        if size != LEAF_BYTES:
            raise ValueError("the upload must be read leaf by leaf")
        leaf = self._reader.take(LEAF_BYTES)
        if leaf:
            self.tree.add_leaf(leaf)
        return leaf


def _address_kind(host: str) -> str:
    if ":" in host:
        return "ip6"
    return "ip4" if host.replace(".", "").isdigit() else "dns"
