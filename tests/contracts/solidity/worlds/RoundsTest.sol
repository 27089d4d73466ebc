// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Deployer} from "../Deployer.sol";
import {Vm} from "../Test.sol";
import {RoundsScene} from "./RoundsScene.sol";
import {RoundsWorld} from "./RoundsWorld.sol";
import {Settings} from "./Settings.sol";
import {IConversionRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IProxyRegistry} from "../../../../contracts/interfaces/IProxyRegistry.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {ITreasury} from "../../../../contracts/interfaces/ITreasury.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {G1Point, Proof} from "../../../../contracts/types/Points.sol";
import {GrantId, RoundId, StreamId} from "../../../../contracts/types/Ids.sol";

/// @notice Base of the tests on a scene: the contracts by name, refusals and logs.
abstract contract RoundsTest is Deployer, Settings {
    RoundsScene internal world;
    ITreasury internal treasury;
    IProxyRegistry internal proxies;
    IRecordRegistry internal records;
    IGrantRegistry internal grants;
    IConversionRounds internal rounds;
    address internal owner;
    address internal user;
    StreamId internal stream;

    address internal constant STRANGER = address(0x5712a);

    function start(uint256 poolSize) internal {
        world = new RoundsScene(poolSize);
        (treasury, proxies, records) = (world.treasury(), world.proxies(), world.records());
        (grants, rounds) = (world.grants(), world.rounds());
        (owner, user, stream) = (world.owner(), world.user(), world.stream());
    }

    /// @dev Ten conversions in an hour at least, at the stream's price at most.
    function requestOf(uint8 t, uint8 n) internal view returns (IGrantRegistry.AccessRequest memory) {
        return IGrantRegistry.AccessRequest(stream, 0, 3, t, n, PRICE, 10, 1 hours, "research");
    }

    /// @dev A request of the user's for 2 of 3, with one ether.
    function ask() internal returns (GrantId) {
        vm.deal(user, user.balance + 1 ether);
        vm.prank(user);
        return grants.requestAccess{value: 1 ether}(requestOf(2, 3));
    }

    function member(RoundsWorld.Scene memory scene, uint8 slot) internal pure returns (address) {
        return scene.committee[slot - 1].accountOf();
    }

    /// @dev The call reverts with exactly these bytes.
    function refuse(address caller, address target, bytes memory input, bytes memory expected) internal {
        vm.prank(caller);
        (bool ok, bytes memory out) = target.call(input);
        vm.assertFalse(ok, "the call went through");
        vm.assertEq(out, expected);
    }

    /// @dev The call goes through.
    function pass(address caller, address target, bytes memory input) internal {
        vm.prank(caller);
        (bool ok, bytes memory out) = target.call(input);
        vm.assertTrue(ok, string.concat("refused: ", vm.toString(out.length < 4 ? bytes32(0) : bytes32(out))));
    }

    // --- evidence ---

    function linkOf(uint8 slot, uint128 excluded, G1Point[] memory w, Proof memory proof) internal pure returns (bytes32) {
        return keccak256(abi.encode(slot, excluded, BLS12381.hashOf(w), proof.challenge, proof.response));
    }

    /// @dev The call that challenges `slot`'s submission, the first of the round; `later`: links that followed it.
    function challengeOf(RoundsWorld.Scene memory scene, uint8 slot, G1Point[] memory w, Proof memory proof, bytes32[] memory later)
        internal
        view
        returns (bytes memory)
    {
        return challengeOf(scene, IConversionRounds.Submission(slot, scene.excluded, w, proof, rounds.roundOf(scene.roundId).key, later));
    }

    function challengeOf(RoundsWorld.Scene memory scene, IConversionRounds.Submission memory submission) internal view returns (bytes memory) {
        return abi.encodeCall(
            rounds.challengeCfrags, (scene.roundId, scene.committee, scene.data, submission, scene.capsules, world.challengeKeys())
        );
    }

    function reportOf(uint8 position, IRecordRegistry.RecordInput memory record) internal pure returns (IConversionRounds.CapsuleReport memory) {
        return IConversionRounds.CapsuleReport(
            position, record.c1, record.c2, keccak256(record.c3), record.proof, record.cidHash, keccak256(bytes(record.tags))
        );
    }

    /// @dev The call that reports capsules as the member in `slot`, or as nobody with 0.
    function reportAs(RoundsWorld.Scene memory scene, uint8 slot, IConversionRounds.CapsuleReport[] memory reports) internal view returns (bytes memory) {
        return abi.encodeCall(
            rounds.reportCapsules, (scene.roundId, scene.committee, scene.data, scene.ids, reports, world.challengeKeys(), slot)
        );
    }

    function one(IConversionRounds.CapsuleReport memory report) internal pure returns (IConversionRounds.CapsuleReport[] memory reports) {
        reports = new IConversionRounds.CapsuleReport[](1);
        reports[0] = report;
    }

    function noLinks() internal pure returns (bytes32[] memory) {
        return new bytes32[](0);
    }

    /// @dev A round of 2 of 3 over two good records and a bad one, which comes last; its capsule is `c1` if given, else its proof is wrong.
    function openWithBad(G1Point memory c1) internal returns (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) {
        world.grantScene(2, 3, 1 ether);
        IConversionRounds.RecordRef[] memory good = world.publishRecords(2);
        IConversionRounds.RecordRef[] memory refs = new IConversionRounds.RecordRef[](3);
        (refs[0], refs[1]) = (good[0], good[1]);
        (refs[2], bad) = world.publishBad(c1);
        world.openOver(refs);
        scene = world.scene();
    }

    // --- logs ---

    /// @dev The logs recorded since vm.recordLogs hold this one, topic for topic and byte for byte.
    function assertLogged(address emitter, bytes32[4] memory topics, bytes memory data) internal {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != emitter || logs[i].topics[0] != topics[0]) continue;
            for (uint256 k = 1; k < logs[i].topics.length; ++k) {
                vm.assertEq(logs[i].topics[k], topics[k], "topic");
            }
            vm.assertEq(logs[i].data, data);
            return;
        }
        vm.assertTrue(false, "no such event");
    }

    function assertPhase(RoundId roundId, IConversionRounds.Phase expected) internal view {
        vm.assertEq(uint256(rounds.phaseOf(roundId)), uint256(expected), "phase");
    }

    function word(address account) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    function word(GrantId grantId) internal pure returns (bytes32) {
        return bytes32(uint256(GrantId.unwrap(grantId)));
    }

    function word(RoundId roundId) internal pure returns (bytes32) {
        return bytes32(RoundId.unwrap(roundId));
    }
}
