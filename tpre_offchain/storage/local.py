"""The embedded store: a directory, no daemon, the same identifiers as Kubo.

    blobs/<2 characters>/<cid>/data          the content
    blobs/<2 characters>/<cid>/<node cid>    each inner node of its tree, if it has any
    pins/<cid>                               empty; its presence is the pin
    incoming/                                what is being written

A blob is written beside its place, synced to the disk and renamed into it as a whole: it is there or it is
not, even after a power cut. Several processes may use one directory.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tpre_offchain.chunking import Source, exact_chunks
from tpre_offchain.storage.cid import LEAF_BYTES, Cid, Codec, TreeBuilder
from tpre_offchain.storage.errors import (
    BlobNotFound,
    BlobPinned,
    InvalidCid,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
)
from tpre_offchain.storage.store import MAX_BLOCK_BYTES, BlobStore, BlockRef

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


class LocalStore(BlobStore):
    """Blobs in the directory ``root``, which is made with mode 0700 if it is not there."""

    def __init__(self, root: Path) -> None:
        self.name = f"local:{root}"
        self._root = root

    def put(self, source: Source) -> Cid:
        """Store all of ``source`` and pin it; disk space for one copy. Raises ``StoreFull`` or
        ``StoreReadOnly``.
        """
        with self._disk_errors():
            incoming = self._directory("incoming")
            work = Path(tempfile.mkdtemp(dir=incoming))
        try:
            # Errors of the source are the caller's and pass through untouched; only ours are translated.
            cid = self._write_blob(work, exact_chunks(source, LEAF_BYTES))
            with self._disk_errors():
                self._move_into_place(work, cid)
                self._set_pin(cid)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return cid

    def has(self, cid: Cid) -> bool:
        """Whether the blob is there; it is never there in part."""
        return self._data(cid).is_file()

    def pin(self, cid: Cid) -> None:
        """Pin a blob that is here."""
        if not self.has(cid):
            raise BlobNotFound(f"{cid} is not here", culprit=self.name)
        with self._disk_errors():
            self._set_pin(cid)

    def unpin(self, cid: Cid) -> None:
        """Unpin; the blob stays until ``delete``."""
        with self._disk_errors():
            self._pin(cid).unlink(missing_ok=True)

    def pins(self) -> Iterator[Cid]:
        """The pinned blobs."""
        with self._disk_errors():
            pins = self._root / "pins"
            names = [path.name for path in pins.iterdir()] if pins.is_dir() else []
        for name in names:
            try:
                yield Cid.parse(name)
            except InvalidCid:  # an editor's or a backup's file, not a pin
                continue

    def delete(self, cid: Cid) -> None:
        """Remove an unpinned blob at once."""
        if self._pin(cid).exists():
            raise BlobPinned(f"{cid} is pinned", culprit=self.name)
        with self._disk_errors():
            away = Path(tempfile.mkdtemp(dir=self._directory("incoming")))
            try:
                # Renamed first, so that no reader ever finds half of a blob.
                self._place(cid).rename(away / "blob")
            except FileNotFoundError:
                pass
            finally:
                shutil.rmtree(away, ignore_errors=True)

    def sweep(self, *, now_s: float, older_than_s: float = 86_400) -> int:
        """Remove what writers that were killed left behind; how many pieces. ``now_s``: Unix time."""
        with self._disk_errors():
            leftovers = [
                entry.path
                for entry in os.scandir(self._directory("incoming"))
                if now_s - entry.stat().st_mtime > older_than_s
            ]
        for path in leftovers:
            shutil.rmtree(path, ignore_errors=True)
        return len(leftovers)

    def _read_block(self, ref: BlockRef) -> bytes:
        if ref.cid.codec is Codec.DAG_PB:
            path, offset, size = self._place(ref.root) / str(ref.cid), 0, MAX_BLOCK_BYTES + 1
        else:  # a leaf alone is the whole file; one byte more shows that the file grew
            path, offset, size = self._data(ref.root), ref.offset, ref.size or MAX_BLOCK_BYTES + 1
        with self._disk_errors():
            try:
                with path.open("rb") as file:
                    file.seek(offset)
                    return file.read(size)
            except FileNotFoundError:
                raise BlobNotFound(f"{ref.root} is not here", culprit=self.name) from None

    def _write_blob(self, work: Path, leaves: Iterator[bytes]) -> Cid:
        def keep_node(node: Cid, block: bytes) -> None:
            with self._disk_errors():
                _write_synced(work / str(node), block)

        tree = TreeBuilder(keep_node)
        # The source is read outside of _disk_errors: its own failures are not the store's.
        with self._disk_errors():
            data = (work / "data").open("wb")
        try:
            for leaf in leaves:
                tree.add_leaf(leaf)
                with self._disk_errors():
                    data.write(leaf)
            with self._disk_errors():
                data.flush()
                os.fsync(data.fileno())
        finally:
            # after a failure there may be bytes left over, which a full disk takes no better now
            with suppress(OSError):
                data.close()
        return tree.finish()

    def _move_into_place(self, work: Path, cid: Cid) -> None:
        place = self._place(cid)
        shard = self._directory("blobs", place.parent.name)
        _sync_directory(work)
        try:
            work.rename(place)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return  # the same blob is there already
        _sync_directory(shard)

    def _set_pin(self, cid: Cid) -> None:
        directory = self._directory("pins")
        _write_synced(self._pin(cid), b"")
        _sync_directory(directory)

    def _directory(self, *parts: str) -> Path:
        path = self._root
        if not path.is_dir():
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in parts:
            path /= part
            if not path.is_dir():
                path.mkdir(mode=0o700, exist_ok=True)
        return path

    def _place(self, cid: Cid) -> Path:
        text = str(cid)
        return self._root / "blobs" / text[-2:] / text

    def _data(self, cid: Cid) -> Path:
        return self._place(cid) / "data"

    def _pin(self, cid: Cid) -> Path:
        return self._root / "pins" / str(cid)

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            text = f"{error.strerror} in {self.name}"
            if error.errno in _FULL:
                raise StoreFull(text, culprit=self.name) from error
            if error.errno in _READ_ONLY:
                raise StoreReadOnly(text, culprit=self.name) from error
            raise StoreUnavailable(text, culprit=self.name) from error


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
