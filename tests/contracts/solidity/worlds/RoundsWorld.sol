// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {System} from "./System.sol";
import {IConversionRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Generators} from "../../../../contracts/libraries/Generators.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {G1Point, G2Point, Proof} from "../../../../contracts/types/Points.sol";
import {GrantId, Member, RecordId, RoundId, toRecordId, toRoundId} from "../../../../contracts/types/Ids.sol";

/// @notice The ways of the real scheme through a System, as verbs: request, grant, publish, open, convert, vote, claim.
abstract contract RoundsWorld is System {
    bytes32 internal constant HIGH_BIT = bytes32(uint256(1) << 255);

    mapping(RoundId => bytes32 resultHash) public proposed; // the latest: what the contract keeps of it is a hash with the round's key

    /// A grant as its owner knows it, and the round that is being driven.
    struct Scene {
        GrantId grantId;
        uint8 t;
        uint8 n;
        IGrantRegistry.DrawProof draw;
        Member[] committee;
        uint256[] coefficients;
        IGrantRegistry.Rekey rekey;
        bytes32 context;
        bytes32 label;
        G1Point labelKey;
        RoundId roundId;
        IConversionRounds.RoundData data;
        RecordId[] ids;
        G1Point[] capsules;
        uint128 excluded;
    }

    // --- request and grant ---

    function requestOf(uint8 t, uint8 n) internal view returns (IGrantRegistry.AccessRequest memory) {
        return IGrantRegistry.AccessRequest(stream, 0, 1000, t, n, PRICE, 10, 1 hours, "research");
    }

    function ask(uint8 t, uint8 n, uint256 deposit) internal returns (GrantId grantId) {
        uint256 paid = grants.redrawFeeOf(user, stream, false) + deposit;
        vm.deal(user, user.balance + paid);
        vm.prank(user);
        grantId = grants.requestAccess{value: paid}(requestOf(t, n));
    }

    function offer(uint8 t, uint8 n, uint256 deposit) internal returns (GrantId grantId) {
        uint256 paid = grants.redrawFeeOf(user, stream, true) + deposit;
        vm.deal(owner, owner.balance + paid);
        vm.prank(owner);
        grantId = grants.offerAccess{value: paid}(requestOf(t, n), user);
    }

    /// @dev Lets the request's block pass, with a hash of our own.
    function passBlock() internal {
        uint256 asked = vm.getBlockNumber();
        vm.roll(asked + 1);
        vm.setBlockhash(asked, keccak256(abi.encode("block", asked)));
    }

    /// @dev What the owner prepares for a request whose block has passed.
    function prepare(GrantId grantId, uint32 epoch) internal view returns (Scene memory scene) {
        IGrantRegistry.Access memory access = grants.accessOf(grantId);
        (bytes32 input,) = grants.drawInputOf(grantId);
        IGrantRegistry.DrawProof memory draw = proveDraw(input, a);
        bytes32 seed = Transcript.drawSeed(input, draw.gamma);
        scene = prepareFor(grantId, epoch, proxies.draw(seed, access.poolSize, access.requestBlock, access.committeeSize), b);
        scene.draw = draw;
    }

    function prepareFor(GrantId grantId, uint32 epoch, Member[] memory committee, uint256 receiving) internal view returns (Scene memory scene) {
        IGrantRegistry.Access memory access = grants.accessOf(grantId);
        scene.grantId = grantId;
        (scene.t, scene.n) = (access.threshold, access.committeeSize);
        scene.committee = committee;
        scene.coefficients = new uint256[](scene.t);
        for (uint256 j = 0; j < scene.t; ++j) {
            scene.coefficients[j] = scalarOf("coefficient", uint256(keccak256(abi.encode(grantId, epoch, j))));
        }
        (scene.label,,) = records.labelOf(access.streamId, epoch);
        scene.labelKey = g1Key(labelSecret(a, scene.label));
        (scene.rekey, scene.context) = makeRekey(rekeyInput(scene, access, epoch, receiving));
    }

    function rekeyInput(Scene memory scene, IGrantRegistry.Access memory access, uint32 epoch, uint256 receiving)
        internal
        view
        returns (RekeyInput memory input)
    {
        input.bound = contextOf(scene, access);
        input.epoch = epoch;
        input.a = a;
        input.receivingKey = g2Key(receiving);
        input.nodeKeys = new G1Point[](scene.n);
        for (uint256 i = 0; i < scene.n; ++i) {
            input.nodeKeys[i] = g1Key(nodeSecret[scene.committee[i].accountOf()]);
        }
        input.coefficients = scene.coefficients;
        input.e = scalarOf("ephemeral", uint256(keccak256(abi.encode(scene.grantId, epoch))));
    }

    function contextOf(Scene memory scene, IGrantRegistry.Access memory access) internal view returns (Transcript.GrantContext memory bound) {
        bound.grantRegistry = address(grants);
        bound.grantId = scene.grantId;
        bound.delegator = access.delegator;
        bound.delegatorKeyVersion = 1;
        bound.delegatee = access.delegatee;
        bound.delegateeKeyVersion = access.delegateeKeyVersion;
        (bound.threshold, bound.committeeSize) = (scene.t, scene.n);
        bound.committeeHash = Transcript.committeeHash(scene.committee);
        bound.label = scene.label;
    }

    function only(IGrantRegistry.Rekey memory rekey) internal pure returns (IGrantRegistry.Rekey[] memory rekeys) {
        rekeys = new IGrantRegistry.Rekey[](1);
        rekeys[0] = rekey;
    }

    function noRound() internal pure returns (IGrantRegistry.FirstRound memory first) {}

    function expiryIn(uint256 seconds_) internal view returns (uint40) {
        return uint40(vm.getBlockTimestamp() + seconds_);
    }

    function post(Scene memory scene) internal {
        G2Point memory receivingKey = g2Key(b);
        vm.prank(owner);
        grants.grant(scene.grantId, expiryIn(30 days), 1000, scene.draw, receivingKey, only(scene.rekey), noRound());
    }

    /// @dev Request, block, grant: the whole way to a live grant.
    function granted(uint8 t, uint8 n, uint256 deposit) internal returns (Scene memory scene) {
        GrantId grantId = ask(t, n, deposit);
        passBlock();
        scene = prepare(grantId, 0);
        post(scene);
    }

    // --- records and rounds ---

    /// @dev Publishes `m` records of the current epoch; the refs are what openRound takes.
    function publish(uint256 m) internal returns (IConversionRounds.RecordRef[] memory refs) {
        (, uint32 next) = records.publisherOf(stream, owner);
        uint32 epoch = records.streamOf(stream).epoch;
        (bytes32 label,,) = records.labelOf(stream, epoch);
        refs = new IConversionRounds.RecordRef[](m);
        for (uint32 j = 0; j < m; ++j) {
            RecordId id = toRecordId(stream, owner, next + j);
            IRecordRegistry.RecordInput memory record = recordOf(label, id);
            vm.prank(owner);
            records.publish(stream, epoch, next + j, record);
            refs[j] = IConversionRounds.RecordRef(id, record.c1, sealHashOf(record));
        }
    }

    function recordOf(bytes32 label, RecordId id) internal view returns (IRecordRegistry.RecordInput memory) {
        return makeRecord(label, id, a, scalarOf("k", RecordId.unwrap(id)), bytes("sixteen bytes and more"), "");
    }

    function open(Scene memory scene, IConversionRounds.RecordRef[] memory refs) internal returns (RoundId) {
        setRound(scene, grants.accessOf(scene.grantId).rounds, refs);
        vm.prank(grants.accessOf(scene.grantId).offered ? owner : user);
        return rounds.openRound(scene.grantId, scene.rekey.epoch, scene.data.maskHash, scene.data.rekeyRest, refs);
    }

    /// @dev A round over `m` new records of a new grant, with one ether of deposit.
    function opened(uint8 t, uint8 n, uint256 m) internal returns (Scene memory scene) {
        scene = granted(t, n, 1 ether);
        open(scene, publish(m));
    }

    function setRound(Scene memory scene, uint32 index, IConversionRounds.RecordRef[] memory refs) internal pure {
        scene.roundId = toRoundId(scene.grantId, index);
        scene.ids = new RecordId[](refs.length);
        scene.capsules = new G1Point[](refs.length);
        for (uint256 j = 0; j < refs.length; ++j) {
            (scene.ids[j], scene.capsules[j]) = (refs[j].recordId, refs[j].c1);
        }
        scene.excluded = 0;
        scene.data.label = scene.label;
        scene.data.maskHash = BLS12381.hashOf(scene.rekey.mask);
        scene.data.rekeyRest =
            Transcript.rekeyRest(BLS12381.hashOf(scene.labelKey), BLS12381.hashOf(scene.rekey.commitments), tailOf(scene));
        scene.data.capsulesHash = BLS12381.hashOf(scene.capsules);
        scene.data.recordIdsHash = Transcript.recordIdsHash(scene.ids);
    }

    function tailOf(Scene memory scene) internal pure returns (bytes32) {
        return Transcript.rekeyTail(
            BLS12381.hashOf(scene.rekey.maskedKey), BLS12381.hashOf(scene.rekey.ephemeral), Transcript.padsHash(scene.rekey.pads), 1, 1
        );
    }

    function dataHash(Scene memory scene) internal pure returns (bytes32) {
        IConversionRounds.RoundData memory data = scene.data;
        return Transcript.roundDataHash(data.label, data.maskHash, data.rekeyRest, data.capsulesHash, data.recordIdsHash);
    }

    function keysOf(Scene memory scene) internal pure returns (IConversionRounds.ChallengeKeys memory) {
        return IConversionRounds.ChallengeKeys(scene.labelKey, scene.rekey.commitments, tailOf(scene));
    }

    function memberOf(Scene memory scene, uint8 slot) internal pure returns (address) {
        return scene.committee[slot - 1].accountOf();
    }

    function fragmentOf(Scene memory scene, uint8 slot) internal pure returns (uint256) {
        return evaluate(scene.coefficients, slot);
    }

    /// @dev The capsules still in the round.
    function standing(Scene memory scene) internal pure returns (G1Point[] memory left) {
        uint256 count;
        for (uint256 j = 0; j < scene.capsules.length; ++j) {
            if ((scene.excluded >> j) & 1 == 0) ++count;
        }
        left = new G1Point[](count);
        count = 0;
        for (uint256 j = 0; j < scene.capsules.length; ++j) {
            if ((scene.excluded >> j) & 1 == 0) left[count++] = scene.capsules[j];
        }
    }

    // --- what proxies do ---

    function convert(Scene memory scene, uint8 slot) internal view returns (G1Point[] memory cfrags, Proof memory proof) {
        return makeCfrags(address(rounds), scene.roundId, memberOf(scene, slot), fragmentOf(scene, slot), scene.labelKey, standing(scene));
    }

    function submit(Scene memory scene, uint8 slot) internal {
        (G1Point[] memory cfrags, Proof memory proof) = convert(scene, slot);
        submitThese(scene, slot, cfrags, proof);
    }

    function submitThese(Scene memory scene, uint8 slot, G1Point[] memory cfrags, Proof memory proof) internal {
        vm.prank(memberOf(scene, slot));
        rounds.submitCfrags(scene.roundId, scene.committee, dataHash(scene), slot, cfrags, proof);
    }

    /// @dev Slots 1..t submit.
    function submitAll(Scene memory scene) internal {
        for (uint8 slot = 1; slot <= scene.t; ++slot) {
            submit(scene, slot);
        }
    }

    /// @dev W_j = c1_j^s from the cfrags of slots first..first+t-1.
    function resultsFrom(Scene memory scene, uint8 first) internal view returns (G1Point[] memory) {
        uint8[] memory slots = new uint8[](scene.t);
        G1Point[][] memory cfrags = new G1Point[][](scene.t);
        for (uint8 i = 0; i < scene.t; ++i) {
            slots[i] = first + i;
            (cfrags[i],) = convert(scene, first + i);
        }
        return combine(cfrags, slots);
    }

    function contributorsOf(Scene memory scene) internal pure returns (uint32) {
        return uint32((uint64(1) << scene.t) - 1);
    }

    function propose(Scene memory scene, uint8 slot) internal returns (bytes32) {
        return proposeThese(scene, slot, contributorsOf(scene), resultsFrom(scene, 1));
    }

    function proposeThese(Scene memory scene, uint8 slot, uint32 contributors, G1Point[] memory results) internal returns (bytes32) {
        vm.prank(memberOf(scene, slot));
        rounds.propose(scene.roundId, scene.committee, scene.data, slot, contributors, scene.rekey.mask, scene.capsules, results);
        return proposed[scene.roundId] = Transcript.resultHash(scene.roundId, contributors, scene.excluded, BLS12381.hashOf(results));
    }

    function vote(Scene memory scene, uint8 slot, bool approve) internal {
        bytes32 resultHash = proposed[scene.roundId];
        vm.prank(memberOf(scene, slot));
        rounds.vote(scene.roundId, scene.committee, dataHash(scene), slot, resultHash, approve);
    }

    /// @dev A vote off the chain.
    function sign(address proxy, bytes32 digest) internal view returns (IConversionRounds.Signature memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(accountKey[proxy], digest);
        return IConversionRounds.Signature(r, v == 28 ? s | HIGH_BIT : s);
    }

    function close(Scene memory scene) internal {
        rounds.close(scene.roundId, scene.committee, dataHash(scene));
    }

    function claim(Scene memory scene, uint8 slot) internal {
        rounds.claimFees(scene.committee, slot, claimsOf(scene));
    }

    /// @dev The scene's round alone.
    function claimsOf(Scene memory scene) internal pure returns (IConversionRounds.ClaimedRound[] memory claims) {
        claims = new IConversionRounds.ClaimedRound[](1);
        claims[0] = IConversionRounds.ClaimedRound(scene.roundId, dataHash(scene));
    }

    function assertPhase(Scene memory scene, IConversionRounds.Phase expected) internal view {
        vm.assertEq(uint256(rounds.phaseOf(scene.roundId)), uint256(expected), "phase");
    }

    /// @dev Propose by slot 1 and vote by as many as make the majority.
    function finalize(Scene memory scene) internal {
        propose(scene, 1);
        for (uint8 slot = 2; 2 * (slot - 1) <= scene.n; ++slot) {
            vote(scene, slot, true);
        }
    }

    /// @dev K = Z^k as the delegatee computes it opens the record: e(c1, U) * e(W^-1, g2) == e(A_L^k, B^(1/a_L)), checked as c1 = A_L^k.
    function assertOpens(Scene memory scene, G1Point memory c1, G1Point memory w) internal view {
        G1Point[] memory p = new G1Point[](3);
        G2Point[] memory q = new G2Point[](3);
        (p[0], q[0]) = (c1, scene.rekey.maskedKey);
        (p[1], q[1]) = (BLS12381.mul(w, BLS12381.negate(1)), Generators.G2());
        uint256 exponent = mulmod(b, invert(labelSecret(a, scene.label)), R);
        (p[2], q[2]) = (BLS12381.mul(c1, BLS12381.negate(exponent)), Generators.G2());
        vm.assertTrue(BLS12381.pairingIsOne(p, q), "W does not open the capsule");
    }
}
