"""Who pays, who is paid and who is blamed, against users, owners and proxies that play for the other outcome.

Each of these worked on an earlier build.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_utils.crypto import keccak

from tests.attacks.given import Given
from tests.attacks.ground import SECOND, Ground, Played
from tests.attacks.test_griefing import OFF_CURVE
from tests.property.scene import identity
from tests.stateful.world import BAD_RECORD, DEPOSIT_WEI, FEE, GRANT, PRICE_WEI, RESERVE_WEI, SETTINGS, THRESHOLD
from tpre_offchain.chain.abi import structs
from tpre_offchain.chain.abi.ids import make_record_id
from tpre_offchain.crypto.kfrag import rekey_tail
from tpre_offchain.types import Address, StreamId

MOST_GAS = 16_777_216
ROUNDS, PROXIES = SETTINGS.rounds, SETTINGS.proxies
STREAM = StreamId(1)


def credit(g: Ground, who: Address) -> int:
    return int(g.evm.call("Treasury", "creditOf", who))


def two_cfrags(g: Ground, *records: int, index: int = 0) -> Played:
    played = g.open(*records, index=index)
    g.submit(played, 1)
    g.submit(played, 2)
    return played


def close(g: Ground, played: Played) -> None:
    g.evm.send(g.stranger, "ConversionRounds", "close", played.id, g.committee, g.papers(played)[1])


# --- what could be read is paid for -----------------------------------------------------------------------------------


def test_round__opened_seconds_before_the_grant_expires__is_finished_and_paid(ground: Ground) -> None:
    ground.evm.now = ground.expiry - 4
    played = two_cfrags(ground, 0, 2)
    ground.evm.now = ground.expiry + 1
    ground.evm.send(ground.proxy(3), "ConversionRounds", "propose", *ground.proposal(played, 3, 0b11))
    assert credit(ground, ground.owner) == 2 * PRICE_WEI
    ground.evm.send(ground.user, "GrantRegistry", "reclaimDeposit", GRANT)
    assert credit(ground, ground.user) == DEPOSIT_WEI - 2 * RESERVE_WEI


def test_round__t_cfrags_and_nobody_proposes__the_price_is_the_owners_after_the_window(ground: Ground) -> None:
    played = two_cfrags(ground, 0, 2)
    ground.evm.now += ROUNDS.round_seconds + 1
    close(ground, played)
    ground.refused("ChallengeWindowOpen", ground.owner, "ConversionRounds", "settlePrice", played.id)
    ground.evm.now += ROUNDS.challenge_seconds + 1
    ground.evm.send(ground.stranger, "ConversionRounds", "settlePrice", played.id)
    assert credit(ground, ground.owner) == 2 * PRICE_WEI
    ground.refused("NothingToSettle", ground.owner, "ConversionRounds", "settlePrice", played.id)


def test_round__t_cfrags_of_which_one_is_bad__the_price_returns_once_it_was_challenged(ground: Ground) -> None:
    played = ground.open(0, 2)
    ground.submit(played, 1)
    good = ground.cfrags(played.id, 2, played.records)
    ground.submit(played, 2, replace(good, points=good.points[::-1]))
    ground.evm.now += ROUNDS.round_seconds + 1
    close(ground, played)
    ground.evm.send(ground.stranger, "ConversionRounds", "challengeCfrags", *ground.challenge(played, 2))
    ground.evm.now += ROUNDS.challenge_seconds + 1
    ground.evm.send(ground.stranger, "ConversionRounds", "settlePrice", played.id)
    assert credit(ground, ground.owner) == 0
    assert ground.evm.call("GrantRegistry", "accessOf", GRANT).deposit == DEPOSIT_WEI - 2 * FEE


def test_revoke__t_cfrags_stand__the_round_is_finished_and_paid(ground: Ground) -> None:
    played = two_cfrags(ground, 0)
    short = ground.open(2, index=1)
    ground.submit(short, 1)
    ground.evm.send(ground.owner, "GrantRegistry", "revoke", GRANT)
    assert (ground.phase(played), ground.phase(short)) == (structs.Phase.PROPOSING, structs.Phase.ENDED)
    ground.evm.send(ground.proxy(3), "ConversionRounds", "propose", *ground.proposal(played, 3, 0b11))
    assert credit(ground, ground.owner) == PRICE_WEI


# --- what the user asked for is bound ---------------------------------------------------------------------------------


def test_request__terms_changed_in_front_of_it__is_refused_with_all_its_money(ground: Ground) -> None:
    dearer = structs.Terms(1, 2, PRICE_WEI + 1)
    ground.evm.send(ground.owner, "RecordRegistry", "setTerms", STREAM, dearer)
    asked = replace(ground.asked, max_price_wei=PRICE_WEI)
    found = ground.refused("PriceTooHigh", ground.user, "GrantRegistry", "requestAccess", asked, value=DEPOSIT_WEI)
    assert found == (STREAM, PRICE_WEI + 1, PRICE_WEI)


def test_grant__terms_changed_behind_the_request__leaves_its_price(ground: Ground) -> None:
    given = Given(ground, 2, 3, quota=1, deposit=RESERVE_WEI)
    ground.evm.send(ground.owner, "RecordRegistry", "setTerms", STREAM, structs.Terms(1, 2, 10**18))
    given.open(0)
    assert ground.evm.call("GrantRegistry", "accessOf", SECOND).deposit == 0


def test_grant__smaller_or_shorter_than_asked__is_refused(ground: Ground) -> None:
    asked = replace(ground.asked, min_conversions=5, min_seconds=3_600)
    ground.evm.send(ground.user, "GrantRegistry", "requestAccess", asked, value=10**18)
    context, user = ground.context_of(SECOND, ground.user), identity("user").receiving_key().public
    rekey = ground.rekey_struct(ground.made_for(context, user))
    small = ground.grant_call(user, rekey, quota=4)
    assert ground.refused("QuotaTooSmall", ground.owner, *small) == (SECOND, 4, 5)
    ground.refused("BadExpiry", ground.owner, *ground.grant_call(user, rekey, quota=5, expiry=ground.evm.now + 3_500))
    ground.evm.send(ground.owner, *ground.grant_call(user, rekey, quota=5, expiry=ground.evm.now + 3_700))


@pytest.mark.parametrize("when", ["with the grant", "later"])
def test_open_round__by_the_owner_on_the_users_deposit__is_refused(ground: Ground, when: str) -> None:
    if when == "later":
        call = ("ConversionRounds", "openRound", GRANT, 0, *ground.hashes, (ground.records[0].ref,))
        assert ground.refused("NotPayer", ground.owner, *call) == (GRANT, ground.owner, ground.user)
        return
    context, user = ground.ask_again(), identity("user").receiving_key().public
    opening = structs.FirstRound(0, (ground.records[0].ref,))  # type: ignore[arg-type]
    call = ground.grant_call(user, ground.rekey_struct(ground.made_for(context, user)), opening=opening)
    assert ground.refused("NotPayer", ground.owner, *call) == (SECOND, ground.owner, ground.user)


def test_grant__without_a_rekey__is_refused_and_surrender_frees_what_a_grant_holds(ground: Ground) -> None:
    context, user = ground.ask_again(), identity("user").receiving_key().public
    assert ground.refused("RekeyMissing", ground.owner, *ground.grant_call(user)) == (SECOND, 0)
    rekey = ground.rekey_struct(ground.made_for(context, user))
    longest = ground.evm.now + SETTINGS.grants.max_grant_seconds - 5
    ground.evm.send(ground.owner, *ground.grant_call(user, rekey, expiry=longest))
    held = ground.evm.call("GrantRegistry", "accessOf", SECOND).deposit
    ground.refused("NotDelegatee", ground.owner, "GrantRegistry", "surrender", SECOND)
    ground.evm.send(ground.user, "GrantRegistry", "surrender", SECOND)
    assert credit(ground, ground.user) == held
    ground.refused("WrongStatus", ground.user, "GrantRegistry", "surrender", SECOND)


def test_request__thin_in_proportion__is_refused(ground: Ground) -> None:
    ground.evm.send(ground.owner, "RecordRegistry", "setTerms", STREAM, structs.Terms(2, 3))
    ask = ("GrantRegistry", "requestAccess")
    for t, n in ((2, 4), (3, 5), (3, 32), (20, 31)):
        thin = replace(ground.asked, threshold=t, committee_size=n)
        assert ground.refused("BadThreshold", ground.user, *ask, thin, value=10**18) == (t, n, 2, 3, 32)


# --- redraws ----------------------------------------------------------------------------------------------------------


def fee_of(g: Ground, offered: bool = False) -> int:
    return int(g.evm.call("GrantRegistry", "redrawFeeOf", g.user, STREAM, offered))


def test_redraw__while_a_grant_lives__costs_and_doubles_until_one_serves(ground: Ground) -> None:
    base = SETTINGS.grants.redraw_fee_wei
    assert fee_of(ground) == base
    for k in range(12):
        paid = base << min(k, 10)
        assert fee_of(ground) == paid
        arguments = ("GrantRegistry", "requestAccess", ground.asked)
        assert ground.refused("PaymentTooSmall", ground.user, *arguments, value=paid - 1) == (paid - 1, paid)
        ground.evm.send(ground.user, *arguments, value=paid)
        ground.evm.send(ground.owner, "GrantRegistry", "deny", 2 + k, "no")
    played = two_cfrags(ground, 0)
    ground.evm.send(ground.proxy(3), "ConversionRounds", "propose", *ground.proposal(played, 3, 0b11))
    assert fee_of(ground) == base


def test_redraw__of_one_side__makes_the_others_no_dearer(ground: Ground) -> None:
    base = SETTINGS.grants.redraw_fee_wei
    for k in range(3):
        offer = ("GrantRegistry", "offerAccess", ground.asked, ground.user)
        ground.evm.send(ground.owner, *offer, value=base << k)
        ground.evm.send(ground.owner, "GrantRegistry", "withdrawRequest", 2 + k)
    assert (fee_of(ground), fee_of(ground, offered=True)) == (base, base << 3)


def test_redraw__older_grant_lives_behind_a_newer_one_that_ended__is_not_forgotten(ground: Ground) -> None:
    base = SETTINGS.grants.redraw_fee_wei
    Given(ground, 2, 3, quota=1, deposit=0)
    ground.evm.send(ground.owner, "GrantRegistry", "revoke", SECOND)
    assert fee_of(ground) == 2 * base
    ground.evm.send(ground.owner, "GrantRegistry", "revoke", GRANT)
    assert fee_of(ground) == 0
    ground.evm.send(ground.user, "GrantRegistry", "requestAccess", ground.asked)
    ground.evm.send(ground.user, "GrantRegistry", "withdrawRequest", 3)
    assert fee_of(ground) == 2 * base


def test_redraw__all_grants_expired__is_free(ground: Ground) -> None:
    Given(ground, 2, 3, quota=1, deposit=0)
    ground.evm.now = ground.expiry
    ground.evm.mine()
    assert fee_of(ground) == 0


# --- bad records ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["false proof", "off the curve"])
def test_hundred_bad_capsules__are_out_in_one_transaction_that_pays_its_maker(ground: Ground, kind: str) -> None:
    g, count = ground, 100
    g.evm.send(g.owner, "RecordRegistry", "setTerms", STREAM, structs.Terms(1, 2, PRICE_WEI))
    c1 = g.records[0].capsule.c1.to_evm() if kind == "false proof" else OFF_CURVE
    shown = structs.Proof(1, 1)
    inputs = [
        structs.RecordInput(c1, (i + 1).to_bytes(32, "big"), bytes(16), shown, keccak(bytes([i]))) for i in range(count)
    ]
    for start in range(0, count, 50):
        part = tuple(inputs[start : start + 50])
        g.evm.send(g.owner, "RecordRegistry", "publishBatch", STREAM, 0, 3 + start, part)
    ids = [make_record_id(STREAM, g.owner, 3 + i) for i in range(count)]

    def seal(one: structs.RecordInput) -> bytes:
        words = (shown.challenge.to_bytes(32, "big"), shown.response.to_bytes(32, "big"), one.cid_hash, keccak(b""))
        return keccak(one.c2 + keccak(one.c3) + b"".join(words))

    given = Given(g, 2, 3, quota=count, deposit=count * RESERVE_WEI)
    refs = tuple(structs.RecordRef(i, one.c1, seal(one)) for i, one in zip(ids, inputs, strict=True))
    g.evm.send(g.user, "ConversionRounds", "openRound", SECOND, 0, *given.hashes, refs)
    data, made = given.data([c1] * count, ids), given.rekey.rekey
    tail = rekey_tail(given.context, made)
    keys = structs.ChallengeKeys(g.label_key.to_evm(), tuple(p.to_evm() for p in made.commitments), tail)
    reports = tuple(
        structs.CapsuleReport(j, one.c1, one.c2, keccak(one.c3), shown, one.cid_hash, keccak(b""))
        for j, one in enumerate(inputs)
    )
    reporter = given.account(1)
    call = (given.round(0), given.committee, data, tuple(ids), reports, keys, 1)
    gas = g.evm.gas_of(reporter, "ConversionRounds", "reportCapsules", *call)
    assert gas < MOST_GAS
    assert credit(g, reporter) == count * FEE
    assert g.evm.call("GrantRegistry", "accessOf", SECOND).deposit == count * (RESERVE_WEI - FEE)
    assert g.evm.call("ConversionRounds", "phaseOf", given.round(0)) == structs.Phase.ENDED


def test_report__not_as_a_member_or_again__pays_nobody_twice_nor_the_opener(ground: Ground) -> None:
    played = ground.open(0, BAD_RECORD)
    data, _ = ground.papers(played)
    ids = tuple(ground.records[j].id for j in played.records)
    report = ground.records[BAD_RECORD].report(1)
    shown = (played.id, ground.committee, data, ids, (report, report), ground.challenge_keys)
    ground.refused("NotInSlot", ground.user, "ConversionRounds", "reportCapsules", *shown, 1)
    ground.evm.send(ground.user, "ConversionRounds", "reportCapsules", *shown, 0)
    assert credit(ground, ground.user) == 0
    assert credit(ground, Address("0x000000000000000000000000000000000000dEaD")) == FEE
    # a member who comes second has lost its gas, and nothing is paid again
    ground.evm.send(ground.proxy(1), "ConversionRounds", "reportCapsules", *shown, 1)
    assert credit(ground, ground.proxy(1)) == 0
    assert ground.evm.call("GrantRegistry", "accessOf", GRANT).deposit == DEPOSIT_WEI - RESERVE_WEI - FEE


# --- who is missing ---------------------------------------------------------------------------------------------------


def missed(g: Ground, slot: int) -> int:
    return int(g.evm.call("ProxyRegistry", "proxyOf", g.proxy(slot)).missed)


def expire(g: Ground, played: Played) -> None:
    g.evm.now += ROUNDS.round_seconds + 1
    close(g, played)


def test_missing__in_a_round_that_a_record_left__is_nobody(ground: Ground) -> None:
    played = ground.open(0, BAD_RECORD)
    data, _ = ground.papers(played)
    ids = tuple(ground.records[j].id for j in played.records)
    shown = (played.id, ground.committee, data, ids, (ground.records[BAD_RECORD].report(1),), ground.challenge_keys, 1)
    ground.evm.send(ground.proxy(1), "ConversionRounds", "reportCapsules", *shown)
    expire(ground, played)
    assert [missed(ground, slot) for slot in (1, 2, 3)] == [0, 0, 0]


def test_missing__in_a_round_with_a_late_challenge__is_nobody(ground: Ground) -> None:
    """The third was refused, for t cfrags stood: EnoughCfrags. That one of them was bad came out later."""
    played = ground.open(0, 2)
    good = ground.cfrags(played.id, 1, played.records)
    ground.submit(played, 1, replace(good, points=good.points[::-1]))
    ground.submit(played, 2)
    third = ground.submission(played, 3)
    ground.refused("EnoughCfrags", ground.proxy(3), "ConversionRounds", "submitCfrags", *third)
    ground.evm.send(ground.stranger, "ConversionRounds", "challengeCfrags", *ground.challenge(played, 1))
    expire(ground, played)
    assert [missed(ground, slot) for slot in (1, 2, 3)] == [0, 0, 0]


def test_missing__exit_begun_before_the_round__is_not_counted(ground: Ground) -> None:
    """Past half of its cooldown a proxy may not submit (NotBonded): a user with t = n would drain its bond."""
    given = Given(ground, 3, 3, quota=9, deposit=9 * (3 * FEE + PRICE_WEI))
    leaving = given.account(1)
    ground.evm.send(leaving, "ProxyRegistry", "leavePool")
    ground.evm.now += PROXIES.exit_cooldown_seconds // 2
    given.open(0)
    given.submit(0, 2, 0)
    given.submit(0, 3, 0)
    ground.evm.now += ROUNDS.round_seconds + 1
    given.close(0, 0)
    found = ground.evm.call("ProxyRegistry", "proxyOf", leaving)
    assert (found.missed, found.bond) == (0, PROXIES.bond_wei)


def test_missing__exit_begun_after_the_round__is_counted(ground: Ground) -> None:
    played = ground.open(0)
    ground.submit(played, 2)
    ground.evm.send(ground.proxy(1), "ProxyRegistry", "leavePool")
    expire(ground, played)
    assert [missed(ground, slot) for slot in (1, 2, 3)] == [1, 0, 1]
    assert ground.evm.call("ProxyRegistry", "proxyOf", ground.proxy(1)).bond < PROXIES.bond_wei


# --- joint claims -----------------------------------------------------------------------------------------------------


def test_joint_claim__one_fee_claimed_first_by_a_stranger__pays_the_others(ground: Ground) -> None:
    rounds = []
    for index in range(3):
        played = two_cfrags(ground, 0, index=index)
        ground.evm.send(ground.proxy(1), "ConversionRounds", "propose", *ground.proposal(played, 1, 0b11))
        vote = (played.id, ground.committee, ground.papers(played)[1], 2, ground.result_hash(played, 0b11), True)
        ground.evm.send(ground.proxy(2), "ConversionRounds", "vote", *vote)
        rounds.append(played)
    ground.evm.now += ROUNDS.challenge_seconds + 1
    claims = tuple(structs.ClaimedRound(played.id, ground.papers(played)[1]) for played in rounds)
    ground.evm.send(ground.stranger, "ConversionRounds", "claimFees", ground.committee, 1, claims[2:])
    ground.evm.send(ground.proxy(1), "ConversionRounds", "claimFees", ground.committee, 1, claims)
    assert credit(ground, ground.proxy(1)) == 3 * FEE
    assert THRESHOLD == 2
