"""A proxy as the nursery forks it: the package's own, with a lie, another clock or a bad disk if a test says so."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.faults.stage import bad_disk, lies
from tpre_offchain.chain.outbox.delivery import Pace
from tpre_offchain.chain.outbox.settings import OutboxSettings
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.proxy import __main__ as program
from tpre_offchain.proxy.daemon import process, worker
from tpre_offchain.proxy.daemon.telemetry import configure_logs


def main(config: dict[str, Any], report: Path) -> int:
    """``config`` is the program's; ``pace`` its outbox's, ``request_timeout_s`` its connection's; ``lie``,
    ``clock_off_s`` and ``disk`` are what is wrong with it.
    """
    configure_logs()
    if pace := config.pop("pace", None):
        settings = partial(process.ProcessSettings, outbox=OutboxSettings(pace=Pace(**pace)))
        setattr(program, "ProcessSettings", settings)  # noqa: B010 - a name that it imports for itself
    if timeout_s := config.pop("request_timeout_s", None):
        opener = SimpleNamespace(open=partial(Connection.open, request_timeout_s=timeout_s))
        setattr(process, "Connection", opener)  # noqa: B010 - likewise
    if lie := config.pop("lie", None):
        lies.tell(lie)
    if off_s := config.pop("clock_off_s", 0):
        _shift_clock(off_s)
    if disk := config.pop("disk", None):
        bad_disk.mount(disk, Path(config["state_dir"]))

    def tell(port: int | None) -> None:
        part = report.with_suffix(".part")
        part.write_text(json.dumps({"health_port": port}))
        part.replace(report)

    program._tell = tell  # standard output is nobody's here
    asyncio.run(program.run(config))
    return 0


def _shift_clock(off_s: float) -> None:
    real = worker.ProxyWorker

    def with_clock(*args: Any, **options: Any) -> Any:
        clock: Callable[[], float] = lambda: time.time() + off_s  # noqa: E731
        return real(*args, **options, clock=clock)

    setattr(process, "ProxyWorker", with_clock)  # noqa: B010 - a name that it imports for itself
