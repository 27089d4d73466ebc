"""The proxies: that there are enough of them, and that each answers where it says that it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx

from tpre_offchain.chain.abi.decoding import decode_logs, topic_of
from tpre_offchain.chain.abi.events import EndpointChanged, ProxyJoined, StreamCreated, TermsChanged
from tpre_offchain.chain.abi.structs import ProxyInfo
from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.doctor.finding import Finding, broken, fine, note, warning
from tpre_offchain.types import Address

TIMEOUT_S: Final = 5.0
ANSWER_BYTES: Final = 4_096
"""Endpoints are whatever a proxy wrote into the registry: no more than this is read from one."""


async def check_proxies(connection: Connection, deployment: Deployment, known: Mapping[Address, str]) -> list[Finding]:
    """``known``: health URLs that we know better than the registry, such as the local net's."""
    contracts = Contracts.of(connection, deployment)
    head = (await connection.latest()).number
    places = [await contracts.proxies.proxy_at(index) for index in range(await contracts.proxies.pool_size())]
    active = [info for info in places if info.activation_block <= head + 1 and head + 1 < info.exit_block]
    findings = [await _enough(connection, deployment, len(active), head)]
    registered = await _registered(connection, deployment, head)
    async with httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as http:
        asked = [
            ask_proxy(http, info, known.get(info.account) or registered.get(info.account, ""), connection.chain_id)
            for info in active
        ]
        return [*findings, *await asyncio.gather(*asked)]


async def _enough(connection: Connection, deployment: Deployment, active: int, head: int) -> Finding:
    topics = [["0x" + topic_of(kind).hex() for kind in (StreamCreated, TermsChanged)]]
    where = deployment.address_of("RecordRegistry")
    events = decode_logs(await connection.get_logs([where], deployment.deploy_block, head, topics))
    least: dict[int, int] = {}
    for event in events:
        if isinstance(event, StreamCreated | TermsChanged):
            least[event.stream_id] = event.terms.minimum_committee
    asking = [stream for stream, committee in least.items() if committee > active]
    if active == 0:
        return broken("pool", "no proxy is in the pool", "start some: tpre proxy run --join")
    if asking:
        text = f"{active} proxies are in the pool, fewer than streams {_some(asking)} ask for"
        return warning("pool", text, "have more proxies join, or lower the streams' minimum")
    return fine("pool", f"{active} proxies are in the pool")


async def _registered(connection: Connection, deployment: Deployment, head: int) -> dict[Address, str]:
    topics = [["0x" + topic_of(kind).hex() for kind in (ProxyJoined, EndpointChanged)]]
    where = deployment.address_of("ProxyRegistry")
    found: dict[Address, str] = {}
    for event in decode_logs(await connection.get_logs([where], deployment.deploy_block, head, topics)):
        if isinstance(event, ProxyJoined | EndpointChanged):
            found[event.proxy] = event.endpoint
    return found


async def ask_proxy(http: httpx.AsyncClient, info: ProxyInfo, endpoint: str, chain_id: int) -> Finding:
    """Whether that proxy, of that chain, answers at an endpoint that anybody could have written down."""
    name = str(info.account)
    if not endpoint.startswith(("http://", "https://")):
        text = "has no http endpoint in the registry: whether it runs cannot be seen"
        return note("proxy", text, "if it is yours: tpre proxy join --endpoint URL", name)
    remedy = "restart it with `tpre proxy run`, or have its operator do so"
    try:
        status, answer = await _health(http, endpoint)
    except Exception as problem:  # noqa: BLE001 - a stranger wrote the endpoint: whatever it breaks, it is no answer
        return broken("proxy", f"does not answer at its endpoint ({type(problem).__name__})", remedy, name)
    if status != httpx.codes.OK or answer.get("ok") is not True:
        return broken("proxy", f"answers, but is not well (HTTP {status})", remedy, name)
    if str(answer.get("proxy", name)).lower() != name.lower() or answer.get("chain_id", chain_id) != chain_id:
        text = "another proxy, or one of another chain, answers at its endpoint"
        return broken("proxy", text, "correct the endpoint in the registry", name)
    return fine("proxy", f"answers; {info.served} rounds served, {info.missed} missed", name)


async def _health(http: httpx.AsyncClient, endpoint: str) -> tuple[int, dict[str, Any]]:
    body, url = b"", endpoint.rstrip("/") + "/healthz"
    # no compression: a small answer could swell
    headers = {"Accept-Encoding": "identity"}
    async with asyncio.timeout(TIMEOUT_S * 2), http.stream("GET", url, headers=headers) as response:
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > ANSWER_BYTES:
                raise ValueError("the answer has no end")
        status = response.status_code
    answer = json.loads(body)
    return status, answer if isinstance(answer, dict) else {}


def _some(streams: Sequence[int]) -> str:
    return ", ".join(str(stream) for stream in sorted(streams)[:5]) + ("…" if len(streams) > 5 else "")
