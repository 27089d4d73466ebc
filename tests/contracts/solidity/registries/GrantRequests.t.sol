// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsTest} from "../worlds/RoundsTest.sol";
import {RoundsWorld} from "../worlds/RoundsWorld.sol";
import {IGrantRegistry as IGrants} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IKeyRegistry} from "../../../../contracts/interfaces/IKeyRegistry.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {G2Point} from "../../../../contracts/types/Points.sol";
import {GrantId, StreamId} from "../../../../contracts/types/Ids.sol";

/// @notice Requests, denials, withdrawals and offers, and what a request binds, with every refusal.
contract GrantRequestsTest is RoundsTest {
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;

    function setUp() public {
        start(6);
        vm.deal(user, 100 ether);
        vm.deal(owner, 100 ether);
    }

    function _refuseRequest(IGrants.AccessRequest memory request, bytes memory expected) private {
        refuse(user, address(grants), abi.encodeCall(grants.requestAccess, (request)), expected);
    }

    // --- requests ---

    function test_requestAccess__with_deposit__held_and_logged() public {
        vm.recordLogs();
        GrantId grantId = ask();
        assertLogged(
            address(grants),
            [IGrants.AccessRequested.selector, word(grantId), bytes32(uint256(StreamId.unwrap(stream))), word(user)],
            abi.encode(requestOf(2, 3), uint32(6), PRICE, uint128(1 ether), false)
        );
        vm.assertEq(treasury.heldUnder(word(grantId)), 1 ether);
        IGrants.Access memory access = grants.accessOf(grantId);
        vm.assertEq(uint256(access.status), uint256(IGrants.Status.Requested));
        vm.assertEq(access.committeeHash, bytes32(0));
        vm.assertEq(grants.rekeyHash(grantId, 0), bytes32(0));
        vm.assertEq(access.requestBlock, vm.getBlockNumber());
        vm.assertEq(access.poolSize, 6);
        vm.assertEq(access.deposit, 1 ether);
        vm.assertEq(access.price, PRICE);
        vm.assertEq(access.minConversions, 10);
        vm.assertEq(access.minSeconds, 1 hours);
        vm.assertFalse(grants.isLive(grantId));
        vm.assertFalse(grants.isEnded(grantId));
    }

    function test_requestAccess__bad_input__refused_by_name() public {
        _refuseRequest(requestOf(3, 7), abi.encodeWithSelector(IGrants.TooFewProxies.selector, 7, 6));
        IGrants.AccessRequest memory request = requestOf(2, 3);
        (request.epochFrom, request.epochTo) = (2, 1);
        _refuseRequest(request, abi.encodeWithSelector(IGrants.BadEpochRange.selector, 2, 1, 0));
        (request.epochFrom, request.epochTo) = (1, 1);
        _refuseRequest(request, abi.encodeWithSelector(IGrants.BadEpochRange.selector, 1, 1, 0));
        request = requestOf(2, 3);
        request.purpose = string(new bytes(513));
        _refuseRequest(request, abi.encodeWithSelector(IGrants.TextTooLong.selector, 513, 512));
        request = requestOf(2, 3);
        request.streamId = StreamId.wrap(99);
        _refuseRequest(request, abi.encodeWithSelector(IRecordRegistry.UnknownStream.selector, 99));
        refuse(
            STRANGER, address(grants), abi.encodeCall(grants.requestAccess, (requestOf(2, 3))), abi.encodeWithSelector(IKeyRegistry.NoKey.selector, STRANGER, 2)
        );
    }

    function test_requestAccess__thinner_than_the_minimum__refused_by_name() public {
        _refuseRequest(requestOf(0, 3), abi.encodeWithSelector(IGrants.BadThreshold.selector, 0, 3, 1, 3, 32));
        _refuseRequest(requestOf(4, 3), abi.encodeWithSelector(IGrants.BadThreshold.selector, 4, 3, 1, 3, 32));
        _refuseRequest(requestOf(33, 33), abi.encodeWithSelector(IGrants.BadThreshold.selector, 33, 33, 1, 3, 32));
        _refuseRequest(requestOf(1, 4), abi.encodeWithSelector(IGrants.BadThreshold.selector, 1, 4, 1, 3, 32));
        world.allowFrom(3, 5);
        _refuseRequest(requestOf(2, 5), abi.encodeWithSelector(IGrants.BadThreshold.selector, 2, 5, 3, 5, 32));
        _refuseRequest(requestOf(3, 4), abi.encodeWithSelector(IGrants.BadThreshold.selector, 3, 4, 3, 5, 32));
        // 3 of 32 would be owned by whoever runs a tenth of the proxies
        _refuseRequest(requestOf(3, 32), abi.encodeWithSelector(IGrants.BadThreshold.selector, 3, 32, 3, 5, 32));
        _refuseRequest(requestOf(3, 6), abi.encodeWithSelector(IGrants.BadThreshold.selector, 3, 6, 3, 5, 32));
        vm.prank(user);
        grants.requestAccess(requestOf(4, 6));
    }

    /// @dev The sentence of PROTOCOL §2a, in fractions: t / n >= T / N, on top of t >= T and n >= N.
    function testFuzz_requestAccess__any_t_n_under_any_minimum__taken_iff_not_thinner(uint8 t, uint8 n, uint8 minimumT, uint8 minimumN) public {
        minimumN = uint8(bound(minimumN, 1, 32));
        minimumT = uint8(bound(minimumT, 1, minimumN));
        (t, n) = (uint8(bound(t, 0, 40)), uint8(bound(n, 0, 40)));
        world.allowFrom(minimumT, minimumN);
        bool fair = t >= minimumT && n >= minimumN && t <= n && n <= 32;
        if (fair) fair = (uint256(t) << 64) / n >= (uint256(minimumT) << 64) / minimumN; // close enough to tell any two such fractions apart
        bytes memory refusal = abi.encodeWithSelector(IGrants.BadThreshold.selector, t, n, minimumT, minimumN, 32);
        if (fair && n > 6) refusal = abi.encodeWithSelector(IGrants.TooFewProxies.selector, n, 6);
        if (fair && n <= 6) {
            vm.prank(user);
            grants.requestAccess(requestOf(t, n));
        } else {
            _refuseRequest(requestOf(t, n), refusal);
        }
    }

    // --- what the request binds ---

    function test_requestAccess__dearer_than_it_allows__PriceTooHigh() public {
        vm.prank(owner);
        records.setTerms(stream, IRecordRegistry.Terms(1, 3, PRICE + 1));
        _refuseRequest(requestOf(2, 3), abi.encodeWithSelector(IGrants.PriceTooHigh.selector, stream, PRICE + 1, PRICE));
        IGrants.AccessRequest memory request = requestOf(2, 3);
        request.maxPriceWei = PRICE + 1;
        vm.prank(user);
        vm.assertEq(grants.accessOf(grants.requestAccess(request)).price, PRICE + 1);
    }

    function test_requestAccess__longer_than_any_grant__RequestTooLong() public {
        IGrants.AccessRequest memory request = requestOf(2, 3);
        request.minSeconds = uint32(MAX_GRANT_SECONDS + 1);
        _refuseRequest(request, abi.encodeWithSelector(IGrants.RequestTooLong.selector, MAX_GRANT_SECONDS + 1, MAX_GRANT_SECONDS));
        request.minSeconds = uint32(MAX_GRANT_SECONDS);
        vm.prank(user);
        GrantId grantId = grants.requestAccess(request);
        // can be granted: in one way
        world.nextBlock();
        world.prepareScene(grantId, 0);
        RoundsWorld.Scene memory scene = world.scene();
        IGrants.Rekey[] memory rekeys = new IGrants.Rekey[](1);
        rekeys[0] = scene.rekey;
        IGrants.FirstRound memory first;
        (G2Point memory receivingKey, uint40 expiry) = (world.receivingKey(), uint40(vm.getBlockTimestamp() + MAX_GRANT_SECONDS));
        vm.prank(owner);
        grants.grant(grantId, expiry, 10, scene.draw, receivingKey, rekeys, first);
    }

    function test_setTerms__behind_the_request__change_nothing_of_it() public {
        GrantId grantId = ask();
        vm.prank(owner);
        records.setTerms(stream, IRecordRegistry.Terms(4, 5, 100 * PRICE));
        world.nextBlock();
        world.prepareScene(grantId, 0);
        world.postScene();
        IGrants.Access memory access = grants.accessOf(grantId);
        vm.assertEq(access.price, PRICE);
        vm.assertEq(access.threshold, 2);
        vm.assertEq(access.deposit, 1 ether);
    }

    // --- pending, withdrawn, denied, offered ---

    function test_requestAccess__one_pending__refused_until_it_lapses_and_then_free() public {
        GrantId first = ask();
        _refuseRequest(requestOf(2, 3), abi.encodeWithSelector(IGrants.RequestPending.selector, user, stream, first));
        vm.roll(vm.getBlockNumber() + 8200);
        // it told nobody anything
        vm.assertEq(grants.redrawFeeOf(user, stream, false), 0);
        GrantId second = ask();
        vm.assertEq(treasury.creditOf(BURNED), 0);
        vm.assertEq(treasury.heldUnder(word(second)), 1 ether);
        // the lapsed one still gives its money back, and makes the next no dearer
        vm.prank(user);
        grants.withdrawRequest(first);
        vm.assertEq(treasury.creditOf(user), 1 ether);
        vm.assertEq(grants.redrawFeeOf(user, stream, false), 0);
    }

    function test_withdrawRequest__own_request__all_back_and_next_costs_a_redraw() public {
        GrantId grantId = ask();
        bytes memory input = abi.encodeCall(grants.withdrawRequest, (grantId));
        refuse(owner, address(grants), input, abi.encodeWithSelector(IGrants.NotDelegatee.selector, grantId, owner, user));
        vm.recordLogs();
        vm.prank(user);
        grants.withdrawRequest(grantId);
        assertLogged(address(grants), [IGrants.RequestWithdrawn.selector, word(grantId), 0, 0], "");
        vm.assertEq(treasury.creditOf(user), 1 ether);
        bytes memory status =
            abi.encodeWithSelector(IGrants.WrongStatus.selector, grantId, IGrants.Status.Withdrawn, IGrants.Status.Requested);
        refuse(user, address(grants), input, status);
        _refuseRequest(requestOf(2, 3), abi.encodeWithSelector(IGrants.PaymentTooSmall.selector, 0, REDRAW_FEE));
    }

    function test_deny__by_the_owner__all_back_and_asking_again_is_free() public {
        GrantId grantId = ask();
        bytes memory input = abi.encodeCall(grants.deny, (grantId, "no"));
        refuse(user, address(grants), input, abi.encodeWithSelector(IGrants.NotDelegator.selector, grantId, user, owner));
        bytes memory long = abi.encodeCall(grants.deny, (grantId, string(new bytes(513))));
        refuse(owner, address(grants), long, abi.encodeWithSelector(IGrants.TextTooLong.selector, 513, 512));
        vm.recordLogs();
        vm.prank(owner);
        grants.deny(grantId, "no");
        assertLogged(address(grants), [IGrants.AccessDenied.selector, word(grantId), 0, 0], abi.encode("no"));
        vm.assertEq(treasury.creditOf(user), 1 ether);
        ask();
        vm.assertEq(treasury.creditOf(BURNED), 0);
    }

    function test_offerAccess__by_the_owner__free_of_price_and_the_owners_to_withdraw() public {
        bytes memory input = abi.encodeCall(grants.offerAccess, (requestOf(2, 3), user));
        refuse(user, address(grants), input, abi.encodeWithSelector(IRecordRegistry.NotStreamOwner.selector, stream, user, owner));
        vm.prank(owner);
        GrantId grantId = grants.offerAccess{value: 0.5 ether}(requestOf(2, 3), user);
        vm.assertEq(grants.accessOf(grantId).price, 0);
        vm.assertTrue(grants.accessOf(grantId).offered);
        refuse(owner, address(grants), abi.encodeCall(grants.deny, (grantId, "")), abi.encodeWithSelector(IGrants.OwnOffer.selector, grantId));
        refuse(
            user, address(grants), abi.encodeCall(grants.withdrawRequest, (grantId)), abi.encodeWithSelector(IGrants.NotDelegator.selector, grantId, user, owner)
        );
        vm.prank(owner);
        grants.withdrawRequest(grantId);
        vm.assertEq(treasury.creditOf(owner), 0.5 ether);
        refuse(owner, address(grants), input, abi.encodeWithSelector(IGrants.PaymentTooSmall.selector, 0, REDRAW_FEE));
    }
}
