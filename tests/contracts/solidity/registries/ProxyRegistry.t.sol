// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ProxyPool} from "../worlds/ProxyPool.sol";
import {IProxyRegistry} from "../../../../contracts/interfaces/IProxyRegistry.sol";
import {ITreasury} from "../../../../contracts/interfaces/ITreasury.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Generators} from "../../../../contracts/libraries/Generators.sol";
import {G1Point, Proof} from "../../../../contracts/types/Points.sol";

contract ProxyRegistryTest is ProxyPool {
    function setUp() public {
        vm.roll(100);
        deployPool();
    }

    // --- creation ---

    function test_create__contradictory_settings__reverts() public {
        IProxyRegistry.Settings[3] memory bad = [defaultSettings(), defaultSettings(), defaultSettings()];
        bad[0].bondWei = 0;
        bad[0].missPenaltyWei = 0;
        bad[1].missPenaltyWei = BOND + 1;
        bad[2].exitCooldownBlocks = 8_191;
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(IProxyRegistry.BadSettings.selector);
            deployProxyRegistry(treasury, GRANTS, ROUNDS, bad[i]);
        }
        vm.expectRevert(IProxyRegistry.BadSettings.selector);
        deployProxyRegistry(ITreasury(address(0)), GRANTS, ROUNDS, defaultSettings());
        vm.expectRevert(IProxyRegistry.BadSettings.selector);
        deployProxyRegistry(treasury, address(0), ROUNDS, defaultSettings());
        vm.expectRevert(IProxyRegistry.BadSettings.selector);
        deployProxyRegistry(treasury, GRANTS, address(0), defaultSettings());
    }

    function test_settings__created__are_readable() public view {
        vm.assertEq(keccak256(abi.encode(proxies.settings())), keccak256(abi.encode(defaultSettings())));
    }

    // --- joining ---

    function test_join__proven_key_and_bond__takes_the_next_place() public {
        (G1Point memory key, Proof memory proof) = keyOf(1, 1);
        hoax(account(1), BOND);
        vm.expectEmit(address(proxies));
        emit IProxyRegistry.ProxyJoined(account(1), 0, 1, key, "http://127.0.0.1", BOND);
        vm.expectEmit(address(treasury));
        emit ITreasury.Held(bondKey(1), BOND);
        proxies.join{value: BOND}(key, proof, "http://127.0.0.1");
        IProxyRegistry.Proxy memory p = proxies.proxyOf(account(1));
        vm.assertEq(p.account, account(1));
        vm.assertEq(p.activationBlock, 101);
        vm.assertEq(p.exitBlock, type(uint40).max);
        vm.assertEq(p.keyVersion, 1);
        vm.assertEq(p.bond, BOND);
        vm.assertEq(p.exitTime, 0);
        vm.assertEq(proxies.proxyAt(0).account, account(1));
        vm.assertEq(proxies.proxyKeyHash(account(1), 1), BLS12381.hashOf(key));
        vm.assertEq(proxies.poolSize(), 1);
        vm.assertEq(proxies.activeCount(), 1);
        vm.assertEq(treasury.heldUnder(bondKey(1)), BOND);
        vm.assertEq(address(proxies).balance, 0);
    }

    function test_join__again__reverts() public {
        join(1);
        (G1Point memory key, Proof memory proof) = keyOf(1, 2);
        hoax(account(1), BOND);
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.AlreadyProxy.selector, account(1)));
        proxies.join{value: BOND}(key, proof, "");
    }

    function test_join__another_bond__reverts(uint128 sent) public {
        if (sent == BOND) ++sent;
        (G1Point memory key, Proof memory proof) = keyOf(1, 1);
        hoax(account(1), sent);
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.WrongBond.selector, sent, BOND));
        proxies.join{value: sent}(key, proof, "");
    }

    function test_join__endpoint_too_long__reverts() public {
        (G1Point memory key, Proof memory proof) = keyOf(1, 1);
        string memory endpoint = string(new bytes(257));
        hoax(account(1), BOND);
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.EndpointTooLong.selector, 257, 256));
        proxies.join{value: BOND}(key, proof, endpoint);
    }

    /// A copied N_i would open two slots of a committee.
    function test_join__copied_key__reverts() public {
        join(1);
        (G1Point memory key, Proof memory proof) = keyOf(1, 1);
        hoax(account(2), BOND);
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.InvalidProxyKeyProof.selector, account(2)));
        proxies.join{value: BOND}(key, proof, "");
        // even by who knows its secret
        (key, proof) = proveG1Key(address(proxies), account(2), 3, 1, secretOf(1, 1));
        hoax(account(2), BOND);
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.ProxyKeyTaken.selector, BLS12381.hashOf(key)));
        proxies.join{value: BOND}(key, proof, "");
    }

    function test_join__identity_key__reverts() public {
        G1Point memory zero;
        hoax(account(1), BOND);
        vm.expectRevert(BLS12381.UnexpectedIdentity.selector);
        proxies.join{value: BOND}(zero, Proof(0, 0), "");
    }

    // --- keys and endpoint ---

    function test_rotate_key__after_a_cooldown__keeps_the_old_hash() public {
        join(1);
        for (uint16 version = 2; version <= 3; ++version) {
            (G1Point memory key, Proof memory proof) = keyOf(1, version);
            vm.expectEmit(address(proxies));
            emit IProxyRegistry.ProxyKeyRotated(account(1), version, key);
            vm.prank(account(1));
            proxies.rotateKey(key, proof);
            vm.assertEq(proxies.proxyOf(account(1)).keyVersion, version);
            vm.assertEq(proxies.proxyKeyHash(account(1), version), BLS12381.hashOf(key));
            mine(COOLDOWN_BLOCKS);
        }
        vm.assertEq(proxies.proxyKeyHash(account(1), 1), BLS12381.hashOf(g1Key(secretOf(1, 1))));
        vm.assertEq(proxies.draw("seed", 1, vm.getBlockNumber(), 1)[0].keyVersionOf(), 3);
    }

    function test_rotate_key__too_soon__reverts() public {
        join(1);
        (G1Point memory key, Proof memory proof) = keyOf(1, 2);
        vm.prank(account(1));
        proxies.rotateKey(key, proof);
        mine(COOLDOWN_BLOCKS - 1);
        (key, proof) = keyOf(1, 3);
        vm.prank(account(1));
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.RotationTooSoon.selector, 100 + COOLDOWN_BLOCKS));
        proxies.rotateKey(key, proof);
    }

    function test_rotate_key__own_old_key_or_bad_proof__reverts() public {
        join(1);
        (G1Point memory key, Proof memory proof) = keyOf(1, 1);
        vm.prank(account(1));
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.InvalidProxyKeyProof.selector, account(1)));
        proxies.rotateKey(key, proof);
        (key, proof) = proveG1Key(address(proxies), account(1), 3, 2, secretOf(1, 1));
        vm.prank(account(1));
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.ProxyKeyTaken.selector, BLS12381.hashOf(key)));
        proxies.rotateKey(key, proof);
    }

    function test_set_endpoint__member__is_logged() public {
        join(1);
        vm.expectEmit(address(proxies));
        emit IProxyRegistry.EndpointChanged(account(1), "http://elsewhere");
        vm.prank(account(1));
        proxies.setEndpoint("http://elsewhere");
        string memory tooLong = string(new bytes(300));
        vm.prank(account(1));
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.EndpointTooLong.selector, 300, 256));
        proxies.setEndpoint(tooLong);
    }

    function test_member_functions__stranger__revert() public {
        bytes memory refusal = abi.encodeWithSelector(IProxyRegistry.NotProxy.selector, account(9));
        vm.deal(account(9), 1);
        vm.startPrank(account(9));
        vm.expectRevert(refusal);
        proxies.rotateKey(Generators.G1(), Proof(0, 0));
        vm.expectRevert(refusal);
        proxies.setEndpoint("");
        vm.expectRevert(refusal);
        proxies.topUpBond{value: 1}();
        vm.expectRevert(refusal);
        proxies.leavePool();
        vm.expectRevert(refusal);
        proxies.withdrawBond();
        vm.stopPrank();
    }

    // --- leaving ---

    function test_leave__staying__is_drawn_in_this_block_and_not_in_the_next() public {
        join(1);
        mine(10);
        vm.expectEmit(address(proxies));
        emit IProxyRegistry.ProxyLeaving(account(1), 111, uint64(vm.getBlockTimestamp() + COOLDOWN_SECONDS));
        quit(1);
        vm.assertEq(proxies.activeCount(), 0);
        vm.assertEq(proxies.draw("seed", 1, 110, 1)[0].accountOf(), account(1));
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.CommitteeUndrawable.selector, 0, 1));
        proxies.draw("seed", 1, 111, 1);
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.ProxyIsLeaving.selector, account(1)));
        quit(1);
        (G1Point memory key, Proof memory proof) = keyOf(1, 2);
        vm.prank(account(1));
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.ProxyIsLeaving.selector, account(1)));
        proxies.rotateKey(key, proof);
        proxies.requireBonded(account(1)); // it still serves its grants
    }

    function test_require_bonded__second_half_of_the_exit__reverts() public {
        join(1);
        skip(COOLDOWN_SECONDS);
        proxies.requireBonded(account(1)); // for whoever stays there is no such time
        quit(1);
        skip(COOLDOWN_SECONDS / 2 - 1);
        proxies.requireBonded(account(1));
        skip(1);
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.NotBonded.selector, account(1)));
        proxies.requireBonded(account(1));
    }

    function test_withdraw_bond__before_both_cooldowns__reverts() public {
        join(1);
        vm.prank(account(1));
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.ProxyNotLeaving.selector, account(1)));
        proxies.withdrawBond();
        uint256 atTime = vm.getBlockTimestamp() + COOLDOWN_SECONDS;
        uint256 atBlock = 101 + COOLDOWN_BLOCKS;
        quit(1);
        bytes memory refusal = abi.encodeWithSelector(IProxyRegistry.CooldownNotOver.selector, atBlock, atTime);
        vm.roll(atBlock);
        vm.warp(atTime - 1);
        vm.prank(account(1));
        vm.expectRevert(refusal);
        proxies.withdrawBond();
        vm.roll(atBlock - 1);
        vm.warp(atTime);
        vm.prank(account(1));
        vm.expectRevert(refusal);
        proxies.withdrawBond();
    }

    function leaveForGood(uint256 i) private {
        quit(i);
        mine(COOLDOWN_BLOCKS + 1);
        skip(COOLDOWN_SECONDS);
        vm.prank(account(i));
        proxies.withdrawBond();
    }

    function test_withdraw_bond__cooldowns_over__credits_and_frees_the_place() public {
        join(1);
        join(2);
        quit(1);
        mine(COOLDOWN_BLOCKS + 1);
        skip(COOLDOWN_SECONDS);
        vm.expectEmit(address(proxies));
        emit IProxyRegistry.BondWithdrawn(account(1), BOND);
        vm.expectEmit(address(treasury));
        emit ITreasury.Credited(account(1), bondKey(1), BOND);
        vm.prank(account(1));
        proxies.withdrawBond();
        vm.assertEq(treasury.creditOf(account(1)), BOND);
        vm.assertEq(treasury.heldUnder(bondKey(1)), 0);
        vm.assertEq(proxies.proxyOf(account(1)).account, address(0));
        vm.assertEq(proxies.proxyAt(0).account, address(0));
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.NotBonded.selector, account(1)));
        proxies.requireBonded(account(1));
        // the next to join gets the place, and no draw of the past sees it there
        uint256 now_ = vm.getBlockNumber();
        join(3);
        vm.assertEq(proxies.poolSize(), 2);
        vm.assertEq(proxies.proxyAt(0).account, account(3));
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.CommitteeUndrawable.selector, 1, 2));
        proxies.draw("seed", 2, now_, 2);
        vm.assertEq(proxies.draw("seed", 2, now_ + 1, 2).length, 2);
    }

    function test_join__after_leaving_for_good__counts_key_versions_and_misses_on() public {
        join(1);
        missed(1);
        leaveForGood(1);
        join(1);
        IProxyRegistry.Proxy memory p = proxies.proxyOf(account(1));
        vm.assertEq(p.keyVersion, 2);
        vm.assertEq(p.missed, 1);
        vm.assertEq(p.exitTime, 0);
        vm.assertEq(proxies.activeCount(), 1);
        vm.assertNotEq(proxies.proxyKeyHash(account(1), 1), bytes32(0));
    }
}
