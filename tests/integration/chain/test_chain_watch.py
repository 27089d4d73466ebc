"""Logs of a real chain: ranges, subscription and polling side by side, reorganisations, failing endpoints."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.integration.nets.local_nodes import LocalNode, free_port, funded_account
from tpre_offchain.chain.abi import structs
from tpre_offchain.chain.abi.decoding import decode_log
from tpre_offchain.chain.abi.events import StreamCreated, TermsChanged
from tpre_offchain.chain.abi.log import Log
from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.contracts.deployment import Deployment, NotDeployed
from tpre_offchain.chain.logs.watch import Cursor, LogReader, Read, Rewound, WatchItem, WatchSettings, watch
from tpre_offchain.chain.outbox.outbox import Outbox
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.chain.rpc.errors import EndpointDown, RpcRefused, StalePeer, WrongChain
from tpre_offchain.chain.rpc.log_ranges import LogRanges
from tpre_offchain.crypto.keys import Domain, Identity, prove_key
from tpre_offchain.deployment.deploy import deploy
from tpre_offchain.types import Address, StreamId

FAST = WatchSettings(poll_s=0.02, endpoint_rest_s=0.05)


@dataclass
class Emitter:
    """An owner with a stream, who makes one log of RecordRegistry whenever asked."""

    outbox: Outbox
    contracts: Contracts
    stream_id: StreamId
    made: int = 0

    @property
    def address(self) -> Address:
        return self.contracts.records.address

    async def emit(self, times: int = 1) -> list[int]:
        """Changes the stream's price some times; returns the prices, by which the logs are told apart."""
        prices = []
        for _ in range(times):
            self.made += 1
            terms = structs.Terms(1, 1, self.made)
            await self.outbox.send(self.contracts.records.set_terms(self.stream_id, terms))
            prices.append(self.made)
        return prices


@asynccontextmanager
async def emitter_on(url: str, deployment: Deployment, account_index: int) -> AsyncIterator[Emitter]:
    """An emitter whose account has a delegating key and a stream."""
    async with (
        await Connection.open([url]) as connection,
        await Outbox.open(connection, funded_account(account_index)) as outbox,
    ):
        contracts = Contracts.of(connection, deployment)
        at = deployment.address_of
        domain = Domain(
            connection.chain_id,
            at("KeyRegistry"),
            at("ProxyRegistry"),
            at("RecordRegistry"),
            at("GrantRegistry"),
            at("ConversionRounds"),
        )
        version = await contracts.keys.latest_version(outbox.address, structs.Role.DELEGATING) + 1
        key = Identity.from_seed(bytes([account_index]) * 32).delegating_key(version)
        proof = prove_key(domain, outbox.address, key, os.urandom)
        await outbox.send(
            contracts.keys.register_delegating_key(key.public.to_evm(), structs.Proof(proof.challenge, proof.response))
        )
        receipt = await outbox.send(contracts.records.create_stream(b"n" * 32, "a stream", structs.Terms(1, 1)))
        yield Emitter(outbox, contracts, receipt.one(StreamCreated).stream_id)


def prices(logs: list[Log], stream_id: StreamId) -> list[int]:
    """What the logs of one stream say, in order."""
    events = [decode_log(log) for log in logs]
    return [e.terms.price_wei for e in events if isinstance(e, TermsChanged) and e.stream_id == stream_id]


async def logs_until(items: AsyncIterator[WatchItem], enough: Callable[[list[Log]], bool]) -> list[Log]:
    """The logs of a watch, what was rewound taken out, until there are enough."""
    logs: list[Log] = []
    async with asyncio.timeout(30):
        async for item in items:
            match item:
                case Log():
                    logs.append(item)
                case Rewound(cursor):
                    logs = [log for log in logs if log.block_number <= cursor.number]
                case Read() if enough(logs):
                    return logs
    raise AssertionError("a watch has no end")


