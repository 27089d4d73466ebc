// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ProxyPool} from "../worlds/ProxyPool.sol";
import {IProxyRegistry} from "../../../../contracts/interfaces/IProxyRegistry.sol";
import {Member} from "../../../../contracts/types/Ids.sol";

/// @notice The draw of committees (SPEC §7).
contract ProxyRegistryDrawTest is ProxyPool {
    uint256 private constant POOL = 12;
    uint256 private now_;

    function setUp() public {
        vm.roll(100);
        deployPool();
        for (uint256 i = 0; i < POOL; ++i) {
            join(i);
        }
        mine(5);
        now_ = vm.getBlockNumber();
    }

    /// The shuffle as SPEC §7 writes it, on a real array.
    function shuffled(bytes32 seed, uint32 size, uint256 atBlock, uint8 n) private view returns (address[] memory committee, uint256 found) {
        uint32[] memory places = new uint32[](size);
        for (uint32 i = 0; i < size; ++i) {
            places[i] = i;
        }
        committee = new address[](n);
        for (uint256 k = 0; k < size && k < 256 && found < n; ++k) {
            uint256 j = k + (uint256(keccak256(abi.encode(keccak256("TPRE-V1/draw-step"), seed, k))) % (size - k));
            (places[k], places[j]) = (places[j], places[k]);
            IProxyRegistry.Proxy memory p = proxies.proxyAt(places[k]);
            if (p.activationBlock <= atBlock && atBlock < p.exitBlock) committee[found++] = p.account;
        }
    }

    function assertDraw(bytes32 seed, uint32 size, uint256 atBlock, uint8 n) private {
        (address[] memory expected, uint256 found) = shuffled(seed, size, atBlock, n);
        if (found < n) {
            vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.CommitteeUndrawable.selector, found, n));
            proxies.draw(seed, size, atBlock, n);
            return;
        }
        Member[] memory committee = proxies.draw(seed, size, atBlock, n);
        vm.assertEq(committee.length, n);
        for (uint256 i = 0; i < n; ++i) {
            vm.assertEq(committee[i].accountOf(), expected[i]);
            vm.assertEq(committee[i].keyVersionOf(), 1);
            for (uint256 j = 0; j < i; ++j) {
                vm.assertTrue(committee[i].accountOf() != committee[j].accountOf(), "drawn twice");
            }
        }
    }

    function test_draw__any_seed_and_size__is_the_shuffle_of_the_spec(bytes32 seed, uint8 size, uint8 n) public {
        size = uint8(bound(size, 1, POOL));
        assertDraw(seed, size, now_, uint8(bound(n, 1, size)));
    }

    function test_draw__some_left_or_joined_later__are_never_drawn(bytes32 seed, uint16 leaving, uint8 n) public {
        for (uint256 i = 0; i < POOL; ++i) {
            if ((leaving >> i) & 1 == 1) quit(i);
        }
        mine(1);
        join(POOL); // active from the next block on
        assertDraw(seed, uint32(POOL + 1), vm.getBlockNumber(), uint8(bound(n, 1, POOL)));
        // at the block before, those who left are drawn as ever: the past does not change
        assertDraw(seed, uint32(POOL), now_, uint8(POOL));
    }

    function test_draw__more_than_there_are__reverts_with_how_many_were_found() public {
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.CommitteeUndrawable.selector, POOL, POOL + 1));
        proxies.draw("seed", uint32(POOL), now_, uint8(POOL + 1));
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.CommitteeUndrawable.selector, 0, 1));
        proxies.draw("seed", 0, now_, 1);
    }

    /// The bound on steps holds even for a size that the registry never had.
    function test_draw__huge_pool_of_empty_places__ends() public {
        uint256 before = gasleft();
        vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.CommitteeUndrawable.selector, 0, 1));
        proxies.draw("seed", type(uint32).max, 0, 1);
        vm.assertLt(before - gasleft(), 1_000_000);
    }

    /// chi-square over 600 draws of 3 of 12: 11 degrees of freedom; 31.3 is the 99.9% point. The seeds are fixed, so the figure is too.
    function test_draw__many_seeds__is_uniform_in_every_slot_and_in_all() public view {
        uint256[POOL][3] memory bySlot;
        uint256 draws = 600;
        for (uint256 s = 0; s < draws; ++s) {
            Member[] memory committee = proxies.draw(keccak256(abi.encode("uniform", s)), uint32(POOL), now_, 3);
            for (uint256 slot = 0; slot < 3; ++slot) {
                ++bySlot[slot][uint160(committee[slot].accountOf()) - uint160(account(0))];
            }
        }
        for (uint256 slot = 0; slot < 3; ++slot) {
            vm.assertLt(chiSquareTimes1000(bySlot[slot], draws), 31_300);
        }
        uint256[POOL] memory inAll;
        for (uint256 i = 0; i < POOL; ++i) {
            inAll[i] = bySlot[0][i] + bySlot[1][i] + bySlot[2][i];
        }
        vm.assertLt(chiSquareTimes1000(inAll, 3 * draws), 31_300);
    }

    function chiSquareTimes1000(uint256[POOL] memory counts, uint256 total) private pure returns (uint256 sum) {
        uint256 expected = total / POOL;
        for (uint256 i = 0; i < POOL; ++i) {
            uint256 off = counts[i] > expected ? counts[i] - expected : expected - counts[i];
            sum += (1000 * off * off) / expected;
        }
    }
}

