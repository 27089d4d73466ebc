"""A proxy is killed at every named step of its work; it, or another in its place, completes the round, and once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.faults.stage.lies import false_capsule
from tests.faults.stage.scene import Scene, Share
from tests.integration.nets.nursery import Child
from tests.property.scene import bad_fragments
from tpre_offchain.chain.abi.events import (
    CfragChallenged,
    CfragsSubmitted,
    FeeClaimed,
    FragmentComplaint,
    RecordExcluded,
    RoundClosed,
    RoundFinalized,
)
from tpre_offchain.chain.abi.structs import Phase
from tpre_offchain.failpoints import STEPS
from tpre_offchain.types import RoundId

pytestmark = [pytest.mark.anvil, pytest.mark.slow]
Story = Callable[[Scene, str], None]


def dies(net: Scene, number: int) -> None:
    """Wait until a proxy has died at its fail point, and start it again, whole."""
    child: Child = net.child(number)
    assert child.wait() == -signal.SIGKILL, child.tail()
    net.start(number)


def require_finished(net: Scene, share: Share, round_id: RoundId, threshold: int = 3) -> None:
    """Finalized, readable, every contributor paid, and nothing done twice."""
    net.reaches(round_id, RoundFinalized)
    net.require_readable(share)
    net.reaches(round_id, FeeClaimed, count=threshold)
    assert len(net.ledger().of(CfragsSubmitted, round_id)) <= 5
    net.require_clean()


def _ordinary(rank: int) -> Story:
    def story(net: Scene, step: str) -> None:
        share = net.share()
        number = net.ranked(share.grant_id)[rank]
        net.launch(number, failpoint=step)
        if not step.startswith(("proxy.news", "proxy.place")):  # these may come while it starts
            net.ready(number)
        round_id = net.open_round(share)
        dies(net, number)
        require_finished(net, share, round_id)

    return story


def _finalized_by_proof(net: Scene, step: str) -> None:
    share = net.share(threshold=2)
    first, second, *_ = net.ranked(share.grant_id)
    net.only(first, second)
    net.start(first, failpoint=step)
    round_id = net.open_round(share)
    dies(net, first)
    assert net.reaches(round_id, RoundFinalized).by_proof
    require_finished(net, share, round_id, threshold=2)


def _finalized_off_the_chain(net: Scene, step: str) -> None:
    """The leader dies with a majority's signatures in its hands, or when it has sent them."""
    share = net.share()
    first, *others = net.ranked(share.grant_id)
    # a third of it is what the leader has on a slow machine until others turn to the next; where it dies before it has
    # sent, all of it is waited for
    patience_s = 15.0 if step == "proxy.mined.FinalizeSigned" else 6.0
    hears: dict[str, Any] = {"exchange": "127.0.0.1:0", "worker": {"settle_s": 2.0, "patience_s": patience_s}}
    net.start(*others, **hears)
    net.start(first, failpoint=step, **hears)
    round_id = net.open_round(share)
    dies(net, first)
    require_finished(net, share, round_id)
    posted = len(net.ledger().of(CfragsSubmitted, round_id))
    assert posted == (0 if step == "proxy.mined.FinalizeSigned" else 3)


def _closed_after_revocation(net: Scene, step: str) -> None:
    share = net.share()
    first, second, *_ = net.ranked(share.grant_id)
    net.only(first, second)
    net.start(first, failpoint=step)
    round_id = net.open_round(share)
    net.reaches(round_id, CfragsSubmitted, count=2)
    net.owner.revoke(share.grant_id)
    dies(net, first)
    assert net.reaches(round_id, RoundClosed).phase is Phase.ENDED
    net.require_clean()


def _liar_challenged(net: Scene, step: str) -> None:
    share = net.share()
    first, _, liar, *_ = net.ranked(share.grant_id)
    net.start(first, failpoint=step)
    net.start(liar, lie="wrong_proof")
    round_id = net.open_round(share)
    dies(net, first)
    assert net.reaches(round_id, CfragChallenged).proxy == net.proxies[liar].address
    require_finished(net, share, round_id)


def _bad_capsule(net: Scene, step: str) -> None:
    share = net.share_tampered(false_capsule)
    first = net.ranked(share.grant_id)[0]
    net.start(first, failpoint=step)
    round_id = net.open_unchecked(share)
    dies(net, first)
    net.reaches(round_id, RecordExcluded)
    assert net.reaches(round_id, RoundClosed).phase is Phase.ENDED
    assert len(net.ledger().of(RecordExcluded, round_id)) == 1
    net.require_clean()


def _bad_fragments(net: Scene, step: str) -> None:
    with bad_fragments():
        share = net.share()
    first = net.ranked(share.grant_id)[0]
    net.start(first, failpoint=step)
    round_id = net.open_round(share)
    dies(net, first)
    assert net.reaches(round_id, RoundClosed).phase is Phase.ENDED
    complaints = [one for one in net.ledger().of(FragmentComplaint) if one.grant_id == share.grant_id]
    assert complaints
    assert all(one.upheld for one in complaints)
    net.require_clean()


STORIES: Mapping[str, Story] = {
    "proxy.news.taken": _ordinary(0),
    "proxy.news.taken#4": _ordinary(0),
    "proxy.place.saved": _ordinary(0),
    "proxy.place.saved#2": _ordinary(0),
    "outbox.signed": _ordinary(0),
    "outbox.recorded": _ordinary(0),
    "outbox.mined": _ordinary(0),
    "outbox.noted": _ordinary(0),
    "outbox.recorded#2": _ordinary(0),
    **{f"proxy.{moment}.Submit": _ordinary(0) for moment in ("computed", "mined")},
    **{f"proxy.{moment}.Propose": _ordinary(0) for moment in ("computed", "mined")},
    **{f"proxy.{moment}.Vote": _ordinary(1) for moment in ("computed", "mined")},
    **{f"proxy.{moment}.ClaimFee": _ordinary(1) for moment in ("computed", "mined")},
    **{f"proxy.{moment}.FinalizeByProof": _finalized_by_proof for moment in ("computed", "mined")},
    **{f"proxy.{moment}.FinalizeSigned": _finalized_off_the_chain for moment in ("computed", "mined")},
    **{f"proxy.{moment}.Close": _closed_after_revocation for moment in ("computed", "mined")},
    **{f"proxy.{moment}.Challenge": _liar_challenged for moment in ("computed", "mined")},
    **{f"proxy.{moment}.ReportCapsules": _bad_capsule for moment in ("computed", "mined")},
    **{f"proxy.{moment}.Complain": _bad_fragments for moment in ("computed", "mined")},
}


@pytest.mark.parametrize("step", STORIES)
def test_round__proxy_killed_at_step__completed_once(whole: Scene, step: str) -> None:
    STORIES[step](whole, step)


def test_steps__of_a_proxy__are_all_tried() -> None:
    told = {step.partition("#")[0] for step in STORIES}
    assert told == {step for step in STEPS if step.startswith(("proxy.", "outbox."))}
