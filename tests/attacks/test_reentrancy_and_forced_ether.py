"""A contract that is paid and calls back before it has been paid; ether that nobody asked for.

The attacker is a few instructions of EVM code, put on the chain here; the Treasury is the real one.
"""

from __future__ import annotations

from eth_utils.address import to_checksum_address

from tests.attacks.ground import Ground
from tests.property.scene import identity
from tests.stateful.world import proof
from tpre_offchain.crypto.keys import prove_key
from tpre_offchain.types import Address

MONEY = 10**18


def pushed(value: int, size: int) -> bytes:
    """PUSHsize."""
    return bytes([0x5F + size]) + value.to_bytes(size, "big")


def greedy(treasury: Address, withdraw: bytes) -> bytes:
    """Runtime code of the attacker.

    Called with data, it passes data[32:] on to the address in data[:32]. Paid without data, it counts that in slot 0,
    calls the Treasury's ``withdraw`` for itself again, and keeps in slot 1 whether that succeeded.
    """
    to_self = (
        pushed(int.from_bytes(withdraw, "big"), 4)
        + bytes.fromhex("60e01b5f52")  # SHL 224, MSTORE 0: the selector
        + bytes.fromhex("30600452")  # MSTORE 4: ADDRESS
        + bytes.fromhex("5f5f60245f5f")  # out 0, 0; in 0, 36; value 0
        + pushed(int(treasury, 16), 20)
        + bytes.fromhex("5af1")  # CALL with all gas
        + bytes.fromhex("600155")  # SSTORE 1: did it succeed?
        + bytes.fromhex("00")
    )
    count = bytes.fromhex("5f546001015f55")  # slot 0 += 1
    forward = (
        bytes.fromhex("6020360360205f37")  # CALLDATACOPY(0, 32, size - 32)
        + bytes.fromhex("5f5f602036035f34")  # out 0, 0; in size - 32, 0; value
        + bytes.fromhex("5f355af1")  # to CALLDATALOAD(0) with all gas
        + bytes.fromhex("15")  # ISZERO: failed?
    )
    head = 5  # CALLDATASIZE ISZERO PUSH1 x JUMPI
    failed_at = head + len(forward) + 4
    forward += pushed(failed_at, 1) + bytes.fromhex("5700") + bytes.fromhex("5b5f5ffd")  # STOP, or REVERT
    paid_at = head + len(forward)
    return bytes.fromhex("3615") + pushed(paid_at, 1) + bytes.fromhex("57") + forward + b"\x5b" + count + to_self


def put(ground: Ground, runtime: bytes) -> Address:
    """Create a contract with this code."""
    size = len(runtime)
    init = pushed(size, 2) + bytes.fromhex("80600b5f395ff3") + b"\x00" + runtime
    receipt = ground.evm.mined({"from": ground.stranger, "data": init})
    address = Address(to_checksum_address(receipt["contractAddress"]))
    assert ground.evm.node.ask("eth_getCode", address, "latest") == "0x" + runtime.hex()
    return address


def slot_of(ground: Ground, contract: Address, slot: int) -> int:
    return int(ground.evm.node.ask("eth_getStorageAt", contract, hex(slot), "latest"), 16)