async def test_watch__subscribed_and_polled__give_the_same_logs(
    anvil_node: LocalNode, anvil_deployment: Deployment
) -> None:
    async with (
        emitter_on(anvil_node.url, anvil_deployment, 8) as emitter,
        await Connection.open([anvil_node.url]) as polling,
        await Connection.open([anvil_node.ws_url]) as pushing,
    ):
        start = Cursor((await polling.latest()).number)
        early = await emitter.emit(2)
        slow = WatchSettings(busy_s=60, idle_s=60)  # so that only a push can end a wait

        def enough(logs: list[Log]) -> bool:
            return len(prices(logs, emitter.stream_id)) == 7

        async with (
            aclosing(watch(polling, [emitter.address], start, FAST)) as polled_items,
            aclosing(watch(pushing, [emitter.address], start, slow)) as pushed_items,
        ):
            polled = asyncio.create_task(logs_until(polled_items, enough))
            pushed = asyncio.create_task(logs_until(pushed_items, enough))
            await asyncio.sleep(0.2)
            late = await emitter.emit(5)
            assert prices(await polled, emitter.stream_id) == early + late
            assert await pushed == await polled


async def test_watch__chain_reorganised__rewinds_and_gives_what_replaced_it(
    own_anvil: Callable[..., LocalNode],
) -> None:
    node = own_anvil()
    async with await Connection.open([node.url]) as connection:
        deployment = await deploy(connection, funded_account(9))
        async with emitter_on(node.url, deployment, 1) as emitter:
            reader = LogReader(connection, [emitter.address], Cursor((await connection.latest()).number))
            kept = await emitter.emit(1)
            logs = [item async for item in reader.read() if isinstance(item, Log)]
            gone = await emitter.emit(3)
            logs += [item async for item in reader.read() if isinstance(item, Log)]
            assert prices(logs, emitter.stream_id) == kept + gone

        node.ask("anvil_reorg", 3, [])
        async with await Outbox.open(connection, funded_account(1)) as outbox:
            again = Emitter(outbox, emitter.contracts, emitter.stream_id, made=100)
            fresh = await again.emit(2)
            items = [item async for item in reader.read()]
    assert isinstance(items[0], Rewound)
    kept_logs = [log for log in logs if log.block_number <= items[0].cursor.number]
    new_logs = [item for item in items if isinstance(item, Log)]
    assert prices(kept_logs + new_logs, emitter.stream_id) == kept + fresh
    assert isinstance(items[-1], Read)


async def test_read__restarted_from_a_cursor_that_was_reorganised_away__goes_back_the_limit(
    own_anvil: Callable[..., LocalNode],
) -> None:
    node = own_anvil()
    node.ask("anvil_mine", "0x20")
    async with await Connection.open([node.url]) as connection:
        head = await connection.latest()
        stale = Cursor(head.number - 2, b"\x01" * 32)
        reader = LogReader(connection, [], stale, WatchSettings(reorg_limit=10))
        items = [item async for item in reader.read()]
    assert items[0] == Rewound(Cursor(stale.number - 10, items[0].cursor.hash))  # type: ignore[union-attr]
    assert items[-1] == Read(Cursor(head.number, head.hash))


async def test_read__confirmations_asked_for__keeps_the_distance(own_anvil: Callable[..., LocalNode]) -> None:
    node = own_anvil()
    node.ask("anvil_mine", "0x10")
    async with await Connection.open([node.url]) as connection:
        reader = LogReader(connection, [], Cursor(0), WatchSettings(confirmations=5))
        items = [item async for item in reader.read()]
    assert [item.cursor.number for item in items if isinstance(item, Read)] == [11]


async def test_watch__node_down_for_a_while__tells_and_goes_on(
    own_anvil: Callable[..., LocalNode], tmp_path: os.PathLike[str]
) -> None:
    state = f"{os.fspath(tmp_path)}/state.json"
    node = own_anvil("--state", state)
    async with await Connection.open([node.url]) as connection:
        deployment = await deploy(connection, funded_account(9))
        async with emitter_on(node.url, deployment, 1) as emitter:
            before = await emitter.emit(1)
        troubles: list[str] = []
        items = watch(
            connection,
            [emitter.address],
            Cursor(deployment.deploy_block),
            FAST,
            on_trouble=lambda trouble: troubles.append(type(trouble).__name__),
        )
        async with aclosing(items):
            found = await logs_until(items, lambda logs: bool(prices(logs, emitter.stream_id)))
            node.stop()
            reading = asyncio.create_task(
                logs_until(items, lambda logs: bool(prices(found + logs, emitter.stream_id)[1:]))
            )
            async with asyncio.timeout(10):
                while not troubles:  # noqa: ASYNC110  # the hook is a plain function
                    await asyncio.sleep(0.01)
            own_anvil("--state", state, port=node.port)
            async with (
                await Connection.open([node.url]) as fresh,
                await Outbox.open(fresh, funded_account(1)) as outbox,
            ):
                again = Emitter(outbox, Contracts.of(fresh, deployment), emitter.stream_id, made=100)
                after = await again.emit(1)
            assert prices(found + await reading, emitter.stream_id) == before + after
        assert set(troubles) == {"EndpointDown"}


