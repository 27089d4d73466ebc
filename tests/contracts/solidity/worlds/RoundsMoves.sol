// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "../Test.sol";
import {RoundsScene} from "./RoundsScene.sol";
import {RoundsWorld} from "./RoundsWorld.sol";
import {Settings} from "./Settings.sol";
import {IConversionRounds as IRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry as IGrants} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {ITreasury} from "../../../../contracts/interfaces/ITreasury.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {G1Point, Proof} from "../../../../contracts/types/Points.sol";
import {GrantId, RoundId} from "../../../../contracts/types/Ids.sol";

/// @notice Everybody's moves on grants of 2 of 3, in any order, honest or not; every third grant is an offer. A move that the contracts refuse
/// changes nothing. Moves are made in the round whose scene the world keeps, the last one opened unless `turnTo` chose another.
abstract contract RoundsMoves is Test, Settings {
    RoundsScene public immutable world;
    IRounds private immutable rounds;
    IGrants private immutable grants;
    ITreasury private immutable treasury;
    RoundId[] private _roundIds;
    GrantId[] private _grantIds;
    mapping(RoundId => bytes) private _scenes;
    mapping(RoundId => bytes) private _bad; // the last record of a round that has a bad one
    mapping(RoundId => bytes32[]) private _links;
    mapping(RoundId => mapping(uint8 slot => bytes)) private _submissions;
    mapping(RoundId => mapping(uint8 slot => uint256)) private _positions;
    mapping(RoundId => mapping(uint8 slot => bool)) private _wrong;
    mapping(RoundId => bytes32) private _finalResult;
    /// For how many records of a round the owner was paid.
    mapping(RoundId => uint256) public paidFor;
    mapping(address account => uint256) public withdrawn;
    /// What happened though it must not; a revert in a move says nothing to the runner, which goes on with the next.
    string public broken;

    /// @dev Looks at what a move in this round brings the owner: the price of the records that are in, once, and nothing else.
    modifier watched(RoundId id) {
        uint256 before = _received();
        _;
        _notePaid(id, _received() - before);
        _noteFinal(id);
    }

    constructor(RoundsScene world_) {
        world = world_;
        (rounds, grants, treasury) = (world_.rounds(), world_.grants(), world_.treasury());
        _newGrant();
    }

    function roundIds() external view returns (RoundId[] memory) {
        return _roundIds;
    }

    function grantIds() external view returns (GrantId[] memory) {
        return _grantIds;
    }

    function sceneOf(RoundId id) public view returns (RoundsWorld.Scene memory) {
        return abi.decode(_scenes[id], (RoundsWorld.Scene));
    }

    function current() public view returns (RoundId) {
        return world.scene().roundId;
    }

    function _newGrant() private {
        if (_grantIds.length % 3 == 2) world.offerScene(2, 3, 0.2 ether);
        else world.grantScene(2, 3, 0.2 ether);
        _grantIds.push(world.scene().grantId);
    }

    function _keep() private {
        RoundsWorld.Scene memory scene = world.scene();
        _scenes[scene.roundId] = abi.encode(scene);
    }

    // --- what was seen ---

    function _received() private view returns (uint256) {
        address owner = world.owner();
        return treasury.creditOf(owner) + withdrawn[owner];
    }

    function _notePaid(RoundId id, uint256 amount) private {
        if (amount == 0) return;
        IRounds.Round memory round = rounds.roundOf(id);
        uint256 price = grants.accessOf(id.grantOf()).price;
        _expect(paidFor[id] == 0, "a round's price was paid twice");
        _expect(!round.priceReserved, "a price was paid, and stays reserved");
        _expect(amount == price * remaining(round), "another amount than the price of what is in");
        bool proven = round.leader != 0;
        bool over = round.closed && vm.getBlockTimestamp() > round.voteEnd;
        _expect(proven || (over && count(round.submitted) >= round.threshold), "a price was paid that is not owed");
        paidFor[id] = remaining(round);
    }

    function _noteFinal(RoundId id) private {
        IRounds.Round memory round = rounds.roundOf(id);
        if (!round.finalized) return;
        if (_finalResult[id] == 0) _finalResult[id] = round.proposal;
        _expect(_finalResult[id] == round.proposal, "a final result changed");
    }

    function _expect(bool condition, string memory otherwise) private {
        if (!condition) broken = otherwise;
    }

    function count(uint256 bits) public pure returns (uint256 set) {
        for (; bits != 0; bits >>= 1) {
            set += bits & 1;
        }
    }

    function remaining(IRounds.Round memory round) public pure returns (uint256) {
        return round.records - count(round.excluded);
    }

    // --- moves ---

    function openRound(uint8 m, uint8 dice) external {
        bool live = grants.isLive(world.scene().grantId);
        IRounds.RecordRef[] memory good = world.publishRecords(dice % 12 == 0 ? 0 : bound(m, 1, 3));
        IRounds.RecordRef[] memory refs = good;
        IRecordRegistry.RecordInput memory bad;
        G1Point memory none;
        if (dice % 3 == 0) {
            refs = new IRounds.RecordRef[](good.length + 1);
            for (uint256 j = 0; j < good.length; ++j) {
                refs[j] = good[j];
            }
            (refs[good.length], bad) = world.publishBad(none);
        }
        try world.openOver(refs) {
            _expect(live, "a grant that is over opened a round");
            RoundId id = current();
            _roundIds.push(id);
            if (dice % 3 == 0) _bad[id] = abi.encode(bad);
            _keep();
        } catch {
            if (!live) _newGrant();
        }
    }

    function turnTo(uint8 which) external {
        if (_roundIds.length != 0) world.set(sceneOf(_roundIds[which % _roundIds.length]));
    }

    function submit(uint8 slot, bool honest) external {
        slot = uint8(bound(slot, 1, 3));
        (RoundId id, uint128 excluded) = (current(), world.scene().excluded);
        (G1Point[] memory w, Proof memory proof) = honest ? world.convertAs(slot) : world.convertWrongly(slot);
        try world.submitAs(slot, w, proof) {
            _links[id].push(keccak256(abi.encode(slot, excluded, BLS12381.hashOf(w), proof.challenge, proof.response)));
            _submissions[id][slot] = abi.encode(IRounds.Submission(slot, excluded, w, proof, 0, new bytes32[](0)));
            (_positions[id][slot], _wrong[id][slot]) = (_links[id].length, !honest);
        } catch {}
    }

    function propose(uint8 slot, bool honest) external watched(current()) {
        G1Point[] memory w = world.results(1);
        if (w.length == 0) return;
        if (!honest) w[0] = world.scene().capsules[0];
        uint32 submitted = rounds.roundOf(current()).submitted;
        try world.proposeAs(uint8(bound(slot, 1, 3)), submitted, w) {
            _expect(honest, "a wrong result was accepted");
        } catch {}
    }

    function vote(uint8 slot, bool approve) external watched(current()) {
        try world.voteAs(uint8(bound(slot, 1, 3)), approve) {} catch {}
    }

    function finalizeByProof() external watched(current()) {
        RoundsWorld.Scene memory scene = world.scene();
        try rounds.finalizeByProof(scene.roundId, scene.committee, world.roundHash(), world.proposed(scene.roundId)) {} catch {}
    }

    /// Slot 1 leads with the cfrags of two slots, slot 2 signs: or nobody does.
    function finalizeSigned(uint8 contributors, uint8 dice) external watched(current()) {
        if (dice % 4 != 0) return; // else few rounds come to anything else
        bytes memory input = _signed(uint32(bound(contributors, 0, 7)), dice % 8 == 0);
        vm.prank(world.scene().committee[0].accountOf());
        (bool ok,) = address(rounds).call(input);
        _expect(!ok || dice % 8 == 0, "a result without a majority was accepted");
    }

    function _signed(uint32 contributors, bool signed) private view returns (bytes memory) {
        RoundsWorld.Scene memory scene = world.scene();
        G1Point[] memory w = world.results(1);
        IRounds.Signature[] memory signatures = new IRounds.Signature[](signed ? 1 : 0);
        bytes32 resultHash = Transcript.resultHash(scene.roundId, contributors, scene.excluded, BLS12381.hashOf(w));
        if (signed) signatures[0] = world.signAs(2, Transcript.voteDigest(address(rounds), scene.roundId, resultHash));
        return abi.encodeCall(
            rounds.finalizeSigned,
            (scene.roundId, scene.committee, scene.data, 1, contributors, scene.rekey.mask, scene.capsules, w, signed ? 2 : 0, signatures)
        );
    }

    function challenge(uint8 slot) external watched(current()) {
        slot = uint8(bound(slot, 1, 3));
        RoundsWorld.Scene memory scene = world.scene();
        uint256 position = _positions[scene.roundId][slot];
        if (position == 0) return;
        IRounds.Submission memory submission = abi.decode(_submissions[scene.roundId][slot], (IRounds.Submission));
        submission.before = rounds.roundOf(scene.roundId).key;
        bytes32[] storage links = _links[scene.roundId];
        for (uint256 i = 0; i + 1 < position; ++i) {
            submission.before = keccak256(abi.encode(submission.before, links[i]));
        }
        submission.later = new bytes32[](links.length - position);
        for (uint256 i = position; i < links.length; ++i) {
            submission.later[i - position] = links[i];
        }
        try rounds.challengeCfrags(scene.roundId, scene.committee, scene.data, submission, scene.capsules, world.challengeKeys()) {
            _expect(_wrong[scene.roundId][slot], "good cfrags were found bad");
        } catch {}
    }

    /// Reports the bad record, if there is one, or a good one; as a member or as nobody.
    function report(uint8 slot, bool good) external watched(current()) {
        slot = slot % 4;
        RoundsWorld.Scene memory scene = world.scene();
        if (scene.ids.length == 0 || (!good && _bad[scene.roundId].length == 0)) return;
        uint8 position = good ? 0 : uint8(scene.ids.length - 1);
        IRecordRegistry.RecordInput memory record = good
            ? world.recordAt(scene.label, scene.ids[0])
            : abi.decode(_bad[scene.roundId], (IRecordRegistry.RecordInput));
        IRounds.CapsuleReport[] memory reports = new IRounds.CapsuleReport[](1);
        reports[0] = IRounds.CapsuleReport(
            position, record.c1, record.c2, keccak256(record.c3), record.proof, record.cidHash, keccak256(bytes(record.tags))
        );
        _report(scene, reports, slot, good);
    }

    function _report(RoundsWorld.Scene memory scene, IRounds.CapsuleReport[] memory reports, uint8 slot, bool good) private {
        IRounds.ChallengeKeys memory keys = world.challengeKeys();
        if (slot != 0) vm.prank(scene.committee[slot - 1].accountOf());
        try rounds.reportCapsules(scene.roundId, scene.committee, scene.data, scene.ids, reports, keys, slot) {
            _expect(!good, "a good capsule was found bad");
            world.exclude(reports[0].position);
            _keep();
        } catch {}
    }

    function close() external watched(current()) {
        try world.closeRound() {} catch {}
    }

    function claim(uint8 slot) external watched(current()) {
        try world.claimAs(uint8(bound(slot, 1, 3))) {} catch {}
    }

    function settle() external watched(current()) {
        RoundId id = current();
        try rounds.settlePrice(id) {
            IRounds.Round memory round = rounds.roundOf(id);
            _expect(!round.priceReserved && (round.closed || round.finalized), "a price was settled in a round that runs");
        } catch {}
    }

    /// What an honest proxy does next. Without it hardly any sequence of moves comes to a final round, or to one that is paid.
    function goOn(uint8 slot) external {
        IRounds.Phase phase = rounds.phaseOf(current());
        if (phase == IRounds.Phase.Submitting) slot % 8 == 7 ? this.report(slot, false) : this.submit(slot, true);
        else if (phase == IRounds.Phase.Proposing) slot % 4 == 0 ? this.giveUp(0) : this.propose(slot, true);
        else if (phase == IRounds.Phase.Voting) this.vote(slot, true);
        else if (phase == IRounds.Phase.Provable) this.finalizeByProof();
        else if (phase != IRounds.Phase.None) _collect(slot);
    }

    function _collect(uint8 slot) private {
        IRounds.Round memory round = rounds.roundOf(current());
        uint256 time = vm.getBlockTimestamp();
        if (!round.finalized && !round.closed) this.close();
        else if (time <= round.voteEnd) skip(round.voteEnd + 1 - time);
        else if (slot % 4 == 0) this.settle();
        else this.claim(slot);
    }

    /// Everybody against.
    function reject() external {
        for (uint8 slot = 1; slot <= 3; ++slot) {
            this.vote(slot, false);
        }
    }

    /// Nobody goes on.
    function giveUp(uint8 dice) external {
        if (dice % 2 != 0) return;
        skip(ROUND_SECONDS + 2 * VOTE_SECONDS + 1);
        this.close();
    }

    /// Mostly too short to end a round; at times longer than a grant.
    function wait(uint16 seconds_) external {
        if (seconds_ % 32 == 31) skip(31 days);
        else skip(seconds_ % 4 == 0 ? bound(seconds_, 1, 4000) : bound(seconds_, 1, 60));
    }

    function end(uint8 dice) external {
        GrantId grantId = world.scene().grantId;
        if (dice % 8 == 0) {
            vm.prank(world.owner());
            try grants.revoke(grantId) {} catch {}
        } else if (dice % 8 == 1) {
            vm.prank(world.user());
            try grants.surrender(grantId) {} catch {}
        }
    }

    function reclaim(uint8 which) external {
        try grants.reclaimDeposit(_grantIds[which % _grantIds.length]) {} catch {}
    }

    function addDeposit(uint32 amount) external {
        vm.deal(address(this), amount);
        try grants.addDeposit{value: amount}(world.scene().grantId) {} catch {}
    }

    function withdraw(bool owners) external {
        address account = owners ? world.owner() : world.user();
        vm.prank(account);
        try treasury.withdraw(payable(account)) returns (uint256 amount) {
            withdrawn[account] += amount;
        } catch {}
    }
}
