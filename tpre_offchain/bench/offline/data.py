"""``tpre bench data``: encrypting data against raw AES-256-GCM of the same library, and the memory that it takes."""

from __future__ import annotations

import gc
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import psutil
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tpre_offchain.bench.machine import machine
from tpre_offchain.crypto.dem import CHUNK_BYTES, DEK_BYTES, TAG_BYTES, decrypt_stream, encrypt_stream

MEBIBYTE: Final = 1 << 20
RAW: Final = "aes-gcm"
READ: Final = "read, aes-gcm"
_SAMPLE_S: Final = 0.005


def measure_data(size_mib: int, repetitions: int) -> dict[str, Any]:
    """MiB a second of each, taking turns, the best of all; peak memory over the idle process in MiB."""
    key = secrets.token_bytes(DEK_BYTES)
    speeds: dict[str, list[float]] = {RAW: [], READ: [], "encrypt": [], "decrypt": []}
    with tempfile.TemporaryDirectory(prefix="tpre-bench-") as folder:
        plain, sealed = Path(folder) / "plain", Path(folder) / "sealed"
        _fill(plain, size_mib)
        # a first pass, so that the files lie in memory and the disk is not what is measured
        with plain.open("rb") as source, sealed.open("wb") as target:
            target.writelines(encrypt_stream(key, source, secrets.token_bytes))
        peak = 0.0
        for _ in range(repetitions):
            speeds[RAW].append(_speed(size_mib, partial(_raw, size_mib)))
            speeds[READ].append(_speed(size_mib, partial(_read_and_raw, plain)))
            with plain.open("rb") as source, _Memory() as memory:
                chunks = encrypt_stream(key, source, secrets.token_bytes)
                speeds["encrypt"].append(_speed(size_mib, partial(_drain, chunks)))
            peak = max(peak, memory.peak_mib)
            with sealed.open("rb") as source, _Memory() as memory:
                speeds["decrypt"].append(_speed(size_mib, partial(_drain, decrypt_stream(key, source))))
            peak = max(peak, memory.peak_mib)
    best = {name: round(max(found), 1) for name, found in speeds.items()}
    return {
        "kind": "data",
        "machine": machine(),
        "size_mib": size_mib,
        "chunk_mib": CHUNK_BYTES / MEBIBYTE,
        "mib_per_cpu_s": best,
        "ratio": {name: round(best[name] / best[RAW], 3) for name in best if name != RAW},
        "peak_mib_over_idle": round(peak, 1),
    }


def _fill(path: Path, size_mib: int) -> None:
    block = secrets.token_bytes(MEBIBYTE)
    with path.open("wb") as target:
        for _ in range(size_mib):
            target.write(block)


def _raw(size_mib: int) -> None:
    """AES-GCM alone: the same chunk again and again, from memory to memory, nothing read and nothing allocated."""
    cipher, chunk = AESGCM(secrets.token_bytes(32)), secrets.token_bytes(CHUNK_BYTES)
    target = bytearray(CHUNK_BYTES + TAG_BYTES)
    for number in range(size_mib * MEBIBYTE // CHUNK_BYTES):
        cipher.encrypt_into(number.to_bytes(12, "big"), chunk, None, target)


def _read_and_raw(path: Path) -> None:
    """The same over a file, in one buffer: what no program that reads can undercut."""
    cipher, chunk = AESGCM(secrets.token_bytes(32)), bytearray(CHUNK_BYTES)
    target, number = bytearray(CHUNK_BYTES + TAG_BYTES), 0
    with path.open("rb", buffering=0) as source:
        while source.readinto(chunk):
            cipher.encrypt_into(number.to_bytes(12, "big"), chunk, None, target)
            number += 1


def _drain(chunks: Iterable[bytes]) -> None:
    for _ in chunks:
        pass


def _speed(size_mib: int, work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return size_mib / (time.process_time() - started)


class _Memory:
    """Peak of this process's resident memory inside the block, over what it was before."""

    def __enter__(self) -> Self:
        gc.collect()
        self._process = psutil.Process()
        self._before = self._most = self._process.memory_info().rss
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_SAMPLE_S):
            self._most = max(self._most, self._process.memory_info().rss)

    @property
    def peak_mib(self) -> float:
        """Of the block, once it is left."""
        return (self._most - self._before) / MEBIBYTE
