// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Deployer} from "../Deployer.sol";
import {Vm} from "../Test.sol";
import {RoundsWorld} from "./RoundsWorld.sol";
import {Settings} from "./Settings.sol";
import {IConversionRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IProxyRegistry} from "../../../../contracts/interfaces/IProxyRegistry.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {ITreasury} from "../../../../contracts/interfaces/ITreasury.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {G1Point, G2Point, Proof} from "../../../../contracts/types/Points.sol";
import {GrantId, Member, RecordId, RoundId, StreamId, toRecordId} from "../../../../contracts/types/Ids.sol";

/// @notice RoundsWorld as a contract of its own that keeps one scene, so that the heavy part is compiled once and the tests stay small.
contract RoundsScene is RoundsWorld {
    bytes private _scene;

    constructor(uint256 poolSize) {
        deployWorld(poolSize);
    }

    function scene() public view returns (Scene memory) {
        return abi.decode(_scene, (Scene));
    }

    function set(Scene memory changed) public {
        _scene = abi.encode(changed);
    }

    function receivingKey() external view returns (G2Point memory) {
        return g2Key(b);
    }

    // --- the verbs of RoundsWorld, on the kept scene ---

    function allowFrom(uint8 t, uint8 n) external {
        allow(t, n);
    }

    function askFor(uint8 t, uint8 n, uint256 deposit) external returns (GrantId) {
        return ask(t, n, deposit);
    }

    function offerOf(uint8 t, uint8 n, uint256 deposit) external returns (GrantId) {
        return offer(t, n, deposit);
    }

    /// @dev An offer whose draw takes all its 256 steps, and its block: the pool has 5,000 places, all empty but the last n that the draw
    /// comes to, where the first n proxies are. Written to storage: places are the registry's third variable, the two counters its first word.
    function offerOfLongestDraw(uint8 t, uint8 n, uint256 deposit) external returns (GrantId grantId) {
        uint256[] memory shuffled = new uint256[](5_000);
        for (uint256 i = 0; i < shuffled.length; ++i) {
            shuffled[i] = i;
        }
        bytes32[] memory members = new bytes32[](proxies.poolSize());
        for (uint256 i = 0; i < members.length; ++i) {
            bytes32 place = keccak256(abi.encode(i, 2));
            members[i] = vm.load(address(proxies), place);
            vm.store(address(proxies), place, 0);
        }
        vm.store(address(proxies), 0, bytes32((uint256(proxies.activeCount()) << 32) | shuffled.length));
        grantId = offer(t, n, deposit);
        passBlock();
        (bytes32 input,) = grants.drawInputOf(grantId);
        bytes32 seed = Transcript.drawSeed(input, proveDraw(input, a).gamma);
        for (uint256 k = 0; k < 256; ++k) {
            uint256 j = k + (Transcript.drawStep(seed, k) % (shuffled.length - k));
            (shuffled[k], shuffled[j]) = (shuffled[j], shuffled[k]);
            if (k >= 256 - uint256(n)) vm.store(address(proxies), keccak256(abi.encode(shuffled[k], 2)), members[255 - k]);
        }
    }

    function nextBlock() external {
        passBlock();
    }

    /// @dev Prepares the re-key of an epoch for the committee that the draw gives, or for the kept one if it is of the same grant.
    function prepareScene(GrantId grantId, uint32 epoch) external {
        set(prepare(grantId, epoch));
    }

    function rekeyFor(uint32 epoch) external view returns (Scene memory) {
        Scene memory kept = scene();
        return prepareFor(kept.grantId, epoch, kept.committee, b);
    }

    function postScene() external {
        post(scene());
    }

    function grantScene(uint8 t, uint8 n, uint256 deposit) external {
        set(granted(t, n, deposit));
    }

    /// @dev The same of an offer.
    function offerScene(uint8 t, uint8 n, uint256 deposit) external {
        GrantId grantId = offer(t, n, deposit);
        passBlock();
        Scene memory made = prepare(grantId, 0);
        post(made);
        set(made);
    }

    function openScene(uint8 t, uint8 n, uint256 m) external {
        set(opened(t, n, m));
    }

    function publishRecords(uint256 m) external returns (IConversionRounds.RecordRef[] memory) {
        return publish(m);
    }

    function openOver(IConversionRounds.RecordRef[] memory refs) external {
        Scene memory kept = scene();
        open(kept, refs);
        set(kept);
    }

    function exclude(uint8 position) external {
        Scene memory kept = scene();
        kept.excluded |= uint128(1) << position;
        set(kept);
    }

    function roundHash() external view returns (bytes32) {
        return dataHash(scene());
    }

    function roundClaims() external view returns (IConversionRounds.ClaimedRound[] memory) {
        return claimsOf(scene());
    }

    function challengeKeys() external view returns (IConversionRounds.ChallengeKeys memory) {
        return keysOf(scene());
    }

    function convertAs(uint8 slot) external view returns (G1Point[] memory cfrags, Proof memory proof) {
        return convert(scene(), slot);
    }

    /// @dev cfrags of a wrong fragment with a proof made for it: right in form, but not of the slot's commitment.
    function convertWrongly(uint8 slot) external view returns (G1Point[] memory cfrags, Proof memory proof) {
        Scene memory kept = scene();
        uint256 wrong = addmod(fragmentOf(kept, slot), 1, R);
        return makeCfrags(address(rounds), kept.roundId, memberOf(kept, slot), wrong, kept.labelKey, standing(kept));
    }

    function submitAs(uint8 slot) external {
        submit(scene(), slot);
    }

    function submitAs(uint8 slot, G1Point[] memory cfrags, Proof memory proof) external {
        submitThese(scene(), slot, cfrags, proof);
    }

    function submitByThreshold() external {
        submitAll(scene());
    }

    function results(uint8 firstSlot) external view returns (G1Point[] memory) {
        return resultsFrom(scene(), firstSlot);
    }

    function proposeAs(uint8 slot) external returns (bytes32) {
        return propose(scene(), slot);
    }

    function proposeAs(uint8 slot, uint32 contributors, G1Point[] memory w) external returns (bytes32) {
        return proposeThese(scene(), slot, contributors, w);
    }

    function voteAs(uint8 slot, bool approve) external {
        vote(scene(), slot, approve);
    }

    function signAs(uint8 slot, bytes32 digest) external view returns (IConversionRounds.Signature memory) {
        return sign(memberOf(scene(), slot), digest);
    }

    function finalizeRound() external {
        finalize(scene());
    }

    function closeRound() external {
        close(scene());
    }

    function claimAs(uint8 slot) external {
        claim(scene(), slot);
    }

    function checkOpens(uint256 position, G1Point memory w) external view {
        Scene memory kept = scene();
        assertOpens(kept, kept.capsules[position], w);
    }

    /// @dev Publishes a record whose capsule proof does not hold (response changed), or whose capsule is another point if given.
    function publishBad(G1Point memory c1) external returns (IConversionRounds.RecordRef memory ref, IRecordRegistry.RecordInput memory record) {
        (, uint32 next) = records.publisherOf(stream, owner);
        uint32 epoch = records.streamOf(stream).epoch;
        (bytes32 label,,) = records.labelOf(stream, epoch);
        RecordId id = toRecordId(stream, owner, next);
        record = recordOf(label, id);
        if (c1.xLow == 0) record.proof.response = addmod(record.proof.response, 1, R);
        else record.c1 = c1;
        vm.prank(owner);
        records.publish(stream, epoch, next, record);
        ref = IConversionRounds.RecordRef(id, record.c1, sealHashOf(record));
    }

    function recordAt(bytes32 label, RecordId id) external view returns (IRecordRegistry.RecordInput memory) {
        return recordOf(label, id);
    }

    function openingOf(uint8 slot) external view returns (G1Point memory nodeKey, G1Point memory sharedPoint, Proof memory proof) {
        Scene memory kept = scene();
        uint256 secret = nodeSecret[memberOf(kept, slot)];
        (sharedPoint, proof) = proveComplaint(address(grants), kept.grantId, kept.label, slot, secret, kept.rekey.ephemeral);
        nodeKey = g1Key(secret);
    }

    // --- arithmetic for attacks ---

    function g1(uint256 secret) external view returns (G1Point memory) {
        return g1Key(secret);
    }

    function g2(uint256 secret) external view returns (G2Point memory) {
        return g2Key(secret);
    }

    function ephemeralProof(bytes32 context, uint256 e, bytes32[] memory pads) external view returns (Proof memory) {
        return proveEphemeral(context, scene().labelKey, e, pads);
    }

    /// @dev The context of the kept scene for a changed re-key.
    function contextFor(IGrantRegistry.Rekey memory rekey) external view returns (Transcript.GrantContext memory bound, bytes32 context) {
        Scene memory kept = scene();
        bound = contextOf(kept, grants.accessOf(kept.grantId));
        bound.maskedKeyHash = Transcript.maskedKeyHash(rekey.maskedKey, rekey.mask);
        bound.commitmentsHash = BLS12381.hashOf(rekey.commitments);
        context = Transcript.grantContext(bound);
    }

    function ephemeralSecret(uint32 epoch) external view returns (uint256) {
        return scalarOf("ephemeral", uint256(keccak256(abi.encode(scene().grantId, epoch))));
    }

    function addOwner(address account, uint256 secret) external {
        registerOwner(account, secret);
    }

    function addUser(address account, uint256 secret) external {
        registerUser(account, secret);
    }
}

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
