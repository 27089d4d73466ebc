// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {G1Point, G2Point} from "../types/Points.sol";

/// @title The fixed points of the scheme (SPEC §1) and their inverses.
library Generators {
    /// @dev g1, the standard generator of G1.
    function G1() internal pure returns (G1Point memory) {
        return G1Point({
            xHigh: 0x0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0f,
            xLow: 0xc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb,
            yHigh: 0x0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4,
            yLow: 0xfcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1
        });
    }

    /// @dev g1^-1.
    function NEG_G1() internal pure returns (G1Point memory) {
        return G1Point({
            xHigh: 0x0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0f,
            xLow: 0xc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb,
            yHigh: 0x00000000000000000000000000000000114d1d6855d545a8aa7d76c8cf2e21f2,
            yLow: 0x67816aef1db507c96655b9d5caac42364e6f38ba0ecb751bad54dcd6b939c2ca
        });
    }

    /// @dev g2, the standard generator of G2.
    function G2() internal pure returns (G2Point memory) {
        return G2Point({
            x0High: 0x00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051,
            x0Low: 0xc6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8,
            x1High: 0x0000000000000000000000000000000013e02b6052719f607dacd3a088274f65,
            x1Low: 0x596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e,
            y0High: 0x000000000000000000000000000000000ce5d527727d6e118cc9cdc6da2e351a,
            y0Low: 0xadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801,
            y1High: 0x000000000000000000000000000000000606c4a02ea734cc32acd2b02bc28b99,
            y1Low: 0xcb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be
        });
    }

    /// @dev g2^-1.
    function NEG_G2() internal pure returns (G2Point memory) {
        return G2Point({
            x0High: 0x00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051,
            x0Low: 0xc6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8,
            x1High: 0x0000000000000000000000000000000013e02b6052719f607dacd3a088274f65,
            x1Low: 0x596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e,
            y0High: 0x000000000000000000000000000000000d1b3cc2c7027888be51d9ef691d77bc,
            y0Low: 0xb679afda66c73f17f9ee3837a55024f78c71363275a75d75d86bab79f74782aa,
            y1High: 0x0000000000000000000000000000000013fa4d4a0ad8b1ce186ed5061789213d,
            y1Low: 0x993923066dddaf1040bc3ff59f825c78df74f2d75467e25e0f55f8a00fa030ed
        });
    }

    /// @dev h2 = hash_to_curve_G2("TPRE-V1/h2") (SPEC §1): nobody knows its logarithm to g2.
    function H2() internal pure returns (G2Point memory) {
        return G2Point({
            x0High: 0x00000000000000000000000000000000157a6b3acd8c2eaa94f5ee8fa0508a13,
            x0Low: 0xdd66991af38c49bbffc618aa779d28d7e616499c05f7e50ed0eaa82e4ea885cd,
            x1High: 0x000000000000000000000000000000000833af0eab02ce9ce1955af6f90be12f,
            x1Low: 0x8d9adb40fdf6b89b755ae9842885e016acb077d2830e9b5dec22a9550018706c,
            y0High: 0x000000000000000000000000000000000a8c03169db9deedb68cd02519cbb6ee,
            y0Low: 0x40134bf780b1c7a65164bfcf884d52b2b6a0490e6c391a08d62363f1097b5962,
            y1High: 0x000000000000000000000000000000001538c9c73d7091309c05d2ef3b45c4de,
            y1Low: 0x3cc9130d2991bb6d7cda6bef8a4adbc69fd91430c1e960f272e3ca01d8cabaca
        });
    }

    /// @dev h2^-1.
    function NEG_H2() internal pure returns (G2Point memory) {
        return G2Point({
            x0High: 0x00000000000000000000000000000000157a6b3acd8c2eaa94f5ee8fa0508a13,
            x0Low: 0xdd66991af38c49bbffc618aa779d28d7e616499c05f7e50ed0eaa82e4ea885cd,
            x1High: 0x000000000000000000000000000000000833af0eab02ce9ce1955af6f90be12f,
            x1Low: 0x8d9adb40fdf6b89b755ae9842885e016acb077d2830e9b5dec22a9550018706c,
            y0High: 0x000000000000000000000000000000000f750ed39bc607ac948ed791297ff5e9,
            y0Low: 0x2463ff8d72d34b1915cc12d16e63a371680bb6f0451ae5f6e3db9c0ef6845149,
            y1High: 0x0000000000000000000000000000000004c84822fc0f5569af15d4c70805e7f9,
            y1Low: 0x27ae3877c9f35751ea5666b16c661a5d7ed2ebcdef6a9f0d471b35fe2734efe1
        });
}
}
