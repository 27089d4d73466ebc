// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// A stream of one owner; counted from 1.
type StreamId is uint64;

/// A record's place: streamId (64 bits) << 192 | publisher (160 bits) << 32 | sequence (32 bits).
/// A publisher counts his own records of a stream from 0, so two devices never race for a place.
type RecordId is uint256;

/// An access request and, once granted, the grant; counted from 1.
type GrantId is uint64;

/// A round of a grant: grantId (64 bits) << 32 | index (32 bits).
type RoundId is uint256;

/// A committee member: keyVersion (16 bits) << 160 | proxy account (160 bits). Slot i of a committee is the i-th member, from 1.
type Member is uint256;

using {grantOf} for RoundId global;
using {accountOf, keyVersionOf} for Member global;

function toRecordId(StreamId stream, address publisher, uint32 sequence) pure returns (RecordId) {
    return RecordId.wrap((uint256(StreamId.unwrap(stream)) << 192) | (uint256(uint160(publisher)) << 32) | sequence);
}

function grantOf(RoundId id) pure returns (GrantId) {
    return GrantId.wrap(uint64(RoundId.unwrap(id) >> 32));
}

function toRoundId(GrantId grant, uint32 index) pure returns (RoundId) {
    return RoundId.wrap((uint256(GrantId.unwrap(grant)) << 32) | index);
}

function accountOf(Member member) pure returns (address) {
    return address(uint160(Member.unwrap(member)));
}

function keyVersionOf(Member member) pure returns (uint16) {
    return uint16(Member.unwrap(member) >> 160);
}

function toMember(address account, uint16 keyVersion) pure returns (Member) {
    return Member.wrap((uint256(keyVersion) << 160) | uint160(account));
}
