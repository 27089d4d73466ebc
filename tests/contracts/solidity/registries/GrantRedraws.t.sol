// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsTest} from "../worlds/RoundsTest.sol";
import {IGrantRegistry as IGrants} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {GrantId} from "../../../../contracts/types/Ids.sol";

/// @notice When a request costs a redraw fee, and how much: whoever has seen a committee and asks for another pays, each time twice as much.
contract GrantRedrawsTest is RoundsTest {
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;

    function setUp() public {
        start(3);
        vm.deal(user, 1_000 ether);
        vm.deal(owner, 1_000 ether);
    }

    function _fee() private view returns (uint256) {
        return grants.redrawFeeOf(user, stream, false);
    }

    function _offerFee() private view returns (uint256) {
        return grants.redrawFeeOf(user, stream, true);
    }

    function _askFor(uint256 value) private returns (GrantId) {
        vm.prank(user);
        return grants.requestAccess{value: value}(requestOf(2, 3));
    }

    function _offerFor(uint256 value) private returns (GrantId) {
        vm.prank(owner);
        return grants.offerAccess{value: value}(requestOf(2, 3), user);
    }

    function _withdraw(GrantId grantId) private {
        vm.prank(grants.accessOf(grantId).offered ? owner : user);
        grants.withdrawRequest(grantId);
    }

    function _deny(GrantId grantId) private {
        vm.prank(owner);
        grants.deny(grantId, "no");
    }

    function _revoke(GrantId grantId) private {
        vm.prank(owner);
        grants.revoke(grantId);
    }

    /// @dev Live for 30 days.
    function _granted() private returns (GrantId) {
        world.grantScene(2, 3, 0);
        return world.scene().grantId;
    }

    function _serve(GrantId grantId) private {
        vm.prank(address(rounds));
        grants.recordServed(grantId, 0);
    }

    // --- how much ---

    function test_redraw__withdrawn_time_and_again__doubles_to_1024_times_and_is_burned() public {
        vm.assertEq(_fee(), 0);
        GrantId grantId = _askFor(0);
        uint256 burned;
        for (uint256 k = 0; k < 13; ++k) {
            _withdraw(grantId);
            uint256 fee = uint256(REDRAW_FEE) << (k < 10 ? k : 10);
            vm.assertEq(_fee(), fee);
            refuse(
                user, address(grants), abi.encodeCall(grants.requestAccess, (requestOf(2, 3))), abi.encodeWithSelector(IGrants.PaymentTooSmall.selector, 0, fee)
            );
            grantId = _askFor(fee + 7);
            burned += fee;
            vm.assertEq(treasury.creditOf(BURNED), burned);
            vm.assertEq(grants.accessOf(grantId).deposit, 7);
            vm.assertEq(treasury.heldUnder(word(grantId)), 7);
        }
    }

    /// The fee paid stays paid: once it was answered, the next request is free, but a later redraw goes on from there.
    function test_redraw__denied_in_between__free_and_then_goes_on_doubling() public {
        _withdraw(_askFor(0));
        _withdraw(_askFor(REDRAW_FEE));
        _deny(_askFor(2 * REDRAW_FEE));
        vm.assertEq(_fee(), 0);
        _withdraw(_askFor(0));
        vm.assertEq(_fee(), 4 * REDRAW_FEE);
    }

    function test_redraw__a_grant_served__starts_again_once_for_each_grant() public {
        GrantId first = _granted();
        vm.assertEq(_fee(), REDRAW_FEE);
        _deny(_askFor(REDRAW_FEE));
        _deny(_askFor(2 * REDRAW_FEE));
        vm.assertEq(_fee(), 4 * REDRAW_FEE);
        _serve(first);
        vm.assertEq(_fee(), REDRAW_FEE);
        _deny(_askFor(REDRAW_FEE));
        _serve(first); // it has: serving again is no answer to what was asked since
        vm.assertEq(_fee(), 2 * REDRAW_FEE);
        _serve(_granted());
        vm.assertEq(_fee(), REDRAW_FEE);
    }

    // --- for what ---

    function test_redraw__request_that_lapsed__is_free_withdrawn_or_not() public {
        GrantId grantId = _askFor(0);
        vm.roll(vm.getBlockNumber() + 8200);
        vm.assertEq(_fee(), 0);
        _withdraw(grantId);
        vm.assertEq(_fee(), 0);
        grantId = _offerFor(0);
        vm.roll(vm.getBlockNumber() + 8200);
        _withdraw(grantId);
        vm.assertEq(_offerFee(), 0);
    }

    function test_redraw__surrendered__the_users_request_pays_and_the_owners_offer_does_not() public {
        GrantId grantId = _granted();
        vm.prank(user);
        grants.surrender(grantId);
        vm.assertEq(_fee(), REDRAW_FEE);
        vm.assertEq(_offerFee(), 0);
        _deny(_askFor(REDRAW_FEE));
        vm.assertEq(_fee(), 0);
    }

    /// For the owner a revocation is no answer: else it could revoke and offer until the committee suits. For the user it is one.
    function test_redraw__revoked__the_owners_offer_pays_and_the_users_request_does_not() public {
        _revoke(_granted());
        vm.assertEq(_fee(), 0);
        vm.assertEq(_offerFee(), REDRAW_FEE);
        bytes memory input = abi.encodeCall(grants.offerAccess, (requestOf(2, 3), user));
        refuse(owner, address(grants), input, abi.encodeWithSelector(IGrants.PaymentTooSmall.selector, 0, REDRAW_FEE));
        // not forgotten over a request of the user's in between
        _deny(_askFor(0));
        vm.assertEq(_offerFee(), REDRAW_FEE);
        _withdraw(_offerFor(REDRAW_FEE));
        vm.assertEq(_offerFee(), 2 * REDRAW_FEE);
    }

    function test_redraw__of_one_side__makes_the_others_no_dearer() public {
        _withdraw(_askFor(0));
        _withdraw(_askFor(REDRAW_FEE));
        vm.assertEq(_offerFee(), 0);
        _withdraw(_offerFor(0));
        vm.assertEq(_offerFee(), REDRAW_FEE);
        vm.assertEq(_fee(), 2 * REDRAW_FEE);
        vm.assertEq(grants.redrawFeeOf(STRANGER, stream, false), 0);
    }

    // --- live grants ---

    function test_redraw__a_grant_lives__both_sides_pay_until_it_expires() public {
        GrantId grantId = _granted();
        uint40 expiry = grants.accessOf(grantId).expiry;
        vm.warp(expiry - 1);
        vm.assertEq(_fee(), REDRAW_FEE);
        vm.assertEq(_offerFee(), REDRAW_FEE);
        vm.warp(expiry);
        vm.assertEq(_fee(), 0);
        vm.assertEq(_offerFee(), 0);
    }

    /// @dev Three grants that live at the same time, in the order in which they end.
    function _three(bool longestFirst) private returns (GrantId[3] memory ids) {
        for (uint256 i = 0; i < 3; ++i) {
            // 30 days each: the later it begins, the later it ends
            vm.warp(1_800_000_000 + (longestFirst ? 2 - i : i) * 1 days + 3 days);
            ids[i] = _granted();
        }
        vm.warp(1_800_000_000 + 7 days);
    }

    function testFuzz_redraw__three_live_grants_ended_in_any_order__due_while_one_lives(uint8 order, uint8 how, bool longestFirst) public {
        GrantId[3] memory ids = _three(longestFirst);
        uint256 first = order % 3;
        uint256 second = (first + 1 + (order / 3) % 2) % 3;
        uint256[3] memory chosen = [first, second, 3 - first - second];
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertTrue(_fee() > 0, "forgot a live grant");
            vm.assertTrue(_offerFee() > 0, "forgot a live grant");
            _revoke(ids[chosen[i]]);
            // a request in between changes nothing of it
            if ((how >> i) & 1 == 1) _deny(_askFor(_fee()));
        }
        vm.assertEq(_fee(), 0);
    }

    function testFuzz_redraw__three_live_grants_some_revoked__free_when_all_have_expired(uint8 revoked, bool longestFirst) public {
        GrantId[3] memory ids = _three(longestFirst);
        uint256 last;
        uint256 lastLiving;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 expiry = grants.accessOf(ids[i]).expiry;
            if (expiry > last) last = expiry;
            if ((revoked >> i) & 1 == 1) _revoke(ids[i]);
            else if (expiry > lastLiving) lastLiving = expiry;
        }
        if (lastLiving != 0) {
            vm.warp(lastLiving - 1);
            vm.assertGt(_fee(), 0);
        }
        vm.warp(last);
        vm.assertEq(_fee(), 0);
        _askFor(0);
    }

    /// The contract keeps one end, not a list: where the grant that ends last is revoked, the fee stays until its end, or until the others are
    /// ended too, whichever is first. Whoever asks may pay too much by that; nobody draws for nothing.
    function test_redraw__the_longest_of_two_revoked__due_until_its_end() public {
        vm.warp(1_800_000_000);
        GrantId shorter = _granted();
        uint40 end = grants.accessOf(shorter).expiry;
        skip(5 days);
        GrantId longer = _granted();
        uint40 last = grants.accessOf(longer).expiry;
        _deny(_askFor(_fee())); // so that neither is the last one asked for
        vm.warp(end + 1);
        _revoke(longer);
        vm.assertGt(_fee(), 0);
        vm.warp(last);
        vm.assertEq(_fee(), 0);
    }

    function test_redraw__revoked_after_it_expired__takes_no_other_grants_place() public {
        GrantId shorter = _granted();
        uint40 end = grants.accessOf(shorter).expiry;
        skip(5 days);
        _granted();
        vm.warp(end);
        _revoke(shorter);
        vm.assertTrue(_fee() > 0, "the longer one lives");
        vm.prank(user);
        grants.surrender(GrantId.wrap(2));
        vm.assertEq(_offerFee(), 0);
    }
}
