// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ITreasury} from "./interfaces/ITreasury.sol";

/// @title All ETH of the system: see ITreasury.
/// @dev ETH leaves by `withdraw` alone, after the books are closed; the guard is the second wall. Amounts are kept in the books, never
/// read from the balance, so ETH that is forced in changes nothing.
contract Treasury is ITreasury, ReentrancyGuardTransient {
    address private immutable PROXIES;
    address private immutable GRANTS;
    address private immutable ROUNDS;

    /// @inheritdoc ITreasury
    mapping(address account => uint256) public override creditOf;
    /// @inheritdoc ITreasury
    mapping(bytes32 key => uint256) public override heldUnder;
    /// @inheritdoc ITreasury
    uint256 public override totalClaims;

    modifier onlySystem() {
        if (msg.sender != PROXIES && msg.sender != GRANTS && msg.sender != ROUNDS) revert NotSystemContract(msg.sender);
        _;
    }

    constructor(address proxies, address grants, address rounds) {
        if (proxies == address(0) || grants == address(0) || rounds == address(0)) revert ZeroAddress();
        PROXIES = proxies;
        GRANTS = grants;
        ROUNDS = rounds;
    }

    /// @inheritdoc ITreasury
    function hold(bytes32 key) external payable onlySystem {
        heldUnder[key] += msg.value;
        totalClaims += msg.value;
        emit Held(key, msg.value);
    }

    /// @inheritdoc ITreasury
    function credit(bytes32 key, address account, uint256 amount) external onlySystem {
        if (account == address(0)) revert ZeroAddress();
        uint256 held = heldUnder[key];
        if (held < amount) revert HeldTooLittle(key, held, amount);
        unchecked {
            heldUnder[key] = held - amount;
        }
        creditOf[account] += amount;
        emit Credited(account, key, amount);
    }

    /// @inheritdoc ITreasury
    function withdraw(address payable to) external nonReentrant returns (uint256 amount) {
        if (to == address(0)) revert ZeroAddress();
        amount = creditOf[msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        creditOf[msg.sender] = 0;
        totalClaims -= amount;
        emit Withdrawn(msg.sender, to, amount);
        (bool sent,) = to.call{value: amount}("");
        if (!sent) revert TransferFailed(to, amount);
    }
}
