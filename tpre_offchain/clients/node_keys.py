"""The node keys of one proxy, as its keystore keeps them: made before they are registered, erased when they are over.

SCHEME §14. Nothing derives them: what is lost here is lost. Versions are numbered by the registry; one that it does not
have yet is pending, and is the one that is registered next, whatever was killed in between.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tpre_offchain.clients.keys import NodeKey, Registry
from tpre_offchain.clients.keystore import FileState, Keystore, NodeKeyChange
from tpre_offchain.crypto.hashing import Random
from tpre_offchain.crypto.keys import ProxyKey
from tpre_offchain.errors import KeystoreError
from tpre_offchain.failpoints import failpoint


class NodeKeys:
    """Those of one registry. What another program changes in the file is seen at the next look at it."""

    def __init__(self, keystore: Keystore, registry: Registry, random: Random) -> None:
        self._keystore = keystore
        self._registry = registry
        self._random = random
        self._state: FileState | None = keystore.state()
        self._unread = False
        self._held = self._of_registry(keystore.node_keys())

    def held(self) -> Mapping[int, ProxyKey]:
        """By version. A file that cannot be read any more changes nothing: what was read last counts."""
        state = self._keystore.state()
        if state != self._state:
            try:
                self._read(state)
            except KeystoreError:
                self._state, self._unread = state, True  # not again before it changes; `refresh` tells whoever asks
        return self._held

    def refresh(self) -> None:
        """Read the file if it has changed. Raises what ``open_keystore`` raises."""
        state = self._keystore.state()
        if self._unread or state is None or state != self._state:
            self._read(state)

    def prepare(self, version: int) -> ProxyKey:
        """The key to register as ``version``: on the disk when this returns.

        One that was prepared before is taken again, for it may be on its way to the chain. Raises what
        ``open_keystore`` raises, and ``TooManyNodeKeys``.
        """

        def with_version(held: tuple[NodeKey, ...]) -> tuple[NodeKey, ...]:
            if any(one.place == (self._registry, version) for one in held):
                return held
            return (*held, NodeKey(self._registry, ProxyKey.generate(version, self._random)))

        self._change(with_version)
        failpoint("nodekey.kept")
        return self._held[version]

    def erase(self, versions: Collection[int]) -> None:
        """Forget versions, in the file and here, and overwrite what the file held. Raises what ``prepare`` raises."""
        gone = {(self._registry, version) for version in versions}
        self._change(lambda held: tuple(one for one in held if one.place not in gone))

    def _change(self, change: NodeKeyChange) -> None:
        self._held = self._of_registry(self._keystore.change(change, self._random))
        self._state = None  # another program may have changed it again: the next look reads it

    def _read(self, state: FileState | None) -> None:
        self._held = self._of_registry(self._keystore.node_keys())
        self._state, self._unread = state, False

    def _of_registry(self, held: tuple[NodeKey, ...]) -> dict[int, ProxyKey]:
        return {one.key.version: one.key for one in held if one.registry == self._registry}
