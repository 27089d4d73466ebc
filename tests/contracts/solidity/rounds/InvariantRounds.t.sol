// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsScene, RoundsTest} from "../worlds/RoundsScene.sol";
import {RoundsWorld} from "../worlds/RoundsWorld.sol";
import {Test} from "../Test.sol";
import {IConversionRounds as IRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry as IGrants} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {G1Point, Proof} from "../../../../contracts/types/Points.sol";
import {GrantId, RecordId, RoundId} from "../../../../contracts/types/Ids.sol";

/// @notice Everybody's moves on one grant of 2 of 3, in any order, honest or not. A move that the contracts refuse changes nothing.
contract RoundsHandler is Test {
    RoundsScene public immutable world;
    IRounds private immutable rounds;
    IGrants private immutable grants;
    RoundId[] private _roundIds;
    GrantId[] private _grantIds;
    mapping(RoundId => bytes32[]) private _links;
    mapping(RoundId => mapping(uint8 slot => uint256 position)) private _position;
    mapping(RoundId => mapping(uint8 slot => bool)) private _wrong;
    mapping(RoundId => bytes32) public finalResult;
    /// What happened though it must not; a revert in a move says nothing to the runner, which goes on with the next.
    string public broken;

    constructor(RoundsScene world_) {
        world = world_;
        (rounds, grants) = (world_.rounds(), world_.grants());
        _newGrant();
    }

    function roundIds() external view returns (RoundId[] memory) {
        return _roundIds;
    }

    function grantIds() external view returns (GrantId[] memory) {
        return _grantIds;
    }

    function _newGrant() private {
        world.grantScene(2, 3, 0.1 ether);
        _grantIds.push(world.scene().grantId);
    }

    // --- moves ---

    function openRound(uint8 m) external {
        bool live = grants.isLive(world.scene().grantId);
        IRounds.RecordRef[] memory refs = world.publishRecords(bound(m, 1, 3));
        try world.openOver(refs) {
            _expect(live, "a grant that is over opened a round");
            _roundIds.push(world.scene().roundId);
        } catch {
            if (!live) _newGrant();
        }
    }

    function submit(uint8 slot, bool honest) external {
        slot = uint8(bound(slot, 1, 3));
        RoundId id = world.scene().roundId;
        (G1Point[] memory w, Proof memory proof) = honest ? world.convertAs(slot) : world.convertWrongly(slot);
        try world.submitAs(slot, w, proof) {
            _links[id].push(keccak256(abi.encode(slot, uint128(0), BLS12381.hashOf(w), proof.challenge, proof.response)));
            (_position[id][slot], _wrong[id][slot]) = (_links[id].length, !honest);
        } catch {}
    }

    function propose(uint8 slot, bool honest) external {
        G1Point[] memory w = world.results(1);
        if (!honest) w[0] = world.scene().capsules[0];
        uint32 submitted = rounds.roundOf(world.scene().roundId).submitted;
        try world.proposeAs(uint8(bound(slot, 1, 3)), submitted, w) {
            _expect(honest, "a wrong result was accepted");
        } catch {}
    }

    function vote(uint8 slot, bool approve) external {
        try world.voteAs(uint8(bound(slot, 1, 3)), approve) {} catch {}
        _note();
    }

    function finalizeByProof() external {
        RoundsWorld.Scene memory scene = world.scene();
        try rounds.finalizeByProof(scene.roundId, scene.committee, world.roundHash(), world.proposed(scene.roundId)) {} catch {}
        _note();
    }

    function challenge(uint8 slot) external {
        slot = uint8(bound(slot, 1, 3));
        RoundsWorld.Scene memory scene = world.scene();
        uint256 position = _position[scene.roundId][slot];
        if (position == 0) return;
        bool wrong = _wrong[scene.roundId][slot];
        (G1Point[] memory w, Proof memory proof) = wrong ? world.convertWrongly(slot) : world.convertAs(slot);
        IRounds.Submission memory submission = IRounds.Submission(slot, 0, w, proof, rounds.roundOf(scene.roundId).key, new bytes32[](0));
        bytes32[] storage links = _links[scene.roundId];
        for (uint256 i = 0; i + 1 < position; ++i) {
            submission.before = keccak256(abi.encode(submission.before, links[i]));
        }
        submission.later = new bytes32[](links.length - position);
        for (uint256 i = position; i < links.length; ++i) {
            submission.later[i - position] = links[i];
        }
        try rounds.challengeCfrags(scene.roundId, scene.committee, scene.data, submission, scene.capsules, world.challengeKeys()) {
            _expect(wrong, "good cfrags were found bad");
        } catch {}
    }

    function close() external {
        try world.closeRound() {} catch {}
    }

    function claim(uint8 slot) external {
        try world.claimAs(uint8(bound(slot, 1, 3))) {} catch {}
    }

    /// What an honest proxy does next. Without it hardly any sequence of moves comes to a final round.
    function goOn(uint8 slot) external {
        IRounds.Phase phase = rounds.phaseOf(world.scene().roundId);
        if (phase == IRounds.Phase.Submitting) this.submit(slot, true);
        else if (phase == IRounds.Phase.Proposing) this.propose(slot, true);
        else if (phase == IRounds.Phase.Voting) this.vote(slot, true);
        else if (phase == IRounds.Phase.Provable) this.finalizeByProof();
        else if (phase != IRounds.Phase.None) this.claim(slot);
    }

    /// Mostly too short to end a round.
    function wait(uint16 seconds_) external {
        skip(seconds_ % 4 == 0 ? bound(seconds_, 1, 4000) : bound(seconds_, 1, 60));
    }

    function revoke(uint8 dice) external {
        if (dice % 4 != 0) return;
        GrantId grantId = world.scene().grantId;
        vm.prank(world.owner());
        try grants.revoke(grantId) {} catch {}
    }

    function reclaim(uint8 which) external {
        GrantId grantId = _grantIds[which % _grantIds.length];
        try grants.reclaimDeposit(grantId) {} catch {}
        try grants.collectPrice(grantId) {} catch {}
    }

    function _expect(bool condition, string memory otherwise) private {
        if (!condition) broken = otherwise;
    }

    function _note() private {
        RoundId id = world.scene().roundId;
        IRounds.Round memory round = rounds.roundOf(id);
        if (!round.finalized) return;
        if (finalResult[id] == 0) finalResult[id] = round.proposal;
        _expect(finalResult[id] == round.proposal, "a final result changed");
    }
}

