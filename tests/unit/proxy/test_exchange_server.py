"""What the exchange's server refuses before it does any work."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiohttp.test_utils import make_mocked_request

from tests.unit.proxy.test_proxy_rounds import ROUND, opened, seat
from tpre_offchain.chain.abi.structs import RoundSettings
from tpre_offchain.proxy.daemon import exchange_server
from tpre_offchain.proxy.daemon.exchange_server import FAILURES, MESSAGES_PER_MEMBER, ExchangeServer
from tpre_offchain.proxy.daemon.telemetry import Metrics
from tpre_offchain.proxy.exchange.client import SIGNATURE_HEADER, SLOT_HEADER
from tpre_offchain.proxy.messages import ExchangeRefused
from tpre_offchain.proxy.rounds.open_round import OpenRound
from tpre_offchain.types import Address, Slot

if TYPE_CHECKING:
    from tpre_offchain.proxy.contracts import ProxyContracts
    from tpre_offchain.proxy.daemon.feed import ChainTime
    from tpre_offchain.proxy.daemon.watcher import Watcher
    from tpre_offchain.proxy.exchange.exchanging import Exchange
    from tpre_offchain.proxy.rounds.grants import GrantBook

NOW_S = 1_000.0
ME = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")


class NoWork(AssertionError):
    """Something was read, decoded or computed."""


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> OpenRound:
    def never(*_: Any, **__: Any) -> Any:
        raise NoWork

    for name in ("signer_of", "decode_cfrags", "decode_ballot"):
        monkeypatch.setattr(exchange_server, name, never)
    found = OpenRound(ROUND, seat(), RoundSettings(3_000, 10, 10, 1, 1))
    found.add([opened()], NOW_S)
    return found


def server(one: OpenRound, now_s: float = NOW_S) -> ExchangeServer:
    async def seat_of(_: OpenRound) -> Any:
        return one.seat

    watcher = cast("Watcher", SimpleNamespace(rounds={ROUND: one}, seat=seat_of))
    nothing: Any = None
    time = cast("ChainTime", SimpleNamespace(now=lambda: now_s))
    return ExchangeServer(
        cast("ProxyContracts", nothing),
        ME,
        watcher,
        cast("GrantBook", nothing),
        cast("Exchange", nothing),
        time,
        Metrics(),
    )


async def answer(
    made: ExchangeServer, *, round_id: str = f"{ROUND:x}", slot: str | None = None, length: str | None = "10"
) -> int:
    headers = {SLOT_HEADER: slot if slot is not None else "1", SIGNATURE_HEADER: "00" * 65}
    if length is not None:
        headers["Content-Length"] = length
    request = make_mocked_request(
        "POST", f"/rounds/{round_id}/vote", headers=headers, match_info={"round": round_id, "subject": "vote"}
    )
    return (await made._handle(request)).status


def other(one: OpenRound) -> str:
    return "1" if one.seat.slot != 1 else "2"


async def test_message__round_that_the_chain_does_not_know__refused_without_work(one: OpenRound) -> None:
    assert await answer(server(one), round_id="7") == 404


@pytest.mark.parametrize("slot", ["", "0", "99", "-1", "²", "x", "1e9"])
async def test_message__no_member__refused_without_work(one: OpenRound, slot: str) -> None:
    assert await answer(server(one), slot=slot) == 403


async def test_message__of_this_very_proxy__refused_without_work(one: OpenRound) -> None:
    assert await answer(server(one), slot=str(one.seat.slot)) == 403


async def test_message__round_is_over__refused_without_work(one: OpenRound) -> None:
    late = one.facts.opened.deadline + 1.0
    assert await answer(server(one, late), slot=other(one)) == 409


@pytest.mark.parametrize("length", [None, "1000000"])
async def test_message__too_large_or_of_unknown_length__refused_without_work(
    one: OpenRound, length: str | None
) -> None:
    assert await answer(server(one), slot=other(one), length=length) == 413


async def test_message__member_was_heard_often_enough__refused_without_work(one: OpenRound) -> None:
    one.exchange.messages[Slot(int(other(one)))] = MESSAGES_PER_MEMBER
    assert await answer(server(one), slot=other(one)) == 429


async def test_message__address_that_failed_too_often__refused_whatever_it_says(one: OpenRound) -> None:
    made = server(one)
    answers = [await answer(made, slot="99") for _ in range(4 * FAILURES)]  # some are forgiven as time passes
    assert answers[:FAILURES] == [403] * FAILURES
    assert answers[-1] == 429
    assert await answer(made, slot=other(one)) == 429
    # asking for a round that is not known yet is no offence
    made = server(one)
    assert [await answer(made, round_id="7") for _ in range(2 * FAILURES)] == [404] * 2 * FAILURES


def test_refusal__unknown_round__is_worth_a_retry() -> None:
    assert ExchangeRefused(404, "").retryable
    assert not ExchangeRefused(403, "").retryable
