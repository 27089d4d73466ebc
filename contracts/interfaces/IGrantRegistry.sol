// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {G1Point, G2Point, Proof} from "../types/Points.sol";
import {GrantId, Member, StreamId} from "../types/Ids.sol";
import {IConversionRounds} from "./IConversionRounds.sol";

/// @title Access: requests with their drawn committee, verified grants, denials, revocations, fragment complaints.
/// @notice A grant covers the epochs epochFrom..epochTo of one stream, with one re-key per label (SCHEME §4, SPEC §7).
interface IGrantRegistry {
    enum Status {
        None,
        Requested,
        Granted,
        Denied,
        Withdrawn,
        Revoked,
        Voided // a fragment complaint was right
    }

    struct Settings {
        uint128 redrawFeeWei; // for a request after one that lapsed or was withdrawn, and an offer after a revocation too; burned
        uint128 complaintPenaltyWei; // from the bond of a proxy whose complaint was not upheld
        uint40 maxGrantSeconds; // "for ever" is not offered
    }

    /// In storage order: five slots, of which a round reads the first alone to learn whether the grant is live.
    struct Access {
        Status status;
        bool offered; // by the owner, unasked: the deposit is the owner's
        bool converted; // a right result was proposed in one of its rounds: the price is the owner's
        uint8 threshold;
        uint8 committeeSize;
        uint32 delegateeKeyVersion;
        uint32 quota; // conversions (records) in all
        uint32 used;
        uint32 rounds; // opened so far
        uint40 requestBlock; // of the draw
        uint40 expiry; // unix time; 0 until granted
        address delegatee;
        StreamId streamId;
        uint32 poolSize; // of the draw
        address delegator;
        uint32 epochFrom;
        uint32 epochTo;
        uint128 price; // held for the owner
        uint128 deposit; // free for fees
        bytes32 committeeHash; // 0 until granted
    }

    struct AccessRequest {
        StreamId streamId;
        uint32 epochFrom;
        uint32 epochTo;
        uint8 threshold;
        uint8 committeeSize;
        string purpose; // <= 512 bytes
    }

    /// SCHEME §4's public values for one label.
    struct Rekey {
        uint32 epoch;
        G1Point delegatingKey; // A, of the label's key version
        G2Point maskedKey; // U
        G2Point mask; // V = h2^s
        G1Point[] commitments; // C_0..C_{t-1}
        G1Point ephemeral; // R = g1^e
        Proof ephemeralProof;
        bytes32[] pads; // E_1..E_n, the encrypted fragments
    }

    /// What a first round in the grant's own transaction needs.
    struct FirstRound {
        uint32 epoch;
        IConversionRounds.RecordRef[] records;
    }

    event AccessRequested(
        GrantId indexed grantId, StreamId indexed streamId, address indexed delegatee, AccessRequest request, uint32 poolSize, uint128 price, uint128 deposit, bool offered
    );
    event AccessGranted(
        GrantId indexed grantId, address indexed delegator, address indexed delegatee, uint40 expiry, uint32 quota, Member[] committee
    );
    event RekeyPosted(GrantId indexed grantId, bytes32 indexed label, uint32 delegatorKeyVersion, uint32 delegateeKeyVersion, Rekey rekey);
    event AccessDenied(GrantId indexed grantId, string reason);
    event RequestWithdrawn(GrantId indexed grantId);
    event GrantRevoked(GrantId indexed grantId);
    event DepositAdded(GrantId indexed grantId, uint128 deposit);
    event DepositReclaimed(GrantId indexed grantId, uint256 amount);
    event PriceCollected(GrantId indexed grantId, address indexed owner, uint256 amount);
    event FragmentComplaint(GrantId indexed grantId, bytes32 indexed label, uint8 slot, address indexed proxy, bool upheld, bytes32 fragment);

    error UnknownGrant(GrantId grantId);
    /// `action` is not possible in this status.
    error WrongStatus(GrantId grantId, Status current, Status expected);
    error NotDelegator(GrantId grantId, address caller, address delegator);
    error NotDelegatee(GrantId grantId, address caller, address delegatee);
    error BadThreshold(uint8 threshold, uint8 committeeSize, uint8 minimumThreshold, uint8 minimumCommittee, uint8 maximumCommittee);
    error TooFewProxies(uint8 committeeSize, uint32 active);
    error BadEpochRange(uint32 epochFrom, uint32 epochTo, uint32 current);
    error RequestPending(address delegatee, StreamId streamId, GrantId pending);
    error PaymentTooSmall(uint256 sent, uint256 required);
    error TextTooLong(uint256 length, uint256 limit);
    /// The request's block is too old (or too young) for its hash to be had: ask again, or wait one block.
    error DrawLapsed(GrantId grantId, uint256 requestBlock, uint256 currentBlock);
    error DrawTooEarly(GrantId grantId, uint256 requestBlock);
    error BadExpiry(uint40 expiry, uint256 earliest, uint256 latest);
    error ZeroQuota();
    error EpochOutOfScope(GrantId grantId, uint32 epoch);
    error RekeyExists(GrantId grantId, uint32 epoch);
    error WrongCommitmentCount(uint256 given, uint256 threshold);
    error WrongPadCount(uint256 given, uint256 committeeSize);
    error IdentityPoint(bytes32 which);
    error InvalidEphemeralProof(GrantId grantId, bytes32 label);
    error MalformedGrant(GrantId grantId, bytes32 label);
    error StaleGrant(GrantId grantId, uint40 expiry);
    error QuotaExceeded(GrantId grantId, uint32 used, uint32 asked, uint32 quota);
    error DepositTooSmall(GrantId grantId, uint256 deposit, uint256 required);
    error RekeyMismatch(GrantId grantId, uint32 epoch);
    error CommitteeMismatch(GrantId grantId);
    error NotInSlot(uint8 slot, address caller);
    error InvalidComplaintProof(GrantId grantId, uint8 slot);
    /// An offer is the owner's own request: it is withdrawn, not denied.
    error OwnOffer(GrantId grantId);
    error NotRounds(address caller);
    error NothingToCollect(GrantId grantId);
    error GrantStillLive(GrantId grantId);
    error BadSettings();

