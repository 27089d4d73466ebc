// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// What a round keeps: five slots, of which a submission writes the head and one hash, and a vote the head. Fields as in IConversionRounds.Round.
struct RoundState {
    RoundHead head;
    RoundTail tail;
    bytes32 key;
    bytes32 submissions;
    bytes32 proposal;
}

/// One slot, read and written as a whole.
struct RoundHead {
    uint40 deadline;
    uint40 voteEnd;
    uint32 submitted;
    uint32 approvals;
    uint32 contributors;
    uint8 leader;
    uint8 records;
    uint8 threshold;
    uint8 committeeSize;
    Outcome outcome;
    Price price;
    bool tailInUse; // a record left, a member rejected, or cfrags were shown to be bad: only then is the tail worth reading before the fees are claimed
}

enum Outcome {
    Running,
    Finalized,
    Closed
}

/// What became of the price of the round's records.
enum Price {
    None, // the grant has none
    Reserved, // set aside when the round was opened
    Settled // the owner's, or back in the deposit
}

/// One slot, for what most rounds do not have; they pay for it at the first claimed fee.
struct RoundTail {
    uint128 excluded;
    uint32 claimed;
    uint32 barred;
    uint32 rejections;
    uint32 challenged;
}
