"""Gateways over real HTTP on 127.0.0.1: one that is honest and others that are not."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tpre_offchain.errors import StorageError
from tpre_offchain.storage.cid import LEAF_BYTES, Cid, Codec
from tpre_offchain.storage.errors import BlobNotFound, BlobTampered, StoreUnavailable
from tpre_offchain.storage.fallback import FallbackStore, Fault
from tpre_offchain.storage.gateway import GatewayStore
from tpre_offchain.storage.local import LocalStore

Answer = Callable[[BaseHTTPRequestHandler, bytes | None], None]


def send(handler: BaseHTTPRequestHandler, body: bytes, announced: int | None = None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body) if announced is None else announced))
    handler.end_headers()
    handler.wfile.write(body)


def honest(handler: BaseHTTPRequestHandler, block: bytes | None) -> None:
    if block is None:
        handler.send_error(404)
    else:
        send(handler, block)


def other_bytes(handler: BaseHTTPRequestHandler, block: bytes | None) -> None:
    send(handler, bytes(len(block or b"")))


def fewer(handler: BaseHTTPRequestHandler, block: bytes | None) -> None:
    send(handler, (block or b"")[:-1])


def cut_off(handler: BaseHTTPRequestHandler, block: bytes | None) -> None:
    send(handler, (block or b"")[:10], announced=len(block or b""))
    handler.close_connection = True


def endless(handler: BaseHTTPRequestHandler, block: bytes | None) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    with contextlib.suppress(OSError):
        for _ in range(100):
            handler.wfile.write(bytes(LEAF_BYTES))


def nothing(handler: BaseHTTPRequestHandler, block: bytes | None) -> None:
    handler.close_connection = True


def refuses(handler: BaseHTTPRequestHandler, block: bytes | None) -> None:
    handler.send_error(404)


@contextmanager
def serving(blocks: dict[str, bytes], answer: Answer) -> Iterator[str]:
    """A gateway at the address given, for as long as the context is open."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            assert query == "format=raw"
            answer(self, blocks.get(path.removeprefix("/ipfs/")))

        def log_message(self, *_arguments: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def blob(tmp_path: Path, seeded: random.Random) -> tuple[Cid, bytes, dict[str, bytes]]:
    """A blob of three leaves: its CID, its bytes, its blocks."""
    data = seeded.randbytes(2 * LEAF_BYTES + 9)
    cid = LocalStore(tmp_path).put([data])
    (node,) = tmp_path.rglob(f"{cid}/{cid}")
    leaves = [data[i : i + LEAF_BYTES] for i in range(0, len(data), LEAF_BYTES)]
    blocks = {str(Cid.of_block(Codec.RAW, leaf)): leaf for leaf in leaves}
    return cid, data, blocks | {str(cid): node.read_bytes()}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (other_bytes, BlobTampered),
        (fewer, BlobTampered),
        (cut_off, StoreUnavailable),
        (endless, BlobTampered),
        (nothing, StoreUnavailable),
        (refuses, BlobNotFound),
    ],
)
def test_get__first_gateway_is_faulty__second_serves_and_fault_is_reported(
    blob: tuple[Cid, bytes, dict[str, bytes]], answer: Answer, error: type[StorageError]
) -> None:
    cid, data, blocks = blob
    faults: list[Fault] = []
    with serving(blocks, answer) as bad_url, serving(blocks, honest) as good_url:
        bad, good = GatewayStore(bad_url, timeout_s=5), GatewayStore(good_url, timeout_s=5)
        assert b"".join(FallbackStore([bad, good], faults.append).get(cid)) == data
        with pytest.raises(error) as caught:
            bad.get(cid)
        bad.close()
        good.close()
    assert [(fault.store, type(fault.error)) for fault in faults] == [(bad.name, error)]
    assert caught.value.culprit == bad.name


def test_get__gateway_hangs__raises_unavailable_after_the_timeout(blob: tuple[Cid, bytes, dict[str, bytes]]) -> None:
    cid, _, blocks = blob
    done = threading.Event()

    def hang(handler: BaseHTTPRequestHandler, _block: bytes | None) -> None:
        done.wait(10)
        handler.close_connection = True

    with serving(blocks, hang) as url:
        store = GatewayStore(url, timeout_s=0.2)
        with pytest.raises(StoreUnavailable):
            store.get(cid)
        store.close()
        done.set()


def test_get__nobody_listens__raises_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        GatewayStore("http://127.0.0.1:9", timeout_s=2).get(Cid.of_block(Codec.RAW, b"x"))
