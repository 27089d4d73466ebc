"""The chain is reorganised by 1 to 20 blocks at every step: what was undone is done again, and only once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.faults.stage.lies import false_capsule
from tests.faults.stage.scene import QUICK, Scene, Share
from tests.property.scene import bad_fragments
from tpre_offchain.chain.abi.events import (
    AccessRequested,
    CfragChallenged,
    CfragsSubmitted,
    Event,
    FeeClaimed,
    FragmentComplaint,
    LeaderProposed,
    RecordExcluded,
    RecordPublished,
    RoundClosed,
    RoundFinalized,
    RoundOpened,
    VoteCast,
)
from tpre_offchain.chain.abi.reverts import ContractRevert
from tpre_offchain.chain.abi.structs import Phase, Status
from tpre_offchain.clients.errors import GrantRevoked, NoGrant
from tpre_offchain.types import RoundId

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

DEEPEST = 20


def opened_again(
    net: Scene, share: Share, round_id: RoundId, how: Callable[[Scene, Share], RoundId] = Scene.open_round
) -> RoundId:
    """The user's part: a round whose opening is no more is opened again."""
    if net.ledger().of(RoundOpened, round_id):
        return round_id
    return how(net, share)


@pytest.mark.parametrize("step", [RoundOpened, CfragsSubmitted, LeaderProposed, VoteCast, RoundFinalized, FeeClaimed])
def test_round__chain_reorganised_after_step__finished_all_the_same(whole: Scene, step: type[Event]) -> None:
    net = whole
    share = net.share()
    net.node.ask("anvil_mine", hex(DEEPEST))  # the grant is below the deepest reorganisation
    depth = net.chance.randint(1, DEEPEST)
    round_id = net.open_round(share)
    net.reaches(round_id, step)
    net.reorganise(depth)
    round_id = opened_again(net, share, round_id)
    net.reaches(round_id, RoundFinalized)
    net.require_readable(share)
    net.reaches(round_id, FeeClaimed, count=3)
    net.require_clean()


@pytest.mark.parametrize("deep", [False, True])
def test_round__chain_reorganised_after_challenge__liar_pays_once_a_round_and_finished(
    whole: Scene, deep: bool
) -> None:
    net, share = whole, whole.share()
    net.node.ask("anvil_mine", hex(DEEPEST))
    liar = net.ranked(share.grant_id)[2]
    address = net.proxies[liar].address
    net.start(liar, lie="wrong_proof")
    bond = net.bond_of(liar)
    round_id = net.open_round(share)
    challenge = net.reaches(round_id, CfragChallenged).at.block_number
    # the challenge alone, so that the lie stands again; or more, and others may be quicker than the liar this time
    net.reorganise(net.chance.randint(1, DEEPEST) if deep else net.head() - challenge + 1)
    round_id = opened_again(net, share, round_id)
    if not deep:
        assert net.reaches(round_id, CfragChallenged).proxy == address
    net.reaches(round_id, RoundFinalized)
    net.require_readable(share)
    # the user's outbox may have brought the lost opening back too
    rounds = {one.round_id for one in net.ledger().of(RoundOpened) if one.grant_id == share.grant_id}
    for one in rounds:
        net.reaches(one, FeeClaimed, count=3)
    ledger = net.ledger()
    lied = {one.round_id for one in ledger.of(CfragsSubmitted) if one.proxy == address} & rounds
    challenged = [one for one in ledger.of(CfragChallenged) if one.round_id in rounds]
    assert {one.round_id for one in challenged} == lied
    assert {one.proxy for one in challenged} <= {address}
    assert bond - net.bond_of(liar) == len(challenged) * QUICK.rounds.challenge_penalty_wei
    assert address not in {claim.proxy for claim in ledger.of(FeeClaimed) if claim.round_id in rounds}
    net.require_clean()


@pytest.mark.parametrize("step", [FragmentComplaint, RoundClosed])
def test_complaint__chain_reorganised_after_step__upheld_once_and_round_closed(whole: Scene, step: type[Event]) -> None:
    net = whole
    with bad_fragments():
        share = net.share()
    net.node.ask("anvil_mine", hex(DEEPEST))
    depth = net.chance.randint(1, DEEPEST)

    def complaints() -> list[FragmentComplaint]:
        return [one for one in net.ledger().of(FragmentComplaint) if one.grant_id == share.grant_id]

    round_id = net.open_round(share)
    net.until(lambda: bool(complaints()), "complaint")
    if step is RoundClosed:
        net.reaches(round_id, RoundClosed)
    net.reorganise(depth)
    # a proxy may bring its complaint back before the user comes to open the round again: nothing is left to open
    with suppress(GrantRevoked):
        round_id = opened_again(net, share, round_id)
        assert net.reaches(round_id, RoundClosed).phase is Phase.ENDED
    net.until(lambda: bool(complaints()), "complaint again")
    assert [one.upheld for one in complaints()] == [True]
    assert net.run(net.contracts.grants.access_of(share.grant_id)).status is Status.VOIDED
    net.require_clean()


@pytest.mark.parametrize("step", [RecordExcluded, RoundClosed])
def test_capsule__chain_reorganised_after_step__reported_once_and_round_closed(whole: Scene, step: type[Event]) -> None:
    net, share = whole, whole.share_tampered(false_capsule)
    net.node.ask("anvil_mine", hex(DEEPEST))
    depth = net.chance.randint(1, DEEPEST)
    round_id = net.open_unchecked(share)
    net.reaches(round_id, step)
    net.reorganise(depth)
    round_id = opened_again(net, share, round_id, Scene.open_unchecked)
    assert net.reaches(round_id, RecordExcluded).record_id == share.record_id
    assert net.reaches(round_id, RoundClosed).phase is Phase.ENDED
    assert net.ledger().of(CfragsSubmitted, round_id) == []
    net.require_clean()


def test_round__chain_reorganised_after_it_expired__closed_again_and_paid_once(whole: Scene) -> None:
    net, share = whole, whole.share()
    net.node.ask("anvil_mine", hex(DEEPEST))
    depth = net.chance.randint(1, DEEPEST)
    net.only(*net.ranked(share.grant_id)[:2])
    round_id = net.open_round(share)

    def expired() -> None:
        net.reaches(round_id, CfragsSubmitted, count=2)
        net.node.ask("evm_increaseTime", QUICK.rounds.round_seconds + 1)
        net.node.ask("anvil_mine", "0x1")
        assert net.reaches(round_id, RoundClosed).phase is Phase.EXPIRED

    expired()
    net.reorganise(depth)
    round_id = opened_again(net, share, round_id)
    expired()
    net.reaches(round_id, FeeClaimed, count=2)
    net.all_up()
    net.require_readable(share)
    net.require_clean()


def test_round__chain_reorganised_again_and_again__finished(whole: Scene) -> None:
    net = whole
    share = net.share()
    net.node.ask("anvil_mine", hex(DEEPEST))
    round_id = net.open_round(share)
    for _ in range(3):
        net.reorganise(net.chance.randint(1, 4))
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
    net.reorganise(net.chance.randint(1, DEEPEST))
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
    net.reorganise(net.chance.randint(1, DEEPEST))
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
    net.reorganise(1)
    with pytest.raises(NoGrant):
        net.open_round(share)
    # the owner's next transaction brings the lost one back before it; then there is nothing left to grant
    with suppress(NoGrant):
        net.owner.grant(share.grant_id)
    net.require_readable(share)
    net.require_clean()
