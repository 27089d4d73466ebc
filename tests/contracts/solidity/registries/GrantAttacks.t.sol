// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsTest} from "../worlds/RoundsTest.sol";
import {RoundsWorld} from "../worlds/RoundsWorld.sol";
import {IConversionRounds as IRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry as IGrants} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IKeyRegistry} from "../../../../contracts/interfaces/IKeyRegistry.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Generators} from "../../../../contracts/libraries/Generators.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {G1Point, G2Point, Proof} from "../../../../contracts/types/Points.sol";
import {GrantId} from "../../../../contracts/types/Ids.sol";

/// @notice Forged grants, and complaints against good and bad fragments (SCHEME §4).
contract GrantAttacksTest is RoundsTest {
    function setUp() public {
        start(6);
        GrantId grantId = world.askFor(2, 3, 1 ether);
        world.nextBlock();
        world.prepareScene(grantId, 0);
    }

    function _grantInput(RoundsWorld.Scene memory scene) private view returns (bytes memory) {
        IGrants.Rekey[] memory rekeys = new IGrants.Rekey[](1);
        rekeys[0] = scene.rekey;
        IGrants.FirstRound memory first;
        return abi.encodeCall(grants.grant, (scene.grantId, uint40(vm.getBlockTimestamp() + 1 days), 10, scene.draw, world.receivingKey(), rekeys, first));
    }

    /// @dev The owner knows e: he can always prove R for whatever he changed.
    function _proven(RoundsWorld.Scene memory scene) private view returns (RoundsWorld.Scene memory) {
        (, bytes32 context) = world.contextFor(scene.rekey);
        scene.rekey.ephemeralProof = world.ephemeralProof(context, world.ephemeralSecret(0), scene.rekey.pads);
        return scene;
    }

    function _refuse(RoundsWorld.Scene memory scene, bytes memory expected) private {
        refuse(owner, address(grants), _grantInput(scene), expected);
    }

    // --- form ---

    function test_grant__identity_points_or_counts__refused_by_name() public {
        RoundsWorld.Scene memory scene = world.scene();
        G1Point memory none;
        G2Point memory none2;
        scene.rekey.maskedKey = none2;
        _refuse(scene, abi.encodeWithSelector(IGrants.IdentityPoint.selector, bytes32("U")));
        scene = world.scene();
        scene.rekey.mask = none2;
        _refuse(scene, abi.encodeWithSelector(IGrants.IdentityPoint.selector, bytes32("V")));
        scene = world.scene();
        scene.rekey.ephemeral = none;
        _refuse(scene, abi.encodeWithSelector(IGrants.IdentityPoint.selector, bytes32("R")));
        scene = world.scene();
        scene.rekey.commitments[1] = none;
        _refuse(scene, abi.encodeWithSelector(IGrants.IdentityPoint.selector, bytes32("C")));
        scene = world.scene();
        scene.rekey.commitments = new G1Point[](1);
        _refuse(scene, abi.encodeWithSelector(IGrants.WrongCommitmentCount.selector, 1, 2));
        scene = world.scene();
        scene.rekey.pads = new bytes32[](4);
        _refuse(scene, abi.encodeWithSelector(IGrants.WrongPadCount.selector, 4, 3));
        scene = world.scene();
        scene.rekey.delegatingKey = world.g1(9);
        (bytes32 input,) = grants.drawInputOf(scene.grantId);
        _refuse(scene, abi.encodeWithSelector(IGrants.InvalidDrawProof.selector, input)); // the draw is checked with it first
    }

    function test_grant__receiving_key_of_another__refused() public {
        RoundsWorld.Scene memory scene = world.scene();
        IGrants.Rekey[] memory rekeys = new IGrants.Rekey[](1);
        rekeys[0] = scene.rekey;
        IGrants.FirstRound memory first;
        bytes memory input =
            abi.encodeCall(grants.grant, (scene.grantId, uint40(vm.getBlockTimestamp() + 1 days), 10, scene.draw, world.g2(5), rekeys, first));
        refuse(owner, address(grants), input, abi.encodeWithSelector(IKeyRegistry.KeyMismatch.selector, user, 2, 1));
    }

    function test_grant__commitment_outside_the_subgroup__refused() public {
        RoundsWorld.Scene memory scene = world.scene();
        // (0, 2) is on the curve y^2 = x^3 + 4 and has order 3.
        scene.rekey.commitments[1] = G1Point(0, 0, 0, bytes32(uint256(2)));
        _refuse(_proven(scene), abi.encodeWithSelector(BLS12381.InvalidPoint.selector, address(0x0c)));
    }

    // --- forgeries ---

    /// R copied from another grant cannot be proven here: its proof is bound to the context.
    function test_grant__ephemeral_copied_with_its_proof__refused() public {
        RoundsWorld.Scene memory scene = world.scene();
        bytes memory expected = abi.encodeWithSelector(IGrants.InvalidEphemeralProof.selector, scene.grantId, scene.label);
        scene.rekey.maskedKey = world.g2(3); // any other context
        _refuse(scene, expected);
    }

    function test_grant__pad_changed_after_the_proof__refused() public {
        RoundsWorld.Scene memory scene = world.scene();
        scene.rekey.pads[2] ^= bytes32(uint256(1));
        _refuse(scene, abi.encodeWithSelector(IGrants.InvalidEphemeralProof.selector, scene.grantId, scene.label));
    }

    function test_grant__U_V_or_C0_changed__MalformedGrant() public {
        RoundsWorld.Scene memory scene = world.scene();
        bytes memory expected = abi.encodeWithSelector(IGrants.MalformedGrant.selector, scene.grantId, scene.label);
        scene.rekey.maskedKey = world.g2(3);
        _refuse(_proven(scene), expected);
        scene = world.scene();
        scene.rekey.mask = world.g2(3);
        _refuse(_proven(scene), expected);
        scene = world.scene();
        scene.rekey.commitments[0] = world.g1(3);
        _refuse(_proven(scene), expected);
    }

    /// With a rho that omits V, V' = V * D^(1/rho) and U' = U * D pass the combined equation. With the contract's rho they do not: the D that
    /// cancels for one rho does not for the next.
    function test_grant__V_forged_against_a_rho_that_omits_it__passes_there_and_not_here() public {
        RoundsWorld.Scene memory scene = world.scene();
        (, bytes32 honest) = world.contextFor(scene.rekey);
        uint256 rho = Transcript.grantCheckScalar(honest, scene.rekey.ephemeral, keccak256(abi.encodePacked(scene.rekey.pads)));
        G2Point memory difference = BLS12381.mul(Generators.G2(), 12345);
        G2Point memory scaled = BLS12381.mul(difference, rho);
        scene.rekey.mask = BLS12381.add(scene.rekey.mask, difference);
        scene.rekey.maskedKey = BLS12381.add(scene.rekey.maskedKey, scaled);
        vm.assertTrue(_combinedHolds(scene, rho), "the attack itself does not work");
        _refuse(_proven(scene), abi.encodeWithSelector(IGrants.MalformedGrant.selector, scene.grantId, scene.label));
    }

    function _combinedHolds(RoundsWorld.Scene memory scene, uint256 rho) private view returns (bool) {
        G1Point[] memory p = new G1Point[](3);
        G2Point[] memory q = new G2Point[](3);
        (p[0], q[0]) = (scene.labelKey, BLS12381.add(scene.rekey.maskedKey, BLS12381.mul(scene.rekey.mask, BLS12381.negate(rho))));
        (p[1], q[1]) = (scene.rekey.commitments[0], BLS12381.add(BLS12381.mul(Generators.H2(), rho), Generators.NEG_G2()));
        (p[2], q[2]) = (Generators.NEG_G1(), world.receivingKey());
        return BLS12381.pairingIsOne(p, q);
    }

    // --- complaints ---

    function _complain(RoundsWorld.Scene memory scene, uint8 slot) private view returns (bytes memory) {
        (G1Point memory nodeKey, G1Point memory shared, Proof memory proof) = world.openingOf(slot);
        return abi.encodeCall(grants.complain, (scene.grantId, scene.committee, scene.rekey, slot, nodeKey, shared, proof));
    }

    function test_complain__good_fragment__recorded_and_the_proxy_pays() public {
        world.postScene();
        RoundsWorld.Scene memory scene = world.scene();
        bytes memory input = _complain(scene, 2);
        address proxy = member(scene, 2);
        vm.recordLogs();
        vm.prank(proxy);
        (bool ok,) = address(grants).call(input);
        vm.assertTrue(ok, "complaint refused");
        uint256 fragment = addmod(scene.coefficients[0], mulmod(2, scene.coefficients[1], BLS12381.R), BLS12381.R);
        assertLogged(
            address(grants),
            [IGrants.FragmentComplaint.selector, word(scene.grantId), scene.label, word(proxy)],
            abi.encode(uint8(2), false, bytes32(fragment))
        );
        vm.assertEq(treasury.creditOf(owner), COMPLAINT_PENALTY / 2);
        vm.assertEq(proxies.proxyOf(proxy).bond, BOND - COMPLAINT_PENALTY);
        vm.assertTrue(grants.isLive(scene.grantId));
    }

    function _assertVoids(RoundsWorld.Scene memory scene, uint8 slot, bytes32 fragment) private {
        world.set(_proven(scene));
        world.postScene();
        scene = world.scene();
        bytes memory input = _complain(scene, slot);
        address proxy = member(scene, slot);
        vm.recordLogs();
        vm.prank(proxy);
        (bool ok,) = address(grants).call(input);
        vm.assertTrue(ok, "complaint refused");
        assertLogged(
            address(grants), [IGrants.FragmentComplaint.selector, word(scene.grantId), scene.label, word(proxy)], abi.encode(slot, true, fragment)
        );
        vm.assertEq(uint256(grants.accessOf(scene.grantId).status), uint256(IGrants.Status.Voided));
        vm.assertEq(proxies.proxyOf(proxy).bond, BOND);
        grants.reclaimDeposit(scene.grantId);
        vm.assertEq(treasury.creditOf(user), 1 ether);
        bytes memory voided =
            abi.encodeWithSelector(IGrants.WrongStatus.selector, scene.grantId, IGrants.Status.Voided, IGrants.Status.Granted);
        refuse(proxy, address(grants), input, voided);
    }

    function _honest(RoundsWorld.Scene memory scene, uint8 slot) private pure returns (uint256) {
        return addmod(scene.coefficients[0], mulmod(slot, scene.coefficients[1], BLS12381.R), BLS12381.R);
    }

    function test_complain__wrong_fragment__voids_the_grant() public {
        RoundsWorld.Scene memory scene = world.scene();
        scene.rekey.pads[0] ^= bytes32(_honest(scene, 1)) ^ bytes32(uint256(7));
        _assertVoids(scene, 1, bytes32(uint256(7)));
    }

    function test_complain__zero_fragment__voids_the_grant() public {
        RoundsWorld.Scene memory scene = world.scene();
        scene.rekey.pads[2] ^= bytes32(_honest(scene, 3));
        _assertVoids(scene, 3, 0);
    }

    /// s_i + r is the same scalar to a precompile, but no proxy takes it.
    function test_complain__fragment_not_reduced__voids_the_grant() public {
        RoundsWorld.Scene memory scene = world.scene();
        uint256 large = _honest(scene, 1) % (type(uint256).max - BLS12381.R) + BLS12381.R;
        scene.rekey.pads[0] ^= bytes32(_honest(scene, 1)) ^ bytes32(large);
        _assertVoids(scene, 1, bytes32(large));
    }

    function test_complain__bad_input__refused_by_name() public {
        world.postScene();
        RoundsWorld.Scene memory scene = world.scene();
        address to = address(grants);
        bytes memory input = _complain(scene, 1);
        refuse(STRANGER, to, input, abi.encodeWithSelector(IGrants.NotInSlot.selector, 1, STRANGER));
        (G1Point memory nodeKey, G1Point memory shared, Proof memory proof) = world.openingOf(1);
        address first = member(scene, 1);
        input = abi.encodeCall(grants.complain, (scene.grantId, scene.committee, scene.rekey, 1, world.g1(4), shared, proof));
        refuse(first, to, input, abi.encodeWithSelector(IKeyRegistry.KeyMismatch.selector, first, 3, 1));
        input = abi.encodeCall(grants.complain, (scene.grantId, scene.committee, scene.rekey, 1, nodeKey, world.g1(4), proof));
        refuse(first, to, input, abi.encodeWithSelector(IGrants.InvalidComplaintProof.selector, scene.grantId, 1));
        scene.rekey.pads[0] ^= bytes32(uint256(1));
        input = abi.encodeCall(grants.complain, (scene.grantId, scene.committee, scene.rekey, 1, nodeKey, shared, proof));
        refuse(first, to, input, abi.encodeWithSelector(IGrants.RekeyMismatch.selector, scene.grantId, 0));
        (scene.committee[0], scene.committee[1]) = (scene.committee[1], scene.committee[0]);
        input = abi.encodeCall(grants.complain, (scene.grantId, scene.committee, scene.rekey, 1, nodeKey, shared, proof));
        refuse(first, to, input, abi.encodeWithSelector(IGrants.CommitteeMismatch.selector, scene.grantId));
    }

    /// Whatever gas a complaint is given, a good fragment never voids a grant.
    function test_complain__starved_of_gas__never_voids_an_honest_grant() public {
        world.postScene();
        RoundsWorld.Scene memory scene = world.scene();
        bytes memory input = _complain(scene, 2);
        address proxy = member(scene, 2);
        for (uint256 gas_ = 50_000; gas_ < 420_000; gas_ += 9_973) {
            vm.prank(proxy);
            (bool ok,) = address(grants).call{gas: gas_}(input);
            ok; // late ones go through, and are not upheld
            vm.assertTrue(grants.isLive(scene.grantId), "voided for want of gas");
        }
    }

    /// @dev A round of a grant whose first slot has a bad fragment.
    function _openWithBadFragment() private returns (RoundsWorld.Scene memory scene) {
        scene = world.scene();
        scene.rekey.pads[0] ^= bytes32(uint256(1));
        world.set(_proven(scene));
        world.postScene();
        world.openOver(world.publishRecords(1));
        return world.scene();
    }

    function _upheld(RoundsWorld.Scene memory scene) private {
        bytes memory input = _complain(scene, 1);
        vm.prank(member(scene, 1));
        (bool ok,) = address(grants).call(input);
        vm.assertTrue(ok, "complaint refused");
        vm.assertEq(uint256(grants.accessOf(scene.grantId).status), uint256(IGrants.Status.Voided));
    }

    function test_complain__upheld_in_mid_round__round_ends_only_short_of_t_cfrags() public {
        RoundsWorld.Scene memory scene = _openWithBadFragment();
        world.submitAs(2);
        uint256 short = vm.snapshotState();
        _upheld(scene);
        assertPhase(scene.roundId, IRounds.Phase.Ended);
        vm.revertToState(short);
        world.submitAs(3);
        _upheld(scene);
        assertPhase(scene.roundId, IRounds.Phase.Proposing);
    }

    /// The delegatee's surrender shuts no proxy's mouth: else an owner and its user could have members counted as missing that were given no
    /// good fragment.
    function test_complain__after_a_surrender__still_voids_and_ends_the_round() public {
        RoundsWorld.Scene memory scene = _openWithBadFragment();
        vm.prank(user);
        grants.surrender(scene.grantId);
        assertPhase(scene.roundId, IRounds.Phase.Submitting);
        _upheld(scene);
        assertPhase(scene.roundId, IRounds.Phase.Ended);
        bytes memory voided =
            abi.encodeWithSelector(IGrants.WrongStatus.selector, scene.grantId, IGrants.Status.Voided, IGrants.Status.Granted);
        refuse(member(scene, 1), address(grants), _complain(scene, 1), voided);
    }

    /// A grant that was surrendered and then voided was one of those that live, not two.
    function test_complain__after_a_surrender__forgets_no_other_live_grant() public {
        RoundsWorld.Scene memory scene = _openWithBadFragment();
        world.grantScene(2, 3, 0);
        GrantId third = world.askFor(2, 3, 0);
        vm.prank(owner);
        grants.deny(third, "no");
        vm.prank(user);
        grants.surrender(scene.grantId);
        world.set(scene);
        _upheld(scene);
        vm.assertTrue(grants.redrawFeeOf(user, stream, true) != 0, "the second lives");
    }

    /// A round that was opened in time runs past the expiry, and so does the owner's answer for its fragments.
    function test_complain__after_the_expiry__still_voids_and_ends_the_round() public {
        RoundsWorld.Scene memory scene = _openWithBadFragment();
        skip(31 days);
        vm.assertFalse(grants.isLive(scene.grantId));
        _upheld(scene);
        vm.assertTrue(grants.isEnded(scene.grantId));
        assertPhase(scene.roundId, IRounds.Phase.Ended);
    }
}
