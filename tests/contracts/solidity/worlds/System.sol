// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Deployer} from "../Deployer.sol";
import {Prover} from "../Prover.sol";
import {Settings} from "./Settings.sol";
import {IConversionRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IKeyRegistry} from "../../../../contracts/interfaces/IKeyRegistry.sol";
import {IProxyRegistry} from "../../../../contracts/interfaces/IProxyRegistry.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {ITreasury} from "../../../../contracts/interfaces/ITreasury.sol";
import {G1Point, G2Point, Proof} from "../../../../contracts/types/Points.sol";
import {StreamId} from "../../../../contracts/types/Ids.sol";

/// @notice All contracts, deployed, and who uses them: an owner with a stream, a user, a pool of proxies, each with keys of the real scheme.
abstract contract System is Deployer, Prover, Settings {
    IKeyRegistry public keys;
    ITreasury public treasury;
    IProxyRegistry public proxies;
    IRecordRegistry public records;
    IGrantRegistry public grants;
    IConversionRounds public rounds;

    address public owner;
    address public user;
    uint256 internal a; // the owner's delegating secret
    uint256 internal b; // the user's receiving secret
    StreamId public stream;
    mapping(address proxy => uint256) internal nodeSecret;
    mapping(address proxy => uint256) internal accountKey;

    function deployWorld(uint256 poolSize) internal {
        vm.roll(1000);
        vm.warp(1_800_000_000);
        owner = makeAddr("owner");
        user = makeAddr("user");
        (a, b) = (scalarOf("delegating", 1), scalarOf("receiving", 1));
        deployContracts();
        registerOwner(owner, a);
        registerUser(user, b);
        vm.prank(owner);
        stream = records.createStream(keccak256("stream"), "a stream", IRecordRegistry.Terms(1, 3, PRICE));
        for (uint256 i = 0; i < poolSize; ++i) {
            joinProxy(i);
        }
        vm.roll(1010);
    }

    /// @dev Makes t of n the stream's minimum; as deployed it is 1 of 3.
    function allow(uint8 t, uint8 n) internal {
        vm.prank(owner);
        records.setTerms(stream, IRecordRegistry.Terms(t, n, PRICE));
    }

    function deployContracts() internal {
        uint64 nonce = vm.getNonce(address(this));
        address proxiesAt = vm.computeCreateAddress(address(this), nonce + 2);
        address grantsAt = vm.computeCreateAddress(address(this), nonce + 4);
        address roundsAt = vm.computeCreateAddress(address(this), nonce + 5);
        keys = deployKeyRegistry();
        treasury = deployTreasury(proxiesAt, grantsAt, roundsAt);
        proxies = deployProxyRegistry(treasury, grantsAt, roundsAt, proxySettings());
        records = deployRecordRegistry(keys);
        grants = deployGrantRegistry(keys, proxies, records, treasury, roundsAt, grantSettings());
        rounds = deployConversionRounds(grants, proxies, records, treasury, roundSettings());
        vm.assertEq(address(proxies), proxiesAt);
        vm.assertEq(address(grants), grantsAt);
        vm.assertEq(address(rounds), roundsAt);
    }

    function registerOwner(address account, uint256 secret) internal {
        uint32 version = keys.latestVersion(account, 1) + 1;
        (G1Point memory key, Proof memory proof) = proveG1Key(address(keys), account, 1, version, secret);
        vm.prank(account);
        keys.registerDelegatingKey(key, proof);
    }

    function registerUser(address account, uint256 secret) internal {
        uint32 version = keys.latestVersion(account, 2) + 1;
        (G2Point memory key, Proof memory proof) = proveG2Key(address(keys), account, version, secret);
        vm.prank(account);
        keys.registerReceivingKey(key, proof);
    }

    function joinProxy(uint256 i) internal returns (address proxy) {
        string memory name = string.concat("proxy", vm.toString(i));
        proxy = makeAddr(name);
        accountKey[proxy] = uint256(keccak256(bytes(name)));
        nodeSecret[proxy] = scalarOf("node", i);
        (G1Point memory key, Proof memory proof) = proveG1Key(address(proxies), proxy, 3, 1, nodeSecret[proxy]);
        hoax(proxy, BOND);
        proxies.join{value: BOND}(key, proof, "http://proxy");
    }
}
