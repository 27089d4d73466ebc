"""When the daemon erases a version of its node key, and when it asks the chain about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.property.scene import node_key
from tpre_offchain.chain.contracts.key_versions import KeyHistory, KeyVersion, NamedGrant
from tpre_offchain.chain.rpc.connection import Block
from tpre_offchain.errors import KeystoreError
from tpre_offchain.proxy.daemon import key_keeper
from tpre_offchain.proxy.daemon.key_keeper import KeyKeeper
from tpre_offchain.proxy.daemon.settings import WorkerSettings
from tpre_offchain.proxy.node_keys import GivenNodeKeys
from tpre_offchain.types import Address, GrantId

ME = Address("0x" + "11" * 20)
NOBODY = Address("0x" + "00" * 20)
MARGIN_S = 10


class Stage:
    """A chain at a time, its registry's latest version, and what is held."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, held: Collection[int]) -> None:
        self.keys = GivenNodeKeys([node_key("me", version) for version in held])
        self.time_s, self.latest, self.account = 1_000, 2, ME
        self.versions: tuple[KeyVersion, ...] = (version(1, 100, 2_000), version(2))
        self.asked: list[frozenset[int]] = []
        self.erased: list[frozenset[int]] = []
        self.troubles: list[BaseException] = []
        proxies = SimpleNamespace(proxy_of=self.proxy_of)
        monkeypatch.setattr(key_keeper, "read_key_history", self.history)
        monkeypatch.setattr(key_keeper, "confirmed_block", self.block)
        self.keeper = KeyKeeper(
            cast("Any", SimpleNamespace(proxies=proxies, connection=None)),
            cast("Any", None),
            ME,
            self.keys,
            WorkerSettings(keys_s=0.01, retry_limit_s=0.01, confirmations=3),
            lambda: self.time_s,
            lambda versions: self.erased.append(frozenset(versions)),
            self.troubles.append,
        )

    async def proxy_of(self, _: Address) -> Any:
        return SimpleNamespace(account=self.account, key_version=self.latest)

    async def block(self, _: object, confirmations: int) -> Block:
        assert confirmations == 3
        return Block(9, bytes(32), bytes(32), self.time_s, 1, 1)

    async def history(self, *_: object, confirmations: int, wanted: Collection[int]) -> KeyHistory:
        self.asked.append(frozenset(wanted))
        return KeyHistory(await self.block(None, confirmations), MARGIN_S, self.versions)

    async def while_running(self, true: Callable[[], bool]) -> None:
        """Run until something is so."""
        running = asyncio.create_task(self.keeper.run())
        try:
            async with asyncio.timeout(5):
                while not true():  # noqa: ASYNC110 - what is waited for tells nobody
                    await asyncio.sleep(0.005)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


def version(number: int, retired_s: int | None = None, *ends: int) -> KeyVersion:
    grants = tuple(NamedGrant(GrantId(i), end_s) for i, end_s in enumerate(ends, 1))
    return KeyVersion(number, bytes(32), 0, 1, retired_s, None if retired_s is None else 5, grants)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch, (1, 2))


async def test_look__current_key_alone__reads_no_history(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, (2, 3))  # and one that is not registered yet
    await stage.keeper.look()
    assert stage.asked == []
    assert set(stage.keys.held()) == {2, 3}


async def test_look__first__has_leftovers_wiped_and_goes_on_where_that_fails(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Collection[int]] = []

    def erase(versions: Collection[int]) -> None:
        asked.append(versions)
        raise KeystoreError("read-only")

    monkeypatch.setattr(stage.keys, "erase", erase)
    await stage.while_running(lambda: bool(stage.asked))
    assert ([str(trouble) for trouble in stage.troubles], asked) == (["read-only"], [()])


async def test_look__last_second_of_a_version__keeps_it_and_the_next_erases_it(stage: Stage) -> None:
    stage.time_s = 2_000 + MARGIN_S
    await stage.keeper.look()
    assert (set(stage.keys.held()), stage.erased) == ({1, 2}, [])
    stage.time_s += 1
    await stage.keeper.look()
    assert (set(stage.keys.held()), stage.erased) == ({2}, [frozenset({1})])
    assert stage.asked == [{1}, {1}]


async def test_look__rotation_not_confirmed__keeps_what_it_replaced(stage: Stage) -> None:
    stage.time_s, stage.versions = 9_000, (version(1, None, 2_000),)
    await stage.keeper.look()
    assert set(stage.keys.held()) == {1, 2}


async def test_look__history_not_told__keeps_all(stage: Stage) -> None:
    stage.time_s, stage.versions = 9_000, ()
    await stage.keeper.look()
    assert set(stage.keys.held()) == {1, 2}


async def test_look__bond_taken_out__erases_the_last_version_too(stage: Stage) -> None:
    stage.account, stage.time_s = NOBODY, 9_000
    stage.versions = (version(1, 100, 2_000), version(2, 3_000))
    await stage.keeper.look()
    assert set(stage.keys.held()) == set()
    assert stage.asked == [{1, 2}]


async def test_run__version_becomes_due__is_erased_and_the_chain_asked_twice(stage: Stage) -> None:
    await stage.while_running(lambda: len(stage.asked) == 1)
    assert stage.erased == []
    stage.asked.clear()

    def pass_time() -> bool:
        stage.time_s = min(stage.time_s + 50, 3_000)
        return bool(stage.erased)

    await stage.while_running(pass_time)
    assert set(stage.keys.held()) == {2}
    assert len(stage.asked) == 2


async def test_run__grant_ends_before_its_expiry__is_looked_at_again(stage: Stage) -> None:
    def revoke() -> bool:
        if len(stage.asked) == 1:
            stage.versions = (version(1, 100, 900), version(2))
            stage.keeper.poke()
        return bool(stage.erased)

    await stage.while_running(revoke)
    assert set(stage.keys.held()) == {2}


async def test_run__rotated_beside_it__is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, (1,))
    stage.latest, stage.versions = 1, (version(1, None, 2_000),)

    def rotate() -> bool:
        if stage.latest == 1:
            stage.latest, stage.versions = 2, (version(1, 100, 900), version(2))
            stage.keys._keys = {**stage.keys._keys, 2: node_key("me", 2)}
        return bool(stage.erased)

    await asyncio.sleep(0)
    await stage.while_running(rotate)
    assert set(stage.keys.held()) == {2}


async def test_run__keystore_cannot_be_written__is_told_and_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.time_s = 9_000
    honest, tries = stage.keys.erase, []

    def erase(versions: Collection[int]) -> None:
        if not versions:
            return  # the first look, at what others left
        tries.append(versions)
        if len(tries) < 3:
            raise KeystoreError("read-only")
        honest(versions)

    monkeypatch.setattr(stage.keys, "erase", erase)
    await stage.while_running(lambda: bool(stage.erased))
    assert [str(trouble) for trouble in stage.troubles] == ["read-only"] * 2
    assert set(stage.keys.held()) == {2}
