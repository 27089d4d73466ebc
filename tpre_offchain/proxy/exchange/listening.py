"""A proxy's address for the other members: the socket it listens on, and its entry in the registry."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog

from tpre_offchain.chain.outbox.outbox import Outbox
from tpre_offchain.chain.signing import Sign
from tpre_offchain.errors import ConfigError, TpreError
from tpre_offchain.proxy.contracts import ProxyContracts
from tpre_offchain.proxy.exchange.endpoints import Endpoints


@dataclass(frozen=True)
class Listening:
    """``socket``: listens already. ``url``: what the registry is to name. ``sign``: as the proxy's account."""

    socket: socket.socket
    url: str
    sign: Sign


class BadExchange(ConfigError):
    """What the exchange should listen on is no HOST:PORT of this machine that is free."""

    default_hint = "such as 127.0.0.1:9010, or :0 behind the host for any free port"


def listen(host_port: str) -> socket.socket:
    """A socket that listens on ``HOST:PORT``. Raises ``BadExchange``."""
    try:
        parts = urlsplit(f"//{host_port}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port is None or parts.path:
        raise BadExchange(f"{host_port!r} is no HOST:PORT")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as problem:
        raise BadExchange(f"cannot listen on {host_port}: {problem.strerror}") from problem


def url_of(listening: socket.socket) -> str:
    """The address of a socket as others on the same machine or network call it."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def register_endpoint(contracts: ProxyContracts, endpoints: Endpoints, outbox: Outbox) -> None:
    """Make the registry name this proxy's endpoint. Where it cannot, rounds go by way of the chain: that is logged."""
    log = structlog.get_logger().bind(proxy=outbox.address)
    try:
        if (await endpoints.registered([outbox.address])).get(outbox.address) != endpoints.own:
            await outbox.send(contracts.proxies.set_endpoint(endpoints.own))
            log.info("endpoint_registered", endpoint=endpoints.own)
    except TpreError as problem:
        log.warning("endpoint_not_registered", endpoint=endpoints.own, **problem.to_dict())
