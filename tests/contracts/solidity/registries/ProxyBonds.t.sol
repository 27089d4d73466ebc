// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ProxyPool} from "../worlds/ProxyPool.sol";
import {IProxyRegistry} from "../../../../contracts/interfaces/IProxyRegistry.sol";

/// @notice Bonds, penalties, and the counters of rounds served and missed: what the other contracts write of a proxy.
contract ProxyBondsTest is ProxyPool {
    function setUp() public {
        vm.roll(100);
        deployPool();
    }

    function test_penalize__within_the_bond__credits_half_to_the_beneficiary_and_burns_half(uint128 amount) public {
        amount = uint128(bound(amount, 1, BOND / 2));
        join(1);
        vm.expectEmit(address(proxies));
        emit IProxyRegistry.ProxyPenalized(account(1), address(0xB0B), amount, "why");
        penalize(1, amount);
        vm.assertEq(proxies.proxyOf(account(1)).bond, BOND - amount);
        vm.assertEq(treasury.creditOf(address(0xB0B)), amount / 2);
        vm.assertEq(treasury.creditOf(address(0xdEaD)), amount - amount / 2);
        vm.assertEq(treasury.heldUnder(bondKey(1)), BOND - amount);
        vm.assertEq(proxies.proxyOf(account(1)).exitTime, 0);
        proxies.requireBonded(account(1));
        vm.prank(GRANTS);
        proxies.penalize(account(1), address(0xB0B), 1, "complaint");
    }

    function test_penalize__more_than_half_or_all__takes_what_there_is_and_ejects(uint128 amount) public {
        amount = uint128(bound(amount, BOND / 2 + 1, type(uint128).max));
        uint128 taken = amount < BOND ? amount : BOND;
        join(1);
        mine(1);
        vm.expectEmit(address(proxies));
        emit IProxyRegistry.ProxyLeaving(account(1), 102, uint64(vm.getBlockTimestamp() + COOLDOWN_SECONDS));
        vm.expectEmit(address(proxies));
        emit IProxyRegistry.ProxyPenalized(account(1), address(0xB0B), taken, "why");
        penalize(1, amount);
        vm.assertEq(treasury.creditOf(address(0xB0B)), taken / 2);
        vm.assertEq(proxies.activeCount(), 0);
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.NotBonded.selector, account(1)));
        proxies.requireBonded(account(1));
        penalize(1, BOND); // again: takes the rest, ejects no second time
        vm.assertEq(treasury.creditOf(address(0xB0B)), taken / 2 + (BOND - taken) / 2);
        vm.assertEq(treasury.creditOf(address(0xB0B)) + treasury.creditOf(address(0xdEaD)), BOND);
        vm.assertEq(proxies.activeCount(), 0);
    }

    function test_penalize__who_is_no_proxy__takes_nothing() public {
        vm.expectEmit(address(proxies));
        emit IProxyRegistry.ProxyPenalized(account(7), address(0xB0B), 0, "why");
        penalize(7, 5);
        vm.assertEq(treasury.creditOf(address(0xB0B)), 0);
    }

    function test_top_up__after_a_penalty__restores_up_to_the_bond() public {
        join(1);
        penalize(1, BOND);
        bytes memory tooMuch = abi.encodeWithSelector(IProxyRegistry.WrongBond.selector, BOND + 1, BOND);
        hoax(account(1), 2 * BOND);
        vm.expectRevert(tooMuch);
        proxies.topUpBond{value: BOND + 1}();
        vm.prank(account(1));
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.WrongBond.selector, 0, BOND));
        proxies.topUpBond();
        vm.expectEmit(address(proxies));
        emit IProxyRegistry.BondToppedUp(account(1), BOND / 2);
        vm.prank(account(1));
        proxies.topUpBond{value: BOND / 2}();
        proxies.requireBonded(account(1)); // serves its grants, though it has left the pool
        vm.assertEq(treasury.heldUnder(bondKey(1)), BOND / 2);
    }

    function test_record_miss__past_the_limit__costs_the_penalty() public {
        join(1);
        for (uint32 i = 1; i <= 3; ++i) {
            vm.expectEmit(address(proxies));
            emit IProxyRegistry.RoundMissed(account(1), i);
            if (i == 3) {
                vm.expectEmit(address(proxies));
                emit IProxyRegistry.ProxyPenalized(account(1), address(0xB0B), MISS_PENALTY, "missed rounds");
            }
            vm.assertTrue(missed(1), "not counted");
        }
        vm.assertEq(proxies.proxyOf(account(1)).missed, 3);
        vm.assertEq(proxies.proxyOf(account(1)).bond, BOND - MISS_PENALTY);
        vm.assertEq(treasury.creditOf(address(0xB0B)), MISS_PENALTY / 2);
    }

    /// A round must close however little is left of a bond.
    function test_record_miss__nothing_left_of_the_bond__counted_without_cost() public {
        join(1);
        uint256 openedAt = vm.getBlockTimestamp();
        skip(1);
        penalize(1, BOND);
        for (uint256 i = 0; i < 4; ++i) {
            vm.assertTrue(missed(1, openedAt), "not counted");
        }
        vm.assertEq(proxies.proxyOf(account(1)).missed, 4);
        vm.assertEq(proxies.proxyOf(account(1)).bond, 0);
        vm.assertEq(treasury.heldUnder(bondKey(1)), 0);
    }

    function test_record_miss__exit_begun_by_the_opening__not_counted() public {
        join(1);
        join(2);
        skip(100);
        uint256 left = vm.getBlockTimestamp();
        quit(1);
        penalize(2, BOND / 2 + 1); // no bond that stands: the same as leaving
        for (uint256 i = 1; i <= 2; ++i) {
            vm.assertFalse(missed(i, left), "left in the second of the opening");
            vm.assertFalse(missed(i, left + 1), "left before the opening");
            vm.assertEq(proxies.proxyOf(account(i)).missed, 0);
            vm.assertTrue(missed(i, left - 1), "left in mid-round: no way to dodge");
            vm.assertEq(proxies.proxyOf(account(i)).missed, 1);
        }
    }

    /// Gone with its bond and back again: what it missed before it came is not its own, what it misses since is.
    function test_record_miss__joined_again_since__not_counted() public {
        join(1);
        skip(10);
        uint256 before = vm.getBlockTimestamp();
        skip(10);
        vm.assertTrue(missed(1, before), "while it stayed");
        quit(1);
        mine(COOLDOWN_BLOCKS + 1);
        skip(COOLDOWN_SECONDS);
        vm.prank(account(1));
        proxies.withdrawBond();
        vm.assertTrue(missed(1, before), "gone with its bond, but not before the round was opened");
        vm.assertFalse(missed(1, vm.getBlockTimestamp()), "gone");
        join(1);
        vm.assertFalse(missed(1, before), "opened in an earlier stay");
        vm.assertFalse(missed(1, vm.getBlockTimestamp() - 1), "opened while it was gone");
        vm.assertTrue(missed(1), "opened in this stay");
        vm.assertEq(proxies.proxyOf(account(1)).missed, 3);
    }

    function test_record_served__rounds__counts() public {
        join(1);
        vm.prank(ROUNDS);
        proxies.recordServed(account(1));
        vm.assertEq(proxies.proxyOf(account(1)).served, 1);
        vm.assertEq(proxies.proxyOf(account(1)).bond, BOND);
    }

    function test_system_functions__stranger__revert() public {
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.NotRounds.selector, address(this)));
        proxies.penalize(account(1), account(2), 1, "");
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.NotRounds.selector, address(this)));
        proxies.recordMiss(account(1), 0, address(this));
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.NotRounds.selector, address(this)));
        proxies.recordServed(account(1));
        vm.prank(GRANTS);
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.NotRounds.selector, GRANTS));
        proxies.recordMiss(account(1), 0, GRANTS);
    }
}
