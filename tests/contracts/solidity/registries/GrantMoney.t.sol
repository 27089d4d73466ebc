// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsTest} from "../worlds/RoundsTest.sol";
import {IGrantRegistry as IGrants} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {GrantId} from "../../../../contracts/types/Ids.sol";

/// @notice Deposits and what leaves them, the ways out of a grant, and what only ConversionRounds may move. Redraw fees are in GrantRedraws.t.sol,
/// the money of rounds in RoundsMoney.t.sol.
contract GrantMoneyTest is RoundsTest {
    function setUp() public {
        start(6);
        vm.deal(user, 100 ether);
    }

    function _granted() private returns (GrantId grantId) {
        world.grantScene(2, 3, 1 ether);
        return world.scene().grantId;
    }

    // --- deposits ---

    function test_reclaimDeposit__live_grant__refused_and_after_revocation_all_back() public {
        GrantId grantId = _granted();
        bytes memory reclaim = abi.encodeCall(grants.reclaimDeposit, (grantId));
        refuse(STRANGER, address(grants), reclaim, abi.encodeWithSelector(IGrants.GrantStillLive.selector, grantId));
        refuse(user, address(grants), abi.encodeCall(grants.revoke, (grantId)), abi.encodeWithSelector(IGrants.NotDelegator.selector, grantId, user, owner));
        vm.recordLogs();
        vm.prank(owner);
        grants.revoke(grantId);
        assertLogged(address(grants), [IGrants.GrantRevoked.selector, word(grantId), 0, 0], "");
        vm.recordLogs();
        vm.prank(STRANGER);
        grants.reclaimDeposit(grantId);
        assertLogged(address(grants), [IGrants.DepositReclaimed.selector, word(grantId), 0, 0], abi.encode(uint256(1 ether)));
        vm.assertEq(treasury.creditOf(user), 1 ether);
        refuse(user, address(grants), reclaim, abi.encodeWithSelector(IGrants.NothingToReclaim.selector, grantId));
    }

    function test_reclaimDeposit__request_pending_or_unknown__refused() public {
        GrantId grantId = ask();
        bytes memory expected =
            abi.encodeWithSelector(IGrants.WrongStatus.selector, grantId, IGrants.Status.Requested, IGrants.Status.Granted);
        refuse(user, address(grants), abi.encodeCall(grants.reclaimDeposit, (grantId)), expected);
        bytes memory unknown = abi.encodeCall(grants.reclaimDeposit, (GrantId.wrap(9)));
        refuse(user, address(grants), unknown, abi.encodeWithSelector(IGrants.UnknownGrant.selector, 9));
        vm.prank(owner);
        grants.deny(grantId, "no");
        bytes memory nothing = abi.encodeWithSelector(IGrants.NothingToReclaim.selector, grantId);
        refuse(user, address(grants), abi.encodeCall(grants.reclaimDeposit, (grantId)), nothing);
    }

    function test_reclaimDeposit__expired__at_once_and_again_when_a_round_gives_back() public {
        GrantId grantId = _granted();
        vm.warp(grants.accessOf(grantId).expiry - 1);
        world.openOver(world.publishRecords(2));
        skip(1);
        grants.reclaimDeposit(grantId);
        vm.assertEq(treasury.creditOf(user), 1 ether - reserveOf(2, 2));
        skip(ROUND_SECONDS);
        world.closeRound();
        grants.reclaimDeposit(grantId);
        vm.assertEq(treasury.creditOf(user), 1 ether);
        vm.assertEq(treasury.heldUnder(word(grantId)), 0);
    }

    function test_reclaimDeposit__of_an_offer__goes_to_the_owner() public {
        world.offerScene(2, 3, 1 ether);
        GrantId grantId = world.scene().grantId;
        vm.warp(grants.accessOf(grantId).expiry);
        grants.reclaimDeposit(grantId);
        vm.assertEq(treasury.creditOf(owner), 1 ether);
        vm.assertEq(treasury.creditOf(user), 0);
    }

    function test_addDeposit__live_grant__free_for_rounds() public {
        GrantId grantId = _granted();
        vm.recordLogs();
        vm.prank(user);
        grants.addDeposit{value: 2 ether}(grantId);
        assertLogged(address(grants), [IGrants.DepositAdded.selector, word(grantId), 0, 0], abi.encode(uint128(3 ether)));
        vm.assertEq(treasury.heldUnder(word(grantId)), 3 ether);
        skip(31 days);
        uint40 expiry = grants.accessOf(grantId).expiry;
        refuse(user, address(grants), abi.encodeCall(grants.addDeposit, (grantId)), abi.encodeWithSelector(IGrants.StaleGrant.selector, grantId, expiry));
    }

    // --- the way out ---

    function test_surrender__by_the_delegatee__ended_and_the_free_deposit_back() public {
        GrantId grantId = _granted();
        bytes memory input = abi.encodeCall(grants.surrender, (grantId));
        refuse(owner, address(grants), input, abi.encodeWithSelector(IGrants.NotDelegatee.selector, grantId, owner, user));
        vm.recordLogs();
        vm.prank(user);
        grants.surrender(grantId);
        assertLogged(address(grants), [IGrants.GrantSurrendered.selector, word(grantId), 0, 0], "");
        vm.assertEq(uint256(grants.accessOf(grantId).status), uint256(IGrants.Status.Surrendered));
        vm.assertFalse(grants.isLive(grantId));
        vm.assertFalse(grants.isEnded(grantId)); // what is open runs on
        vm.assertEq(treasury.creditOf(user), 1 ether);
        bytes memory status =
            abi.encodeWithSelector(IGrants.WrongStatus.selector, grantId, IGrants.Status.Surrendered, IGrants.Status.Granted);
        refuse(user, address(grants), input, status);
        refuse(owner, address(grants), abi.encodeCall(grants.revoke, (grantId)), status);
        refuse(user, address(grants), abi.encodeCall(grants.addDeposit, (grantId)), status);
    }

    /// What a round holds follows when the round is over.
    function test_surrender__with_a_round_open__its_reserve_returns_by_close_and_reclaim() public {
        GrantId grantId = _granted();
        world.openOver(world.publishRecords(3));
        vm.prank(user);
        grants.surrender(grantId);
        vm.assertEq(treasury.creditOf(user), 1 ether - reserveOf(2, 3));
        skip(ROUND_SECONDS + 1);
        world.closeRound();
        vm.assertEq(grants.accessOf(grantId).deposit, reserveOf(2, 3));
        grants.reclaimDeposit(grantId);
        vm.assertEq(treasury.creditOf(user), 1 ether);
    }

    function test_surrender__of_an_offer__the_owners_deposit_goes_to_the_owner() public {
        world.offerScene(2, 3, 1 ether);
        GrantId grantId = world.scene().grantId;
        vm.prank(user);
        grants.surrender(grantId);
        vm.assertEq(treasury.creditOf(owner), 1 ether);
        vm.assertEq(treasury.creditOf(user), 0);
    }

    // --- quota, and what only rounds may call ---

    function test_takeQuota__by_others_or_for_another_payer__refused_by_name() public {
        GrantId grantId = _granted();
        address to = address(grants);
        refuse(user, to, abi.encodeCall(grants.takeQuota, (grantId, user, 1, 0)), abi.encodeWithSelector(IGrants.NotRounds.selector, user));
        refuse(user, to, abi.encodeCall(grants.returnReserve, (grantId, 1, 1)), abi.encodeWithSelector(IGrants.NotRounds.selector, user));
        refuse(owner, to, abi.encodeCall(grants.recordServed, (grantId, 1)), abi.encodeWithSelector(IGrants.NotRounds.selector, owner));
        bytes memory payer = abi.encodeWithSelector(IGrants.NotPayer.selector, grantId, owner, user);
        refuse(address(rounds), to, abi.encodeCall(grants.takeQuota, (grantId, owner, 1, 0)), payer);
    }

    function test_takeQuota__beyond_quota_or_deposit__refused_by_name() public {
        GrantId grantId = _granted();
        address to = address(grants);
        bytes memory exceeded = abi.encodeWithSelector(IGrants.QuotaExceeded.selector, grantId, 0, 1001, 1000);
        refuse(address(rounds), to, abi.encodeCall(grants.takeQuota, (grantId, user, 1001, 0)), exceeded);
        bytes memory small = abi.encodeWithSelector(IGrants.DepositTooSmall.selector, grantId, 1 ether, 201 * uint256(PRICE));
        refuse(address(rounds), to, abi.encodeCall(grants.takeQuota, (grantId, user, 201, 0)), small);
        vm.prank(address(rounds));
        IGrants.Opening memory opening = grants.takeQuota(grantId, user, 10, FEE);
        vm.assertEq(opening.index, 0);
        vm.assertEq(opening.threshold, 2);
        vm.assertEq(opening.committeeSize, 3);
        vm.assertTrue(opening.priced);
        vm.assertEq(opening.committeeHash, grants.committeeHashOf(grantId));
        vm.assertEq(grants.accessOf(grantId).deposit, 1 ether - reserveOf(2, 10));
        vm.assertEq(grants.accessOf(grantId).used, 10);
        vm.prank(address(rounds));
        vm.assertEq(grants.takeQuota(grantId, user, 1, FEE).index, 1);
        exceeded = abi.encodeWithSelector(IGrants.QuotaExceeded.selector, grantId, 11, 990, 1000);
        refuse(address(rounds), to, abi.encodeCall(grants.takeQuota, (grantId, user, 990, 0)), exceeded);
    }

    function test_recordServed__with_prices__pays_the_owner_from_the_grants_money() public {
        GrantId grantId = _granted();
        vm.startPrank(address(rounds));
        grants.takeQuota(grantId, user, 5, FEE);
        vm.recordLogs();
        grants.recordServed(grantId, 3);
        assertLogged(address(grants), [IGrants.PricePaid.selector, word(grantId), word(owner), 0], abi.encode(3 * uint256(PRICE)));
        grants.recordServed(grantId, 0);
        grants.returnReserve(grantId, 10 * FEE, 2);
        vm.stopPrank();
        vm.assertTrue(grants.accessOf(grantId).served);
        vm.assertEq(treasury.creditOf(owner), 3 * uint256(PRICE));
        vm.assertEq(grants.accessOf(grantId).deposit, 1 ether - 3 * uint256(PRICE));
        vm.assertEq(treasury.heldUnder(word(grantId)), grants.accessOf(grantId).deposit);
    }

    /// The largest price there is, times a hundred records, is far from any overflow; it is only more than anybody has.
    function test_takeQuota__largest_price__DepositTooSmall_by_the_true_sum() public {
        vm.prank(owner);
        records.setTerms(stream, IRecordRegistry.Terms(1, 3, type(uint96).max));
        IGrants.AccessRequest memory request = requestOf(2, 3);
        request.maxPriceWei = type(uint96).max;
        vm.prank(user);
        GrantId grantId = grants.requestAccess{value: 1 ether}(request);
        world.nextBlock();
        world.prepareScene(grantId, 0);
        world.postScene();
        uint256 required = 100 * (uint256(type(uint96).max) * 2 + type(uint96).max);
        bytes memory small = abi.encodeWithSelector(IGrants.DepositTooSmall.selector, grantId, 1 ether, required);
        refuse(address(rounds), address(grants), abi.encodeCall(grants.takeQuota, (grantId, user, 100, type(uint96).max)), small);
    }
}
