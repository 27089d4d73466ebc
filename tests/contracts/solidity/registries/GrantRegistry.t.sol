// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsTest} from "../worlds/RoundsTest.sol";
import {RoundsWorld} from "../worlds/RoundsWorld.sol";
import {IConversionRounds as IRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry as IGrants} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IKeyRegistry} from "../../../../contracts/interfaces/IKeyRegistry.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {GrantId} from "../../../../contracts/types/Ids.sol";

/// @notice What a grant must be to be taken, and re-keys that follow it, with every refusal. Requests are in GrantRequests.t.sol, money in
/// GrantMoney.t.sol, the draw in GrantDraw.t.sol, the mathematics of grants in GrantAttacks.t.sol.
contract GrantRegistryTest is RoundsTest {
    function setUp() public {
        start(6);
    }

    function _grant(RoundsWorld.Scene memory scene, uint40 expiry, uint32 quota) private view returns (bytes memory) {
        IGrants.Rekey[] memory rekeys = new IGrants.Rekey[](1);
        rekeys[0] = scene.rekey;
        return _grantWith(scene, expiry, quota, rekeys);
    }

    function _grantWith(RoundsWorld.Scene memory scene, uint40 expiry, uint32 quota, IGrants.Rekey[] memory rekeys) private view returns (bytes memory) {
        IGrants.FirstRound memory first;
        return abi.encodeCall(grants.grant, (scene.grantId, expiry, quota, scene.draw, world.receivingKey(), rekeys, first));
    }

    function _asked() private returns (RoundsWorld.Scene memory) {
        GrantId grantId = world.askFor(2, 3, 1 ether);
        world.nextBlock();
        world.prepareScene(grantId, 0);
        return world.scene();
    }

    function test_grant__bad_terms_or_caller__refused_by_name() public {
        RoundsWorld.Scene memory scene = _asked();
        (address to, GrantId id, uint256 time) = (address(grants), scene.grantId, vm.getBlockTimestamp());
        (uint256 earliest, uint256 latest) = (time + 1 hours, time + 365 days);
        refuse(user, to, _grant(scene, uint40(earliest), 10), abi.encodeWithSelector(IGrants.NotDelegator.selector, id, user, owner));
        refuse(owner, to, _grant(scene, uint40(earliest - 1), 10), abi.encodeWithSelector(IGrants.BadExpiry.selector, earliest - 1, earliest, latest));
        refuse(owner, to, _grant(scene, uint40(latest + 1), 10), abi.encodeWithSelector(IGrants.BadExpiry.selector, latest + 1, earliest, latest));
        refuse(owner, to, _grant(scene, uint40(earliest), 9), abi.encodeWithSelector(IGrants.QuotaTooSmall.selector, id, 9, 10));
        scene.grantId = GrantId.wrap(77);
        refuse(owner, to, _grant(scene, uint40(earliest), 10), abi.encodeWithSelector(IGrants.UnknownGrant.selector, 77));
        scene.grantId = id;
        bytes memory input = _grant(scene, uint40(earliest), 10);
        vm.prank(owner);
        (bool ok,) = to.call(input);
        vm.assertTrue(ok, "the least that was asked for is refused");
        refuse(owner, to, input, abi.encodeWithSelector(IGrants.WrongStatus.selector, id, IGrants.Status.Granted, IGrants.Status.Requested));
    }

    /// A request that binds nothing still gets a conversion and a second.
    function test_grant__nothing_bound__no_quota_or_no_time_is_refused() public {
        IGrants.AccessRequest memory request = requestOf(2, 3);
        (request.minConversions, request.minSeconds) = (0, 0);
        vm.prank(user);
        GrantId grantId = grants.requestAccess(request);
        world.nextBlock();
        world.prepareScene(grantId, 0);
        RoundsWorld.Scene memory scene = world.scene();
        uint256 time = vm.getBlockTimestamp();
        refuse(owner, address(grants), _grant(scene, uint40(time + 1), 0), abi.encodeWithSelector(IGrants.QuotaTooSmall.selector, grantId, 0, 1));
        refuse(owner, address(grants), _grant(scene, uint40(time), 1), abi.encodeWithSelector(IGrants.BadExpiry.selector, time, time + 1, time + 365 days));
    }

    function test_grant__without_the_rekey_of_its_first_epoch__RekeyMissing() public {
        vm.prank(owner);
        records.advanceEpoch(stream);
        RoundsWorld.Scene memory scene = _asked();
        uint40 expiry = uint40(vm.getBlockTimestamp() + 1 days);
        bytes memory missing = abi.encodeWithSelector(IGrants.RekeyMissing.selector, scene.grantId, 0);
        refuse(owner, address(grants), _grantWith(scene, expiry, 10, new IGrants.Rekey[](0)), missing);
        IGrants.Rekey[] memory rekeys = new IGrants.Rekey[](2);
        rekeys[0] = world.rekeyFor(1).rekey;
        rekeys[1] = scene.rekey;
        refuse(owner, address(grants), _grantWith(scene, expiry, 10, rekeys), missing);
        (rekeys[0], rekeys[1]) = (rekeys[1], rekeys[0]);
        bytes memory input = _grantWith(scene, expiry, 10, rekeys);
        vm.prank(owner);
        (bool ok,) = address(grants).call(input);
        vm.assertTrue(ok, "both re-keys refused");
        vm.assertNotEq(grants.rekeyHash(scene.grantId, 0), bytes32(0));
        vm.assertNotEq(grants.rekeyHash(scene.grantId, 1), bytes32(0));
    }

    function test_grant__as_asked__logged_and_live_until_expiry() public {
        RoundsWorld.Scene memory scene = _asked();
        GrantId grantId = scene.grantId;
        uint40 expiry = uint40(vm.getBlockTimestamp() + 30 days);
        (, bytes32 blockHash) = grants.drawInputOf(grantId);
        vm.recordLogs();
        world.postScene();
        assertLogged(
            address(grants),
            [IGrants.AccessGranted.selector, word(grantId), word(owner), word(user)],
            abi.encode(expiry, uint32(1000), scene.committee, blockHash, scene.draw.gamma)
        );
        vm.assertTrue(grants.isLive(grantId));
        vm.assertEq(grants.committeeHashOf(grantId), keccak256(abi.encodePacked(scene.committee)));
        vm.warp(expiry - 1);
        vm.assertTrue(grants.isLive(grantId));
        vm.warp(expiry);
        vm.assertFalse(grants.isLive(grantId));
        vm.assertFalse(grants.isEnded(grantId)); // what was opened in time runs on
        vm.prank(owner);
        grants.revoke(grantId); // revoking what has expired is harmless
        vm.assertTrue(grants.isEnded(grantId));
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

    /// What pays is what opens: a first round in the grant is for the owner's own offers.
    function test_grant__first_round_on_the_users_deposit__NotPayer() public {
        IGrants.FirstRound memory first = IGrants.FirstRound(0, world.publishRecords(1));
        RoundsWorld.Scene memory scene = _asked();
        IGrants.Rekey[] memory rekeys = new IGrants.Rekey[](1);
        rekeys[0] = scene.rekey;
        uint40 expiry = uint40(vm.getBlockTimestamp() + 1 days);
        bytes memory input = abi.encodeCall(grants.grant, (scene.grantId, expiry, 10, scene.draw, world.receivingKey(), rekeys, first));
        refuse(owner, address(grants), input, abi.encodeWithSelector(IGrants.NotPayer.selector, scene.grantId, owner, user));
    }

    function test_grant__first_round_of_an_epoch_without_rekey__RekeyMismatch() public {
        IGrants.FirstRound memory first = IGrants.FirstRound(1, world.publishRecords(1));
        GrantId grantId = world.offerOf(2, 3, 1 ether);
        world.nextBlock();
        world.prepareScene(grantId, 0);
        RoundsWorld.Scene memory scene = world.scene();
        IGrants.Rekey[] memory rekeys = new IGrants.Rekey[](1);
        rekeys[0] = scene.rekey;
        uint40 expiry = uint40(vm.getBlockTimestamp() + 1 days);
        bytes memory input = abi.encodeCall(grants.grant, (grantId, expiry, 10, scene.draw, world.receivingKey(), rekeys, first));
        refuse(owner, address(grants), input, abi.encodeWithSelector(IRounds.RekeyMismatch.selector, grantId, 1));
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

    function test_constructor__no_limit_of_time__BadSettings() public {
        (IKeyRegistry keys, IGrants.Settings memory settings) = (world.keys(), IGrants.Settings(0, 0, 0));
        vm.expectRevert(IGrants.BadSettings.selector);
        deployGrantRegistry(keys, proxies, records, treasury, address(rounds), settings);
    }
}