/// @notice The sentences that hold after any sequence of moves.
contract InvariantRoundsTest is RoundsTest {
    RoundsHandler private _handler;

    function setUp() public {
        start(3);
        _handler = new RoundsHandler(world);
        targetContract(address(_handler));
    }

    /// No wrong result is accepted, no good cfrags are found bad, a final result stays, and a grant that is over opens nothing.
    function invariant_moves__what_must_not_succeed__never_did() public view {
        vm.assertEq(_handler.broken(), "");
    }

    /// All ETH is somebody's: what the treasury has is what it owes, and each grant holds its price, its free deposit and what its rounds
    /// still owe or keep in reserve, to the wei.
    function invariant_money__treasury_and_grants__add_up() public view {
        vm.assertEq(address(treasury).balance, treasury.totalClaims(), "treasury");
        GrantId[] memory ids = _handler.grantIds();
        for (uint256 i = 0; i < ids.length; ++i) {
            IGrants.Access memory access = grants.accessOf(ids[i]);
            uint256 expected = uint256(access.price) + access.deposit + _reservesOf(ids[i]);
            vm.assertEq(treasury.heldUnder(word(ids[i])), expected, "grant");
        }
    }

    function _reservesOf(GrantId grantId) private view returns (uint256 sum) {
        RoundId[] memory ids = _handler.roundIds();
        for (uint256 i = 0; i < ids.length; ++i) {
            if (GrantId.unwrap(ids[i].grantOf()) != GrantId.unwrap(grantId)) continue;
            IRounds.Round memory round = rounds.roundOf(ids[i]);
            bool over = round.finalized || round.closed;
            sum += uint256(FEE) * round.records * (over ? _count(round.submitted & ~round.claimed) : round.threshold);
        }
    }

    function _count(uint32 slots) private pure returns (uint256 count) {
        for (; slots != 0; slots >>= 1) {
            count += slots & 1;
        }
    }

    /// Nobody votes twice or both ways; nobody is both standing and challenged; no more stand than are paid for.
    function invariant_sets__votes_and_slots__disjoint() public view {
        RoundId[] memory ids = _handler.roundIds();
        for (uint256 i = 0; i < ids.length; ++i) {
            IRounds.Round memory round = rounds.roundOf(ids[i]);
            vm.assertEq(round.approvals & round.rejections, 0);
            vm.assertEq(round.submitted & round.challenged, 0);
            vm.assertLe(_count(round.submitted), round.threshold);
            vm.assertEq(round.claimed & ~round.submitted, 0);
        }
    }

    /// No round outlives its deadline and two vote windows.
    function invariant_time__every_round__ends() public view {
        RoundId[] memory ids = _handler.roundIds();
        for (uint256 i = 0; i < ids.length; ++i) {
            if (vm.getBlockTimestamp() <= rounds.roundOf(ids[i]).deadline + 2 * VOTE_SECONDS) continue;
            vm.assertGe(uint256(rounds.phaseOf(ids[i])), uint256(IRounds.Phase.Finalized));
        }
    }
}
