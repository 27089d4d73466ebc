"""A user who was revoked, whose grant has expired, who is over its quota or its deposit, or who never had a grant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks.ground import Ground
from tests.property.scene import identity
from tests.stateful.world import DEPOSIT_WEI, GRANT, PRICE_WEI, QUOTA, RESERVE_WEI, SETTINGS
from tpre_offchain.chain.abi import ids, structs
from tpre_offchain.types import StreamId

OPEN = ("ConversionRounds", "openRound")


def asked(ground: Ground, *records: int) -> tuple[Any, ...]:
    return (GRANT, 0, *ground.hashes, tuple(ground.records[j].ref for j in records))


def test_open_round__revoked__is_refused_from_the_next_transaction_on(ground: Ground) -> None:
    before = ground.open(0)
    ground.submit(before, 1)
    ground.evm.send(ground.owner, "GrantRegistry", "revoke", GRANT)
    status = (GRANT, structs.Status.REVOKED, structs.Status.GRANTED)
    for opener in (ground.user, ground.owner):
        assert ground.refused("WrongStatus", opener, *OPEN, *asked(ground, 0)) == status
    # the running round, which nobody can read yet, has ended
    assert ground.phase(before) is structs.Phase.ENDED
    ground.refused("WrongPhase", ground.proxy(2), "ConversionRounds", "submitCfrags", *ground.submission(before, 2))


@pytest.mark.parametrize("phase", [structs.Phase.PROPOSING, structs.Phase.VOTING, structs.Phase.PROVABLE])
def test_round__revoked_once_t_cfrags_stand__is_finished_all_the_same(ground: Ground, phase: structs.Phase) -> None:
    """Anybody can combine what is posted: to stop the round would change who is paid, not who reads."""
    played = ground.open(0)
    papers = (played.id, ground.committee, ground.papers(played)[1])
    for slot in (1, 2):
        ground.submit(played, slot)
    propose = ("ConversionRounds", "propose", *ground.proposal(played, 3, 0b11))
    if phase is not structs.Phase.PROPOSING:
        ground.evm.send(ground.proxy(3), *propose)
    if phase is structs.Phase.PROVABLE:
        ground.evm.now += SETTINGS.rounds.vote_seconds + 1
    ground.evm.send(ground.owner, "GrantRegistry", "revoke", GRANT)
    assert phase_at(ground, played.id) is phase
    if phase is structs.Phase.PROPOSING:
        ground.evm.send(ground.proxy(3), *propose)
    result_hash = ground.result_hash(played, 0b11)
    if phase is structs.Phase.PROVABLE:
        ground.evm.send(ground.stranger, "ConversionRounds", "finalizeByProof", *papers, result_hash)
    else:
        ground.evm.send(ground.proxy(1), "ConversionRounds", "vote", *papers, 1, result_hash, True)
    assert ground.evm.call("ConversionRounds", "roundOf", played.id).finalized
    assert ground.evm.call("Treasury", "creditOf", ground.owner) == PRICE_WEI


def phase_at(ground: Ground, round_id: int) -> structs.Phase:
    return structs.Phase(ground.evm.call("ConversionRounds", "phaseOf", round_id))


def test_open_round__expired__is_refused_at_the_very_second(ground: Ground) -> None:
    ground.evm.now = ground.expiry - 1
    before = ground.open(0)
    assert ground.evm.now == ground.expiry
    for opener in (ground.user, ground.owner):
        assert ground.refused("StaleGrant", opener, *OPEN, *asked(ground, 0)) == (GRANT, ground.expiry)
    # what was opened in time runs on
    assert ground.phase(before) is structs.Phase.SUBMITTING


def test_grant__without_an_end__is_refused(ground: Ground) -> None:
    ground.ask_again()
    key = identity("user").receiving_key().public
    for expiry in (0, ground.evm.now - 1, ground.evm.now + SETTINGS.grants.max_grant_seconds + 60, 2**40 - 1):
        ground.refused("BadExpiry", ground.owner, *ground.grant_call(key, expiry=expiry))
    ground.refused("QuotaTooSmall", ground.owner, *ground.grant_call(key, quota=0))


def test_open_round__over_quota__is_refused_and_a_failed_round_gives_no_quota_back(ground: Ground) -> None:
    ground.evm.send(ground.user, "GrantRegistry", "addDeposit", GRANT, value=10**18)
    for index in range(QUOTA // 3):
        ground.open(0, 1, 2, index=index)
    assert ground.refused("QuotaExceeded", ground.user, *OPEN, *asked(ground, 0)) == (GRANT, QUOTA, 1, QUOTA)
    ground.evm.now += SETTINGS.rounds.round_seconds + 1
    ground.refused("QuotaExceeded", ground.user, *OPEN, *asked(ground, 0))


def test_open_round__more_than_the_deposit_pays__is_refused(ground: Ground) -> None:
    ground.open(0, 1, 2)
    ground.open(0, 1, 2, index=1)
    left = DEPOSIT_WEI - 6 * RESERVE_WEI
    arguments = ground.refused("DepositTooSmall", ground.user, *OPEN, *asked(ground, 0, 1))
    assert arguments == (GRANT, left, 2 * RESERVE_WEI)


def test_open_round__by_another_than_who_pays__is_refused(ground: Ground) -> None:
    for who in (ground.stranger, ground.proxy(1), ground.owner):
        assert ground.refused("NotPayer", who, *OPEN, *asked(ground, 0)) == (GRANT, who, ground.user)
    # nor by the door that the grant's own transaction uses
    first = (GRANT, ground.user, 0, *ground.hashes, (ground.records[0].ref,))
    ground.refused("NotGrantRegistry", ground.user, "ConversionRounds", "openFirstRound", *first)
    taken = (GRANT, ground.user, 1, 0)
    ground.refused("NotRounds", ground.user, "GrantRegistry", "takeQuota", *taken)
    ground.refused("NotRounds", ground.user, "GrantRegistry", "returnReserve", GRANT, 10**18, 1)
    ground.refused("NotRounds", ground.user, "GrantRegistry", "recordServed", GRANT, 1)


def test_open_round__record_of_a_later_epoch__is_not_of_the_grant(ground: Ground) -> None:
    stream = ground.preimage.stream_id
    ground.evm.send(ground.owner, "RecordRegistry", "advanceEpoch", stream)
    record = ground.records[0].capsule
    shown = structs.Proof(record.proof.challenge, record.proof.response)
    published = structs.RecordInput(record.c1.to_evm(), record.c2, record.c3, shown, ground.records[0].cid_hash)
    ground.evm.send(ground.owner, "RecordRegistry", "publish", stream, 1, 3, published)
    later = ids.make_record_id(StreamId(stream), ground.owner, 3)
    ref = structs.RecordRef(later, record.c1.to_evm(), ground.records[0].ref.seal_hash)
    ground.refused("UnknownRecord", ground.user, *OPEN, GRANT, 0, *ground.hashes, (ref,))
    ground.refused("RekeyMismatch", ground.user, *OPEN, GRANT, 1, *ground.hashes, (ref,))
