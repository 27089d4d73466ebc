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
        // what ended a grant before its time
        Revoked,
        Voided, // a fragment complaint was right
        Surrendered // by the delegatee
    }

    struct Settings {
        uint128 redrawFeeWei; // of a first redraw; doubles with each further one (see redrawFeeOf). Burned
        uint128 complaintPenaltyWei; // from the bond of a proxy whose complaint was not upheld
        uint40 maxGrantSeconds; // "for ever" is not offered
    }

    /// In storage order: five slots. A round reads the first alone to learn whether the grant was ended; a grant is checked by the first three.
    struct Access {
        Status status;
        bool offered; // by the owner, unasked: the deposit is the owner's, and so are its rounds to open
        bool served; // a result was proven in one of its rounds, or a price settled for t cfrags that stood
        uint8 threshold;
        uint8 committeeSize;
        uint32 delegateeKeyVersion;
        uint32 quota; // conversions (records) in all
        uint32 used;
        uint32 minSeconds; // as asked
        uint40 requestBlock; // of the draw
        uint40 expiry; // unix time; 0 until granted
        address delegatee;
        StreamId streamId;
        uint32 poolSize; // of the draw
        address delegator;
        uint32 epochFrom;
        uint32 epochTo;
        uint32 minConversions; // as asked
        uint96 price; // of one conversion, as it was when asked; 0 for an offer
        uint32 rounds; // opened so far
        uint128 deposit; // free for rounds
        bytes32 committeeHash; // 0 until granted
    }

    /// What whoever asks binds: a dearer stream, a smaller quota, a shorter time is refused by the contract.
    struct AccessRequest {
        StreamId streamId;
        uint32 epochFrom;
        uint32 epochTo;
        uint8 threshold;
        uint8 committeeSize;
        uint96 maxPriceWei; // of one conversion
        uint32 minConversions;
        uint32 minSeconds; // from the grant to its expiry
        string purpose; // <= 512 bytes
    }

    /// gamma = P^a with its proof of equal logs (g1, A; P, gamma): the owner's part in the draw (SCHEME §13).
    struct DrawProof {
        G1Point gamma;
        Proof proof;
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
        GrantId indexed grantId, StreamId indexed streamId, address indexed delegatee, AccessRequest request, uint32 poolSize, uint96 price, uint128 deposit, bool offered
    );
    event AccessGranted(
        GrantId indexed grantId, address indexed delegator, address indexed delegatee, uint40 expiry, uint32 quota, Member[] committee, bytes32 blockHash, G1Point gamma
    );
    event RekeyPosted(GrantId indexed grantId, bytes32 indexed label, uint32 delegatorKeyVersion, uint32 delegateeKeyVersion, Rekey rekey);
    event AccessDenied(GrantId indexed grantId, string reason);
    event RequestWithdrawn(GrantId indexed grantId);
    event GrantRevoked(GrantId indexed grantId);
    event GrantSurrendered(GrantId indexed grantId);
    event DepositAdded(GrantId indexed grantId, uint128 deposit);
    event DepositReclaimed(GrantId indexed grantId, uint256 amount);
    event PricePaid(GrantId indexed grantId, address indexed owner, uint256 amount);
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
    /// The stream's price of a conversion is above what the request allows.
    error PriceTooHigh(StreamId streamId, uint96 price, uint96 maximum);
    /// No grant of this deployment may be as long as the request asks for.
    error RequestTooLong(uint32 minSeconds, uint40 maximum);
    error TextTooLong(uint256 length, uint256 limit);
    /// The request's block is too old (or too young) for its hash to be had: ask again, or wait one block.
    error DrawLapsed(GrantId grantId, uint256 requestBlock, uint256 currentBlock);
    error DrawTooEarly(GrantId grantId, uint256 requestBlock);
    /// gamma was not made for this input (drawInputOf) with the owner's key.
    error InvalidDrawProof(bytes32 input);
    error BadExpiry(uint40 expiry, uint256 earliest, uint256 latest);
    error QuotaTooSmall(GrantId grantId, uint32 quota, uint32 minimum);
    /// A grant grants: its first re-key is that of epochFrom.
    error RekeyMissing(GrantId grantId, uint32 epoch);
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
    /// No deposit is free.
    error NothingToReclaim(GrantId grantId);
    /// Rounds are opened by whoever pays for them: the delegatee; the delegator for an offer.
    error NotPayer(GrantId grantId, address caller, address payer);
    error GrantStillLive(GrantId grantId);
    error BadSettings();

    /// @notice Asks for access (one open request per delegatee and stream); value = the redraw fee where one is due, plus the deposit for rounds: each takes
    /// records * (threshold * fee + price) of it.
    function requestAccess(AccessRequest calldata request) external payable returns (GrantId);

    /// @notice The owner opens access for a user unasked; the draw is the same, the deposit is the owner's.
    function offerAccess(AccessRequest calldata request, address delegatee) external payable returns (GrantId);

    /// @notice Whoever asked (the owner, for an offer) takes a request back, lapsed or not; the deposit returns. Before it lapsed the next one pays the redraw fee.
    function withdrawRequest(GrantId grantId) external;

    /// @notice The owner refuses; the deposit returns to the delegatee.
    function deny(GrantId grantId, string calldata reason) external;

    /// @notice Grants: committee drawn and checked, each re-key verified (SCHEME §4), and a first round if `firstRound.records` is not empty (offers only).
    /// @param draw made with the delegating key of epochFrom, which the first re-key names
    /// @param receivingKey B, the delegatee's key of the version that the request names
    function grant(
        GrantId grantId, uint40 expiry, uint32 quota, DrawProof calldata draw, G2Point calldata receivingKey, Rekey[] calldata rekeys, FirstRound calldata firstRound
    ) external;

    /// @notice Adds re-keys for further epochs of a granted range.
    function addRekeys(GrantId grantId, Member[] calldata committee, G2Point calldata receivingKey, Rekey[] calldata rekeys) external;

    /// @notice The owner ends a grant: no round opens any more, and those end in which fewer than t unchallenged cfrags stand.
    /// Warning: what was converted stays converted, and t dishonest proxies could still convert old capsules; only a new epoch closes that for new data.
    function revoke(GrantId grantId) external;

    /// @notice The delegatee ends its own grant: no round opens any more, and the free deposit returns. Rounds that are open run on, and are owed: else
    /// whoever sees the last cfrag on its way could read by it and leave in front of it. The next request pays the redraw fee.
    function surrender(GrantId grantId) external;

    /// @notice Warning: whoever pays, what remains goes back to the delegatee (to the delegator for an offer).
    function addDeposit(GrantId grantId) external payable;

    /// @notice Anyone, once the grant is over: credits what no round holds to the delegatee (the delegator for an offer). May be repeated when closed
    /// rounds return more.
    function reclaimDeposit(GrantId grantId) external;

    /// @notice Slot `slot` shows that its fragment is bad: `sharedPoint` = K = N_i^e with a proof of equal logs (g1, N_i; R, K). Upheld: the grant is
    /// void. Not upheld: the fragment is now public, this is recorded, and the proxy pays (SCHEME §4).
    function complain(
        GrantId grantId, Member[] calldata committee, Rekey calldata rekey, uint8 slot, G1Point calldata nodeKey, G1Point calldata sharedPoint, Proof calldata proof
    ) external;

    function accessOf(GrantId grantId) external view returns (Access memory);

    function grantCount() external view returns (uint64);

    /// @notice x of the request's draw and the hash of its block, while that can be had: what the owner's gamma is made for. The committee is
    /// ProxyRegistry.draw of the seed that gamma gives; AccessGranted has gamma and block hash for ever.
    function drawInputOf(GrantId grantId) external view returns (bytes32 input, bytes32 blockHash);

    /// @notice What a request (an offer) for this user and stream costs now: nothing, or redrawFeeWei * 2^k where a live grant of them exists, or the
    /// last one was surrendered, or the last request withdrawn (for an offer also: revoked). k <= 10 counts the fees paid by that side since a grant served.
    function redrawFeeOf(address delegatee, StreamId streamId, bool offered) external view returns (uint256);

    /// @notice keccak256(keccak256(V), rest) of an epoch's re-key (SPEC §7); 0 if none was posted.
    function rekeyHash(GrantId grantId, uint32 epoch) external view returns (bytes32);

    /// @notice True while rounds of the grant may be opened: granted, not expired, and not ended by anybody.
    function isLive(GrantId grantId) external view returns (bool);

    /// @notice True once the owner revoked the grant, or a complaint voided it: that ends rounds short of t cfrags. An expired or surrendered grant is
    /// not: what was opened in time runs on.
    function isEnded(GrantId grantId) external view returns (bool);

    function committeeHashOf(GrantId grantId) external view returns (bytes32);

    /// What a round is opened with.
    struct Opening {
        uint32 index;
        uint8 threshold;
        uint8 committeeSize;
        bool priced; // a conversion has a price
        StreamId streamId;
        bytes32 committeeHash;
    }

    /// @notice ConversionRounds only: takes quota, and records * (threshold * feePerCfragWei + price) of the deposit; numbers the round.
    function takeQuota(GrantId grantId, address opener, uint32 records, uint256 feePerCfragWei) external returns (Opening memory);

    /// @notice ConversionRounds only: fees, and the price of `prices` records, are not owed and go back to the grant's deposit.
    function returnReserve(GrantId grantId, uint256 feesWei, uint256 prices) external;

    /// @notice ConversionRounds only: the grant has served, and the price of `prices` records is the owner's. May be repeated.
    function recordServed(GrantId grantId, uint256 prices) external;
}
