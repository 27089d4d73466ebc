"""The node keys that a proxy holds, by version (SCHEME §14). Where they are kept is the caller's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from tpre_offchain.crypto.keys import ProxyKey


class NodeKeys(Protocol):
    """What the daemon asks of the place where they are kept; other programs may change it meanwhile."""

    def held(self) -> Mapping[int, ProxyKey]:
        """By version, as far as they can be read. Asked for again and again, so it costs next to nothing."""
        ...

    def refresh(self) -> None:
        """Take in what another program has changed. Raises a ``KeystoreError`` where it cannot be read."""
        ...

    def erase(self, versions: Collection[int]) -> None:
        """Forget versions for good, and with them what a program left that was killed doing so.

        Raises a ``KeystoreError``.
        """
        ...


class GivenNodeKeys:
    """Keys that the caller handed over; whoever keeps them elsewhere has to erase them there."""

    def __init__(self, keys: Collection[ProxyKey]) -> None:
        self._keys = {key.version: key for key in keys}

    def held(self) -> Mapping[int, ProxyKey]:
        """By version."""
        return self._keys

    def refresh(self) -> None:
        """Nothing changes them."""

    def erase(self, versions: Collection[int]) -> None:
        """Forget versions."""
        self._keys = {version: key for version, key in self._keys.items() if version not in versions}
