"""Forks a process for each use of ``tpre`` that it is asked for: the second that Python takes to import is paid once.

Every use is a process of its own, with its own folder, environment, standard streams and exit code; only the imports
are shared. So are those of the proxies of a net that it starts: they fork from the use. `tpre` as it starts from
nothing, and proxies that do, are in test_demo.py, test_cli_tour.py and test_independent_reader.py.

Requests and answers are lines of JSON on stdin and stdout. The end of stdin ends it.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, Final

from tpre_offchain.cli import processes
from tpre_offchain.cli.local import localnet
from tpre_offchain.cli.main import VERBS, main

OURSELVES: Final = [sys.executable, "-m", "tpre_offchain.cli"]

LOADED: Final = (
    "aiohttp", "cryptography.hazmat.primitives.ciphers.aead", "eth_account", "eth_account.hdaccount",
    "tpre_offchain.deployment.deploy", "rich.table", "tpre_offchain.audit.verify", "tpre_offchain.chain.logs.watch",
    "tpre_offchain.clients.owner", "tpre_offchain.clients.user", "tpre_offchain.config", "tpre_offchain.doctor",
    "tpre_offchain.proxy.daemon.process", "web3",
)  # fmt: skip


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until the requests end."""
    for line in requests:
        answers.write(json.dumps(_run(json.loads(line))).encode() + b"\n")
        answers.flush()


def _run(request: Mapping[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(request["stdin"].encode())
        given.seek(0)
        child = os.fork()
        if child == 0:
            _become(request, (given, out, err))
        code = _wait(child, request["timeout_s"])
        out.seek(0)
        err.seek(0)
        return {"code": code, "out": out.read().decode(), "err": err.read().decode()}


def _become(request: Mapping[str, Any], streams: tuple[IO[bytes], IO[bytes], IO[bytes]]) -> None:
    """Be the process that was asked for, and end with its exit code."""
    code = 1
    try:
        os.chdir(request["folder"])
        if request["fork_proxies"]:
            setattr(localnet, "spawn", _spawn)  # noqa: B010 - a name that it imports for itself
        code = _be_tpre([stream.fileno() for stream in streams], request["environment"], request["arguments"])
    finally:
        os._exit(code)


def _be_tpre(streams: Sequence[int], environment: Mapping[str, str], arguments: Sequence[str]) -> int:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # it is the environment's
    code = 1
    try:
        main(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _spawn(
    command: Sequence[str], *, log: Path, env: Mapping[str, str], with_parent: bool
) -> subprocess.Popen[bytes] | SimpleNamespace:
    """``processes.spawn``, where it is `tpre` again that is started: forked, as long as we have no other threads."""
    if list(command[:3]) != OURSELVES or threading.active_count() > 1:
        return processes.spawn(command, log=log, env=env, with_parent=with_parent)
    parent = os.getpid()
    child = os.fork()
    if child:
        return SimpleNamespace(pid=child)
    code = 1
    try:
        os.setsid()
        if with_parent and sys.platform == "linux":
            processes._end_with(parent)()
        nothing, told = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        code = _be_tpre([nothing, told, told], env, command[3:])
    finally:
        os._exit(code)


def _wait(child: int, timeout_s: float) -> int | None:
    """Its exit code; None if it had to be killed, because the time was over."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return None


if __name__ == "__main__":
    for name in (*LOADED, *(f"tpre_offchain.cli.commands.{module}" for module, _ in VERBS.values())):
        importlib.import_module(name)
    # streams 0 and 1 become those of the uses; ours are closed in what they start
    asked, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "r+b", buffering=0) as nothing:  # noqa: PTH123 - a device
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
    serve(asked, told)
