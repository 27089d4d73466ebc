// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsTest} from "../worlds/RoundsScene.sol";
import {RoundsWorld} from "../worlds/RoundsWorld.sol";
import {IConversionRounds as IRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry as IGrants} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IKeyRegistry} from "../../../../contracts/interfaces/IKeyRegistry.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {G2Point} from "../../../../contracts/types/Points.sol";
import {GrantId, Member, StreamId} from "../../../../contracts/types/Ids.sol";

/// @notice Requests, denials, revocations and the money of a grant, with every refusal. The mathematics of grants is in GrantAttacks.t.sol.
contract GrantRegistryTest is RoundsTest {
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;

    function setUp() public {
        start(6);
        vm.deal(user, 100 ether);
        vm.deal(owner, 100 ether);
    }

    function _request(uint8 t, uint8 n) private view returns (IGrants.AccessRequest memory) {
        return IGrants.AccessRequest(stream, 0, 3, t, n, "research");
    }

    function _refuseRequest(IGrants.AccessRequest memory request, bytes memory expected) private {
        refuse(user, address(grants), abi.encodeCall(grants.requestAccess, (request)), expected);
    }

    function _ask() private returns (GrantId grantId) {
        vm.prank(user);
        grantId = grants.requestAccess{value: PRICE + 1 ether}(_request(2, 3));
    }

    // --- requests ---

    function test_requestAccess__with_deposit__held_and_logged() public {
        vm.recordLogs();
        GrantId grantId = _ask();
        assertLogged(
            address(grants),
            [IGrants.AccessRequested.selector, word(grantId), bytes32(uint256(StreamId.unwrap(stream))), word(user)],
            abi.encode(_request(2, 3), uint32(6), PRICE, uint128(1 ether), false)
        );
        vm.assertEq(treasury.heldUnder(word(grantId)), PRICE + 1 ether);
        IGrants.Access memory access = grants.accessOf(grantId);
        vm.assertEq(uint256(access.status), uint256(IGrants.Status.Requested));
        vm.assertEq(access.committeeHash, bytes32(0));
        vm.assertEq(grants.rekeyHash(grantId, 0), bytes32(0));
        vm.assertEq(access.requestBlock, vm.getBlockNumber());
        vm.assertEq(access.poolSize, 6);
        vm.assertFalse(grants.isLive(grantId));
    }

    function test_requestAccess__bad_input__refused_by_name() public {
        _refuseRequest(_request(0, 3), abi.encodeWithSelector(IGrants.BadThreshold.selector, 0, 3, 1, 1, 32));
        _refuseRequest(_request(4, 3), abi.encodeWithSelector(IGrants.BadThreshold.selector, 4, 3, 1, 1, 32));
        _refuseRequest(_request(4, 33), abi.encodeWithSelector(IGrants.BadThreshold.selector, 4, 33, 1, 1, 32));
        _refuseRequest(_request(2, 7), abi.encodeWithSelector(IGrants.TooFewProxies.selector, 7, 6));
        _refuseRequest(_request(2, 3), abi.encodeWithSelector(IGrants.PaymentTooSmall.selector, 0, PRICE));
        IGrants.AccessRequest memory request = _request(2, 3);
        (request.epochFrom, request.epochTo) = (2, 1);
        _refuseRequest(request, abi.encodeWithSelector(IGrants.BadEpochRange.selector, 2, 1, 0));
        (request.epochFrom, request.epochTo) = (1, 1);
        _refuseRequest(request, abi.encodeWithSelector(IGrants.BadEpochRange.selector, 1, 1, 0));
        request = _request(2, 3);
        request.purpose = string(new bytes(513));
        _refuseRequest(request, abi.encodeWithSelector(IGrants.TextTooLong.selector, 513, 512));
        request = _request(2, 3);
        request.streamId = StreamId.wrap(99);
        _refuseRequest(request, abi.encodeWithSelector(IRecordRegistry.UnknownStream.selector, 99));
        refuse(
            STRANGER, address(grants), abi.encodeCall(grants.requestAccess, (_request(2, 3))), abi.encodeWithSelector(IKeyRegistry.NoKey.selector, STRANGER, 2)
        );
        vm.prank(owner);
        records.setTerms(stream, IRecordRegistry.Terms(3, 5, PRICE));
        _refuseRequest(_request(2, 5), abi.encodeWithSelector(IGrants.BadThreshold.selector, 2, 5, 3, 5, 32));
        _refuseRequest(_request(3, 4), abi.encodeWithSelector(IGrants.BadThreshold.selector, 3, 4, 3, 5, 32));
    }

    function test_requestAccess__one_pending__refused_until_it_lapses_then_costs_a_redraw() public {
        GrantId first = _ask();
        _refuseRequest(_request(2, 3), abi.encodeWithSelector(IGrants.RequestPending.selector, user, stream, first));
        vm.roll(vm.getBlockNumber() + 8200);
        _refuseRequest(_request(2, 3), abi.encodeWithSelector(IGrants.PaymentTooSmall.selector, 0, PRICE + REDRAW_FEE));
        vm.prank(user);
        GrantId second = grants.requestAccess{value: PRICE + REDRAW_FEE}(_request(2, 3));
        vm.assertEq(treasury.creditOf(BURNED), REDRAW_FEE);
        vm.assertEq(treasury.heldUnder(word(second)), PRICE);
        // the lapsed one still gives its money back
        vm.prank(user);
        grants.withdrawRequest(first);
        vm.assertEq(treasury.creditOf(user), PRICE + 1 ether);
    }

    function test_withdrawRequest__own_request__all_back_and_next_costs_a_redraw() public {
        GrantId grantId = _ask();
        bytes memory input = abi.encodeCall(grants.withdrawRequest, (grantId));
        refuse(owner, address(grants), input, abi.encodeWithSelector(IGrants.NotDelegatee.selector, grantId, owner, user));
        vm.recordLogs();
        vm.prank(user);
        grants.withdrawRequest(grantId);
        assertLogged(address(grants), [IGrants.RequestWithdrawn.selector, word(grantId), 0, 0], "");
        vm.assertEq(treasury.creditOf(user), PRICE + 1 ether);
        bytes memory status =
            abi.encodeWithSelector(IGrants.WrongStatus.selector, grantId, IGrants.Status.Withdrawn, IGrants.Status.Requested);
        refuse(user, address(grants), input, status);
        _refuseRequest(_request(2, 3), abi.encodeWithSelector(IGrants.PaymentTooSmall.selector, 0, PRICE + REDRAW_FEE));
    }

    function test_deny__by_the_owner__all_back_and_asking_again_is_free() public {
        GrantId grantId = _ask();
        bytes memory input = abi.encodeCall(grants.deny, (grantId, "no"));
        refuse(user, address(grants), input, abi.encodeWithSelector(IGrants.NotDelegator.selector, grantId, user, owner));
        bytes memory long = abi.encodeCall(grants.deny, (grantId, string(new bytes(513))));
        refuse(owner, address(grants), long, abi.encodeWithSelector(IGrants.TextTooLong.selector, 513, 512));
        vm.recordLogs();
        vm.prank(owner);
        grants.deny(grantId, "no");
        assertLogged(address(grants), [IGrants.AccessDenied.selector, word(grantId), 0, 0], abi.encode("no"));
        vm.assertEq(treasury.creditOf(user), PRICE + 1 ether);
        _ask();
        vm.assertEq(treasury.creditOf(BURNED), 0);
    }

    function test_offerAccess__by_the_owner__free_of_price_and_the_owners_to_withdraw() public {
        bytes memory input = abi.encodeCall(grants.offerAccess, (_request(2, 3), user));
        refuse(user, address(grants), input, abi.encodeWithSelector(IRecordRegistry.NotStreamOwner.selector, stream, user, owner));
        vm.prank(owner);
        GrantId grantId = grants.offerAccess{value: 0.5 ether}(_request(2, 3), user);
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

    function test_offerAccess__after_a_revocation__costs_a_redraw() public {
        world.grantScene(2, 3, 0);
        GrantId grantId = world.scene().grantId;
        vm.prank(owner);
        grants.revoke(grantId);
        bytes memory input = abi.encodeCall(grants.offerAccess, (_request(2, 3), user));
        refuse(owner, address(grants), input, abi.encodeWithSelector(IGrants.PaymentTooSmall.selector, 0, REDRAW_FEE));
        _ask(); // for the user it is free
    }

    // --- the draw's time ---

    function _grant(RoundsWorld.Scene memory scene, uint40 expiry, uint32 quota) private view returns (bytes memory) {
        IGrants.Rekey[] memory rekeys = new IGrants.Rekey[](1);
        rekeys[0] = scene.rekey;
        IGrants.FirstRound memory first;
        return abi.encodeCall(grants.grant, (scene.grantId, expiry, quota, world.receivingKey(), rekeys, first));
    }

    function test_grant__too_early_or_lapsed__refused_by_name() public {
        GrantId grantId = _ask();
        uint256 asked = vm.getBlockNumber();
        RoundsWorld.Scene memory scene;
        scene.grantId = grantId;
        uint40 expiry = uint40(vm.getBlockTimestamp() + 1 days);
        refuse(owner, address(grants), _grant(scene, expiry, 1), abi.encodeWithSelector(IGrants.DrawTooEarly.selector, grantId, asked));
        vm.roll(asked + 8200);
        refuse(owner, address(grants), _grant(scene, expiry, 1), abi.encodeWithSelector(IGrants.DrawLapsed.selector, grantId, asked, asked + 8200));
    }

    /// Beyond the last 256 blocks the hash comes from EIP-2935's contract; the runner's own stub there reverts with a message, which is no hash.
    function test_committeeOf__hash_from_the_history_contract__drawn_from_it() public {
        GrantId grantId = _ask();
        uint256 asked = vm.getBlockNumber();
        vm.roll(asked + 257);
        bytes memory input = abi.encodeCall(grants.committeeOf, (grantId));
        refuse(STRANGER, address(grants), input, abi.encodeWithSelector(IGrants.DrawLapsed.selector, grantId, asked, asked + 257));
        address history = 0x0000F90827F1C53a10cb7A02335B175320002935;
        bytes32 blockHash = keccak256("a block");
        vm.mockCall(history, abi.encode(asked), abi.encode(blockHash));
        Member[] memory committee = grants.committeeOf(grantId);
        bytes32 seed = keccak256(abi.encode(keccak256("TPRE-V1/draw"), blockHash, grantId));
        vm.assertEq(keccak256(abi.encode(committee)), keccak256(abi.encode(proxies.draw(seed, 6, asked, 3))));
    }

    function test_grant__bad_terms_or_caller__refused_by_name() public {
        GrantId grantId = world.askFor(2, 3, 1 ether);
        world.nextBlock();
        world.prepareScene(grantId, 0);
        RoundsWorld.Scene memory scene = world.scene();
        uint256 time = vm.getBlockTimestamp();
        address to = address(grants);
        refuse(user, to, _grant(scene, uint40(time + 1), 1), abi.encodeWithSelector(IGrants.NotDelegator.selector, grantId, user, owner));
        bytes memory expiry = abi.encodeWithSelector(IGrants.BadExpiry.selector, time, time + 1, time + 365 days);
        refuse(owner, to, _grant(scene, uint40(time), 1), expiry);
        expiry = abi.encodeWithSelector(IGrants.BadExpiry.selector, time + 365 days + 1, time + 1, time + 365 days);
        refuse(owner, to, _grant(scene, uint40(time + 365 days + 1), 1), expiry);
        refuse(owner, to, _grant(scene, uint40(time + 1), 0), abi.encodeWithSelector(IGrants.ZeroQuota.selector));
        scene.grantId = GrantId.wrap(77);
        refuse(owner, to, _grant(scene, uint40(time + 1), 1), abi.encodeWithSelector(IGrants.UnknownGrant.selector, 77));
    }

    function test_grant__as_asked__logged_and_live_until_expiry() public {
        GrantId grantId = world.askFor(2, 3, 1 ether);
        world.nextBlock();
        world.prepareScene(grantId, 0);
        RoundsWorld.Scene memory scene = world.scene();
        uint40 expiry = uint40(vm.getBlockTimestamp() + 30 days);
        vm.recordLogs();
        world.postScene();
        assertLogged(
            address(grants), [IGrants.AccessGranted.selector, word(grantId), word(owner), word(user)], abi.encode(expiry, uint32(1000), scene.committee)
        );
        vm.assertTrue(grants.isLive(grantId));
        (bool live, bytes32 committeeHash) = grants.liveCommittee(grantId);
        vm.assertTrue(live);
        vm.assertEq(committeeHash, keccak256(abi.encodePacked(scene.committee)));
        vm.warp(expiry);
        vm.assertFalse(grants.isLive(grantId));
        vm.prank(owner);
        grants.revoke(grantId); // revoking what has expired is harmless
    }

    function test_grant__rekey_logged_whole() public {
        GrantId grantId = world.askFor(2, 3, 1 ether);
        world.nextBlock();
        world.prepareScene(grantId, 0);
        RoundsWorld.Scene memory scene = world.scene();
        vm.recordLogs();
        world.postScene();
        assertLogged(
            address(grants), [IGrants.RekeyPosted.selector, word(grantId), scene.label, 0], abi.encode(uint32(1), uint32(1), scene.rekey)
        );
    }

    // --- re-keys for further epochs ---

    function _add(RoundsWorld.Scene memory scene, IGrants.Rekey memory rekey) private view returns (bytes memory) {
        IGrants.Rekey[] memory rekeys = new IGrants.Rekey[](1);
        rekeys[0] = rekey;
        return abi.encodeCall(grants.addRekeys, (scene.grantId, scene.committee, world.receivingKey(), rekeys));
    }

    function test_addRekeys__next_epoch__accepted_once() public {
        world.grantScene(2, 3, 1 ether);
        RoundsWorld.Scene memory scene = world.scene();
        address to = address(grants);
        refuse(owner, to, _add(scene, scene.rekey), abi.encodeWithSelector(IGrants.RekeyExists.selector, scene.grantId, 0));
        vm.prank(owner);
        records.advanceEpoch(stream);
        IGrants.Rekey memory rekey = world.rekeyFor(1).rekey;
        refuse(user, to, _add(scene, rekey), abi.encodeWithSelector(IGrants.NotDelegator.selector, scene.grantId, user, owner));
        bytes memory input = _add(scene, rekey);
        vm.prank(owner);
        (bool ok,) = to.call(input);
        vm.assertTrue(ok, "re-key of the next epoch refused");
        refuse(owner, to, input, abi.encodeWithSelector(IGrants.RekeyExists.selector, scene.grantId, 1));
        rekey.epoch = 1001;
        refuse(owner, to, _add(scene, rekey), abi.encodeWithSelector(IGrants.EpochOutOfScope.selector, scene.grantId, 1001));
        rekey.epoch = 2;
        refuse(owner, to, _add(scene, rekey), abi.encodeWithSelector(IRecordRegistry.UnknownEpoch.selector, stream, 2, 1));
        (scene.committee[0], scene.committee[1]) = (scene.committee[1], scene.committee[0]);
        refuse(owner, to, _add(scene, rekey), abi.encodeWithSelector(IGrants.CommitteeMismatch.selector, scene.grantId));
    }

    // --- money ---

    function test_reclaimDeposit__live_grant__refused_and_after_revocation_all_back() public {
        world.grantScene(2, 3, 1 ether);
        GrantId grantId = world.scene().grantId;
        refuse(STRANGER, address(grants), abi.encodeCall(grants.reclaimDeposit, (grantId)), abi.encodeWithSelector(IGrants.GrantStillLive.selector, grantId));
        refuse(STRANGER, address(grants), abi.encodeCall(grants.collectPrice, (grantId)), abi.encodeWithSelector(IGrants.NothingToCollect.selector, grantId));
        refuse(user, address(grants), abi.encodeCall(grants.revoke, (grantId)), abi.encodeWithSelector(IGrants.NotDelegator.selector, grantId, user, owner));
        vm.recordLogs();
        vm.prank(owner);
        grants.revoke(grantId);
        assertLogged(address(grants), [IGrants.GrantRevoked.selector, word(grantId), 0, 0], "");
        vm.recordLogs();
        vm.prank(STRANGER);
        grants.reclaimDeposit(grantId);
        assertLogged(address(grants), [IGrants.DepositReclaimed.selector, word(grantId), 0, 0], abi.encode(uint256(PRICE + 1 ether)));
        vm.assertEq(treasury.creditOf(user), PRICE + 1 ether);
        refuse(user, address(grants), abi.encodeCall(grants.reclaimDeposit, (grantId)), abi.encodeWithSelector(IGrants.NothingToCollect.selector, grantId));
    }

    function test_reclaimDeposit__request_pending__refused() public {
        GrantId grantId = _ask();
        bytes memory expected =
            abi.encodeWithSelector(IGrants.WrongStatus.selector, grantId, IGrants.Status.Requested, IGrants.Status.Granted);
        refuse(user, address(grants), abi.encodeCall(grants.reclaimDeposit, (grantId)), expected);
    }

    function test_reclaimDeposit__after_a_conversion__price_to_the_owner() public {
        world.openScene(1, 1, 1);
        GrantId grantId = world.scene().grantId;
        world.submitByThreshold();
        world.proposeAs(1);
        skip(31 days);
        vm.recordLogs();
        grants.reclaimDeposit(grantId);
        assertLogged(address(grants), [IGrants.PriceCollected.selector, word(grantId), word(owner), 0], abi.encode(uint256(PRICE)));
        vm.assertEq(treasury.creditOf(owner), PRICE);
        vm.assertEq(treasury.creditOf(user), 1 ether - FEE);
        vm.assertEq(treasury.heldUnder(word(grantId)), FEE);
    }

    function test_collectPrice__right_result_proposed__owners_whatever_the_votes_say() public {
        world.openScene(2, 3, 1);
        GrantId grantId = world.scene().grantId;
        bytes memory collect = abi.encodeCall(grants.collectPrice, (grantId));
        bytes memory nothing = abi.encodeWithSelector(IGrants.NothingToCollect.selector, grantId);
        world.submitByThreshold();
        refuse(STRANGER, address(grants), collect, nothing);
        world.proposeAs(1);
        world.voteAs(2, false);
        world.voteAs(3, false);
        grants.collectPrice(grantId);
        vm.assertEq(treasury.creditOf(owner), PRICE);
        refuse(STRANGER, address(grants), collect, nothing);
    }

    function test_addDeposit__live_grant__free_for_fees() public {
        world.grantScene(2, 3, 1 ether);
        GrantId grantId = world.scene().grantId;
        vm.recordLogs();
        vm.prank(user);
        grants.addDeposit{value: 2 ether}(grantId);
        assertLogged(address(grants), [IGrants.DepositAdded.selector, word(grantId), 0, 0], abi.encode(uint128(3 ether)));
        skip(31 days);
        uint40 expiry = grants.accessOf(grantId).expiry;
        refuse(user, address(grants), abi.encodeCall(grants.addDeposit, (grantId)), abi.encodeWithSelector(IGrants.StaleGrant.selector, grantId, expiry));
    }

    // --- quota, and what only rounds may call ---

    function test_takeQuota__beyond_the_quota_or_by_others__refused_by_name() public {
        world.grantScene(1, 1, 1 ether);
        GrantId grantId = world.scene().grantId;
        refuse(user, address(grants), abi.encodeCall(grants.takeQuota, (grantId, user, 1, 0)), abi.encodeWithSelector(IGrants.NotRounds.selector, user));
        refuse(user, address(grants), abi.encodeCall(grants.returnReserve, (grantId, 1)), abi.encodeWithSelector(IGrants.NotRounds.selector, user));
        refuse(owner, address(grants), abi.encodeCall(grants.markConverted, (grantId)), abi.encodeWithSelector(IGrants.NotRounds.selector, owner));
        refuse(
            address(rounds),
            address(grants),
            abi.encodeCall(grants.takeQuota, (grantId, user, 1001, 0)),
            abi.encodeWithSelector(IGrants.QuotaExceeded.selector, grantId, 0, 1001, 1000)
        );
        vm.prank(address(rounds));
        grants.takeQuota(grantId, owner, 999, 0);
        refuse(
            address(rounds),
            address(grants),
            abi.encodeCall(grants.takeQuota, (grantId, user, 2, 0)),
            abi.encodeWithSelector(IGrants.QuotaExceeded.selector, grantId, 999, 2, 1000)
        );
    }

    function test_constructor__no_limit_of_time__BadSettings() public {
        (IKeyRegistry keys, IGrants.Settings memory settings) = (world.keys(), IGrants.Settings(0, 0, 0));
        vm.expectRevert(IGrants.BadSettings.selector);
        deployGrantRegistry(keys, proxies, records, treasury, address(rounds), settings);
    }
}
