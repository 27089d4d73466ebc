"""Processes of the tests of proxies: an anvil, and workers. Each is ended by its own process id."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import aiohttp

from tests.integration.nets.local_nodes import ANVIL
from tests.integration.nets.nursery import Nursery

ROOT = Path(__file__).resolve().parents[3]


@asynccontextmanager
async def anvil_node(*arguments: str) -> AsyncIterator[str]:
    """A fresh anvil on a free port of 127.0.0.1; its address."""
    process = subprocess.Popen(  # noqa: ASYNC220 - starts in no time
        [ANVIL, "--port", "0", "--host", "127.0.0.1", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        stdout: IO[bytes] = process.stdout
        line = await asyncio.to_thread(_line_with, stdout, b"Listening on ")
        # the pipe must not fill up
        drain = asyncio.get_running_loop().run_in_executor(None, stdout.read)
        yield line.split()[-1].decode()
    finally:
        process.terminate()
        process.wait(10)
        await drain


def _line_with(stream: IO[bytes], text: bytes) -> bytes:
    for line in stream:
        if text in line:
            return line
    raise AssertionError("anvil did not start")


class Process(Protocol):
    """What there is to do with a process, forked by the nursery or started from nothing."""

    @property
    def pid(self) -> int: ...

    def signal(self, number: int) -> None: ...

    def wait(self, timeout_s: float) -> int: ...


@dataclass
class ProxyProcess:
    """A worker in a process of its own; ``port`` is its health server's."""

    process: Process
    port: int
    log_path: Path

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}{path}") as response:
            return response.status, await response.text()

    async def ready(self, timeout_s: float = 20) -> None:
        deadline = time.monotonic() + timeout_s
        while (await self.get("/readyz"))[0] != 200:
            assert time.monotonic() < deadline, self.log_path.read_text()
            await asyncio.sleep(0.02)

    def logs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log_path.read_text().splitlines()]

    def command(self) -> str:
        """Arguments and environment, as other processes can read them."""
        return "".join(Path(f"/proc/{self.process.pid}/{name}").read_text() for name in ("cmdline", "environ"))

    def actions(self) -> list[str]:
        return [line["action"] for line in self.logs() if line["event"] == "acted" and line["outcome"] == "done"]

    def pause(self) -> None:
        self.process.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.signal(signal.SIGKILL)
        self.process.wait(10)

    def terminate(self) -> int:
        self.process.signal(signal.SIGTERM)
        return self.process.wait(15)


async def until(true: Callable[[], bool], told: Callable[[], object], timeout_s: float = 20) -> None:
    """Wait for something that no event tells; ``told`` is for the failure's message."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, told()
        await asyncio.sleep(0.02)


def fork(nursery: Nursery, config: dict[str, Any], folder: Path, name: str) -> ProxyProcess:
    """A worker with this configuration, forked."""
    child = nursery.start("proxy", config, folder, name)
    deadline = time.monotonic() + 20
    while "health_port" not in (report := child.report()):
        assert not child.ended(), child.tail()
        assert time.monotonic() < deadline, child.tail()
        time.sleep(0.01)
    return ProxyProcess(child, report["health_port"], child.log_path)


class _FromNothing(subprocess.Popen[bytes]):
    def signal(self, number: int) -> None:
        self.send_signal(number)


def launch(config: dict[str, Any], folder: Path, name: str) -> ProxyProcess:
    """A worker with this configuration, started from nothing and given it on its standard input."""
    log_path = folder / f"{name}.log"
    with log_path.open("ab") as log:
        process = _FromNothing(
            [sys.executable, "-m", "tpre_offchain.proxy", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=ROOT,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        process.stdin.write(json.dumps(config).encode())
        process.stdin.close()
        line = process.stdout.readline()
    assert line, log_path.read_text()
    return ProxyProcess(process, json.loads(line)["health_port"], log_path)
