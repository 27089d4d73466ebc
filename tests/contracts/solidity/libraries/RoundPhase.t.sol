// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "../Test.sol";
import {IConversionRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {CommitteeBitmap} from "../../../../contracts/libraries/CommitteeBitmap.sol";
import {RoundPhase} from "../../../../contracts/libraries/RoundPhase.sol";
import {Outcome, RoundHead} from "../../../../contracts/types/RoundState.sol";

/// @notice The two pure libraries of rounds, against the sentences that define them.
contract RoundPhaseTest is Test {
    uint256 private constant DEADLINE = 10_000;
    uint256 private constant VOTE_SECONDS = 100;

    function _head() private pure returns (RoundHead memory head) {
        head.deadline = uint40(DEADLINE);
        (head.records, head.threshold, head.committeeSize) = (2, 2, 3);
    }

    function _assert(RoundHead memory head, uint128 excluded, bool ended, uint256 time, IConversionRounds.Phase expected) private pure {
        vm.assertEq(uint256(RoundPhase.phaseOf(head, excluded, ended, time, VOTE_SECONDS)), uint256(expected));
    }

    function test_phase__no_round__None() public pure {
        RoundHead memory head;
        _assert(head, 0, false, 1, IConversionRounds.Phase.None);
    }

    function test_phase__cfrags_arrive__Submitting_then_Proposing() public pure {
        RoundHead memory head = _head();
        _assert(head, 0, false, DEADLINE, IConversionRounds.Phase.Submitting);
        head.submitted = 1;
        _assert(head, 0, false, DEADLINE, IConversionRounds.Phase.Submitting);
        head.submitted = 5;
        _assert(head, 0, false, DEADLINE, IConversionRounds.Phase.Proposing);
        _assert(head, 0, false, DEADLINE + 1, IConversionRounds.Phase.Expired);
    }

    function test_phase__live_proposal__Voting_Provable_Expired() public pure {
        RoundHead memory head = _head();
        (head.leader, head.voteEnd) = (3, uint40(DEADLINE + VOTE_SECONDS));
        _assert(head, 0, false, DEADLINE + VOTE_SECONDS, IConversionRounds.Phase.Voting);
        _assert(head, 0, false, DEADLINE + VOTE_SECONDS + 1, IConversionRounds.Phase.Provable);
        _assert(head, 0, false, DEADLINE + 2 * VOTE_SECONDS, IConversionRounds.Phase.Provable);
        _assert(head, 0, false, DEADLINE + 2 * VOTE_SECONDS + 1, IConversionRounds.Phase.Expired);
    }

    function test_phase__no_record_left__Ended() public pure {
        RoundHead memory head = _head();
        _assert(head, 1, false, 1, IConversionRounds.Phase.Submitting);
        _assert(head, 3, false, 1, IConversionRounds.Phase.Ended);
        (head.submitted, head.leader, head.voteEnd) = (3, 1, uint40(DEADLINE));
        _assert(head, 3, false, 1, IConversionRounds.Phase.Ended);
    }

    /// What nobody can read yet ends with the grant; what t cfrags give already is finished.
    function test_phase__grant_ended__Ended_only_short_of_t_cfrags() public pure {
        RoundHead memory head = _head();
        _assert(head, 0, true, 1, IConversionRounds.Phase.Ended);
        head.submitted = 4;
        _assert(head, 0, true, 1, IConversionRounds.Phase.Ended);
        _assert(head, 0, true, DEADLINE + 1, IConversionRounds.Phase.Ended);
        head.submitted = 5;
        _assert(head, 0, true, DEADLINE, IConversionRounds.Phase.Proposing);
        _assert(head, 0, true, DEADLINE + 1, IConversionRounds.Phase.Expired);
        (head.leader, head.voteEnd) = (1, uint40(DEADLINE + VOTE_SECONDS));
        // a proven result stays one, whatever becomes of the cfrags
        for (uint32 submitted = 0; submitted < 8; ++submitted) {
            head.submitted = submitted;
            _assert(head, 0, true, DEADLINE + VOTE_SECONDS, IConversionRounds.Phase.Voting);
            _assert(head, 0, true, DEADLINE + 2 * VOTE_SECONDS, IConversionRounds.Phase.Provable);
        }
    }

    function testFuzz_phase__finalized__stays_so(uint128 excluded, bool ended, uint40 time, uint32 submitted) public pure {
        RoundHead memory head = _head();
        (head.outcome, head.submitted, head.leader) = (Outcome.Finalized, submitted, 1);
        _assert(head, excluded & 3, ended, time, IConversionRounds.Phase.Finalized);
    }

    /// A round without a proposal never outlives its deadline, nor one with a proposal the deadline and two vote windows.
    function testFuzz_phase__after_all_deadlines__over(uint32 submitted, uint8 leader, bool ended, uint40 later) public pure {
        RoundHead memory head = _head();
        (head.submitted, head.leader, head.voteEnd) = (submitted, leader, uint40(DEADLINE + VOTE_SECONDS));
        uint256 time = DEADLINE + 2 * VOTE_SECONDS + 1 + later;
        bool short = leader == 0 && CommitteeBitmap.count(submitted) < head.threshold;
        _assert(head, 0, ended, time, ended && short ? IConversionRounds.Phase.Ended : IConversionRounds.Phase.Expired);
    }

    function testFuzz_bitmap__any_set__counted_bit_by_bit(uint32 slots, uint8 n) public pure {
        n = uint8(bound(n, 1, 32));
        slots &= CommitteeBitmap.all(n);
        uint256 count;
        for (uint8 slot = 1; slot <= n; ++slot) {
            bool there = (slots >> (slot - 1)) & 1 == 1;
            vm.assertEq(CommitteeBitmap.has(slots, slot), there);
            if (there) ++count;
        }
        vm.assertEq(CommitteeBitmap.count(slots), count);
        vm.assertEq(CommitteeBitmap.isMajority(slots, n), count > n / 2);
        vm.assertTrue(CommitteeBitmap.isSubsetOf(slots, CommitteeBitmap.all(n)));
        if (slots != 0) vm.assertFalse(CommitteeBitmap.isSubsetOf(slots, 0));
    }

    function test_bitmap__all_of_32__every_bit() public pure {
        vm.assertEq(CommitteeBitmap.all(32), type(uint32).max);
        vm.assertEq(CommitteeBitmap.all(1), 1);
    }
}
