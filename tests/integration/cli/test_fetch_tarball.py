"""A package of an npm registry, as a server of this machine hands it out: well, badly, not at all, without end."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import os
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tpre_offchain.cli.fetch import tarball
from tpre_offchain.cli.fetch.cache import CacheUnusable
from tpre_offchain.cli.fetch.tarball import NpmTarball, RegistryRefused, RegistryUnreachable, WrongPackage
from tpre_offchain.errors import TpreError

PROGRAM = b"#!/bin/sh\necho it runs\n" + bytes(100_000)
Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Registry:
    """A server that answers every request with ``answer``, and remembers the paths."""

    url: str
    answer: Answer = lambda request: request.send_error(404)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            found.answer(self)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Registry(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setenv("npm_config_registry", found.url + "/npm/")
        yield found
        server.shutdown()


def packed(name: str = "package/bin/program", content: bytes = PROGRAM, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A tarball as npm makes them, with one more file before ours."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("package/package.json"))
        member = tarfile.TarInfo(name)
        member.size, member.type, member.mode = len(content), kind, 0o4777
        member.linkname = "/etc/passwd"
        archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


def pinned(content: bytes) -> NpmTarball:
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    return NpmTarball("@scope/program", "1.2.3", f"sha512-{digest}", len(content), "bin/program", "do without")


def sends(content: bytes, length: int | None = None) -> Answer:
    """An answer that says it has so many bytes, and has others."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        if length is not None:
            request.send_header("Content-Length", str(length))
        request.end_headers()
        request.wfile.write(content)

    return answer


def fails(package: NpmTarball, tmp_path: Path, kind: type[TpreError], match: str) -> TpreError:
    """Fetching raises that, and nothing of it is left."""
    with pytest.raises(kind, match=match) as raised:
        package.fetch()
    assert [path.name for path in (tmp_path / "cache/tpre").iterdir()] == [".lock"]
    assert package.find() is None
    return raised.value


