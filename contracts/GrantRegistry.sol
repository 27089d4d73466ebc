// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {GrantChecks} from "./GrantChecks.sol";
import {IConversionRounds} from "./interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "./interfaces/IGrantRegistry.sol";
import {IKeyRegistry} from "./interfaces/IKeyRegistry.sol";
import {IProxyRegistry} from "./interfaces/IProxyRegistry.sol";
import {IRecordRegistry} from "./interfaces/IRecordRegistry.sol";
import {IRekeyVerifier} from "./interfaces/IRekeyVerifier.sol";
import {ITreasury} from "./interfaces/ITreasury.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {Transcript} from "./libraries/Transcript.sol";
import {G1Point, G2Point, Proof} from "./types/Points.sol";
import {GrantId, Member, StreamId} from "./types/Ids.sol";
import {RekeyVerifier} from "./RekeyVerifier.sol";

/// @title GrantRegistry
/// @dev Assumes of the other contracts: KeyRegistry takes a key only with its proof; ProxyRegistry's draw is a function of its arguments and of
/// who was active at that block; labels of RecordRegistry never change; ConversionRounds credits from a grant's money only what takeQuota took.
contract GrantRegistry is GrantChecks {
    uint8 private constant DELEGATING = 1;
    uint8 private constant RECEIVING = 2;
    uint8 private constant MAXIMUM_COMMITTEE = 32;
    /// Redraw fees go where nobody can fetch them: neither side may gain by a redraw.
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;
    bytes32 private constant GOOD_FRAGMENT = "fragment is good";

    IKeyRegistry public immutable keys;
    IRecordRegistry public immutable records;
    ITreasury public immutable treasury;
    address public immutable rounds;
    IRekeyVerifier public immutable verifier;
    uint128 public immutable redrawFeeWei;
    uint128 public immutable complaintPenaltyWei;
    uint40 public immutable maxGrantSeconds;

    mapping(address delegatee => mapping(StreamId => GrantId)) private _latest;

    modifier onlyRounds() {
        if (msg.sender != rounds) revert NotRounds(msg.sender);
        _;
    }

    constructor(
        IKeyRegistry keys_, IProxyRegistry proxies_, IRecordRegistry records_, ITreasury treasury_, address rounds_, Settings memory settings
    ) GrantChecks(proxies_) {
        if (settings.maxGrantSeconds == 0 || rounds_ == address(0)) revert BadSettings();
        (keys, records, treasury, rounds) = (keys_, records_, treasury_, rounds_);
        redrawFeeWei = settings.redrawFeeWei;
        complaintPenaltyWei = settings.complaintPenaltyWei;
        maxGrantSeconds = settings.maxGrantSeconds;
        verifier = new RekeyVerifier();
    }

    // --- requests ---

    /// @inheritdoc IGrantRegistry
    function requestAccess(AccessRequest calldata request) external payable returns (GrantId) {
        IRecordRegistry.Stream memory stream = records.streamOf(request.streamId);
        return _ask(request, stream, msg.sender, stream.priceWei, false);
    }

    /// @inheritdoc IGrantRegistry
    function offerAccess(AccessRequest calldata request, address delegatee) external payable returns (GrantId) {
        IRecordRegistry.Stream memory stream = records.streamOf(request.streamId);
        if (stream.owner != msg.sender) revert IRecordRegistry.NotStreamOwner(request.streamId, msg.sender, stream.owner);
        return _ask(request, stream, delegatee, 0, true);
    }

    function _ask(AccessRequest calldata request, IRecordRegistry.Stream memory stream, address delegatee, uint128 price, bool offered)
        private
        returns (GrantId grantId)
    {
        _requireFair(request, stream);
        uint32 keyVersion = keys.latestVersion(delegatee, RECEIVING);
        if (keyVersion == 0) revert IKeyRegistry.NoKey(delegatee, RECEIVING);
        uint256 fee = _redrawFee(delegatee, request.streamId, offered);
        if (msg.value < price + fee) revert PaymentTooSmall(msg.value, price + fee);
        uint128 deposit = uint128(msg.value - price - fee);

        grantId = GrantId.wrap(++grantCount);
        _latest[delegatee][request.streamId] = grantId;
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
        access.price = price;
        access.deposit = deposit;
        access.committeeHash = RESERVED;
        _access[grantId] = access;
        _rekeyHash[grantId][request.epochFrom] = RESERVED;
        emit AccessRequested(grantId, request.streamId, delegatee, request, access.poolSize, price, deposit, offered);

        if (msg.value != 0) treasury.hold{value: msg.value}(_moneyOf(grantId));
        if (fee != 0) treasury.credit(_moneyOf(grantId), BURNED, fee);
    }

    function _requireFair(AccessRequest calldata request, IRecordRegistry.Stream memory stream) private view {
        (uint8 t, uint8 n) = (request.threshold, request.committeeSize);
        if (t == 0 || t > n || n > MAXIMUM_COMMITTEE || t < stream.minimumThreshold || n < stream.minimumCommittee) {
            revert BadThreshold(t, n, stream.minimumThreshold, stream.minimumCommittee, MAXIMUM_COMMITTEE);
        }
        if (request.epochFrom > request.epochTo || request.epochFrom > stream.epoch) {
            revert BadEpochRange(request.epochFrom, request.epochTo, stream.epoch);
        }
        _requireShort(bytes(request.purpose).length);
        uint32 active = proxies.activeCount();
        if (n > active) revert TooFewProxies(n, active);
    }

    /// @dev One live request per delegatee and stream, and a fee where the one before ended without an answer of the other side: else whoever
    /// asks draws again until the committee suits. For the owner a revocation is no answer either.
    function _redrawFee(address delegatee, StreamId streamId, bool offered) private view returns (uint256) {
        GrantId before = _latest[delegatee][streamId];
        if (GrantId.unwrap(before) == 0) return 0;
        Access storage previous = _access[before];
        Status status = previous.status;
        if (status == Status.Requested && !_isLapsed(previous.requestBlock)) revert RequestPending(delegatee, streamId, before);
        bool redraw = status == Status.Requested || status == Status.Withdrawn || (offered && status == Status.Revoked);
        return redraw ? redrawFeeWei : 0;
    }

    /// @inheritdoc IGrantRegistry
    function withdrawRequest(GrantId grantId) external {
        Access storage access = _requireStatus(grantId, Status.Requested);
        if (access.offered) _requireDelegator(grantId, access);
        else if (msg.sender != access.delegatee) revert NotDelegatee(grantId, msg.sender, access.delegatee);
        access.status = Status.Withdrawn;
        emit RequestWithdrawn(grantId);
        _returnAll(grantId, access);
    }

    /// @inheritdoc IGrantRegistry
    function deny(GrantId grantId, string calldata reason) external {
        Access storage access = _requireStatus(grantId, Status.Requested);
        _requireDelegator(grantId, access);
        if (access.offered) revert OwnOffer(grantId);
        _requireShort(bytes(reason).length);
        access.status = Status.Denied;
        emit AccessDenied(grantId, reason);
        _returnAll(grantId, access);
    }

    // --- grants ---

    /// @inheritdoc IGrantRegistry
    function grant(
        GrantId grantId, uint40 expiry, uint32 quota, G2Point calldata receivingKey, Rekey[] calldata rekeys, FirstRound calldata firstRound
    ) external {
        Access storage access = _requireStatus(grantId, Status.Requested);
        _requireDelegator(grantId, access);
        if (expiry <= block.timestamp || expiry > block.timestamp + maxGrantSeconds) {
            revert BadExpiry(expiry, block.timestamp + 1, block.timestamp + maxGrantSeconds);
        }
        if (quota == 0) revert ZeroQuota();
        Member[] memory committee = _draw(grantId, access);
        access.status = Status.Granted;
        access.expiry = expiry;
        access.quota = quota;
        access.committeeHash = Transcript.committeeHash(committee);
        emit AccessGranted(grantId, msg.sender, access.delegatee, expiry, quota, committee);
        (bytes32 maskHash, bytes32 rekeyRest) = _postRekeys(grantId, receivingKey, rekeys, firstRound.epoch);
        if (firstRound.records.length != 0) {
            // Without a re-key of that epoch among these both hashes are 0, and the round does not open: RekeyMismatch.
            IConversionRounds(rounds).openFirstRound(grantId, msg.sender, firstRound.epoch, maskHash, rekeyRest, firstRound.records);
        }
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
        access.status = Status.Revoked;
        emit GrantRevoked(grantId);
    }

    // --- money ---

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
        if (status == Status.Granted && block.timestamp < access.expiry) revert GrantStillLive(grantId);
        if (access.converted && access.price != 0) _payPrice(grantId, access);
        else if (access.price == 0 && access.deposit == 0) revert NothingToCollect(grantId);
        _returnAll(grantId, access);
    }

    /// @inheritdoc IGrantRegistry
    function collectPrice(GrantId grantId) external {
        Access storage access = _known(grantId);
        if (!access.converted || access.price == 0) revert NothingToCollect(grantId);
        _payPrice(grantId, access);
    }

    function _payPrice(GrantId grantId, Access storage access) private {
        uint256 price = access.price;
        access.price = 0;
        emit PriceCollected(grantId, access.delegator, price);
        treasury.credit(_moneyOf(grantId), access.delegator, price);
    }

    /// @dev Price and deposit to whoever paid them.
    function _returnAll(GrantId grantId, Access storage access) private {
        uint256 amount = uint256(access.price) + access.deposit;
        if (amount == 0) return;
        (access.price, access.deposit) = (0, 0);
        emit DepositReclaimed(grantId, amount);
        treasury.credit(_moneyOf(grantId), access.offered ? access.delegator : access.delegatee, amount);
    }

    // --- complaints ---

    /// @inheritdoc IGrantRegistry
    function complain(
        GrantId grantId, Member[] calldata committee, Rekey calldata rekey, uint8 slot, G1Point calldata nodeKey, G1Point calldata sharedPoint, Proof calldata proof
    ) external {
        Access storage access = _requireLive(grantId);
        _requireCommittee(grantId, access, committee);
        _requireSlot(committee, slot, nodeKey);
        Transcript.GrantContext memory bound = _contextOf(grantId, access, rekey);
        IRekeyVerifier.Opening memory opening = IRekeyVerifier.Opening(slot, nodeKey, sharedPoint, proof);
        (bytes32 fragment, bool good) = verifier.openFragment(rekey, bound, opening, _rekeyHash[grantId][rekey.epoch]);

        if (!good) access.status = Status.Voided;
        emit FragmentComplaint(grantId, bound.label, slot, msg.sender, !good, fragment);
        if (good) proxies.penalize(msg.sender, access.delegator, complaintPenaltyWei, GOOD_FRAGMENT);
    }

    // --- for ConversionRounds ---

    /// @inheritdoc IGrantRegistry
    function takeQuota(GrantId grantId, address opener, uint32 records_, uint256 feePerCfragWei)
        external
        onlyRounds
        returns (uint32 index, uint8 threshold, uint8 committeeSize, bytes32 committeeHash, StreamId streamId)
    {
        Access storage access = _requireLive(grantId);
        if (opener != access.delegatee && opener != access.delegator) revert IConversionRounds.NotParty(grantId, opener);
        (uint32 used, uint32 quota) = (access.used, access.quota);
        if (records_ > quota - used) revert QuotaExceeded(grantId, used, records_, quota);
        threshold = access.threshold;
        uint256 reserve = uint256(threshold) * records_ * feePerCfragWei;
        if (reserve > access.deposit) revert DepositTooSmall(grantId, access.deposit, reserve);
        access.deposit -= uint128(reserve);
        access.used = used + records_;
        index = access.rounds++;
        return (index, threshold, access.committeeSize, access.committeeHash, access.streamId);
    }

    /// @inheritdoc IGrantRegistry
    function returnReserve(GrantId grantId, uint256 amount) external onlyRounds {
        if (amount != 0) _access[grantId].deposit += uint128(amount);
    }

    /// @inheritdoc IGrantRegistry
    function markConverted(GrantId grantId) external onlyRounds {
        _access[grantId].converted = true;
    }

    // --- views ---

    /// @inheritdoc IGrantRegistry
    function accessOf(GrantId grantId) external view returns (Access memory access) {
        access = _access[grantId];
        access.committeeHash = _orZero(access.committeeHash);
    }

    /// @inheritdoc IGrantRegistry
    function committeeOf(GrantId grantId) external view returns (Member[] memory) {
        return _draw(grantId, _known(grantId));
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
    function liveCommittee(GrantId grantId) external view returns (bool live, bytes32 committeeHash) {
        Access storage access = _access[grantId];
        return (_isLive(access), _orZero(access.committeeHash));
    }

    function _moneyOf(GrantId grantId) private pure returns (bytes32) {
        return bytes32(uint256(GrantId.unwrap(grantId)));
    }
}
