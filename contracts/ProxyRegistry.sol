// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IProxyRegistry} from "./interfaces/IProxyRegistry.sol";
import {ITreasury} from "./interfaces/ITreasury.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {Generators} from "./libraries/Generators.sol";
import {Dleq} from "./libraries/Dleq.sol";
import {Transcript} from "./libraries/Transcript.sol";
import {Member, toMember} from "./types/Ids.sol";
import {G1Point, Proof} from "./types/Points.sol";

/// @title Proxies and the draw: see IProxyRegistry.
contract ProxyRegistry is IProxyRegistry {
    /// One slot, so that a step of the draw costs one storage read.
    struct Place {
        address account;
        uint40 activationBlock;
        uint40 exitBlock;
        uint16 keyVersion;
    }

    /// What outlives the place: versions and counters stay when a proxy leaves and joins again.
    /// The first slot is all that a submission asks for (`requireBonded`).
    struct Account {
        uint96 bond;
        uint40 exitTime;
        uint32 index;
        uint32 served;
        uint32 missed;
        uint16 keyVersion;
        bool member; // from join to withdrawBond
        uint40 rotationBlock; // second slot
        uint40 joinTime;
    }

    uint8 private constant PROXY_ROLE = 3;
    /// Where nobody can fetch it.
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;
    uint40 private constant STAYS = type(uint40).max;
    uint256 private constant MAX_ENDPOINT_BYTES = 256;
    uint256 private constant MAX_DRAW_STEPS = 256;
    uint256 private constant MOVED_TABLE = 2 * MAX_DRAW_STEPS;
    /// A draw can look back 8,191 blocks (EIP-2935); a place must not be used again before.
    uint32 private constant MIN_EXIT_COOLDOWN_BLOCKS = 8_192;

    ITreasury private immutable TREASURY;
    address private immutable GRANTS;
    address private immutable ROUNDS;
    uint128 private immutable BOND;
    uint128 private immutable MISS_PENALTY;
    uint32 private immutable MISS_LIMIT;
    uint32 private immutable EXIT_COOLDOWN_BLOCKS;
    uint32 private immutable EXIT_COOLDOWN_SECONDS;

    /// @inheritdoc IProxyRegistry
    uint32 public override poolSize;
    /// @inheritdoc IProxyRegistry
    uint32 public override activeCount;
    /// @inheritdoc IProxyRegistry
    mapping(address account => mapping(uint16 version => bytes32)) public override proxyKeyHash;
    mapping(uint256 index => Place) private _places;
    mapping(address => Account) private _accounts;
    mapping(bytes32 keyHash => bool) private _taken;
    uint32[] private _freePlaces;

    modifier onlyRounds() {
        if (msg.sender != ROUNDS) revert NotRounds(msg.sender);
        _;
    }

    constructor(ITreasury treasury, address grants, address rounds, Settings memory s) {
        if (address(treasury) == address(0) || grants == address(0) || rounds == address(0)) revert BadSettings();
        if (s.bondWei == 0 || s.bondWei > type(uint96).max || s.missPenaltyWei > s.bondWei || s.exitCooldownBlocks < MIN_EXIT_COOLDOWN_BLOCKS) revert BadSettings();
        TREASURY = treasury;
        GRANTS = grants;
        ROUNDS = rounds;
        BOND = s.bondWei;
        MISS_PENALTY = s.missPenaltyWei;
        MISS_LIMIT = s.missLimit;
        EXIT_COOLDOWN_BLOCKS = s.exitCooldownBlocks;
        EXIT_COOLDOWN_SECONDS = s.exitCooldownSeconds;
    }

    // --- what a proxy does ---

    /// @inheritdoc IProxyRegistry
    function join(G1Point calldata key, Proof calldata proof, string calldata endpoint) external payable {
        Account storage account = _accounts[msg.sender];
        if (account.member) revert AlreadyProxy(msg.sender);
        if (msg.value != BOND) revert WrongBond(msg.value, BOND);
        _requireEndpoint(endpoint);
        uint16 version = _takeKey(account, key, proof);
        uint32 index = _takePlace();
        account.bond = uint96(BOND); // fits: the constructor has looked
        account.index = index;
        account.member = true;
        account.exitTime = 0;
        account.joinTime = uint40(block.timestamp);
        _places[index] = Place(msg.sender, uint40(block.number + 1), STAYS, version);
        ++activeCount;
        emit ProxyJoined(msg.sender, index, version, key, endpoint, BOND);
        TREASURY.hold{value: msg.value}(_bondKey(msg.sender));
    }

    /// @inheritdoc IProxyRegistry
    function rotateKey(G1Point calldata key, Proof calldata proof) external {
        Account storage account = _staying(msg.sender);
        if (account.rotationBlock != 0) {
            uint256 allowedAt = uint256(account.rotationBlock) + EXIT_COOLDOWN_BLOCKS;
            if (block.number < allowedAt) revert RotationTooSoon(allowedAt);
        }
        account.rotationBlock = uint40(block.number);
        uint16 version = _takeKey(account, key, proof);
        _places[account.index].keyVersion = version;
        emit ProxyKeyRotated(msg.sender, version, key);
    }

    /// @inheritdoc IProxyRegistry
    function setEndpoint(string calldata endpoint) external {
        _member(msg.sender);
        _requireEndpoint(endpoint);
        emit EndpointChanged(msg.sender, endpoint);
    }

    /// @inheritdoc IProxyRegistry
    function topUpBond() external payable {
        Account storage account = _member(msg.sender);
        uint128 missing = BOND - account.bond;
        if (msg.value == 0 || msg.value > missing) revert WrongBond(msg.value, missing);
        uint128 bond = account.bond + uint128(msg.value);
        account.bond = uint96(bond); // at most BOND
        emit BondToppedUp(msg.sender, bond);
        TREASURY.hold{value: msg.value}(_bondKey(msg.sender));
    }

    /// @inheritdoc IProxyRegistry
    function leavePool() external {
        _startExit(msg.sender, _staying(msg.sender));
    }

    /// @inheritdoc IProxyRegistry
    function withdrawBond() external {
        Account storage account = _member(msg.sender);
        uint256 exitTime = account.exitTime;
        if (exitTime == 0) revert ProxyNotLeaving(msg.sender);
        uint32 index = account.index;
        uint256 atBlock = uint256(_places[index].exitBlock) + EXIT_COOLDOWN_BLOCKS;
        uint256 atTime = exitTime + EXIT_COOLDOWN_SECONDS;
        if (block.number < atBlock || block.timestamp < atTime) revert CooldownNotOver(atBlock, atTime);
        uint128 bond = account.bond;
        account.bond = 0;
        account.member = false;
        delete _places[index];
        _freePlaces.push(index);
        emit BondWithdrawn(msg.sender, bond);
        TREASURY.credit(_bondKey(msg.sender), msg.sender, bond);
    }

    // --- what the other contracts do ---

    /// @inheritdoc IProxyRegistry
    function penalize(address account, address beneficiary, uint128 amount, bytes32 reason) external {
        if (msg.sender != ROUNDS && msg.sender != GRANTS) revert NotRounds(msg.sender);
        _penalize(account, beneficiary, amount, reason);
    }

    // The treasury is ours and calls nobody: it books, and pays on withdrawal alone.
    // slither-disable-start reentrancy-no-eth
    /// @inheritdoc IProxyRegistry
    function recordMiss(address who, uint40 openedAt, address beneficiary) external onlyRounds returns (bool) {
        Account storage account = _accounts[who];
        uint40 exitTime = account.exitTime;
        // A bond too small to serve ends the stay at once, so whoever stayed had one that stood.
        if ((exitTime != 0 && exitTime <= openedAt) || account.joinTime > openedAt) return false;
        uint32 count = ++account.missed;
        emit RoundMissed(who, count);
        if (count > MISS_LIMIT) _penalize(who, beneficiary, MISS_PENALTY, "missed rounds");
        return true;
    }
    // slither-disable-end reentrancy-no-eth

    /// @inheritdoc IProxyRegistry
    function recordServed(address account) external onlyRounds {
        ++_accounts[account].served;
    }

    // --- views ---

    /// @inheritdoc IProxyRegistry
    function draw(bytes32 seed, uint32 poolSize_, uint256 atBlock, uint8 n) external view returns (Member[] memory committee) {
        committee = new Member[](n);
        // The shuffle is kept as what it moved, in a table by position (a small pool never collides in it).
        uint256[] memory moved = new uint256[](poolSize_ < MOVED_TABLE ? poolSize_ : MOVED_TABLE);
        uint256 found;
        for (uint256 k = 0; found < n && k < poolSize_ && k < MAX_DRAW_STEPS; ++k) {
            uint256 position = k + (Transcript.drawStep(seed, k) % (poolSize_ - k));
            (uint256 index, uint256 entry) = _placeAt(moved, position);
            (uint256 here,) = _placeAt(moved, k);
            // Position k is never looked at again: only what stood there moves, to where the chosen place was.
            moved[entry] = ((position + 1) << 32) | here;
            (uint256 activationBlock, uint256 exitBlock, Member member) = _read(index);
            if (activationBlock <= atBlock && atBlock < exitBlock) committee[found++] = member;
        }
        if (found < n) revert CommitteeUndrawable(found, n);
    }

    /// @inheritdoc IProxyRegistry
    function proxyOf(address account) public view returns (Proxy memory proxy) {
        Account storage a = _accounts[account];
        (proxy.served, proxy.missed, proxy.keyVersion) = (a.served, a.missed, a.keyVersion);
        if (!a.member) return proxy;
        Place storage place = _places[a.index];
        (proxy.account, proxy.activationBlock, proxy.exitBlock) = (account, place.activationBlock, place.exitBlock);
        (proxy.index, proxy.bond, proxy.exitTime) = (a.index, a.bond, a.exitTime);
    }

    /// @inheritdoc IProxyRegistry
    function proxyAt(uint32 index) external view returns (Proxy memory proxy) {
        address account = _places[index].account;
        if (account != address(0)) proxy = proxyOf(account);
    }

    /// @inheritdoc IProxyRegistry
    function settings() external view returns (Settings memory) {
        return Settings(BOND, MISS_PENALTY, MISS_LIMIT, EXIT_COOLDOWN_BLOCKS, EXIT_COOLDOWN_SECONDS);
    }

    /// @inheritdoc IProxyRegistry
    function requireBonded(address account) external view {
        Account storage a = _accounts[account];
        if (!a.member || a.bond < _minimumBond() || _isAlmostGone(a)) revert NotBonded(account);
    }

    // --- internal ---

    /// @dev Checks and takes the account's next key. Keys are unique for ever: a copied N_i would open two slots (SCHEME §2).
    function _takeKey(Account storage account, G1Point calldata key, Proof calldata proof) private returns (uint16 version) {
        G1Point memory k = key;
        BLS12381.requireNotIdentity(k);
        version = account.keyVersion + 1;
        G1Point memory commitment = Dleq.schnorrCommitment(Generators.G1(), k, proof);
        uint128 challenge = Transcript.keyProofChallenge(address(this), msg.sender, PROXY_ROLE, version, k, commitment);
        if (challenge != proof.challenge) revert InvalidProxyKeyProof(msg.sender);
        bytes32 hash = BLS12381.hashOf(k);
        if (_taken[hash]) revert ProxyKeyTaken(hash);
        _taken[hash] = true;
        account.keyVersion = version;
        proxyKeyHash[msg.sender][version] = hash;
    }

    function _takePlace() private returns (uint32 index) {
        uint256 free = _freePlaces.length;
        if (free == 0) return poolSize++;
        index = _freePlaces[free - 1];
        _freePlaces.pop();
    }

    /// @dev Takes what there is; a bond below half of what joining costs ends the stay.
    function _penalize(address account, address beneficiary, uint128 amount, bytes32 reason) private {
        Account storage a = _accounts[account];
        uint128 bond = a.bond;
        uint128 taken = amount < bond ? amount : bond;
        a.bond = uint96(bond - taken);
        if (a.member && a.exitTime == 0 && bond - taken < _minimumBond()) _startExit(account, a);
        emit ProxyPenalized(account, beneficiary, taken, reason);
        // Half is burned: else a proxy gets its penalty back by reporting itself from a second account.
        uint128 reward = taken / 2;
        if (reward != 0) TREASURY.credit(_bondKey(account), beneficiary, reward);
        if (taken != 0) TREASURY.credit(_bondKey(account), BURNED, taken - reward);
    }

    function _startExit(address who, Account storage account) private {
        uint40 exitBlock = uint40(block.number + 1);
        account.exitTime = uint40(block.timestamp);
        _places[account.index].exitBlock = exitBlock;
        --activeCount;
        emit ProxyLeaving(who, exitBlock, uint64(block.timestamp) + EXIT_COOLDOWN_SECONDS);
    }

    /// @dev The place now at a position of the shuffle, and the position's entry in the table: (position + 1) << 32 | place, 0 if it never moved.
    /// Ends, as the table is at most half full: MAX_DRAW_STEPS entries, or one for each position there is.
    function _placeAt(uint256[] memory moved, uint256 position) private pure returns (uint256 place, uint256 entry) {
        unchecked {
            uint256 size = moved.length;
            entry = position % size;
            while (true) {
                uint256 found = moved[entry];
                if (found == 0) return (position, entry);
                if (found >> 32 == position + 1) return (uint32(found), entry);
                entry = (entry + 1) % size;
            }
        }
    }

    /// @dev A place by one storage read: Place packs account, activationBlock, exitBlock, keyVersion from the low bits up.
    function _read(uint256 index) private view returns (uint256 activationBlock, uint256 exitBlock, Member member) {
        Place storage place = _places[index];
        uint256 word;
        assembly ("memory-safe") {
            word := sload(place.slot)
        }
        return (uint40(word >> 160), uint40(word >> 200), toMember(address(uint160(word)), uint16(word >> 240)));
    }

    function _member(address who) private view returns (Account storage account) {
        account = _accounts[who];
        if (!account.member) revert NotProxy(who);
    }

    function _staying(address who) private view returns (Account storage account) {
        account = _member(who);
        if (account.exitTime != 0) revert ProxyIsLeaving(who);
    }

    /// @dev In the second half of the cooldown: what is posted then could not be challenged before the bond has gone.
    function _isAlmostGone(Account storage account) private view returns (bool) {
        return account.exitTime != 0 && block.timestamp >= account.exitTime + EXIT_COOLDOWN_SECONDS / 2;
    }

    function _minimumBond() private view returns (uint128) {
        return BOND / 2;
    }

    function _bondKey(address account) private pure returns (bytes32) {
        return bytes32(uint256(uint160(account)) << 96);
    }

    function _requireEndpoint(string calldata endpoint) private pure {
        if (bytes(endpoint).length > MAX_ENDPOINT_BYTES) revert EndpointTooLong(bytes(endpoint).length, MAX_ENDPOINT_BYTES);
    }
}
