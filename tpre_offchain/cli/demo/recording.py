"""A live recording of this machine's own sensors and counters: the demo's input when no file is given."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

SECONDS: Final = 3.0
INTERVAL_S: Final = 0.1


def record_machine(output: Path, seconds: float = SECONDS, interval_s: float = INTERVAL_S) -> int:
    """Write one CSV row of samples each ``interval_s``, for about ``seconds``; the number of rows."""
    started = time.monotonic()
    first = sample()
    columns = ["unix_time", *first]
    rows = 0
    with output.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", restval="")
        writer.writeheader()
        values: Mapping[str, float] = first
        while True:
            writer.writerow({"unix_time": f"{time.time():.3f}", **values})
            rows += 1
            due = started + rows * interval_s
            if due - started > seconds:
                return rows
            time.sleep(max(0.0, due - time.monotonic()))
            values = sample()


def sample() -> dict[str, float]:
    """What the machine says of itself now: loads, counters since boot, temperatures and fans where it has them."""
    values: dict[str, float] = {f"cpu{i}_percent": percent for i, percent in enumerate(psutil.cpu_percent(percpu=True))}
    values["load_1min"] = psutil.getloadavg()[0]
    values["memory_available_bytes"] = psutil.virtual_memory().available
    counters = psutil.cpu_stats()
    values |= {"context_switches": counters.ctx_switches, "interrupts": counters.interrupts}
    network = psutil.net_io_counters()
    if network is not None:
        values |= {"network_sent_bytes": network.bytes_sent, "network_received_bytes": network.bytes_recv}
    disk = psutil.disk_io_counters()
    if disk is not None:
        values |= {"disk_read_bytes": disk.read_bytes, "disk_written_bytes": disk.write_bytes}
    return values | _frequencies() | _sensors()


def _frequencies() -> dict[str, float]:
    try:
        found = psutil.cpu_freq(percpu=True)  # a list, empty where the system does not say
    except (OSError, NotImplementedError):  # some virtual machines hide it
        return {}
    return {f"cpu{i}_mhz": round(one.current, 1) for i, one in enumerate(found)}


def _sensors() -> dict[str, float]:
    found: dict[str, float] = {}
    for kind, reader in (("celsius", "sensors_temperatures"), ("rpm", "sensors_fans")):
        read = getattr(psutil, reader, None)  # not on every system
        if read is None:
            continue
        for chip, entries in read().items():
            for i, entry in enumerate(entries):
                found[f"{chip}_{entry.label or i}_{kind}".replace(" ", "_")] = entry.current
    return found
