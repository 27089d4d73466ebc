"""Where the members of a committee can be reached, by the registry, and which of these addresses may be called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from tpre_offchain.chain.abi.events import EndpointChanged, Event, ProxyJoined
from tpre_offchain.proxy.contracts import ProxyContracts
from tpre_offchain.proxy.history import events_of, word_topic
from tpre_offchain.types import Address


class Endpoints:
    """The endpoints of proxies: read from the chain when first asked for, then as its events change them.

    ``own``: this proxy's.
    """

    def __init__(self, contracts: ProxyContracts, own: str) -> None:
        self.own = own
        self._contracts = contracts
        self._known: dict[Address, str] = {}

    async def of(self, accounts: Iterable[Address]) -> Mapping[Address, str]:
        """Endpoints that may be called, of those accounts that have one."""
        wanted = list(accounts)
        if any(account not in self._known for account in wanted):
            found = await self.registered(wanted)
            # what was noted meanwhile is newer
            self._known = {account: found.get(account, "") for account in wanted} | self._known
        return {account: url for account in wanted if may_be_called(url := self._known[account], self.own)}

    def note(self, events: Iterable[Event]) -> None:
        """Take notice of what the chain tells, in its order."""
        for event in events:
            if isinstance(event, ProxyJoined | EndpointChanged):
                self._known[event.proxy] = event.endpoint

    def forget(self) -> None:
        """Drop everything: the chain was reorganised."""
        self._known.clear()

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
