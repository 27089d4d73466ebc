// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {G1Point, Proof} from "../types/Points.sol";
import {Member} from "../types/Ids.sol";

/// @title Proxies: proven node keys, endpoints, bonds, activity, and the uniform draw of committees.
/// @notice A proxy is active at block b when activationBlock <= b < exitBlock. Places of proxies that left are used again, but only
/// once no draw can look back to them (8,191 blocks, EIP-2935).
interface IProxyRegistry {
    struct Settings {
        uint128 bondWei;
        uint128 missPenaltyWei;
        uint32 missLimit; // missed rounds that are free
        uint32 exitCooldownBlocks; // >= 8,192
        uint32 exitCooldownSeconds; // >= the longest round plus its challenge window
    }

    struct Proxy {
        address account;
        uint40 activationBlock;
        uint40 exitBlock; // type(uint40).max while it stays
        uint16 keyVersion;
        uint32 index;
        uint128 bond;
        uint32 served;
        uint32 missed;
        uint64 exitTime; // 0 while it stays
    }

    event ProxyJoined(address indexed proxy, uint32 index, uint16 keyVersion, G1Point key, string endpoint, uint128 bond);
    event ProxyKeyRotated(address indexed proxy, uint16 keyVersion, G1Point key);
    event EndpointChanged(address indexed proxy, string endpoint);
    event ProxyLeaving(address indexed proxy, uint40 exitBlock, uint64 withdrawableAt);
    event BondWithdrawn(address indexed proxy, uint128 amount);
    event BondToppedUp(address indexed proxy, uint128 bond);
    event ProxyPenalized(address indexed proxy, address indexed beneficiary, uint128 amount, bytes32 reason);
    event RoundMissed(address indexed proxy, uint32 missed);

    error AlreadyProxy(address account);
    error NotProxy(address account);
    error ProxyIsLeaving(address account);
    error ProxyNotLeaving(address account);
    error WrongBond(uint256 sent, uint256 required);
    error ProxyKeyTaken(bytes32 keyHash);
    error InvalidProxyKeyProof(address account);
    error RotationTooSoon(uint256 allowedAtBlock);
    error CooldownNotOver(uint256 withdrawableAtBlock, uint256 withdrawableAtTime);
    error EndpointTooLong(uint256 length, uint256 limit);
    /// Fewer than n active proxies were found within the draw's bounded number of steps.
    error CommitteeUndrawable(uint256 found, uint256 wanted);
    error NotRounds(address caller);
    error NotBonded(address account);
    error BadSettings();

    /// @notice Joins with N_i = g1^ni, its proof of possession (role 3) and exactly the bond. Active from the next block.
    function join(G1Point calldata key, Proof calldata proof, string calldata endpoint) external payable;

    /// @notice Replaces the node key; at most once an exit cooldown, so that owners are not raced.
    function rotateKey(G1Point calldata key, Proof calldata proof) external;

    function setEndpoint(string calldata endpoint) external;

    /// @notice Adds to a bond that penalties have eaten into, up to what joining costs.
    function topUpBond() external payable;

    /// @notice Leaves the pool from the next block; the bond follows after the cooldown.
    function leavePool() external;

    /// @notice Credits the bond in the Treasury once the cooldown is over and frees the place.
    function withdrawBond() external;

    /// @notice The draw: `n` distinct proxies active at `atBlock`, uniform given the seed, in slot order, with their present key versions.
    /// A Fisher-Yates shuffle of places 0..poolSize-1: step k swaps k with k + H("TPRE-V1/draw-step", seed, k) mod (poolSize - k).
    function draw(bytes32 seed, uint32 poolSize, uint256 atBlock, uint8 n) external view returns (Member[] memory);

    /// @notice Places ever used at the same time; a request snapshots it.
    function poolSize() external view returns (uint32);

    function activeCount() external view returns (uint32);

    function proxyOf(address account) external view returns (Proxy memory);

    function proxyAt(uint32 index) external view returns (Proxy memory);

    /// @notice keccak256 of the 128-byte key of that version; 0 if none. Kept for ever, for complaints.
    function proxyKeyHash(address account, uint16 version) external view returns (bytes32);

    /// @notice Reverts unless the account is a proxy whose bond is at least half of what joining costs, staying or in the first half of its exit's
    /// cooldown time: what a proxy posts later could not be challenged before its bond has gone. The settings keep half a cooldown longer than a round,
    /// its votes and its challenge window.
    function requireBonded(address account) external view;

    /// @notice ConversionRounds and GrantRegistry only. Takes `amount`, or what is left of the bond, and credits half of it to the beneficiary; the other half is burned (0x…dEaD). Never reverts for want of
    /// a bond. A proxy whose bond falls below half of what joining costs leaves the pool at once, as by `leavePool`.
    function penalize(address account, address beneficiary, uint128 amount, bytes32 reason) external;

    /// @notice ConversionRounds only. Counts a round missed; past the limit it costs missPenaltyWei, half of it credited to `beneficiary`. Not
    /// counted, and false, if the proxy's exit had begun when the round was opened, or it joined (again) since.
    function recordMiss(address proxy, uint40 openedAt, address beneficiary) external returns (bool counted);

    /// @notice ConversionRounds only. Counts a round whose fee the proxy has earned.
    function recordServed(address account) external;

    function settings() external view returns (Settings memory);
}
