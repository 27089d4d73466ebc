// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsWorld} from "./RoundsWorld.sol";
import {IConversionRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {G1Point, G2Point, Proof} from "../../../../contracts/types/Points.sol";
import {GrantId, RecordId, toRecordId} from "../../../../contracts/types/Ids.sol";

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
