"""The chain is reorganised by 1 to 20 blocks at every step: what was undone is done again, and only once."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.faults.scene import Scene, Share
from tpre_offchain.chain.events import (
    AccessRequested,
    CfragsSubmitted,
    Event,
    FeeClaimed,
    LeaderProposed,
    RecordPublished,
    RoundFinalized,
    RoundOpened,
    VoteCast,
)
from tpre_offchain.chain.reverts import ContractRevert
from tpre_offchain.clients.errors import NoGrant
from tpre_offchain.types import RoundId

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

DEEPEST = 20


def reorganise(net: Scene, depth: int) -> None:
    """Replace the last blocks by empty ones: their transactions are gone, and in nobody's pool."""
    net.node.ask("anvil_reorg", depth, [])


def opened_again(net: Scene, share: Share, round_id: RoundId) -> RoundId:
    """The user's part: a round whose opening is no more is opened again."""
    if net.ledger().of(RoundOpened, round_id):
        return round_id
    return net.open_round(share)


@pytest.mark.parametrize("step", [RoundOpened, CfragsSubmitted, LeaderProposed, VoteCast, RoundFinalized, FeeClaimed])
def test_round__chain_reorganised_after_step__finished_all_the_same(whole: Scene, step: type[Event]) -> None:
    net = whole
    share = net.share()
    net.node.ask("anvil_mine", hex(DEEPEST))  # the grant is below the deepest reorganisation
    depth = net.chance.randint(1, DEEPEST)
    round_id = net.open_round(share)
    net.reaches(round_id, step)
    reorganise(net, depth)
    round_id = opened_again(net, share, round_id)
    net.reaches(round_id, RoundFinalized)
    net.require_readable(share)
    net.reaches(round_id, FeeClaimed, count=3)
    net.require_clean()


def test_round__chain_reorganised_again_and_again__finished(whole: Scene) -> None:
    net = whole
    share = net.share()
    net.node.ask("anvil_mine", hex(DEEPEST))
    round_id = net.open_round(share)
    for _ in range(3):
        reorganise(net, net.chance.randint(1, 4))
        round_id = opened_again(net, share, round_id)
    net.reaches(round_id, RoundFinalized)
    net.require_readable(share)
    net.require_clean()


def test_round__back_to_a_snapshot__finished_on_the_shorter_chain(whole: Scene) -> None:
    net = whole
    share = net.share()
    snapshot = net.node.ask("evm_snapshot")
    round_id = net.open_round(share)
    net.reaches(round_id, RoundFinalized)
    assert net.node.ask("evm_revert", snapshot)
    assert net.ledger().of(RoundOpened, round_id) == []
    round_id = net.open_round(share)
    net.reaches(round_id, RoundFinalized)
    net.require_readable(share)
    net.require_clean()


def test_publish__record_reorganised_away__comes_back_before_the_next_and_once(whole: Scene) -> None:
    net = whole
    stream = net.owner.create_stream("published twice?")
    net.node.ask("anvil_mine", hex(DEEPEST))

    def published() -> list[bytes]:
        return [one.record.cid_hash for one in net.ledger().of(RecordPublished) if one.stream_id == stream.stream_id]

    net.owner.publish(stream, b"first")
    (first,) = published()
    reorganise(net, net.chance.randint(1, DEEPEST))
    assert published() == []
    net.owner.publish(stream, b"second")
    net.until(lambda: len(published()) == 2, "both records")
    assert first in published()
    net.require_clean()


def test_request__reorganised_away__is_made_once_and_granted(whole: Scene) -> None:
    net, data = whole, b"asked for twice?"
    stream = net.owner.create_stream("asked for")
    record = net.owner.publish(stream, data)
    net.node.ask("anvil_mine", hex(DEEPEST))
    net.user.request(stream, threshold=3, committee=5)
    reorganise(net, net.chance.randint(1, DEEPEST))
    # the user's next transaction brings the lost one back before it, and is then refused as a second request
    with suppress(ContractRevert):
        net.user.request(stream, threshold=3, committee=5)
    asked = [one.grant_id for one in net.ledger().of(AccessRequested) if one.stream_id == stream.stream_id]
    assert len(asked) == 1
    net.owner.grant(asked[0])
    net.require_readable(Share(stream.stream_id, record.record_id, asked[0], data))
    net.require_clean()


def test_fetch__grant_reorganised_away__user_is_told_and_owner_grants_again(whole: Scene) -> None:
    net = whole
    share = net.share()
    reorganise(net, 1)
    with pytest.raises(NoGrant):
        net.open_round(share)
    # the owner's next transaction brings the lost one back before it; then there is nothing left to grant
    with suppress(NoGrant):
        net.owner.grant(share.grant_id)
    net.require_readable(share)
    net.require_clean()
