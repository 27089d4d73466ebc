// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Deployer} from "../Deployer.sol";
import {Test} from "../Test.sol";
import {ITreasury} from "../../../../contracts/interfaces/ITreasury.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @dev Comes back into withdraw when it is paid, and says what it met there.
contract ComesBack {
    ITreasury private immutable TREASURY;
    bytes public met;

    constructor(ITreasury treasury) {
        TREASURY = treasury;
    }

    function start() external {
        TREASURY.withdraw(payable(address(this)));
    }

    receive() external payable {
        try TREASURY.withdraw(payable(address(this))) {
            met = "paid twice";
        } catch (bytes memory why) {
            met = why;
        }
    }
}

contract RefusesEther {}

/// @dev Ether that nobody deposited.
contract ForcesEther {
    constructor(address payable to) payable {
        selfdestruct(to);
    }
}

contract TreasuryTest is Deployer {
    address private immutable PROXIES = makeAddr("proxies");
    address private immutable GRANTS = makeAddr("grants");
    address private immutable ROUNDS = makeAddr("rounds");
    address private immutable ALICE = makeAddr("alice");
    bytes32 private constant KEY = bytes32(uint256(7));
    ITreasury private treasury = deployTreasury(PROXIES, GRANTS, ROUNDS);

    function hold(bytes32 key, uint256 amount) private {
        hoax(GRANTS, amount);
        treasury.hold{value: amount}(key);
    }

    function credit(bytes32 key, address account, uint256 amount) private {
        vm.prank(ROUNDS);
        treasury.credit(key, account, amount);
    }

    function test_create__zero_address__reverts() public {
        vm.expectRevert(ITreasury.ZeroAddress.selector);
        deployTreasury(address(0), GRANTS, ROUNDS);
        vm.expectRevert(ITreasury.ZeroAddress.selector);
        deployTreasury(PROXIES, address(0), ROUNDS);
        vm.expectRevert(ITreasury.ZeroAddress.selector);
        deployTreasury(PROXIES, GRANTS, address(0));
    }

    function test_hold__each_system_contract__adds_to_the_key() public {
        address[3] memory system = [PROXIES, GRANTS, ROUNDS];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectEmit(address(treasury));
            emit ITreasury.Held(KEY, 5);
            hoax(system[i], 5);
            treasury.hold{value: 5}(KEY);
        }
        vm.assertEq(treasury.heldUnder(KEY), 15);
        vm.assertEq(treasury.totalClaims(), 15);
        vm.assertEq(address(treasury).balance, 15);
    }

    function test_hold__stranger__reverts() public {
        hoax(ALICE, 1);
        vm.expectRevert(abi.encodeWithSelector(ITreasury.NotSystemContract.selector, ALICE));
        treasury.hold{value: 1}(KEY);
    }

    function test_credit__stranger__reverts() public {
        hold(KEY, 1);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ITreasury.NotSystemContract.selector, ALICE));
        treasury.credit(KEY, ALICE, 1);
    }

    function test_credit__held_amount__moves_between_books(uint96 held, uint96 amount) public {
        amount = uint96(bound(amount, 0, held));
        hold(KEY, held);
        vm.expectEmit(address(treasury));
        emit ITreasury.Credited(ALICE, KEY, amount);
        credit(KEY, ALICE, amount);
        vm.assertEq(treasury.heldUnder(KEY), held - amount);
        vm.assertEq(treasury.creditOf(ALICE), amount);
        vm.assertEq(treasury.totalClaims(), held);
    }

    function test_credit__more_than_held__reverts(uint96 held, uint96 excess) public {
        uint256 wanted = uint256(held) + bound(excess, 1, type(uint96).max);
        hold(KEY, held);
        hold(bytes32(uint256(8)), 1 ether); // another purpose does not help
        vm.prank(ROUNDS);
        vm.expectRevert(abi.encodeWithSelector(ITreasury.HeldTooLittle.selector, KEY, held, wanted));
        treasury.credit(KEY, ALICE, wanted);
    }

    function test_credit__nobody__reverts() public {
        hold(KEY, 1);
        vm.prank(ROUNDS);
        vm.expectRevert(ITreasury.ZeroAddress.selector);
        treasury.credit(KEY, address(0), 1);
    }

    function test_withdraw__credit__pays_all_to_the_named_account() public {
        hold(KEY, 9);
        credit(KEY, ALICE, 6);
        address payable to = payable(makeAddr("to"));
        vm.expectEmit(address(treasury));
        emit ITreasury.Withdrawn(ALICE, to, 6);
        vm.prank(ALICE);
        vm.assertEq(treasury.withdraw(to), 6);
        vm.assertEq(to.balance, 6);
        vm.assertEq(treasury.creditOf(ALICE), 0);
        vm.assertEq(treasury.totalClaims(), 3);
    }

    function test_withdraw__no_credit__reverts() public {
        hold(KEY, 9);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ITreasury.NothingToWithdraw.selector, ALICE));
        treasury.withdraw(payable(ALICE));
    }

    function test_withdraw__to_nobody__reverts() public {
        hold(KEY, 9);
        credit(KEY, ALICE, 6);
        vm.prank(ALICE);
        vm.expectRevert(ITreasury.ZeroAddress.selector);
        treasury.withdraw(payable(address(0)));
    }

    function test_withdraw__receiver_refuses__reverts_and_keeps_the_credit() public {
        hold(KEY, 9);
        credit(KEY, ALICE, 6);
        address payable refuses = payable(address(new RefusesEther()));
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ITreasury.TransferFailed.selector, refuses, 6));
        treasury.withdraw(refuses);
        vm.assertEq(treasury.creditOf(ALICE), 6);
    }

    function test_withdraw__receiver_comes_back__is_paid_once() public {
        ComesBack thief = new ComesBack(treasury);
        hold(KEY, 20);
        credit(KEY, address(thief), 6);
        thief.start();
        vm.assertEq(address(thief).balance, 6);
        vm.assertEq(address(treasury).balance, 14);
        vm.assertEq(thief.met(), abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
    }

    function test_receive__plain_ether__reverts() public {
        hoax(ALICE, 1);
        (bool ok,) = address(treasury).call{value: 1}("");
        vm.assertFalse(ok);
    }

    function test_force__ether__changes_no_claim() public {
        hold(KEY, 3);
        vm.deal(address(this), 5);
        new ForcesEther{value: 5}(payable(address(treasury)));
        vm.assertEq(address(treasury).balance, 8);
        vm.assertEq(treasury.totalClaims(), 3);
        vm.prank(ROUNDS);
        vm.expectRevert(abi.encodeWithSelector(ITreasury.HeldTooLittle.selector, KEY, 3, 4));
        treasury.credit(KEY, ALICE, 4);
    }
}

