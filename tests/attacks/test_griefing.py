"""Griefing by gas, by dust, by endless requests: who pays, and that nobody else's cost grows.

Worst cases of a hundred records are in tests/contracts/solidity/rounds/RoundsFlow.t.sol; here it is what an attacker
may choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.attacks.ground import Ground, Played
from tests.property.scene import identity, node_key
from tests.stateful.evm import Reverted
from tests.stateful.world import BAD_RECORD, DEPOSIT_WEI, GRANT, RESERVE_WEI, SETTINGS, proof
from tpre_offchain.chain.abi import structs
from tpre_offchain.crypto import pre
from tpre_offchain.crypto.keys import prove_key
from tpre_offchain.types import Address, GrantId, Slot

ETHER = 10**18
OFF_CURVE = bytes(64 + 63) + b"\1"
TOO_LARGE = b"\xff" * 128
NOT_IN_SUBGROUP = (  # a point of the curve outside of the subgroup: x = 4
    bytes(63) + b"\4" + bytes(16)
    + bytes.fromhex("0a989badd40d6212b33cffc3f3763e9bc760f988c9926b26da9dd85e928483446346b8ed00e1de5d5ea93e354abe706c")
)  # fmt: skip


# --- gas: evidence that is starved ------------------------------------------------------------------------------------


def verdicts(
    ground: Ground,
    function: str,
    arguments: Sequence[object],
    contract: str = "ConversionRounds",
    sender: str | None = None,
) -> set[str]:
    """What comes of a call at every 20,000th gas limit up to plenty: the errors' names, or "done"."""
    found = set()
    data = ground.evm.abis[contract].functions[function].encode(*arguments)
    for gas in range(60_000, 1_500_000, 20_000):
        try:
            ground.evm.raw_call(sender or ground.stranger, ground.evm.addresses[contract], data, gas=gas)
            found.add("done")
        except Reverted as problem:
            found.add(problem.name)
        except AssertionError:
            found.add("out of gas")
    return found


def test_challenge__starved_of_gas__never_condemns_a_good_cfrag(ground: Ground) -> None:
    """A precompile that fails for want of gas must not look like a proof that does not hold."""
    played = ground.open(0, 2)
    ground.submit(played, 1)
    found = verdicts(ground, "challengeCfrags", ground.challenge(played, 1))
    assert "CfragIsGood" in found
    assert found <= {"CfragIsGood", "InsufficientGas", "out of gas"}


def test_challenge__starved_of_gas__never_acquits_a_bad_cfrag(ground: Ground) -> None:
    played = ground.open(0, 2)
    good = ground.cfrags(played.id, 1, played.records)
    ground.submit(played, 1, replace(good, points=good.points[::-1]))
    found = verdicts(ground, "challengeCfrags", ground.challenge(played, 1))
    assert "done" in found
    assert found <= {"done", "InsufficientGas", "out of gas"}


def test_report__starved_of_gas__never_takes_a_good_record_out(ground: Ground) -> None:
    played = ground.open(0, BAD_RECORD)
    data, _ = ground.papers(played)
    ids = tuple(ground.records[j].id for j in played.records)
    for position, expected in ((0, "CapsuleIsGood"), (1, "done")):
        report = ground.records[played.records[position]].report(position)
        shown = (played.id, ground.committee, data, ids, (report,), ground.challenge_keys, 0)
        found = verdicts(ground, "reportCapsules", shown)
        assert expected in found
        assert found <= {expected, "InsufficientGas", "out of gas"}


def test_complaint__starved_of_gas__never_voids_a_good_grant(ground: Ground) -> None:
    """Sent for real at each limit: the grant lives on, and the complaint that is counted costs its maker."""
    account = ground.proxy(1)
    key = node_key(account)
    made = pre.prove_complaint(ground.rekey, Slot(1), key, ground.random)
    rekey = ground.rekey_struct(ground.rekey.rekey)
    shown = (key.public.to_evm(), made.shared.to_evm(), proof(made.proof))
    arguments = (GRANT, ground.committee, rekey, 1, *shown)
    found = verdicts(ground, "complain", arguments, "GrantRegistry", account)
    assert "done" in found
    assert found <= {"done", "InsufficientGas", "out of gas"}
    data = ground.evm.abis["GrantRegistry"].functions["complain"].encode(*arguments)
    at, counted = ground.evm.addresses["GrantRegistry"], 0
    for gas in range(100_000, 700_000, 20_000):
        receipt = ground.evm.mined({"from": account, "to": at, "data": data, "gas": gas})
        counted += receipt["status"] == "0x1"
        assert ground.evm.call("GrantRegistry", "accessOf", GRANT).status is structs.Status.GRANTED
    assert counted > 0
    assert ground.evm.call("ProxyRegistry", "proxyOf", account).bond < SETTINGS.proxies.bond_wei


