// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {GrantDraw} from "./GrantDraw.sol";
import {IGrantRegistry} from "./interfaces/IGrantRegistry.sol";
import {ITreasury} from "./interfaces/ITreasury.sol";
import {GrantId, StreamId} from "./types/Ids.sol";

/// @title GrantMoney
/// @notice What a request costs, what a grant's rounds take of its deposit, and what returns.
/// @dev Held under a grant are its deposit and what its open rounds have taken; nothing else. A deposit's way is: hold, takeQuota, then fees and
/// prices to those they are owed, the rest back by returnReserve, and out by _returnDeposit.
abstract contract GrantMoney is GrantDraw {
    /// What the contract remembers of a user and a stream. One slot. The user's requests and the owner's offers have a count each, so that neither side
    /// makes the other's dearer.
    struct Asked {
        uint64 latest; // the grant that was asked for last
        uint40 liveUntil; // latest end of the live grants before `latest`, 0 if there are none
        uint32 live; // how many of them are live
        uint8 redraws; // fees that the user paid since a grant served
        uint8 offerRedraws; // and the owner
        bool redraw; // the user withdrew or surrendered
        bool offerRedraw; // the owner withdrew
    }

    /// A redraw fee doubles that often: 1,024 times at most.
    uint8 private constant DOUBLINGS = 10;
    /// Redraw fees go where nobody can fetch them: neither side may gain by a redraw.
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;

    ITreasury public immutable treasury;
    address public immutable rounds;
    uint128 public immutable redrawFeeWei;

    mapping(address delegatee => mapping(StreamId => Asked)) private _asked;

    modifier onlyRounds() {
        if (msg.sender != rounds) revert NotRounds(msg.sender);
        _;
    }

    constructor(ITreasury treasury_, address rounds_, uint128 redrawFeeWei_) {
        if (rounds_ == address(0)) revert BadSettings();
        (treasury, rounds, redrawFeeWei) = (treasury_, rounds_, redrawFeeWei_);
    }

    // --- asking ---

    /// @inheritdoc IGrantRegistry
    function redrawFeeOf(address delegatee, StreamId streamId, bool offered) public view returns (uint256) {
        return _feeOf(_withLatest(_asked[delegatee][streamId]), offered);
    }

    /// @dev Numbers a request and takes its redraw fee from the value; what is left is its deposit. One open request per delegatee and stream, and a
    /// fee for whoever has seen a committee and asks for another.
    function _nextGrant(address delegatee, StreamId streamId, bool offered) internal returns (GrantId grantId, uint256 fee) {
        Asked memory asked = _asked[delegatee][streamId];
        GrantId before = GrantId.wrap(asked.latest);
        Access storage previous = _access[before];
        if (previous.status == Status.Requested && !_isLapsed(previous.requestBlock)) revert RequestPending(delegatee, streamId, before);
        asked = _withLatest(asked);
        fee = _feeOf(asked, offered);
        if (msg.value < fee) revert PaymentTooSmall(msg.value, fee);
        if (fee != 0 && offered) asked.offerRedraws += asked.offerRedraws < DOUBLINGS ? 1 : 0;
        if (fee != 0 && !offered) asked.redraws += asked.redraws < DOUBLINGS ? 1 : 0;
        if (offered) asked.offerRedraw = false;
        else asked.redraw = false;
        asked.latest = ++grantCount;
        _asked[delegatee][streamId] = asked;
        grantId = GrantId.wrap(asked.latest);
    }

    /// @dev Holds what came with a request under its id, and burns the fee.
    function _holdDeposit(GrantId grantId, uint256 fee) internal {
        if (msg.value != 0) treasury.hold{value: msg.value}(_moneyOf(grantId));
        if (fee != 0) treasury.credit(_moneyOf(grantId), BURNED, fee);
    }

    /// @dev The record with the end of its latest grant in it, if that lives.
    function _withLatest(Asked memory asked) private view returns (Asked memory) {
        if (asked.liveUntil <= block.timestamp) (asked.liveUntil, asked.live) = (0, 0);
        Access storage latest = _access[GrantId.wrap(asked.latest)];
        if (_isLive(latest)) {
            uint40 expiry = latest.expiry;
            if (expiry > asked.liveUntil) asked.liveUntil = expiry;
            ++asked.live;
        } else if (latest.status == Status.Revoked) {
            // For the owner a revocation is no answer: it would be a redraw for nothing.
            asked.offerRedraw = true;
        }
        return asked;
    }

    function _feeOf(Asked memory asked, bool offered) private view returns (uint256) {
        bool due = asked.live != 0 || (offered ? asked.offerRedraw : asked.redraw);
        return due ? uint256(redrawFeeWei) << (offered ? asked.offerRedraws : asked.redraws) : 0;
    }

    /// @dev Whoever asked takes back a request that could be granted: it may have seen the committee.
    function _noteWithdrawn(Access storage access) internal {
        if (_isLapsed(access.requestBlock)) return;
        Asked storage asked = _asked[access.delegatee][access.streamId];
        if (access.offered) asked.offerRedraw = true;
        else asked.redraw = true;
    }

    /// @dev A grant ends before its time. Where others were given beside it, their latest end known stays until all have ended.
    function _noteEnded(GrantId grantId, Access storage access) internal {
        Asked storage asked = _asked[access.delegatee][access.streamId];
        if (access.status == Status.Surrendered) asked.redraw = true;
        bool counted = asked.latest != GrantId.unwrap(grantId) && block.timestamp < access.expiry;
        if (counted && --asked.live == 0) asked.liveUntil = 0;
    }

    // --- deposits ---

    /// @inheritdoc IGrantRegistry
    function addDeposit(GrantId grantId) external payable {
        Access storage access = _requireLive(grantId);
        uint128 deposit = access.deposit + uint128(msg.value);
        access.deposit = deposit;
        emit DepositAdded(grantId, deposit);
        treasury.hold{value: msg.value}(_moneyOf(grantId));
    }

    /// @inheritdoc IGrantRegistry
    function reclaimDeposit(GrantId grantId) external {
        Access storage access = _known(grantId);
        Status status = access.status;
        if (status == Status.Requested) revert WrongStatus(grantId, status, Status.Granted);
        if (_isLive(access)) revert GrantStillLive(grantId);
        if (access.deposit == 0) revert NothingToReclaim(grantId);
        _returnDeposit(grantId, access);
    }

    /// @dev What is free to whoever paid it.
    function _returnDeposit(GrantId grantId, Access storage access) internal {
        uint256 amount = access.deposit;
        if (amount == 0) return;
        access.deposit = 0;
        emit DepositReclaimed(grantId, amount);
        treasury.credit(_moneyOf(grantId), _payerOf(access), amount);
    }

    function _payerOf(Access storage access) internal view returns (address) {
        return access.offered ? access.delegator : access.delegatee;
    }

    // --- for ConversionRounds ---

    /// @inheritdoc IGrantRegistry
    function takeQuota(GrantId grantId, address opener, uint32 records, uint256 feePerCfragWei) external onlyRounds returns (Opening memory opening) {
        Access storage access = _requireLive(grantId);
        if (opener != _payerOf(access)) revert NotPayer(grantId, opener, _payerOf(access));
        (uint32 used, uint32 quota) = (access.used, access.quota);
        if (records > quota - used) revert QuotaExceeded(grantId, used, records, quota);
        (opening.threshold, opening.committeeSize, opening.streamId) = (access.threshold, access.committeeSize, access.streamId);
        (uint256 price, uint128 deposit) = (access.price, access.deposit);
        uint256 reserve = records * (opening.threshold * feePerCfragWei + price);
        if (reserve > deposit) revert DepositTooSmall(grantId, deposit, reserve);
        access.deposit = deposit - uint128(reserve);
        access.used = used + records;
        opening.index = access.rounds++;
        (opening.priced, opening.committeeHash) = (price != 0, access.committeeHash);
    }

    /// @inheritdoc IGrantRegistry
    function returnReserve(GrantId grantId, uint256 feesWei, uint256 prices) external onlyRounds {
        Access storage access = _access[grantId];
        uint256 amount = prices == 0 ? feesWei : feesWei + prices * access.price;
        if (amount != 0) access.deposit += uint128(amount);
    }

    /// @inheritdoc IGrantRegistry
    function recordServed(GrantId grantId, uint256 prices) external onlyRounds {
        Access storage access = _access[grantId];
        if (!access.served) {
            access.served = true;
            Asked storage asked = _asked[access.delegatee][access.streamId];
            if (asked.redraws | asked.offerRedraws != 0) (asked.redraws, asked.offerRedraws) = (0, 0);
        }
        if (prices == 0) return;
        uint256 amount = prices * access.price;
        emit PricePaid(grantId, access.delegator, amount);
        treasury.credit(_moneyOf(grantId), access.delegator, amount);
    }

    function _moneyOf(GrantId grantId) private pure returns (bytes32) {
        return bytes32(uint256(GrantId.unwrap(grantId)));
    }
}
