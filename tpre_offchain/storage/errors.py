"""What can go wrong in a blob store; ``culprit`` names the store."""

from __future__ import annotations

from tpre_offchain.errors import StorageError


class InvalidCid(StorageError):
    """A text or byte string is not a content identifier of the one form that we use: CIDv1, SHA-256, raw or
    dag-pb.
    """


class BlobNotFound(StorageError):
    """The store does not have the blob, or nobody gave it one of its blocks in time."""

    default_hint = "ask the owner whether the blob is still pinned, or name another store"


class BlobTampered(StorageError):
    """A store answered with other bytes than the content identifier stands for. Nothing of them was released."""

    default_hint = "do not use this store for reading, or name a second one as fallback"


class BlobMalformed(StorageError):
    """The bytes are those asked for, but no file in the layout that we read: its maker wrote it otherwise."""


class BlobTooLarge(StorageError):
    """The blob is larger than the caller allows."""


class BlobPinned(StorageError):
    """A pinned blob is not deleted."""

    default_hint = "unpin it first"


class StoreUnavailable(StorageError):
    """The store cannot be reached, or failed in a way that may pass."""

    default_retryable = True


class StoreFull(StorageError):
    """No space or quota is left in the store."""

    default_hint = "free some space, or delete blobs that nobody needs"


class StoreReadOnly(StorageError):
    """The store takes no writes from us."""


class UnknownStore(StorageError):
    """The address of a store has no known form."""

    default_hint = "use local:PATH, kubo:http://HOST:PORT or gateway:http://HOST:PORT; several separated by commas"
