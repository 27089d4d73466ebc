"""The stores: reachable, writable, honest; pins against what the chain says was published; what writers left behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tpre_offchain.crypto.hashing import keccak256
from tpre_offchain.doctor.finding import Finding, broken, fine, note, of_error, warning
from tpre_offchain.errors import StorageError
from tpre_offchain.storage.cid import Cid, Codec
from tpre_offchain.storage.errors import StoreReadOnly
from tpre_offchain.storage.store import BlobStore

PROBE_BYTES: Final = 64
STALE_S: Final = 86_400
_SHOWN: Final = 3


@dataclass(frozen=True)
class Blobs:
    """``stores``: in order of preference, the first is written to. ``asked``: replicas that each blob shall have.

    ``thorough``: read every pinned blob to its end, instead of asking whether it is there.
    """

    stores: Sequence[BlobStore]
    asked: int
    thorough: bool = False


def check_stores(stores: Sequence[BlobStore], random: Callable[[int], bytes]) -> list[Finding]:
    """A small blob through the first store, and back; a question to each of the others."""
    probe = Cid.of_block(Codec.RAW, random(PROBE_BYTES))
    findings = [_round_trip(stores[0], random(PROBE_BYTES))]
    for store in stores[1:]:
        try:
            if store.has(probe):
                text = "says that it has a blob that nobody ever wrote"
                findings.append(broken("store", text, "do not rely on this store", store.name))
            else:
                findings.append(fine("store", "answers", store.name))
        except StorageError as error:
            findings.append(of_error("store", error, store.name))
    return findings


def _round_trip(store: BlobStore, content: bytes) -> Finding:
    try:
        cid = store.put((content,))
        try:
            back = b"".join(store.get(cid))
        finally:
            store.unpin(cid)
            store.delete(cid)
    except StoreReadOnly:
        text = "takes no writes: enough to read, not to publish"
        return note("store", text, "name a writable store first, such as local:PATH", store.name)
    except StorageError as error:
        return of_error("store", error, store.name)
    if back != content:
        return broken("store", "gave other bytes back", "do not use this store", store.name)
    return fine("store", "writes, gives back the same bytes, and deletes", store.name)


def check_pins(blobs: Blobs, published: Mapping[bytes, str]) -> list[Finding]:
    """Replicas of every pinned blob; and the blob of every record in ``published`` (keccak256 of its CID -> its name),
    which are the records that the accounts here have published.
    """
    first = blobs.stores[0]
    try:
        pins = list(first.pins())
    except StorageError as error:
        return [of_error("pins", error, first.name)]
    findings = [*_unpinned(first, pins, published), *_short(blobs, pins)]
    return findings or [fine("pins", f"{len(pins)} blobs pinned, each in {blobs.asked} or more stores", first.name)]


def _unpinned(first: BlobStore, pins: Sequence[Cid], published: Mapping[bytes, str]) -> list[Finding]:
    held = {keccak256(cid.to_bytes()) for cid in pins}
    lost = [name for cid_hash, name in published.items() if cid_hash not in held]
    if not lost:
        return []
    text = f"{len(lost)} of the {len(published)} records published from here have no pinned blob: {_some(lost)}"
    remedy = "pin them again from another store or backup; is this the --store that they were published to?"
    return [warning("pins", text, remedy, first.name)]


def _short(blobs: Blobs, pins: Sequence[Cid]) -> list[Finding]:
    short, damaged = [], []
    for cid in pins:
        try:
            copies = _copies(blobs, cid)
        except StorageError as error:
            damaged.append(f"{cid} ({type(error).__name__})")
            continue
        if copies < blobs.asked:
            short.append(f"{cid} ({copies})")
    findings = []
    if damaged:
        text = f"{len(damaged)} pinned blobs cannot be read: {_some(damaged)}"
        findings.append(broken("pins", text, "put them in again from a backup or another store"))
    if short:
        text = f"{len(short)} blobs are in fewer than {blobs.asked} stores: {_some(short)}"
        findings.append(warning("pins", text, "pin them at another node: `ipfs pin add CID` there"))
    return findings


def _copies(blobs: Blobs, cid: Cid) -> int:
    copies = 0
    for store in blobs.stores:
        if not blobs.thorough:
            copies += len(store.replicas(cid))
            continue
        try:
            store.check(cid)
            copies += 1
        except StorageError:
            if store is blobs.stores[0]:
                raise
    return copies


def check_leftovers(candidates: Sequence[Path], now_s: float) -> list[Finding]:
    """What writers that were killed left behind: of these temporary files and folders, those older than a day."""
    stale = stale_files(candidates, now_s)
    if not stale:
        return [fine("leftovers", "no stale temporary files")]
    text = f"{len(stale)} temporary files of writers that were killed: {_some([str(path) for path in stale])}"
    return [warning("leftovers", text, "remove them: `tpre doctor --sweep`")]


def stale_files(candidates: Sequence[Path], now_s: float) -> list[Path]:
    """Those older than a day: no writer takes that long."""
    return [path for path in candidates if _age_s(path, now_s) > STALE_S]


def _age_s(path: Path, now_s: float) -> float:
    try:
        return now_s - path.stat().st_mtime
    except OSError:
        return 0.0


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