@pytest.mark.parametrize("size", [1, 3, 10_000])
async def test_get_logs__any_range_size__gives_all_in_order(
    anvil: Connection, anvil_node: LocalNode, anvil_deployment: Deployment, size: int
) -> None:
    async with emitter_on(anvil_node.url, anvil_deployment, 8) as emitter:
        first = (await anvil.latest()).number
        made = await emitter.emit(7)
        last = (await anvil.latest()).number
        anvil._ranges = LogRanges(size)
        logs = await anvil.get_logs([emitter.address], first, last)
        assert prices(logs, emitter.stream_id) == made


async def test_open__first_endpoint_dead__uses_the_next(anvil_node: LocalNode) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    async with await Connection.open([dead, anvil_node.url]) as connection:
        assert connection.url == anvil_node.url
        calls = connection.calls.total()
        await connection.latest()
        assert connection.calls.total() == calls + 1  # the dead one rests


async def test_open__no_endpoint_answers__raises_endpoint_down() -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(EndpointDown) as down:
        await Connection.open([dead + "/secret-token"])
    assert down.value.retryable
    assert down.value.culprit == dead
    assert "secret-token" not in str(down.value)


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_open__other_chain__raises_wrong_chain(anvil_node: LocalNode, scheme: str) -> None:
    with pytest.raises(WrongChain) as wrong:
        await Connection.open([f"{scheme}://127.0.0.1:{anvil_node.port}"], 1)
    assert (wrong.value.expected, wrong.value.actual) == (1, 31337)


async def test_rpc__node_stops__fails_over(anvil_node: LocalNode, own_anvil: Callable[..., LocalNode]) -> None:
    short_lived = own_anvil()
    async with await Connection.open([short_lived.ws_url, anvil_node.url]) as connection:
        assert connection.url == short_lived.ws_url
        short_lived.stop()
        await connection.latest()
        assert connection.url == anvil_node.url


async def test_latest__the_endpoint_left_is_far_behind__raises_stale_peer(own_anvil: Callable[..., LocalNode]) -> None:
    ahead, behind = own_anvil(), own_anvil()
    ahead.ask("anvil_mine", "0x64")
    async with await Connection.open([ahead.url, behind.url]) as connection:
        ahead.stop()
        with pytest.raises(StalePeer) as stale:
            await connection.latest()
    assert (stale.value.behind, stale.value.culprit, stale.value.retryable) == (100, behind.url, True)


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_rpc__unknown_method__raises_refused_and_the_connection_lives(anvil_node: LocalNode, scheme: str) -> None:
    async with await Connection.open([f"{scheme}://127.0.0.1:{anvil_node.port}"]) as connection:
        with pytest.raises(RpcRefused) as refused:
            await connection.rpc("tpre_noSuchMethod")
        assert refused.value.unsupported
        assert (await connection.latest()).number >= 0


async def test_verify__contracts_as_built__passes_and_else_names_the_contract(
    anvil: Connection, anvil_deployment: Deployment
) -> None:
    await anvil_deployment.verify(anvil)
    swapped = dict(anvil_deployment.addresses)
    swapped["Treasury"] = anvil_deployment.address_of("KeyRegistry")
    moved = Deployment(31337, 0, swapped, anvil_deployment.settings)
    with pytest.raises(NotDeployed) as wrong:
        await moved.verify(anvil)
    assert wrong.value.contract == "Treasury"
    nowhere = dict(anvil_deployment.addresses, Treasury=Address("0x" + "11" * 20))
    with pytest.raises(NotDeployed, match="no contract"):
        await Deployment(31337, 0, nowhere, anvil_deployment.settings).verify(anvil)