/// @dev A pool whose places are written straight to storage, so that it can be large.
contract ProxyRegistryLargePoolTest is ProxyPool {
    uint256 private constant PLACES_SLOT = 2;

    function setUp() public {
        vm.roll(100);
        deployPool();
        for (uint256 i = 0; i < 5; ++i) {
            join(i);
        }
        mine(1);
    }

    function write(uint256 index) private {
        uint256 word = uint160(account(index)) | (uint256(1) << 160) | (uint256(type(uint40).max) << 200) | (uint256(1) << 240);
        vm.store(address(proxies), keccak256(abi.encode(index, PLACES_SLOT)), bytes32(word));
    }

    function test_draw__5_of_5__costs_less_than_20k() public {
        proxies.draw("seed", 5, vm.getBlockNumber(), 5);
        vm.assertLt(vm.snapshotGasLastCall("ProxyRegistry", "draw 5 of 5"), 20_000);
    }

    /// More than the table of moved places holds: collisions in it are the rule. One place in eight is active.
    function test_draw__pool_of_5000__is_the_shuffle_of_the_spec() public {
        for (uint256 salt = 0; salt < 4; ++salt) {
            uint256 snapshot = vm.snapshotState();
            checkLargePool(keccak256(abi.encode(salt)));
            vm.revertToState(snapshot);
        }
    }

    function checkLargePool(bytes32 seed) private {
        uint256 size = 5_000;
        uint256[] memory places = new uint256[](size);
        for (uint256 i = 0; i < size; ++i) {
            places[i] = i;
        }
        address[] memory expected = new address[](256);
        uint256 found;
        for (uint256 k = 0; k < 256; ++k) {
            uint256 j = k + (uint256(keccak256(abi.encode(keccak256("TPRE-V1/draw-step"), seed, k))) % (size - k));
            (places[k], places[j]) = (places[j], places[k]);
            if (places[k] >= 5 && places[k] % 8 == 0) {
                write(places[k]);
                expected[found++] = account(places[k]);
            }
        }
        uint8 n = uint8(found < 32 ? found : 32);
        vm.assertGt(n, 16);
        Member[] memory committee = proxies.draw(seed, uint32(size), 50, n);
        for (uint256 i = 0; i < n; ++i) {
            vm.assertEq(committee[i].accountOf(), expected[i]);
        }
    }

    /// Positions that were moved and are met again: a pool of 400 with all 256 steps taken.
    function test_draw__pool_of_400_all_steps__is_the_shuffle_of_the_spec() public {
        uint256 size = 400;
        for (uint256 round = 0; round < 4; ++round) {
            bytes32 seed = keccak256(abi.encode("all steps", round));
            uint256[] memory places = new uint256[](size);
            for (uint256 i = 0; i < size; ++i) {
                places[i] = i;
            }
            uint256 snapshot = vm.snapshotState();
            for (uint256 k = 0; k < 256; ++k) {
                uint256 j = k + (uint256(keccak256(abi.encode(keccak256("TPRE-V1/draw-step"), seed, k))) % (size - k));
                (places[k], places[j]) = (places[j], places[k]);
                write(places[k]);
            }
            Member[] memory committee = proxies.draw(seed, uint32(size), 50, 255);
            for (uint256 i = 0; i < 255; ++i) {
                vm.assertEq(committee[i].accountOf(), account(places[i]));
            }
            vm.revertToState(snapshot);
        }
    }
}
