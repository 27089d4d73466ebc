"""Forks a process for each use of ``tpre`` that it is asked for: the second that Python takes to import is paid once.

Every use is a process of its own, with its own folder, environment, standard streams and exit code; only the imports
are shared. `tpre` as it starts from nothing is in test_demo.py, test_independent_reader.py and tests/unit.

Requests and answers are lines of JSON on stdin and stdout. The end of stdin ends it.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import IO, Any, Final

from tpre_offchain.cli.main import VERBS, main

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
        for number, stream in enumerate(streams):
            os.dup2(stream.fileno(), number)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        tempfile.tempdir = None  # it is the environment's
        try:
            main(request["arguments"])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        sys.stdout.flush()
        sys.stderr.flush()
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
