"""Where the members of a committee can be reached, by the registry, and which of these addresses may be called."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from tpre_offchain.chain.events import EndpointChanged, ProxyJoined
from tpre_offchain.proxy.contracts import ProxyContracts
from tpre_offchain.proxy.history import events_of, word_topic
from tpre_offchain.types import Address

MAXIMUM_AGE_S = 60.0
"""A member that changed its endpoint is called at its old one for as long; the chain path does not need either."""


class Endpoints:
    """The endpoints of proxies, read from the chain once a minute where they are needed. ``own``: this proxy's."""

    def __init__(self, contracts: ProxyContracts, own: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.own = own
        self._contracts = contracts
        self._clock = clock
        self._known: dict[Address, tuple[float, str]] = {}

    async def of(self, accounts: Iterable[Address]) -> Mapping[Address, str]:
        """Endpoints that may be called, of those accounts that have one."""
        wanted, now = list(accounts), self._clock()
        if any(account not in self._known or now - self._known[account][0] > MAXIMUM_AGE_S for account in wanted):
            found = await self.registered(wanted)
            self._known |= {account: (now, found.get(account, "")) for account in wanted}
        return {account: url for account in wanted if may_be_called(url := self._known[account][1], self.own)}

    async def registered(self, accounts: Iterable[Address]) -> dict[Address, str]:
        """What the registry has of these accounts, whatever it is."""
        topics = [[word_topic(int(account, 16)) for account in accounts]]
        proxies = self._contracts.proxies.address
        found: dict[Address, str] = {}
        for event in await events_of(self._contracts, proxies, [ProxyJoined, EndpointChanged], topics):
            if isinstance(event, ProxyJoined | EndpointChanged):
                found[event.proxy] = event.endpoint
        return found


def may_be_called(url: str, own: str) -> bool:
    """Whether a registered text is an address to post to.

    Anybody with a bond registers what he likes: a proxy on the open net is not sent to addresses of its own machine or
    network. Where its own address is such a one, the others' are too.
    """
    parts = _parts(url)
    return parts is not None and (not _is_inner(parts) or _is_inner(_parts(own)))


def _parts(url: str) -> str | None:
    """The host of an http(s) URL without user, query or fragment; None for anything else."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        return None
    return None if parts.query or parts.fragment else parts.hostname


def _is_inner(host: str | None) -> bool:
    """Of this machine or its network, as far as the name tells."""
    if host is None:
        return False
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or "." not in host
