// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// A point of G1 in EIP-2537 form: x and y, each 64 bytes big-endian with 16 leading zero bytes.
struct G1Point {
    bytes32 xHigh;
    bytes32 xLow;
    bytes32 yHigh;
    bytes32 yLow;
}

/// A point of G2 in EIP-2537 form: x.c0, x.c1, y.c0, y.c1, each 64 bytes.
struct G2Point {
    bytes32 x0High;
    bytes32 x0Low;
    bytes32 x1High;
    bytes32 x1Low;
    bytes32 y0High;
    bytes32 y0Low;
    bytes32 y1High;
    bytes32 y1Low;
}

/// A Schnorr or Chaum-Pedersen proof in its short form: 128-bit challenge, response < r.
struct Proof {
    uint128 challenge;
    uint256 response;
}
