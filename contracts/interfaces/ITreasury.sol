// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title All ETH of the system: what is held for a purpose, and what an account may withdraw.
/// @notice Invariant: sum of credits + sum of held amounts == ETH received by deposits - withdrawals <= balance (ETH forced in is nobody's).
/// @dev Keys of held amounts: bytes32(uint256(grantId)) for grants, bytes32(uint256(uint160(proxy)) << 96) for bonds (SPEC §8).
interface ITreasury {
    event Held(bytes32 indexed key, uint256 amount);
    event Credited(address indexed account, bytes32 indexed key, uint256 amount);
    event Withdrawn(address indexed account, address indexed to, uint256 amount);

    error NotSystemContract(address caller);
    error HeldTooLittle(bytes32 key, uint256 held, uint256 wanted);
    error NothingToWithdraw(address account);
    error TransferFailed(address to, uint256 amount);
    error ZeroAddress();

    /// @notice System contracts only: holds the ETH sent under a key.
    function hold(bytes32 key) external payable;

    /// @notice System contracts only: moves a held amount to an account's credit.
    function credit(bytes32 key, address account, uint256 amount) external;

    /// @notice Pays the sender's whole credit to `to`.
    function withdraw(address payable to) external returns (uint256 amount);

    function creditOf(address account) external view returns (uint256);

    function heldUnder(bytes32 key) external view returns (uint256);

    /// @notice Sum of all claims: credits plus held amounts.
    function totalClaims() external view returns (uint256);
}
