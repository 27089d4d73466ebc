"""Erases versions of the node key once nothing can need them (SCHEME §14), while the proxy runs.

The chain is read when the proxy starts, when its keys change, when a grant ends and when the next version is due: not
otherwise, and not at all for a proxy that holds its current key alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress

import structlog

from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.contracts.key_versions import confirmed_block, read_key_history
from tpre_offchain.proxy.contracts import ProxyContracts
from tpre_offchain.proxy.daemon.settings import WorkerSettings
from tpre_offchain.proxy.node_keys import NodeKeys
from tpre_offchain.types import Address


class KeyKeeper:
    """``now``: the chain's time in seconds. ``on_erased``: told the versions that are gone, to drop what was of them.

    ``on_trouble``: told of faults.
    """

    def __init__(
        self,
        contracts: ProxyContracts,
        deployment: Deployment,
        account: Address,
        keys: NodeKeys,
        settings: WorkerSettings,
        now: Callable[[], float],
        on_erased: Callable[[Collection[int]], None],
        on_trouble: Callable[[BaseException], None],
    ) -> None:
        self._contracts = contracts
        self._deployment = deployment
        self._account = account
        self._keys = keys
        self._settings = settings
        self._now = now
        self._on_erased = on_erased
        self._on_trouble = on_trouble
        self._due_s: int | None = None
        """After which second of the chain the next version is over; None: none is waited for."""
        self._poked = asyncio.Event()
        self._has_looked = False

    def poke(self) -> None:
        """A grant has ended: a version may be over sooner than was known."""
        if self._due_s is not None:
            self._poked.set()

    async def run(self) -> None:
        """Without end."""
        while True:
            try:
                await self.look()
                await self._until_due()
            except Exception as problem:  # noqa: BLE001 - the next look may succeed, and no round depends on it
                self._on_trouble(problem)
                await self._pause(self._settings.retry_limit_s)

    async def look(self) -> None:
        """Erase what is over by now."""
        self._poked.clear()
        if not self._has_looked:
            self._has_looked = True
            self._keys.erase(())
        self._keys.refresh()
        info = await self._contracts.proxies.proxy_of(self._account)
        is_member = info.account == self._account
        # what the registry does not have yet is on its way there
        retired = {v for v in self._keys.held() if v < info.key_version or (v == info.key_version and not is_member)}
        self._due_s = None
        if not retired:
            return
        history = await read_key_history(
            self._contracts.connection,
            self._deployment,
            self._account,
            confirmations=self._settings.confirmations,
            wanted=retired,
        )
        over = history.over & retired
        if over:
            self._keys.erase(over)
            self._on_erased(over)
            structlog.get_logger().info("node_keys_erased", proxy=self._account, versions=sorted(over))
        left = [one.kept_until_s(history.margin_s) for one in history.versions if one.version in retired - over]
        # one that is retired, and not yet by a confirmed block, is looked at again with the next blocks
        self._due_s = min((history.block.timestamp if until_s is None else until_s for until_s in left), default=None)

    async def _until_due(self) -> None:
        held = frozenset(self._keys.held())
        while not self._poked.is_set():
            await self._pause(self._settings.keys_s)
            self._keys.refresh()
            if frozenset(self._keys.held()) != held:
                return
            if self._due_s is not None and self._now() > self._due_s:
                block = await confirmed_block(self._contracts.connection, self._settings.confirmations)
                if block.timestamp > self._due_s:
                    return

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._poked.wait()