def test_fetch__as_pinned__is_kept_and_not_asked_for_again(
    registry: Registry, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = packed()
    package = pinned(content)
    registry.answer = sends(content)
    program = package.fetch()
    assert program == tmp_path / "cache/tpre/program-1.2.3/bin/program"
    assert (program.read_bytes(), program.stat().st_mode & 0o7777) == (PROGRAM, 0o700)
    assert list((tmp_path / "cache/tpre/program-1.2.3").iterdir()) == [program.parent]
    said = capfd.readouterr()
    assert said.out == ""
    assert f"fetching program-1.2.3 (0.0 MB) from 127.0.0.1, once, into {tmp_path}/cache/tpre" in said.err
    assert package.fetch() == package.find() == program
    assert registry.asked == ["/npm/@scope/program/-/program-1.2.3.tgz"]
    assert capfd.readouterr().err == ""


def test_fetch__registry_sends_elsewhere__follows(registry: Registry) -> None:
    content = packed()

    def elsewhere(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", "/elsewhere")
        request.end_headers()
        registry.answer = sends(content, len(content))

    registry.answer = elsewhere
    assert pinned(content).fetch().read_bytes() == PROGRAM
    assert registry.asked[1:] == ["/elsewhere"]


def test_fetch__one_bit_changed__is_refused(registry: Registry, tmp_path: Path) -> None:
    content = packed()
    registry.answer = sends(content[:-1] + bytes([content[-1] ^ 1]), len(content))
    error = fails(pinned(content), tmp_path, WrongPackage, f"program-1.2.3: {len(content)} of {len(content)} bytes")
    assert "nothing of it was used" in (error.hint or "")


def test_fetch__cut_off__can_be_tried_again(registry: Registry, tmp_path: Path) -> None:
    content = packed()
    registry.answer = sends(content[:-10], len(content))
    assert fails(pinned(content), tmp_path, RegistryUnreachable, "127.0.0.1").retryable


def test_fetch__shorter_without_saying_so__is_refused(registry: Registry, tmp_path: Path) -> None:
    content = packed()
    registry.answer = sends(content[:-10])
    fails(pinned(content), tmp_path, WrongPackage, f"{len(content) - 10} of {len(content)} bytes")


def test_fetch__no_end_of_it__is_cut_off_at_the_pinned_size(registry: Registry, tmp_path: Path) -> None:
    content, sent = packed(), []

    def endless(request: BaseHTTPRequestHandler) -> None:
        sends(content)(request)
        try:
            for part in itertools.repeat(bytes(1 << 16)):
                request.wfile.write(part)
                sent.append(len(part))
        except OSError:
            done.set()

    done = threading.Event()
    registry.answer = endless
    fails(pinned(content), tmp_path, WrongPackage, f"more than {len(content)} bytes")
    assert done.wait(10)
    assert sum(sent) < 100_000_000


@pytest.mark.parametrize(
    ("status", "kind"), [(404, RegistryRefused), (401, RegistryRefused), (503, RegistryUnreachable)]
)
def test_fetch__registry_has_it_not__says_what_to_do(
    status: int, kind: type[TpreError], registry: Registry, tmp_path: Path
) -> None:
    registry.answer = lambda request: request.send_error(status)
    error = fails(pinned(packed()), tmp_path, kind, f"127.0.0.1 answers {status}")
    assert (error.hint, error.retryable) == ("do without", status == 503)


def test_fetch__nobody_there__can_be_tried_again(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://user:secret@127.0.0.1:1")
    error = fails(pinned(packed()), tmp_path, RegistryUnreachable, "127.0.0.1")
    assert error.retryable
    assert "secret" not in str(error.to_dict())
    assert registry.asked == []


def test_fetch__silent_registry__is_given_up(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def silent(_: BaseHTTPRequestHandler) -> None:
        over.wait(20)

    registry.answer = silent
    monkeypatch.setattr(tarball, "SILENCE_S", 0.2)
    fails(pinned(packed()), tmp_path, RegistryUnreachable, "127.0.0.1")
    over.set()


@pytest.mark.parametrize("address", ["ftp://127.0.0.1", "127.0.0.1", "http://127.0.0.1:port"])
def test_fetch__address_makes_no_sense__is_refused(
    address: str, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", address)
    fails(pinned(packed()), tmp_path, RegistryRefused, "no address to fetch")


@pytest.mark.parametrize(
    "content",
    [
        packed("package/other"),
        packed("../../../program"),
        packed(content=b"", kind=tarfile.SYMTYPE),
        packed(content=b"", kind=tarfile.LNKTYPE),
        packed(content=b"", kind=tarfile.DIRTYPE),
    ],
    ids=["another name", "outside", "symbolic link", "hard link", "folder"],
)
def test_fetch__no_plain_file_of_that_name_in_it__is_refused(
    content: bytes, registry: Registry, tmp_path: Path
) -> None:
    registry.answer = sends(content)
    fails(pinned(content), tmp_path, WrongPackage, "has no file bin/program")
    assert not list(tmp_path.rglob("program"))


def test_fetch__unpacks_to_too_much__is_refused(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = packed()
    registry.answer = sends(content)
    monkeypatch.setattr(tarball, "MAX_UNPACKED", len(PROGRAM) - 1)
    fails(pinned(content), tmp_path, WrongPackage, "at most")


def test_fetch__cache_is_a_file__says_so(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(CacheUnusable, match="cannot write"):
        pinned(packed()).fetch()
    assert registry.asked == []


def test_fetch__authorities_cannot_be_read__says_which(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.pem").write_text("no certificate")
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(tmp_path / "bad.pem"))
    error = fails(pinned(packed()), tmp_path, RegistryRefused, "certificate authorities")
    assert "NODE_EXTRA_CA_CERTS" in (error.hint or "")
    assert registry.asked == []
