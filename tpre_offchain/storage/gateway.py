"""Read-only access through an HTTP gateway that nobody needs to trust (IPFS trustless gateway, raw blocks).

``GET /ipfs/<cid>?format=raw`` gives one block. The base class verifies it, so the gateway can only refuse.
Several gateways are a ``FallbackStore`` of these.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NoReturn
from urllib.parse import urlsplit

import httpx

from tpre_offchain.chunking import Source
from tpre_offchain.storage.cid import Cid
from tpre_offchain.storage.errors import (
    BlobNotFound,
    BlobTampered,
    StoreReadOnly,
    StoreUnavailable,
    UnknownStore,
)
from tpre_offchain.storage.store import MAX_BLOCK_BYTES, BlobStore, BlockRef

_RAW = "application/vnd.ipld.raw"
# Codes with which gateways say that they do not have or do not serve a thing; all others may pass.
_ABSENT = {400, 404, 410, 451, 501}


class GatewayStore(BlobStore):
    """The gateway at ``url``. ``timeout_s`` bounds each wait, ``deadline_s`` a whole block however slowly it
    drips in.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 10,
        deadline_s: float = 60,
        clock: Callable[[], float] = time.monotonic,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        try:
            parts = urlsplit(url)
            httpx.URL(url)
        except (ValueError, httpx.InvalidURL):  # the address itself may hold a password: say nothing of it
            raise UnknownStore("not the address of a gateway: its host or port makes no sense") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UnknownStore(f"not the address of a gateway: {parts.scheme}://{parts.hostname}")
        self.name = f"gateway:{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._base = url.rstrip("/")
        self._deadline_s = deadline_s
        self._clock = clock
        # Compression would let a small answer swell; blocks are ciphertext, which does not compress.
        self._client = httpx.Client(
            timeout=timeout_s,
            follow_redirects=True,
            max_redirects=3,
            headers={"Accept": _RAW, "Accept-Encoding": "identity"},
            transport=transport,
        )

    def has(self, cid: Cid) -> bool:
        """Whether the gateway gives the blob's root block, verified: its word alone would mean nothing."""
        try:
            self.verified_block(BlockRef(cid, cid, 0))
        except (BlobNotFound, BlobTampered):
            return False
        return True

    def put(self, source: Source) -> Cid:
        """Not possible."""
        del source
        self._refuse()

    def pin(self, cid: Cid) -> None:
        """Not possible."""
        del cid
        self._refuse()

    def unpin(self, cid: Cid) -> None:
        """Not possible."""
        del cid
        self._refuse()

    def pins(self) -> Iterator[Cid]:
        """None: what a gateway keeps is not ours to know."""
        return iter(())

    def delete(self, cid: Cid) -> None:
        """Not possible."""
        del cid
        self._refuse()

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def _read_block(self, ref: BlockRef) -> bytes:
        end = self._clock() + self._deadline_s
        url = f"{self._base}/ipfs/{ref.cid}"
        body = bytearray()
        try:
            with self._client.stream("GET", url, params={"format": "raw"}) as response:
                self._require_success(ref, response.status_code)
                for piece in response.iter_raw():
                    body += piece
                    if len(body) > MAX_BLOCK_BYTES:
                        break  # the base class sees one byte too many; the rest is never read
                    if self._clock() > end:
                        raise StoreUnavailable(f"no whole block within {self._deadline_s:g} s", culprit=self.name)
        except httpx.HTTPError as error:
            # Not the error's text: it can hold the address with its credentials.
            raise StoreUnavailable(f"the gateway failed: {type(error).__name__}", culprit=self.name) from error
        return bytes(body)

    def _require_success(self, ref: BlockRef, status: int) -> None:
        if status in _ABSENT:
            raise BlobNotFound(f"the gateway does not serve {ref.root} (HTTP {status})", culprit=self.name)
        if status != httpx.codes.OK:
            raise StoreUnavailable(f"the gateway answered with HTTP {status}", culprit=self.name)

    def _refuse(self) -> NoReturn:
        raise StoreReadOnly("a gateway takes no writes", culprit=self.name, hint="name a writable store first")