/// @dev Random system contracts and users. Ghost sums are kept beside the Treasury's own.
contract TreasuryHandler is Deployer {
    ITreasury public immutable treasury;
    uint256 public received;
    uint256 public withdrawn;
    uint256 public forced;
    bytes32[] public keys;
    address[] public accounts;

    constructor() {
        treasury = deployTreasury(address(this), address(this), address(this));
        for (uint160 i = 1; i <= 4; ++i) {
            keys.push(bytes32(uint256(i)));
            accounts.push(address(0xACC0 + i));
        }
    }

    function hold(uint256 which, uint96 amount) external {
        vm.deal(address(this), amount);
        treasury.hold{value: amount}(keys[which % 4]);
        received += amount;
    }

    function credit(uint256 which, uint256 whom, uint256 amount) external {
        bytes32 key = keys[which % 4];
        treasury.credit(key, accounts[whom % 4], bound(amount, 0, treasury.heldUnder(key)));
    }

    function creditTooMuch(uint256 which, uint256 whom, uint96 excess) external {
        bytes32 key = keys[which % 4];
        try treasury.credit(key, accounts[whom % 4], treasury.heldUnder(key) + 1 + excess) {
            revert("more was credited than held");
        } catch {}
    }

    function withdraw(uint256 whom) external {
        address account = accounts[whom % 4];
        if (treasury.creditOf(account) == 0) return;
        vm.prank(account);
        withdrawn += treasury.withdraw(payable(account));
    }

    function force(uint64 amount) external {
        vm.deal(address(this), amount);
        new ForcesEther{value: amount}(payable(address(treasury)));
        forced += amount;
    }

    function claims() external view returns (uint256 sum) {
        for (uint256 i = 0; i < 4; ++i) {
            sum += treasury.heldUnder(keys[i]) + treasury.creditOf(accounts[i]);
        }
    }
}

contract TreasuryInvariantTest is Test {
    TreasuryHandler private handler;

    function setUp() public {
        handler = new TreasuryHandler();
        targetContract(address(handler));
    }

    function invariant_sum_of_credits_and_held_amounts__is_what_came_in_less_what_left() public view {
        ITreasury treasury = handler.treasury();
        vm.assertEq(handler.claims(), treasury.totalClaims());
        vm.assertEq(treasury.totalClaims(), handler.received() - handler.withdrawn());
    }

    function invariant_balance__covers_all_claims_and_the_rest_was_forced_in() public view {
        ITreasury treasury = handler.treasury();
        // claim by claim: the treasury's own total would not see a credit that is still held
        vm.assertEq(address(treasury).balance, handler.claims() + handler.forced());
    }
}
