// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// What a round keeps: five slots, of which a submission or vote writes the head and one hash. Fields as in IConversionRounds.Round.
struct RoundState {
    RoundHead head;
    RoundTail tail;
    bytes32 key;
    bytes32 submissions;
    bytes32 resultHash;
}

/// One slot, read and written as a whole.
struct RoundHead {
    uint40 deadline;
    uint40 voteEnd;
    uint32 submitted;
    uint32 approvals;
    uint32 rejections;
    uint32 challenged;
    uint8 leader;
    uint8 records;
    uint8 threshold;
    uint8 committeeSize;
    Outcome outcome;
    bool reduced; // a record left: only then is the tail's `excluded` worth reading
}

enum Outcome {
    Running,
    Finalized,
    Closed
}

/// One slot.
struct RoundTail {
    uint128 excluded;
    uint32 claimed;
    uint32 barred;
    uint32 contributors;
}
