// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {GrantChecks} from "./GrantChecks.sol";
import {GrantMoney} from "./GrantMoney.sol";
import {IConversionRounds} from "./interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "./interfaces/IGrantRegistry.sol";
import {IGrantVerifier} from "./interfaces/IGrantVerifier.sol";
import {IKeyRegistry} from "./interfaces/IKeyRegistry.sol";
import {IProxyRegistry} from "./interfaces/IProxyRegistry.sol";
import {IRecordRegistry} from "./interfaces/IRecordRegistry.sol";
import {ITreasury} from "./interfaces/ITreasury.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {Transcript} from "./libraries/Transcript.sol";
import {G1Point, G2Point, Proof} from "./types/Points.sol";
import {GrantId, Member} from "./types/Ids.sol";

/// @title GrantRegistry
/// @dev Assumes of the other contracts: KeyRegistry takes a key only with its proof; ProxyRegistry's draw is a function of its arguments and of
/// who was active at that block; labels of RecordRegistry never change; ConversionRounds credits from a grant's money only what takeQuota took.
contract GrantRegistry is GrantMoney {
    uint8 private constant DELEGATING = 1;
    uint8 private constant RECEIVING = 2;
    uint8 private constant MAXIMUM_COMMITTEE = 32;
    bytes32 private constant GOOD_FRAGMENT = "fragment is good";

    IKeyRegistry public immutable keys;
    IRecordRegistry public immutable records;
    uint128 public immutable complaintPenaltyWei;
    uint40 public immutable maxGrantSeconds;

    constructor(
        IKeyRegistry keys_, IProxyRegistry proxies_, IRecordRegistry records_, ITreasury treasury_, address rounds_, Settings memory settings
    ) GrantChecks(proxies_) GrantMoney(treasury_, rounds_, settings.redrawFeeWei) {
        if (settings.maxGrantSeconds == 0) revert BadSettings();
        (keys, records) = (keys_, records_);
        complaintPenaltyWei = settings.complaintPenaltyWei;
        maxGrantSeconds = settings.maxGrantSeconds;
    }

    // --- requests ---

    /// @inheritdoc IGrantRegistry
    function requestAccess(AccessRequest calldata request) external payable returns (GrantId) {
        IRecordRegistry.Stream memory stream = records.streamOf(request.streamId);
        if (stream.priceWei > request.maxPriceWei) revert PriceTooHigh(request.streamId, stream.priceWei, request.maxPriceWei);
        return _ask(request, stream, msg.sender, stream.priceWei, false);
    }

    /// @inheritdoc IGrantRegistry
    function offerAccess(AccessRequest calldata request, address delegatee) external payable returns (GrantId) {
        IRecordRegistry.Stream memory stream = records.streamOf(request.streamId);
        if (stream.owner != msg.sender) revert IRecordRegistry.NotStreamOwner(request.streamId, msg.sender, stream.owner);
        return _ask(request, stream, delegatee, 0, true);
    }

    function _ask(AccessRequest calldata request, IRecordRegistry.Stream memory stream, address delegatee, uint96 price, bool offered)
        private
        returns (GrantId grantId)
    {
        _requireFair(request, stream);
        uint32 keyVersion = keys.latestVersion(delegatee, RECEIVING);
        if (keyVersion == 0) revert IKeyRegistry.NoKey(delegatee, RECEIVING);
        uint256 fee;
        (grantId, fee) = _nextGrant(delegatee, request.streamId, offered);

        Access memory access;
        access.status = Status.Requested;
        access.offered = offered;
        access.threshold = request.threshold;
        access.committeeSize = request.committeeSize;
        access.delegateeKeyVersion = keyVersion;
        access.requestBlock = uint40(block.number);
        access.delegatee = delegatee;
        access.streamId = request.streamId;
        access.poolSize = proxies.poolSize();
        access.delegator = stream.owner;
        access.epochFrom = request.epochFrom;
        access.epochTo = request.epochTo;
        access.minConversions = request.minConversions;
        access.minSeconds = request.minSeconds;
        access.price = price;
        access.deposit = uint128(msg.value - fee);
        access.committeeHash = RESERVED;
        _access[grantId] = access;
        _rekeyHash[grantId][request.epochFrom] = RESERVED;
        emit AccessRequested(grantId, request.streamId, delegatee, request, access.poolSize, price, access.deposit, offered);
        _holdDeposit(grantId, fee);
    }

    /// @dev No thinner than the stream's minimum, in absolute numbers and in proportion: 3 of 32 is owned by whoever runs a tenth of the proxies.
    function _requireFair(AccessRequest calldata request, IRecordRegistry.Stream memory stream) private view {
        (uint8 t, uint8 n) = (request.threshold, request.committeeSize);
        (uint8 minimumT, uint8 minimumN) = (stream.minimumThreshold, stream.minimumCommittee);
        bool thin = t < minimumT || n < minimumN || uint256(t) * minimumN < uint256(minimumT) * n;
        if (t == 0 || t > n || n > MAXIMUM_COMMITTEE || thin) revert BadThreshold(t, n, minimumT, minimumN, MAXIMUM_COMMITTEE);
        if (request.epochFrom > request.epochTo || request.epochFrom > stream.epoch) {
            revert BadEpochRange(request.epochFrom, request.epochTo, stream.epoch);
        }
        if (request.minSeconds > maxGrantSeconds) revert RequestTooLong(request.minSeconds, maxGrantSeconds);
        _requireShort(bytes(request.purpose).length);
        uint32 active = proxies.activeCount();
        if (n > active) revert TooFewProxies(n, active);
    }

    /// @inheritdoc IGrantRegistry
    function withdrawRequest(GrantId grantId) external {
        Access storage access = _requireStatus(grantId, Status.Requested);
        if (access.offered) _requireDelegator(grantId, access);
        else _requireDelegatee(grantId, access);
        access.status = Status.Withdrawn;
        _noteWithdrawn(access);
        emit RequestWithdrawn(grantId);
        _returnDeposit(grantId, access);
    }

    /// @inheritdoc IGrantRegistry
    function deny(GrantId grantId, string calldata reason) external {
        Access storage access = _requireStatus(grantId, Status.Requested);
        _requireDelegator(grantId, access);
        if (access.offered) revert OwnOffer(grantId);
        _requireShort(bytes(reason).length);
        access.status = Status.Denied;
        emit AccessDenied(grantId, reason);
        _returnDeposit(grantId, access);
    }

    // --- grants ---

    /// @inheritdoc IGrantRegistry
    function grant(
        GrantId grantId, uint40 expiry, uint32 quota, DrawProof calldata draw, G2Point calldata receivingKey, Rekey[] calldata rekeys, FirstRound calldata firstRound
    ) external {
        Access storage access = _requireStatus(grantId, Status.Requested);
        _requireDelegator(grantId, access);
        _requireAsked(grantId, access, expiry, quota);
        if (rekeys.length == 0 || rekeys[0].epoch != access.epochFrom) revert RekeyMissing(grantId, access.epochFrom);
        // The re-key's own check finds out whether its delegating key is the delegator's.
        (Member[] memory committee, bytes32 blockHash) = _draw(grantId, access, rekeys[0].delegatingKey, draw);
        access.status = Status.Granted;
        access.expiry = expiry;
        access.quota = quota;
        access.committeeHash = Transcript.committeeHash(committee);
        emit AccessGranted(grantId, msg.sender, access.delegatee, expiry, quota, committee, blockHash, draw.gamma);
        (bytes32 maskHash, bytes32 rekeyRest) = _postRekeys(grantId, receivingKey, rekeys, firstRound.epoch);
        if (firstRound.records.length != 0) {
            // Without a re-key of that epoch among these both hashes are 0, and the round does not open: RekeyMismatch.
            IConversionRounds(rounds).openFirstRound(grantId, msg.sender, firstRound.epoch, maskHash, rekeyRest, firstRound.records);
        }
    }

    function _requireAsked(GrantId grantId, Access storage access, uint40 expiry, uint32 quota) private view {
        uint256 seconds_ = access.minSeconds == 0 ? 1 : access.minSeconds;
        if (expiry < block.timestamp + seconds_ || expiry > block.timestamp + maxGrantSeconds) {
            revert BadExpiry(expiry, block.timestamp + seconds_, block.timestamp + maxGrantSeconds);
        }
        uint32 conversions = access.minConversions == 0 ? 1 : access.minConversions;
        if (quota < conversions) revert QuotaTooSmall(grantId, quota, conversions);
    }

    /// @inheritdoc IGrantRegistry
    function addRekeys(GrantId grantId, Member[] calldata committee, G2Point calldata receivingKey, Rekey[] calldata rekeys) external {
        Access storage access = _requireLive(grantId);
        _requireDelegator(grantId, access);
        _requireCommittee(grantId, access, committee);
        _postRekeys(grantId, receivingKey, rekeys, 0);
    }

    /// @return maskHash and rekeyRest of the re-key for `epoch`, 0 if there is none
    function _postRekeys(GrantId grantId, G2Point calldata receivingKey, Rekey[] calldata rekeys, uint32 epoch)
        private
        returns (bytes32 maskHash, bytes32 rekeyRest)
    {
        Access storage access = _access[grantId];
        address delegatee = access.delegatee;
        if (BLS12381.hashOf(receivingKey) != keys.keyHash(delegatee, RECEIVING, access.delegateeKeyVersion)) {
            revert IKeyRegistry.KeyMismatch(delegatee, RECEIVING, access.delegateeKeyVersion);
        }
        for (uint256 i = 0; i < rekeys.length; ++i) {
            (bytes32 mask, bytes32 rest) = _postRekey(grantId, access, receivingKey, rekeys[i]);
            if (rekeys[i].epoch == epoch) (maskHash, rekeyRest) = (mask, rest);
        }
    }

    function _postRekey(GrantId grantId, Access storage access, G2Point calldata receivingKey, Rekey calldata rekey)
        private
        returns (bytes32 maskHash, bytes32 rekeyRest)
    {
        if (rekey.epoch < access.epochFrom || rekey.epoch > access.epochTo) revert EpochOutOfScope(grantId, rekey.epoch);
        if (_orZero(_rekeyHash[grantId][rekey.epoch]) != 0) revert RekeyExists(grantId, rekey.epoch);
        Transcript.GrantContext memory bound = _contextOf(grantId, access, rekey);
        (maskHash, rekeyRest) = verifier.requireWellFormed(rekey, receivingKey, bound);
        _rekeyHash[grantId][rekey.epoch] = Transcript.rekeyHash(maskHash, rekeyRest);
        emit RekeyPosted(grantId, bound.label, bound.delegatorKeyVersion, bound.delegateeKeyVersion, rekey);
    }

    /// @dev The context without the re-key's own hashes; also checks that A is the delegator's key under that label.
    function _contextOf(GrantId grantId, Access storage access, Rekey calldata rekey) private view returns (Transcript.GrantContext memory bound) {
        address delegator = access.delegator;
        (bytes32 label,, uint32 keyVersion) = records.labelOf(access.streamId, rekey.epoch);
        if (BLS12381.hashOf(rekey.delegatingKey) != keys.keyHash(delegator, DELEGATING, keyVersion)) {
            revert IKeyRegistry.KeyMismatch(delegator, DELEGATING, keyVersion);
        }
        bound.grantRegistry = address(this);
        bound.grantId = grantId;
        bound.delegator = delegator;
        bound.delegatorKeyVersion = keyVersion;
        bound.delegatee = access.delegatee;
        bound.delegateeKeyVersion = access.delegateeKeyVersion;
        bound.threshold = access.threshold;
        bound.committeeSize = access.committeeSize;
        bound.committeeHash = access.committeeHash;
        bound.label = label;
    }

    /// @inheritdoc IGrantRegistry
    function revoke(GrantId grantId) external {
        Access storage access = _requireStatus(grantId, Status.Granted);
        _requireDelegator(grantId, access);
        _end(grantId, access, Status.Revoked);
        emit GrantRevoked(grantId);
    }

    /// @inheritdoc IGrantRegistry
    function surrender(GrantId grantId) external {
        Access storage access = _requireStatus(grantId, Status.Granted);
        _requireDelegatee(grantId, access);
        _end(grantId, access, Status.Surrendered);
        emit GrantSurrendered(grantId);
        _returnDeposit(grantId, access);
    }

    function _end(GrantId grantId, Access storage access, Status status) private {
        bool first = access.status == Status.Granted;
        access.status = status;
        if (first) _noteEnded(grantId, access);
    }

    // --- complaints ---

    /// @inheritdoc IGrantRegistry
    function complain(
        GrantId grantId, Member[] calldata committee, Rekey calldata rekey, uint8 slot, G1Point calldata nodeKey, G1Point calldata sharedPoint, Proof calldata proof
    ) external {
        // Expired or surrendered: a round that was opened in time may still run, and its members answer for it.
        Access storage access = _known(grantId);
        if (access.status != Status.Surrendered) _requireStatus(grantId, Status.Granted);
        _requireCommittee(grantId, access, committee);
        _requireSlot(committee, slot, nodeKey);
        Transcript.GrantContext memory bound = _contextOf(grantId, access, rekey);
        IGrantVerifier.Opening memory opening = IGrantVerifier.Opening(slot, nodeKey, sharedPoint, proof);
        (bytes32 fragment, bool good) = verifier.openFragment(rekey, bound, opening, _rekeyHash[grantId][rekey.epoch]);

        if (!good) _end(grantId, access, Status.Voided);
        emit FragmentComplaint(grantId, bound.label, slot, msg.sender, !good, fragment);
        if (good) proxies.penalize(msg.sender, access.delegator, complaintPenaltyWei, GOOD_FRAGMENT);
    }

    // --- views ---

    /// @inheritdoc IGrantRegistry
    function accessOf(GrantId grantId) external view returns (Access memory access) {
        access = _access[grantId];
        access.committeeHash = _orZero(access.committeeHash);
    }

    /// @inheritdoc IGrantRegistry
    function rekeyHash(GrantId grantId, uint32 epoch) external view returns (bytes32) {
        return _orZero(_rekeyHash[grantId][epoch]);
    }

    /// @inheritdoc IGrantRegistry
    function isLive(GrantId grantId) external view returns (bool) {
        return _isLive(_access[grantId]);
    }

    /// @inheritdoc IGrantRegistry
    function isEnded(GrantId grantId) external view returns (bool) {
        Status status = _access[grantId].status;
        return status == Status.Revoked || status == Status.Voided;
    }

    /// @inheritdoc IGrantRegistry
    function committeeHashOf(GrantId grantId) external view returns (bytes32) {
        return _orZero(_access[grantId].committeeHash);
    }
}
