// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Prover} from "../Prover.sol";
import {RoundsTest} from "../worlds/RoundsTest.sol";
import {RoundsWorld} from "../worlds/RoundsWorld.sol";
import {IGrantRegistry as IGrants} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IGrantVerifier} from "../../../../contracts/interfaces/IGrantVerifier.sol";
import {IKeyRegistry} from "../../../../contracts/interfaces/IKeyRegistry.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {G1Point} from "../../../../contracts/types/Points.sol";
import {GrantId, Member} from "../../../../contracts/types/Ids.sol";

/// @notice The draw of a grant's committee (SCHEME §13): when it can be had, and that only the owner's one gamma gives a seed.
contract GrantDrawTest is RoundsTest, Prover {
    /// The secret of the delegating key that the world's owner registers (System.deployWorld).
    uint256 private immutable OWNERS = scalarOf("delegating", 1);
    address private constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935; // EIP-2935

    function setUp() public {
        start(6);
    }

    function _grant(RoundsWorld.Scene memory scene, IGrants.DrawProof memory draw) private view returns (bytes memory) {
        IGrants.Rekey[] memory rekeys = new IGrants.Rekey[](1);
        rekeys[0] = scene.rekey;
        IGrants.FirstRound memory first;
        return abi.encodeCall(grants.grant, (scene.grantId, uint40(vm.getBlockTimestamp() + 1 days), 10, draw, world.receivingKey(), rekeys, first));
    }

    function _asked() private returns (RoundsWorld.Scene memory) {
        GrantId grantId = world.askFor(2, 3, 1 ether);
        world.nextBlock();
        world.prepareScene(grantId, 0);
        return world.scene();
    }

    // --- the draw's time ---

    function test_grant__too_early_or_lapsed__refused_by_name() public {
        RoundsWorld.Scene memory scene;
        scene.grantId = ask();
        uint256 asked = vm.getBlockNumber();
        bytes memory early = abi.encodeWithSelector(IGrants.DrawTooEarly.selector, scene.grantId, asked);
        refuse(owner, address(grants), _grant(scene, scene.draw), early);
        bytes memory input = abi.encodeCall(grants.drawInputOf, (scene.grantId));
        refuse(STRANGER, address(grants), input, early);
        vm.roll(asked + 8200);
        bytes memory lapsed = abi.encodeWithSelector(IGrants.DrawLapsed.selector, scene.grantId, asked, asked + 8200);
        refuse(owner, address(grants), _grant(scene, scene.draw), lapsed);
        refuse(STRANGER, address(grants), input, lapsed);
        bytes memory unknown = abi.encodeCall(grants.drawInputOf, (GrantId.wrap(9)));
        refuse(STRANGER, address(grants), unknown, abi.encodeWithSelector(IGrants.UnknownGrant.selector, 9));
    }

    /// Beyond the last 256 blocks the hash comes from EIP-2935's contract; the runner's own stub there reverts with a message, which is no hash.
    function test_drawInputOf__hash_from_the_history_contract__is_taken() public {
        GrantId grantId = ask();
        uint256 asked = vm.getBlockNumber();
        vm.roll(asked + 257);
        bytes memory call = abi.encodeCall(grants.drawInputOf, (grantId));
        refuse(STRANGER, address(grants), call, abi.encodeWithSelector(IGrants.DrawLapsed.selector, grantId, asked, asked + 257));
        bytes32 blockHash = keccak256("a block");
        vm.mockCall(HISTORY, abi.encode(asked), abi.encode(blockHash));
        (bytes32 input, bytes32 found) = grants.drawInputOf(grantId);
        vm.assertEq(found, blockHash);
        vm.assertEq(input, Transcript.drawInput(address(grants), grantId, blockHash));
        // a short answer and one too long are none
        vm.mockCall(HISTORY, abi.encode(asked), hex"01");
        refuse(STRANGER, address(grants), call, abi.encodeWithSelector(IGrants.DrawLapsed.selector, grantId, asked, asked + 257));
        vm.mockCall(HISTORY, abi.encode(asked), abi.encode(blockHash, blockHash));
        refuse(STRANGER, address(grants), call, abi.encodeWithSelector(IGrants.DrawLapsed.selector, grantId, asked, asked + 257));
    }

    function test_grant__days_after_the_request__granted_with_the_hash_from_history() public {
        GrantId grantId = world.askFor(2, 3, 1 ether);
        uint256 asked = vm.getBlockNumber();
        vm.roll(asked + 8000);
        bytes32 blockHash = keccak256("a block");
        vm.mockCall(HISTORY, abi.encode(asked), abi.encode(blockHash));
        world.prepareScene(grantId, 0);
        world.postScene();
        Member[] memory committee = world.scene().committee;
        bytes32 input = Transcript.drawInput(address(grants), grantId, blockHash);
        bytes32 seed = Transcript.drawSeed(input, proveDraw(input, OWNERS).gamma);
        vm.assertEq(keccak256(abi.encode(committee)), keccak256(abi.encode(proxies.draw(seed, 6, asked, 3))));
        vm.assertEq(grants.committeeHashOf(grantId), Transcript.committeeHash(committee));
    }

    // --- the owner's gamma, and no other ---

    function _refuse(RoundsWorld.Scene memory scene, IGrants.DrawProof memory draw, bytes memory expected) private {
        refuse(owner, address(grants), _grant(scene, draw), expected);
    }

    function test_grant__gamma_of_another_key_or_input__InvalidDrawProof() public {
        RoundsWorld.Scene memory scene = _asked();
        (bytes32 input,) = grants.drawInputOf(scene.grantId);
        bytes memory invalid = abi.encodeWithSelector(IGrants.InvalidDrawProof.selector, input);
        // of a key that nobody registered, though its proof is right for it
        _refuse(scene, proveDraw(input, OWNERS + 1), invalid);
        // of the hash of another block, of another grant
        bytes32 other = Transcript.drawInput(address(grants), scene.grantId, keccak256("another block"));
        _refuse(scene, proveDraw(other, OWNERS), invalid);
        other = Transcript.drawInput(address(grants), GrantId.wrap(GrantId.unwrap(scene.grantId) + 1), keccak256("another block"));
        _refuse(scene, proveDraw(other, OWNERS), invalid);
        // another gamma under the right one's proof: the owner cannot choose
        IGrants.DrawProof memory draw = proveDraw(input, OWNERS);
        draw.gamma = BLS12381.mul(draw.gamma, 2);
        _refuse(scene, draw, invalid);
        G1Point memory none;
        draw.gamma = none;
        _refuse(scene, draw, invalid);
        draw = proveDraw(input, OWNERS);
        draw.proof.challenge ^= 1;
        _refuse(scene, draw, invalid);
        draw = proveDraw(input, OWNERS);
        draw.proof.response = addmod(draw.proof.response, 1, R);
        _refuse(scene, draw, invalid);
    }

    function test_grant__gamma_or_response_that_is_none__refused_by_name() public {
        RoundsWorld.Scene memory scene = _asked();
        (bytes32 input,) = grants.drawInputOf(scene.grantId);
        IGrants.DrawProof memory draw = proveDraw(input, OWNERS);
        draw.proof.response += R; // the same number to a precompile
        _refuse(scene, draw, abi.encodeWithSelector(BLS12381.ScalarTooLarge.selector, draw.proof.response));
        draw = proveDraw(input, OWNERS);
        // (0, 2) is on the curve and has order 3: added to gamma, it would give other committees under nearly the same proof
        draw.gamma = BLS12381.add(draw.gamma, G1Point(0, 0, 0, bytes32(uint256(2))));
        _refuse(scene, draw, abi.encodeWithSelector(BLS12381.InvalidPoint.selector, address(0x0c)));
    }

    /// The proof names the key with which it is checked, so that key must be the delegator's, of the version that epochFrom names.
    function test_grant__proof_and_rekey_of_a_key_that_is_not_the_delegators__KeyMismatch() public {
        RoundsWorld.Scene memory scene = _asked();
        (bytes32 input,) = grants.drawInputOf(scene.grantId);
        scene.rekey.delegatingKey = g1Key(OWNERS + 1);
        (bool ok, bytes memory out) = _grantAs(owner, _grant(scene, proveDraw(input, OWNERS + 1)));
        vm.assertFalse(ok);
        vm.assertEq(out, abi.encodeWithSelector(IKeyRegistry.KeyMismatch.selector, owner, 1, 1));
    }

    function _grantAs(address caller, bytes memory input) private returns (bool, bytes memory) {
        vm.prank(caller);
        return address(grants).call(input);
    }

    /// A second key of the owner's gives no second committee: the draw is by the key of the epoch that was asked for.
    function test_grant__owner_has_a_new_key__the_draw_is_by_the_epochs() public {
        RoundsWorld.Scene memory scene = _asked();
        (bytes32 input,) = grants.drawInputOf(scene.grantId);
        world.addOwner(owner, OWNERS + 1);
        _refuse(scene, proveDraw(input, OWNERS + 1), abi.encodeWithSelector(IGrants.InvalidDrawProof.selector, input));
        scene.rekey.delegatingKey = g1Key(OWNERS + 1);
        bytes memory call = _grant(scene, proveDraw(input, OWNERS + 1));
        refuse(owner, address(grants), call, abi.encodeWithSelector(IKeyRegistry.KeyMismatch.selector, owner, 1, 1));
        world.postScene();
        vm.assertTrue(grants.isLive(scene.grantId));
    }

    // --- the verifier, which anybody may ask ---

    function testFuzz_requireSeed__made_with_the_key__gives_the_seed(bytes32 input, uint256 secret) public view {
        secret = bound(secret, 1, R - 1);
        IGrantVerifier verifier = verifierOf(grants);
        IGrants.DrawProof memory draw = proveDraw(input, secret);
        vm.assertEq(verifier.requireSeed(input, g1Key(secret), draw), Transcript.drawSeed(input, draw.gamma));
    }
}