# --- gas: points that burn it -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", [OFF_CURVE, TOO_LARGE, NOT_IN_SUBGROUP, bytes(128)])
def test_cfrags__malformed__are_taken_out_at_a_bounded_price_that_the_bond_pays(ground: Ground, point: bytes) -> None:
    """A failing precompile burns all the gas it is given: it is given no more than its price."""
    played = ground.open(0, 2)
    post(ground, played, 1, (point, point))
    gas = ground.evm.gas_of(ground.stranger, "ConversionRounds", "challengeCfrags", *ground.challenge(played, 1))
    assert gas < 500_000
    reward = ground.evm.call("Treasury", "creditOf", ground.stranger)
    assert reward == SETTINGS.rounds.challenge_penalty_wei // 2 > gas * 100 * 10**9  # at 100 gwei


def post(ground: Ground, played: Played, slot: int, points: tuple[bytes, ...]) -> None:
    """Cfrags that no honest proxy could have made."""
    before = ground.evm.call("ConversionRounds", "roundOf", played.id).submissions
    shown = structs.Proof(1, 1)
    papers = (played.id, ground.committee, ground.papers(played)[1], slot, points, shown)
    ground.evm.send(ground.proxy(slot), "ConversionRounds", "submitCfrags", *papers)
    played.submissions.append(structs.Submission(Slot(slot), 0, points, shown, before))


@pytest.mark.parametrize("point", [OFF_CURVE, TOO_LARGE, NOT_IN_SUBGROUP, bytes(128)])
def test_proposal__malformed_results__cost_their_maker_alone(ground: Ground, point: bytes) -> None:
    played = ground.open(0)
    for slot in (1, 2):
        ground.submit(played, slot)
    arguments = ground.proposal(played, 3, 0b11)
    used = ground.evm.try_send(ground.proxy(3), "ConversionRounds", "propose", *arguments[:-1], (point,))
    assert used < 600_000
    ground.evm.send(ground.proxy(1), "ConversionRounds", "propose", *ground.proposal(played, 1, 0b11))


def test_texts_and_batches__without_measure__are_refused(ground: Ground) -> None:
    who, stream = ground.owner, ground.preimage.stream_id
    asked = replace(ground.asked, purpose="x" * 513)
    ground.refused("TextTooLong", ground.user, "GrantRegistry", "requestAccess", asked, value=ETHER)
    c = ground.records[0].capsule
    record = structs.RecordInput(c.c1.to_evm(), c.c2, c.c3, proof(c.proof), bytes(32))
    publish = ("RecordRegistry", "publish", stream, 0, 3)
    ground.refused("SealedTooLong", who, *publish, replace(record, c3=bytes(4097)))
    ground.refused("TextTooLong", who, *publish, replace(record, tags="x" * 257))
    ground.refused("EndpointTooLong", ground.proxy(1), "ProxyRegistry", "setEndpoint", "x" * 257)
    refs = tuple(ground.records[0].ref for _ in range(101))
    ground.refused("WrongRecordCount", ground.user, "ConversionRounds", "openRound", GRANT, 0, *ground.hashes, refs)


# --- dust -------------------------------------------------------------------------------------------------------------


def opening_gas(ground: Ground) -> int:
    arguments = (GRANT, 0, *ground.hashes, (ground.records[0].ref,))
    return ground.evm.gas_of(ground.user, "ConversionRounds", "openRound", *arguments)


def test_dust__poured_on_a_grant__changes_no_price_and_is_one_withdrawal(ground: Ground) -> None:
    snapshot = ground.evm.snapshot()
    clean = opening_gas(ground)
    ground.evm.revert(snapshot)
    before = ground.evm.call("GrantRegistry", "accessOf", GRANT).deposit
    for _ in range(25):
        ground.evm.send(ground.stranger, "GrantRegistry", "addDeposit", GRANT, value=1)
    assert abs(opening_gas(ground) - clean) < 100
    ground.evm.now = ground.expiry + 1
    ground.evm.send(ground.stranger, "GrantRegistry", "reclaimDeposit", GRANT)
    # the giver does not get it back: it is the user's
    assert ground.evm.call("Treasury", "creditOf", ground.stranger) == 0
    assert ground.evm.call("GrantRegistry", "accessOf", GRANT).deposit == 0
    assert ground.evm.call("Treasury", "creditOf", ground.user) >= before - RESERVE_WEI
    assert ground.evm.gas_of(ground.user, "Treasury", "withdraw", ground.user) < 60_000


