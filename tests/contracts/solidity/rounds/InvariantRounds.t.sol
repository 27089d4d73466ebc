// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsMoves} from "../worlds/RoundsMoves.sol";
import {RoundsScene} from "../worlds/RoundsScene.sol";
import {RoundsTest} from "../worlds/RoundsTest.sol";
import {RoundsWorld} from "../worlds/RoundsWorld.sol";
import {IConversionRounds as IRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry as IGrants} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {GrantId, RoundId} from "../../../../contracts/types/Ids.sol";

/// @dev The runner calls contracts of its test files alone.
contract RoundsHandler is RoundsMoves {
    constructor(RoundsScene world_) RoundsMoves(world_) {}
}

/// @notice The sentences that hold after any sequence of moves.
contract InvariantRoundsTest is RoundsTest {
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;
    uint256 private constant POOL = 3;
    RoundsHandler private _handler;

    function setUp() public {
        start(POOL);
        _handler = new RoundsHandler(world);
        targetContract(address(_handler));
    }

    /// No wrong result is accepted, no good cfrags or capsules are found bad, a final result stays, a grant that is over opens nothing; and the
    /// owner is paid the price of what is in a round, once, by a proven result or for t cfrags after their window.
    function invariant_moves__what_must_not_succeed__never_did() public view {
        vm.assertEq(_handler.broken(), "");
    }

    /// What is held under a grant is its free deposit, the fees that its rounds owe or keep in reserve, and the prices that are not settled: to the wei.
    function invariant_grants__what_is_held__is_deposit_fees_and_open_prices() public view {
        GrantId[] memory ids = _handler.grantIds();
        for (uint256 i = 0; i < ids.length; ++i) {
            IGrants.Access memory access = grants.accessOf(ids[i]);
            vm.assertEq(treasury.heldUnder(word(ids[i])), access.deposit + _reservesOf(ids[i], access.price), "grant");
        }
    }

    function _reservesOf(GrantId grantId, uint256 price) private view returns (uint256 sum) {
        RoundId[] memory ids = _handler.roundIds();
        for (uint256 i = 0; i < ids.length; ++i) {
            if (GrantId.unwrap(ids[i].grantOf()) != GrantId.unwrap(grantId)) continue;
            IRounds.Round memory round = rounds.roundOf(ids[i]);
            bool over = round.finalized || round.closed;
            uint256 fees = over ? _handler.count(round.submitted & ~round.claimed) : round.threshold;
            sum += _handler.remaining(round) * (uint256(FEE) * fees + (round.priceReserved ? price : 0));
        }
    }

    /// All ETH is somebody's: what accounts may withdraw and what is held, account by account and key by key, is what the treasury owes, and has.
    function invariant_treasury__sum_of_all_claims__is_its_ether() public view {
        address[6] memory others = [owner, user, BURNED, address(_handler), address(world), address(this)];
        uint256 sum;
        for (uint256 i = 0; i < others.length; ++i) {
            sum += treasury.creditOf(others[i]);
        }
        for (uint32 i = 0; i < POOL; ++i) {
            address proxy = proxies.proxyAt(i).account;
            sum += treasury.creditOf(proxy) + treasury.heldUnder(bytes32(uint256(uint160(proxy)) << 96));
        }
        GrantId[] memory ids = _handler.grantIds();
        for (uint256 i = 0; i < ids.length; ++i) {
            sum += treasury.heldUnder(word(ids[i]));
        }
        vm.assertEq(sum, treasury.totalClaims(), "claims");
        vm.assertEq(sum, address(treasury).balance, "ether");
    }

    /// A proven result is paid for where there is a price; a price that is reserved was not paid; one that is neither went back.
    function invariant_prices__every_round__is_paid_for_or_reserved_or_given_back() public view {
        RoundId[] memory ids = _handler.roundIds();
        for (uint256 i = 0; i < ids.length; ++i) {
            IRounds.Round memory round = rounds.roundOf(ids[i]);
            bool priced = grants.accessOf(ids[i].grantOf()).price != 0;
            uint256 paid = _handler.paidFor(ids[i]);
            if (!priced || round.priceReserved) vm.assertEq(paid, 0, "paid");
            if (priced && (round.finalized || round.leader != 0)) vm.assertTrue(paid != 0, "proven and not paid");
            if (priced && !round.finalized && !round.closed && paid == 0) vm.assertTrue(round.priceReserved, "not set aside");
            vm.assertLe(paid, round.records);
        }
    }

    /// Nobody votes twice or both ways; nobody is both standing and challenged; no more stand than are paid for.
    function invariant_sets__votes_and_slots__disjoint() public view {
        RoundId[] memory ids = _handler.roundIds();
        for (uint256 i = 0; i < ids.length; ++i) {
            IRounds.Round memory round = rounds.roundOf(ids[i]);
            vm.assertEq(round.approvals & round.rejections, 0);
            vm.assertEq(round.submitted & round.challenged, 0);
            vm.assertLe(_handler.count(round.submitted), round.threshold);
            vm.assertEq(round.claimed & ~round.submitted, 0);
            vm.assertEq(round.excluded >> round.records, 0);
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

    /// No reserve is ever below what is owed: whatever has happened, every round can be closed, every fee claimed, every price settled and every
    /// deposit reclaimed, and then nothing is held under any grant.
    function invariant_end__everything__can_be_paid_out() public {
        uint256 before = vm.snapshotState();
        skip(400 days);
        RoundId[] memory ids = _handler.roundIds();
        for (uint256 i = 0; i < ids.length; ++i) {
            _closeIfOpen(ids[i]);
        }
        skip(CHALLENGE_SECONDS + 1);
        for (uint256 i = 0; i < ids.length; ++i) {
            _payOut(ids[i]);
        }
        GrantId[] memory all = _handler.grantIds();
        for (uint256 i = 0; i < all.length; ++i) {
            if (grants.accessOf(all[i]).deposit != 0) grants.reclaimDeposit(all[i]);
            vm.assertEq(treasury.heldUnder(word(all[i])), 0, "left under a grant");
        }
        vm.assertTrue(vm.revertToState(before));
    }

    function _closeIfOpen(RoundId id) private {
        IRounds.Round memory round = rounds.roundOf(id);
        if (round.finalized || round.closed) return;
        RoundsWorld.Scene memory scene = _handler.sceneOf(id);
        rounds.close(id, scene.committee, keccak256(abi.encode(scene.data)));
    }

    function _payOut(RoundId id) private {
        RoundsWorld.Scene memory scene = _handler.sceneOf(id);
        IRounds.ClaimedRound[] memory claims = new IRounds.ClaimedRound[](1);
        claims[0] = IRounds.ClaimedRound(id, keccak256(abi.encode(scene.data)));
        if (rounds.roundOf(id).priceReserved) rounds.settlePrice(id);
        for (uint8 slot = 1; slot <= POOL; ++slot) {
            if ((rounds.roundOf(id).submitted >> (slot - 1)) & 1 == 1) rounds.claimFees(scene.committee, slot, claims);
        }
    }
}