    /// @notice Asks for access (one live request per delegatee and stream); value = the stream's price (and the redraw fee where due) plus the deposit for fees.
    function requestAccess(AccessRequest calldata request) external payable returns (GrantId);

    /// @notice The owner opens access for a user unasked; the draw is the same, the deposit is the owner's.
    function offerAccess(AccessRequest calldata request, address delegatee) external payable returns (GrantId);

    /// @notice Whoever asked (the owner, for an offer) takes a request back, lapsed or not; price and deposit return. The next one pays the redraw fee.
    function withdrawRequest(GrantId grantId) external;

    /// @notice The owner refuses; price and deposit return to the delegatee.
    function deny(GrantId grantId, string calldata reason) external;

    /// @notice Grants: committee drawn and checked, each re-key verified (SCHEME §4), and a first round if `firstRound.records` is not empty.
    /// @param receivingKey B, the delegatee's key of the version that the request names.
    function grant(
        GrantId grantId, uint40 expiry, uint32 quota, G2Point calldata receivingKey, Rekey[] calldata rekeys, FirstRound calldata firstRound
    ) external;

    /// @notice Adds re-keys for further epochs of a granted range.
    function addRekeys(GrantId grantId, Member[] calldata committee, G2Point calldata receivingKey, Rekey[] calldata rekeys) external;

    /// @notice The owner ends a grant: no round opens any more, open rounds end at once.
    /// Warning: what was converted stays converted, and t dishonest proxies could still convert old capsules; only a new epoch closes that for new data.
    function revoke(GrantId grantId) external;

    /// @notice Warning: whoever pays, what remains goes back to the delegatee (to the delegator for an offer).
    function addDeposit(GrantId grantId) external payable;

    /// @notice Anyone, once the grant is over (expired, revoked, voided): credits what no round holds to the delegatee (the delegator for an offer), and
    /// the price to the owner if the grant has served (`converted`), else back as well. May be repeated when closed rounds return more.
    function reclaimDeposit(GrantId grantId) external;

    /// @notice Anyone, once a right result was proposed in a round of this grant (the delegatee can read it then): credits the price to the owner.
    function collectPrice(GrantId grantId) external;

    /// @notice Slot `slot` shows that its fragment is bad: `sharedPoint` = K = N_i^e with a proof of equal logs (g1, N_i; R, K). Upheld: the grant is
    /// void. Not upheld: the fragment is now public, this is recorded, and the proxy pays (SCHEME §4).
    function complain(
        GrantId grantId, Member[] calldata committee, Rekey calldata rekey, uint8 slot, G1Point calldata nodeKey, G1Point calldata sharedPoint, Proof calldata proof
    ) external;

    function accessOf(GrantId grantId) external view returns (Access memory);

    function grantCount() external view returns (uint64);

    /// @notice The committee that the draw gives with present key versions, while the request's block hash can be had: what `grant` will check
    /// against. Once granted, AccessGranted and committeeHash have the committee with the versions of that moment.
    function committeeOf(GrantId grantId) external view returns (Member[] memory);

    /// @notice keccak256(keccak256(V), rest) of an epoch's re-key (SPEC §7); 0 if none was posted.
    function rekeyHash(GrantId grantId, uint32 epoch) external view returns (bytes32);

    /// @notice True while rounds of the grant may run: granted, not expired, not revoked or voided.
    function isLive(GrantId grantId) external view returns (bool);

    /// @notice Live flag and committee hash in one call, for rounds.
    function liveCommittee(GrantId grantId) external view returns (bool live, bytes32 committeeHash);

    /// @notice ConversionRounds only: takes quota and fee reserve, numbers the round.
    function takeQuota(GrantId grantId, address opener, uint32 records, uint256 feePerCfragWei)
        external
        returns (uint32 index, uint8 threshold, uint8 committeeSize, bytes32 committeeHash, StreamId streamId);

    /// @notice ConversionRounds only: returns an unspent reserve to the grant's deposit.
    function returnReserve(GrantId grantId, uint256 amount) external;

    /// @notice ConversionRounds only: a right result was proposed in a round of the grant. May be repeated.
    function markConverted(GrantId grantId) external;
}