# --- requests, records, streams without end ---------------------------------------------------------------------------


def newcomer_account(number: int) -> Address:
    return Address(f"0x{0x0D0D000 + number:040x}")


def newcomer(ground: Ground, number: int) -> Address:
    """A funded account with a receiving key."""
    account = newcomer_account(number)
    ground.evm.node.ask("anvil_setBalance", account, hex(10 * ETHER))
    ground.evm.node.ask("anvil_impersonateAccount", account)
    key = identity(account).receiving_key()
    shown = proof(prove_key(ground.domain, account, key, ground.random))
    ground.evm.send(account, "KeyRegistry", "registerReceivingKey", key.public.to_evm(), shown)
    return account


def test_requests__of_one_user__one_at_a_time_and_a_fee_for_each_redraw(ground: Ground) -> None:
    user = newcomer(ground, 0)
    ask = ("GrantRegistry", "requestAccess", ground.asked)
    ground.evm.send(user, *ask)
    ground.refused("RequestPending", user, *ask, value=ETHER)
    ground.evm.send(user, "GrantRegistry", "withdrawRequest", 2)
    fee = SETTINGS.grants.redraw_fee_wei
    assert ground.refused("PaymentTooSmall", user, *ask, value=fee - 1) == (fee - 1, fee)
    ground.evm.send(user, *ask, value=fee)
    # neither side gets the fee: a redraw pays nobody
    burned = Address("0x000000000000000000000000000000000000dEaD")
    assert ground.evm.call("Treasury", "creditOf", burned) == fee


def test_requests__of_many_accounts__cost_their_makers_and_slow_nobody(ground: Ground) -> None:
    """An owner answers those that he likes; gas of request and grant does not depend on how many there are."""
    gas = []
    for number in range(12):
        user = newcomer(ground, number)
        gas.append(ground.evm.gas_of(user, "GrantRegistry", "requestAccess", ground.asked, value=ETHER))
    assert max(gas) - min(gas) < 3_000
    first, last = grant_gas(ground, GrantId(2), 0), grant_gas(ground, GrantId(13), 11)
    assert abs(first - last) < 5_000
    # what is never answered locks its maker's money alone, until it is taken back
    ground.evm.send(newcomer_account(5), "GrantRegistry", "withdrawRequest", 7)
    price_and_deposit = ground.evm.call("Treasury", "creditOf", newcomer_account(5))
    assert price_and_deposit == ETHER


def grant_gas(ground: Ground, grant_id: GrantId, number: int) -> int:
    context = ground.context_of(grant_id, newcomer_account(number))
    key = identity(newcomer_account(number)).receiving_key().public
    made = ground.rekey_struct(ground.made_for(context, key))
    return ground.evm.gas_of(ground.owner, *ground.grant_call(key, made, grant_id=grant_id, quota=1))


def test_records_and_rounds__without_end__cost_only_their_maker(ground: Ground) -> None:
    c = ground.records[0].capsule
    record = structs.RecordInput(c.c1.to_evm(), c.c2, c.c3, proof(c.proof), bytes(32))
    publish = ("RecordRegistry", "publish", ground.preimage.stream_id, 0)
    gas = [ground.evm.gas_of(ground.owner, *publish, sequence, record) for sequence in range(3, 15)]
    assert max(gas) - min(gas) < 100
    # rounds that nobody needs: each takes quota and reserves the fees of t proxies, until the deposit is used up
    opened = DEPOSIT_WEI // RESERVE_WEI
    for index in range(opened):
        ground.open(0, index=index)
    arguments = (GRANT, 0, *ground.hashes, (ground.records[0].ref,))
    ground.refused("DepositTooSmall", ground.user, "ConversionRounds", "openRound", *arguments)
    access = ground.evm.call("GrantRegistry", "accessOf", GRANT)
    assert (access.used, access.rounds, access.deposit) == (opened, opened, 0)
