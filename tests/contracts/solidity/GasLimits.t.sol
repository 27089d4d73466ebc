// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Prover} from "./Prover.sol";
import {GasMeter} from "./worlds/GasMeter.sol";
import {RoundsTest} from "./worlds/RoundsTest.sol";
import {RoundsWorld} from "./worlds/RoundsWorld.sol";
import {IConversionRounds as IRounds} from "../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry as IGrants} from "../../../contracts/interfaces/IGrantRegistry.sol";
import {IKeyRegistry} from "../../../contracts/interfaces/IKeyRegistry.sol";
import {IRecordRegistry as IRecords} from "../../../contracts/interfaces/IRecordRegistry.sol";
import {BLS12381} from "../../../contracts/libraries/BLS12381.sol";
import {Transcript} from "../../../contracts/libraries/Transcript.sol";
import {G1Point, G2Point, Proof} from "../../../contracts/types/Points.sol";
import {GrantId, toRecordId} from "../../../contracts/types/Ids.sol";

/// @notice Every function that changes state and that anybody may call, at the largest sizes that the contracts allow, within what a chain
/// allows a transaction since Osaka (EIP-7825). snapshots/limits.json has the figures, by `Contract.function`; tests/contracts/test_gas_limits.py
/// fails where one is missing. What sibling contracts alone may call (Treasury.hold, GrantRegistry.takeQuota, ProxyRegistry.penalize ...) is
/// inside the figures of its callers. Dearest is: a committee of 32 with a threshold of 32, 100 records, texts and sealed bytes at their
/// limits and without a zero byte, storage that was empty, points that are no points, penalties that end a proxy's stay.
contract GasLimitsTest is RoundsTest, Prover, GasMeter {
    uint8 private constant COMMITTEE = 32;
    uint256 private constant RECORDS = 100;

    bytes private _firstRound; // the records that a measured grant opens its first round with

    function setUp() public {
        start(34);
    }

    // --- KeyRegistry, ProxyRegistry ---

    function test_gas__keys__within_limit() public {
        IKeyRegistry keys = world.keys();
        (G1Point memory a, Proof memory proofOfA) = proveG1Key(address(keys), STRANGER, 1, 1, scalarOf("a", 1));
        _within("KeyRegistry.registerDelegatingKey", STRANGER, address(keys), abi.encodeCall(keys.registerDelegatingKey, (a, proofOfA)));
        (G2Point memory b, Proof memory proofOfB) = proveG2Key(address(keys), STRANGER, 1, scalarOf("b", 1));
        _within("KeyRegistry.registerReceivingKey", STRANGER, address(keys), abi.encodeCall(keys.registerReceivingKey, (b, proofOfB)));
    }

    function test_gas__stay_of_a_proxy__within_limit() public {
        address to = address(proxies);
        address first = proxies.proxyAt(0).account;
        (G1Point memory key, Proof memory proof) = proveG1Key(to, first, 3, 2, scalarOf("second", 1));
        _within("ProxyRegistry.rotateKey", first, to, abi.encodeCall(proxies.rotateKey, (key, proof)));
        _within("ProxyRegistry.setEndpoint", first, to, abi.encodeCall(proxies.setEndpoint, (_text(256))));
        _penalize(first, BOND / 2);
        _within("ProxyRegistry.topUpBond", first, to, BOND / 4, abi.encodeCall(proxies.topUpBond, ()));
        _within("ProxyRegistry.leavePool", first, to, abi.encodeCall(proxies.leavePool, ()));
        vm.roll(vm.getBlockNumber() + 10_000);
        skip(30 days);
        _within("ProxyRegistry.withdrawBond", first, to, abi.encodeCall(proxies.withdrawBond, ()));
        // onto the place that is free now
        (key, proof) = proveG1Key(to, STRANGER, 3, 1, scalarOf("stranger", 1));
        _within("ProxyRegistry.join", STRANGER, to, BOND, abi.encodeCall(proxies.join, (key, proof, _text(256))));
        _within("Treasury.withdraw", first, address(treasury), abi.encodeCall(treasury.withdraw, (payable(address(0x4e77)))));
    }

    /// @dev As ConversionRounds does it.
    function _penalize(address proxy, uint128 amount) private {
        vm.prank(address(rounds));
        proxies.penalize(proxy, STRANGER, amount, "test");
    }

    // --- RecordRegistry ---

    function test_gas__streams__within_limit() public {
        address to = address(records);
        IRecords.Terms memory terms = IRecords.Terms(COMMITTEE, COMMITTEE, type(uint96).max);
        bytes memory input = abi.encodeCall(records.createStream, (keccak256("name"), _text(1024), terms));
        _within("RecordRegistry.createStream", owner, to, input);
        _within("RecordRegistry.setTerms", owner, to, abi.encodeCall(records.setTerms, (stream, terms)));
        _within("RecordRegistry.setPublisher", owner, to, abi.encodeCall(records.setPublisher, (stream, STRANGER, true)));
        _within("RecordRegistry.advanceEpoch", owner, to, abi.encodeCall(records.advanceEpoch, (stream)));
    }

    function _largest(uint256 count) private view returns (IRecords.RecordInput[] memory largest) {
        largest = new IRecords.RecordInput[](count);
        (bytes32 label,,) = records.labelOf(stream, 0);
        IRecords.RecordInput memory record = world.recordAt(label, toRecordId(stream, owner, 0));
        (record.c3, record.tags) = (bytes(_text(4096)), _text(256));
        for (uint256 i = 0; i < count; ++i) {
            largest[i] = record;
        }
    }

    function _batch(uint256 count) private view returns (bytes memory) {
        return abi.encodeCall(records.publishBatch, (stream, 0, 0, _largest(count)));
    }

    function test_gas__largest_records__one_and_a_batch_within_limit() public {
        address to = address(records);
        _most("RecordRegistry.publishBatch, 27 records", owner, to, _batch, 27, 90);
        bytes memory input = abi.encodeCall(records.publish, (stream, 0, 27, _largest(1)[0]));
        _within("RecordRegistry.publish", owner, to, input);
    }

    // --- GrantRegistry: requests and money ---

    function _request() private view returns (IGrants.AccessRequest memory) {
        uint32 longest = uint32(MAX_GRANT_SECONDS);
        return IGrants.AccessRequest(stream, 0, type(uint32).max, COMMITTEE, COMMITTEE, type(uint96).max, type(uint32).max, longest, _text(512));
    }

    /// @dev A request taken back, so that the next one is a redraw: whoever serves it has the count of redraws to reset.
    function _withdrawOne() private {
        GrantId grantId = world.askFor(COMMITTEE, COMMITTEE, 0);
        vm.prank(user);
        grants.withdrawRequest(grantId);
    }

    /// With the fee for a redraw, the first that is burned, while a grant lives.
    function test_gas__requests__within_limit() public {
        address to = address(grants);
        world.grantScene(COMMITTEE, COMMITTEE, 0);
        uint256 live = vm.snapshotState();
        _within("GrantRegistry.offerAccess", owner, to, 1 ether, abi.encodeCall(grants.offerAccess, (_request(), user)));
        vm.revertToState(live);
        bytes memory input = abi.encodeCall(grants.requestAccess, (_request()));
        bytes memory output = _within("GrantRegistry.requestAccess", user, to, 1 ether, input);
        GrantId grantId = abi.decode(output, (GrantId));
        uint256 asked = vm.snapshotState();
        _within("GrantRegistry.withdrawRequest", user, to, abi.encodeCall(grants.withdrawRequest, (grantId)));
        vm.revertToState(asked);
        _within("GrantRegistry.deny", owner, to, abi.encodeCall(grants.deny, (grantId, _text(512))));
    }

    /// Of a grant that lives beside a later request.
    function test_gas__money_and_end_of_a_grant__within_limit() public {
        address to = address(grants);
        world.grantScene(COMMITTEE, COMMITTEE, 1 ether);
        GrantId grantId = world.scene().grantId;
        world.askFor(COMMITTEE, COMMITTEE, 0);
        _within("GrantRegistry.addDeposit", user, to, 1 ether, abi.encodeCall(grants.addDeposit, (grantId)));
        uint256 live = vm.snapshotState();
        _within("GrantRegistry.surrender", user, to, abi.encodeCall(grants.surrender, (grantId)));
        vm.revertToState(live);
        _within("GrantRegistry.revoke", owner, to, abi.encodeCall(grants.revoke, (grantId)));
        _within("GrantRegistry.reclaimDeposit", STRANGER, to, abi.encodeCall(grants.reclaimDeposit, (grantId)));
    }

    // --- GrantRegistry: grants ---

    function _advance(uint256 epochs) private {
        for (uint256 i = 0; i < epochs; ++i) {
            vm.prank(owner);
            records.advanceEpoch(stream);
        }
    }

    /// @dev Re-keys of the kept scene's grant for the epochs from `first` on.
    function _rekeys(uint32 first, uint256 count) private view returns (IGrants.Rekey[] memory rekeys) {
        rekeys = new IGrants.Rekey[](count);
        for (uint32 i = 0; i < count; ++i) {
            rekeys[i] = world.rekeyFor(first + i).rekey;
        }
    }

    function _grant(uint256 count) private view returns (bytes memory) {
        IGrants.FirstRound memory first = IGrants.FirstRound(0, abi.decode(_firstRound, (IRounds.RecordRef[])));
        uint40 expiry = uint40(vm.getBlockTimestamp() + 30 days);
        return abi.encodeCall(grants.grant, (world.scene().grantId, expiry, 1000, world.scene().draw, world.receivingKey(), _rekeys(0, count), first));
    }

    function test_gas__grant_with_longest_draw_and_first_round__within_limit() public {
        _firstRound = abi.encode(world.publishRecords(RECORDS));
        _advance(20);
        world.prepareScene(world.offerOfLongestDraw(COMMITTEE, COMMITTEE, 10 ether), 0);
        uint256 asked = vm.snapshotState();
        _within("GrantRegistry.grant, 1 re-key", owner, address(grants), _grant(1));
        vm.revertToState(asked);
        _most("GrantRegistry.grant, 18 re-keys", owner, address(grants), _grant, 18, 20);
    }

    function _addRekeys(uint256 count) private view returns (bytes memory) {
        RoundsWorld.Scene memory scene = world.scene();
        return abi.encodeCall(grants.addRekeys, (scene.grantId, scene.committee, world.receivingKey(), _rekeys(1, count)));
    }

    function test_gas__more_rekeys__within_limit() public {
        world.grantScene(COMMITTEE, COMMITTEE, 1 ether);
        _advance(24);
        _most("GrantRegistry.addRekeys, 21 re-keys", owner, address(grants), _addRekeys, 21, 23);
    }

    /// Against a good fragment, which costs the proxy its place.
    function test_gas__complaint__within_limit() public {
        world.grantScene(COMMITTEE, COMMITTEE, 1 ether);
        RoundsWorld.Scene memory scene = world.scene();
        (G1Point memory nodeKey, G1Point memory sharedPoint, Proof memory proof) = world.openingOf(COMMITTEE);
        address proxy = member(scene, COMMITTEE);
        _penalize(proxy, BOND / 2);
        bytes memory input =
            abi.encodeCall(grants.complain, (scene.grantId, scene.committee, scene.rekey, COMMITTEE, nodeKey, sharedPoint, proof));
        _within("GrantRegistry.complain", proxy, address(grants), input);
    }

    // --- ConversionRounds ---

    /// @dev The kept scene as the committee's 32 opened it over `refs`, with the gas of opening.
    function _open(IRounds.RecordRef[] memory refs) private returns (RoundsWorld.Scene memory scene) {
        uint256 before = vm.snapshotState();
        world.openOver(refs);
        scene = world.scene();
        vm.revertToState(before);
        world.set(scene);
        bytes memory input = abi.encodeCall(rounds.openRound, (scene.grantId, 0, scene.data.maskHash, scene.data.rekeyRest, refs));
        _within("ConversionRounds.openRound", user, address(rounds), input);
    }

    /// @dev All 32 submit; the last cfrag of slots 1 and 2 is off the curve, which is what costs a challenge most. Links as SPEC §9 has them.
    function _submitAll(RoundsWorld.Scene memory scene) private returns (IRounds.Submission[] memory made) {
        made = new IRounds.Submission[](COMMITTEE);
        bytes32[] memory links = new bytes32[](COMMITTEE);
        bytes32 chain = rounds.roundOf(scene.roundId).key;
        for (uint8 slot = 1; slot <= COMMITTEE; ++slot) {
            (G1Point[] memory w, Proof memory proof) = world.convertAs(slot);
            if (slot <= 2) w[RECORDS - 1].yLow ^= bytes32(uint256(1));
            bytes memory input = abi.encodeCall(rounds.submitCfrags, (scene.roundId, scene.committee, world.roundHash(), slot, w, proof));
            _within("ConversionRounds.submitCfrags", member(scene, slot), address(rounds), input);
            made[slot - 1] = IRounds.Submission(slot, 0, w, proof, chain, new bytes32[](COMMITTEE - slot));
            links[slot - 1] = Transcript.submissionLink(slot, 0, BLS12381.hashOf(w), proof);
            chain = Transcript.appendLink(chain, links[slot - 1]);
        }
        for (uint256 i = 0; i < 2; ++i) {
            for (uint256 k = i + 1; k < COMMITTEE; ++k) {
                made[i].later[k - i - 1] = links[k];
            }
        }
    }

    function _challenge(RoundsWorld.Scene memory scene, IRounds.Submission memory submission) private {
        bytes memory input = abi.encodeCall(
            rounds.challengeCfrags, (scene.roundId, scene.committee, scene.data, submission, scene.capsules, world.challengeKeys())
        );
        _penalize(member(scene, submission.slot), BOND / 2);
        _within("ConversionRounds.challengeCfrags", STRANGER, address(rounds), input);
    }

    /// Proposed, rejected by one, finalized by proof though a submitter was challenged; challenged once more when it is over, and paid.
    function test_gas__largest_round__within_limit() public {
        address to = address(rounds);
        _withdrawOne();
        world.grantScene(COMMITTEE, COMMITTEE, 10 ether);
        RoundsWorld.Scene memory scene = _open(world.publishRecords(RECORDS));
        IRounds.Submission[] memory made = _submitAll(scene);
        bytes32 resultHash = _propose(scene);
        bytes32 dataHash = world.roundHash();
        bytes memory input = abi.encodeCall(rounds.vote, (scene.roundId, scene.committee, dataHash, COMMITTEE, resultHash, false));
        _within("ConversionRounds.vote", member(scene, COMMITTEE), to, input);
        _challenge(scene, made[1]);
        skip(VOTE_SECONDS + 1);
        input = abi.encodeCall(rounds.finalizeByProof, (scene.roundId, scene.committee, dataHash, resultHash));
        _within("ConversionRounds.finalizeByProof", STRANGER, to, input);
        _challenge(scene, made[0]);
    }

    /// The price of a round that nobody proposed: by itself, and with the first fee.
    function test_gas__round_closed_with_t_cfrags__within_limit() public {
        _withdrawOne();
        world.openScene(COMMITTEE, COMMITTEE, 1);
        world.submitByThreshold();
        skip(ROUND_SECONDS + 1);
        world.closeRound();
        skip(CHALLENGE_SECONDS + 1);
        RoundsWorld.Scene memory scene = world.scene();
        uint256 closed = vm.snapshotState();
        _within("ConversionRounds.settlePrice", STRANGER, address(rounds), abi.encodeCall(rounds.settlePrice, (scene.roundId)));
        vm.revertToState(closed);
        bytes memory input = abi.encodeCall(rounds.claimFees, (scene.committee, COMMITTEE, world.roundClaims()));
        _within("ConversionRounds.claimFees, one round", STRANGER, address(rounds), input);
    }

    /// @dev Also by finalizeSigned, with all that may sign, before it is proposed.
    function _propose(RoundsWorld.Scene memory scene) private returns (bytes32 resultHash) {
        G1Point[] memory results = world.results(1);
        uint32 all = type(uint32).max;
        resultHash = Transcript.resultHash(scene.roundId, all, 0, BLS12381.hashOf(results));
        uint256 before = vm.snapshotState();
        IRounds.Signature[] memory signatures = new IRounds.Signature[](COMMITTEE - 1);
        for (uint8 slot = 2; slot <= COMMITTEE; ++slot) {
            signatures[slot - 2] = world.signAs(slot, Transcript.voteDigest(address(rounds), scene.roundId, resultHash));
        }
        bytes memory input = abi.encodeCall(
            rounds.finalizeSigned,
            (scene.roundId, scene.committee, scene.data, 1, all, scene.rekey.mask, scene.capsules, results, all - 1, signatures)
        );
        _within("ConversionRounds.finalizeSigned", member(scene, 1), address(rounds), input);
        vm.revertToState(before);
        input = abi.encodeCall(
            rounds.propose, (scene.roundId, scene.committee, scene.data, 1, all, scene.rekey.mask, scene.capsules, results)
        );
        _within("ConversionRounds.propose", member(scene, 1), address(rounds), input);
    }

    /// A hundred capsules off the curve, each of which burns the precompile's gas. All of them fit into one transaction: with 6.6 million gas of
    /// 16.8, and 44,196 bytes of input of the 131,072 that nodes pass on; nobody needs to divide a report.
    function test_gas__hundred_bad_capsules__reported_in_one_transaction() public {
        world.grantScene(COMMITTEE, COMMITTEE, 10 ether);
        IRounds.RecordRef[] memory refs = new IRounds.RecordRef[](RECORDS);
        IRounds.CapsuleReport[] memory reports = new IRounds.CapsuleReport[](RECORDS);
        for (uint8 j = 0; j < RECORDS; ++j) {
            IRecords.RecordInput memory bad;
            (refs[j], bad) = world.publishBad(G1Point(0, keccak256("x"), 0, keccak256("y")));
            reports[j] = reportOf(j, bad);
        }
        world.openOver(refs);
        RoundsWorld.Scene memory scene = world.scene();
        bytes memory input = reportAs(scene, COMMITTEE, reports);
        _within("ConversionRounds.reportCapsules, 100 reports", member(scene, COMMITTEE), address(rounds), input);
        assertPhase(scene.roundId, IRounds.Phase.Ended);
    }

    /// Nobody submits, and all 32 lose their place over it.
    function test_gas__all_missing__within_limit() public {
        world.grantScene(COMMITTEE, COMMITTEE, 10 ether);
        RoundsWorld.Scene memory scene = _open(world.publishRecords(RECORDS));
        for (uint8 slot = 1; slot <= COMMITTEE; ++slot) {
            _penalize(member(scene, slot), BOND / 2);
            vm.prank(address(rounds));
            proxies.recordMiss(member(scene, slot), uint40(vm.getBlockTimestamp()), STRANGER); // the one that is free
        }
        skip(ROUND_SECONDS + 1);
        bytes memory input = abi.encodeCall(rounds.close, (scene.roundId, scene.committee, world.roundHash()));
        _within("ConversionRounds.close", STRANGER, address(rounds), input);
        vm.assertEq(proxies.activeCount(), 2, "not all lost their place");
    }
}