def test_withdraw__receiver_calls_back_while_paid__is_paid_once(ground: Ground) -> None:
    treasury = ground.evm.addresses["Treasury"]
    withdraw = ground.evm.abis["Treasury"].functions["withdraw"]
    attacker = put(ground, greedy(treasury, withdraw.encode(ground.user)[:4]))

    def through(contract: str, function: str, *arguments: object, value: int = 0) -> None:
        data = ground.evm.abis[contract].functions[function].encode(*arguments)
        target = int(ground.evm.addresses[contract], 16).to_bytes(32, "big")
        transaction = {"from": ground.stranger, "to": attacker, "data": target + data, "value": value}
        assert ground.evm.mined(transaction)["status"] == "0x1"

    # It gets money to draw as any user does: a request, taken back.
    key = identity("greedy").receiving_key()
    shown = proof(prove_key(ground.domain, attacker, key, ground.random))
    through("KeyRegistry", "registerReceivingKey", key.public.to_evm(), shown)
    through("GrantRegistry", "requestAccess", ground.asked, value=MONEY)
    through("GrantRegistry", "withdrawRequest", 2)
    assert ground.evm.call("Treasury", "creditOf", attacker) == MONEY
    before = ground.evm.balance(treasury)
    assert before > 2 * MONEY  # others' money is there to be taken
    through("Treasury", "withdraw", attacker)
    # it was called back, and did call the Treasury once more: refused
    assert (slot_of(ground, attacker, 0), slot_of(ground, attacker, 1)) == (1, 0)
    assert ground.evm.balance(attacker) == MONEY
    assert ground.evm.balance(treasury) == before - MONEY
    assert ground.evm.call("Treasury", "totalClaims") == before - MONEY


def test_attacker__paid_by_a_treasury_without_the_check__would_be_called_again_and_again(ground: Ground) -> None:
    """The positive control: the same attacker empties a purse that pays first and writes nothing down."""
    # withdraw(address): CALL(caller, value 0.25 ether) if there is that much
    quarter = MONEY // 4
    pay = bytes.fromhex("5f5f5f5f") + pushed(quarter, 8) + bytes.fromhex("335af100")
    careless = put(ground, pay)
    ground.evm.mined({"from": ground.stranger, "to": careless, "value": 1})
    ground.evm.node.ask("anvil_setBalance", careless, hex(MONEY))
    withdraw = ground.evm.abis["Treasury"].functions["withdraw"].encode(ground.user)
    attacker = put(ground, greedy(careless, withdraw[:4]))
    target = int(careless, 16).to_bytes(32, "big")
    receipt = ground.evm.mined({"from": ground.stranger, "to": attacker, "data": target + withdraw})
    assert receipt["status"] == "0x1"
    assert ground.evm.balance(attacker) == MONEY
    assert slot_of(ground, attacker, 0) == 4


def test_forced_ether__into_every_contract__changes_no_book_and_stops_nothing(ground: Ground) -> None:
    claims = ground.evm.call("Treasury", "totalClaims")
    for address in ground.evm.addresses.values():
        plain = ground.evm.mined({"from": ground.stranger, "to": address, "value": MONEY})
        assert plain["status"] == "0x0"  # nobody pays a contract by mistake
        before = ground.evm.balance(address)
        # SELFDESTRUCT in the constructor sends what cannot be refused
        boom = ground.evm.mined(
            {"from": ground.stranger, "data": pushed(int(address, 16), 20) + b"\xff", "value": MONEY}
        )
        assert boom["status"] == "0x1"
        assert ground.evm.balance(address) == before + MONEY
    assert ground.evm.call("Treasury", "totalClaims") == claims
    assert ground.evm.call("Treasury", "creditOf", ground.stranger) == 0
    ground.refused("NothingToWithdraw", ground.stranger, "Treasury", "withdraw", ground.stranger)
    played = ground.open(0)
    for slot in (1, 2):
        ground.submit(played, slot)
    ground.evm.send(ground.proxy(3), "ConversionRounds", "propose", *ground.proposal(played, 3, 0b11))


def test_books__written_by_a_stranger__are_refused(ground: Ground) -> None:
    held = (1).to_bytes(32, "big")
    ground.refused("NotSystemContract", ground.stranger, "Treasury", "credit", held, ground.stranger, 1)
    ground.refused("NotSystemContract", ground.stranger, "Treasury", "hold", held, value=1)
    penalty = (ground.proxy(1), ground.stranger, MONEY, bytes(32))
    ground.refused("NotRounds", ground.stranger, "ProxyRegistry", "penalize", *penalty)
    ground.refused("NotRounds", ground.stranger, "ProxyRegistry", "recordMiss", ground.proxy(1), 0, ground.stranger)
