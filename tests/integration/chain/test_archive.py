"""A user who comes late to a node that has pruned its logs: served by an archive, which is trusted for nothing."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.integration.nets.cli_world import answer
from tpre_offchain.chain.abi.log import Log
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.logs.archive import BadArchive, LogArchive
from tpre_offchain.cli import exits

pytestmark = [pytest.mark.anvil, pytest.mark.slow, pytest.mark.timeout(300)]

PRUNED = {"code": 4444, "message": "pruned history unavailable"}


@dataclass(frozen=True)
class Late:
    """A net with one record that was converted; ``first`` is the first block of which a pruned node has logs."""

    folder: Path
    node_url: str
    record: str
    archive: Path
    first: int


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Late]:
    folder = tmp_path_factory.mktemp("late")
    answer(folder, "net", "up", "--proxies", "3")
    try:
        answer(folder, "owner", "stream", "create", "machine-7")
        (folder / "data.csv").write_text("a,b\n1,2\n")
        record = answer(folder, "owner", "publish", folder / "data.csv")["record"]
        asked = answer(folder, "user", "request", "1")["request"]
        answer(folder, "owner", "grant", str(asked))
        answer(folder, "user", "fetch", record, "-o", folder / "first.csv")
        exported = answer(folder, "audit", "export", "-o", folder / "logs")
        url = json.loads((folder / ".tpre/net.json").read_text())["endpoints"][-1]
        yield Late(folder, url, record, folder / "logs", exported["to_block"] + 1)
    finally:
        answer(folder, "net", "down")


@contextmanager
def pruned_node(late: Late, *, silent: bool) -> Iterator[str]:
    """The net's node as one that has no logs of old blocks: it says so, or is ``silent`` about it and shows none."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # the body would wait 40 ms for word that the headers came

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = json.loads(body)
            reply: dict[str, Any]
            if asked["method"] == "eth_getLogs" and int(asked["params"][0]["fromBlock"], 16) < late.first:
                reply = {"jsonrpc": "2.0", "id": asked["id"], **({"result": []} if silent else {"error": PRUNED})}
                payload = json.dumps(reply).encode()
            else:
                request = urllib.request.Request(late.node_url, body, {"Content-Type": "application/json"})  # noqa: S310
                with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
                    payload = response.read()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
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


def fetch(late: Late, url: str, output: Path, *options: str | Path, code: int = 0) -> Any:
    return answer(
        late.folder, "user", "fetch", late.record, "-o", output, "--grant", "1", "--rpc", url, *options, code=code
    )


@pytest.mark.parametrize("silent", [True, False])
def test_fetch__pruned_node__fails_alone_and_arrives_with_the_archive(late: Late, tmp_path: Path, silent: bool) -> None:
    output = tmp_path / "out.csv"
    with pruned_node(late, silent=silent) as url:
        refused = fetch(late, url, output, code=exits.UNAVAILABLE)
        assert refused["error"] == ("RpcRefused" if not silent else "HistoryMissing")
        assert not output.exists()
        fetch(late, url, output, "--archive", late.archive)
        assert output.read_text() == "a,b\n1,2\n"


def test_fetch__archive_by_its_cid__arrives(late: Late, tmp_path: Path) -> None:
    stored = answer(late.folder, "audit", "export", "--put")
    with pruned_node(late, silent=True) as url:
        fetch(late, url, tmp_path / "out.csv", "--archive", stored["cid"])
    assert (tmp_path / "out.csv").read_text() == "a,b\n1,2\n"


def test_export__from_a_pruned_node_with_an_archive__has_everything(late: Late, tmp_path: Path) -> None:
    with pruned_node(late, silent=True) as url:
        assert answer(late.folder, "audit", "export", "-o", tmp_path / "none", "--rpc", url)["logs"] == 0
        again = ("--rpc", url, "--archive", late.archive)
        answer(late.folder, "audit", "export", "-o", tmp_path / "all", *again)
        verified = answer(late.folder, "audit", "verify", *again)
    assert LogArchive.load(tmp_path / "all").logs == LogArchive.load(late.archive).logs
    assert verified["ok"] is True


def _damaged(log: Log, at: int) -> Log:
    data = bytearray(log.data)
    data[at % len(data)] ^= 1
    return replace(log, data=bytes(data))


def test_fetch__any_log_of_the_archive_tampered_with__is_found_or_not_needed(late: Late, tmp_path: Path) -> None:
    """Whatever single log lies, the output is right or there is none."""
    true = LogArchive.load(late.archive)
    with pruned_node(late, silent=True) as url:
        outcomes = {}
        for index, log in enumerate(true.logs):
            if not log.data or log.block_number < true.logs[-1].block_number - 12:
                continue
            lie = replace(true, logs=(*true.logs[:index], _damaged(log, len(log.data) - 40), *true.logs[index + 1 :]))
            lie.save(tmp_path / "lie")
            output = tmp_path / f"out{index}"
            try:
                fetch(late, url, output, "--archive", tmp_path / "lie")
                outcomes[index] = "right"
                assert output.read_text() == "a,b\n1,2\n"
            except AssertionError:
                assert not output.exists(), f"log {index}"
                outcomes[index] = "refused"
    assert "refused" in outcomes.values()


# --- the file -------------------------------------------------------------------------------------


def test_load__of_another_deployment__is_refused(late: Late) -> None:
    deployment = Deployment.load(late.folder / ".tpre/deployment.json")
    archive = LogArchive.load(late.archive)
    contracts = list(deployment.addresses.values())
    assert archive.require_of(deployment.chain_id, contracts) is archive
    with pytest.raises(BadArchive):
        archive.require_of(1, contracts)
    with pytest.raises(BadArchive):
        archive.require_of(deployment.chain_id, contracts[1:])


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"",
        lambda _: b"{}",
        lambda _: b"\xff\xfe\n",
        lambda content: content.replace(b"tpre-logs/1", b"tpre-logs/2"),
        lambda content: content[:-20],
        lambda content: content + b"[]\n",
        lambda content: content + b"[" * 100_000,
        lambda content: content.replace(b'"logIndex":"0x0"', b'"logIndex":"zero"', 1),
        lambda content: content.replace(b'"blockHash":"0x', b'"blockHash":"0x00', 1),
    ],
)
def test_load__no_archive__raises_bad_archive(late: Late, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "bad"
    file.write_bytes(change(late.archive.read_bytes()))
    with pytest.raises(BadArchive):
        LogArchive.load(file)
    with pytest.raises(BadArchive):
        LogArchive.load(tmp_path / "missing")
