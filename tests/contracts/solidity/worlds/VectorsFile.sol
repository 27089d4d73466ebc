// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Vm} from "../Test.sol";
import {G1Point, G2Point, Proof} from "../../../../contracts/types/Points.sol";

/// @notice One file of tests/vectors, read by path (`.rounds[1].roundId`), as it is or with the replacements of a case of rejects.json.
/// @dev A contract of its own so that the memory of a read is given back: each read copies the whole file.
contract VectorsFile {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    string private content;
    string private rejects;
    string[] private paths; // replaced by the values of `current`
    string private current; // ".cases[7]"

    constructor(string memory name) {
        content = vm.readFile(string.concat(vm.projectRoot(), "/tests/vectors/", name));
        rejects = vm.readFile(string.concat(vm.projectRoot(), "/tests/vectors/rejects.json"));
    }

    /// @dev From now on the paths of case `i` read as its values.
    function replace(uint256 i) external {
        current = string.concat(".cases[", vm.toString(i), "]");
        paths = vm.parseJsonStringArray(rejects, string.concat(current, ".paths"));
    }

    function restore() external {
        delete paths;
    }

    function word(string calldata path) external view returns (bytes32) {
        (string memory json, string memory key) = _find(path);
        return vm.parseJsonBytes32(json, key);
    }

    /// @dev Single entries may be replaced as well.
    function words(string calldata path) external view returns (bytes32[] memory found) {
        (string memory json, string memory key) = _find(path);
        found = vm.parseJsonBytes32Array(json, key);
        for (uint256 i = 0; i < found.length && paths.length != 0; ++i) {
            (json, key) = _find(string.concat(path, "[", vm.toString(i), "]"));
            found[i] = vm.parseJsonBytes32(json, key);
        }
    }

    function number(string calldata path) external view returns (uint256) {
        (string memory json, string memory key) = _find(path);
        return vm.parseJsonUint(json, key);
    }

    function flag(string calldata path) external view returns (bool) {
        (string memory json, string memory key) = _find(path);
        return vm.parseJsonBool(json, key);
    }

    function numbers(string calldata path) external view returns (uint256[] memory) {
        (string memory json, string memory key) = _find(path);
        return vm.parseJsonUintArray(json, key);
    }

    function account(string calldata path) external view returns (address) {
        (string memory json, string memory key) = _find(path);
        return vm.parseJsonAddress(json, key);
    }

    function text(string calldata path) external view returns (string memory) {
        (string memory json, string memory key) = _find(path);
        return vm.parseJsonString(json, key);
    }

    function texts(string calldata path) external view returns (string[] memory) {
        (string memory json, string memory key) = _find(path);
        return vm.parseJsonStringArray(json, key);
    }

    function data(string calldata path) external view returns (bytes memory) {
        (string memory json, string memory key) = _find(path);
        return vm.parseJsonBytes(json, key);
    }

    function g1(string calldata path) external view returns (G1Point memory) {
        (string memory json, string memory key) = _find(path);
        return abi.decode(vm.parseJsonBytes(json, key), (G1Point));
    }

    function g2(string calldata path) external view returns (G2Point memory) {
        (string memory json, string memory key) = _find(path);
        return abi.decode(vm.parseJsonBytes(json, key), (G2Point));
    }

    function g1s(string calldata path) external view returns (G1Point[] memory points) {
        (string memory json, string memory key) = _find(path);
        bytes[] memory encoded = vm.parseJsonBytesArray(json, key);
        points = new G1Point[](encoded.length);
        for (uint256 i = 0; i < points.length; ++i) {
            points[i] = abi.decode(encoded[i], (G1Point));
        }
    }

    /// @dev Challenge and response may be replaced one by one.
    function proof(string calldata path) external view returns (Proof memory) {
        (string memory json, string memory key) = _find(string.concat(path, ".challenge"));
        uint128 challenge = uint128(uint256(vm.parseJsonBytes32(json, key)));
        (json, key) = _find(string.concat(path, ".response"));
        return Proof(challenge, uint256(vm.parseJsonBytes32(json, key)));
    }

    function exists(string calldata path) external view returns (bool) {
        return vm.keyExistsJson(content, path);
    }

    /// @dev Where a path's value stands: in the file, or in the case that replaces the path or what it is part of.
    function _find(string memory path) private view returns (string memory json, string memory key) {
        for (uint256 i = 0; i < paths.length; ++i) {
            (bool found, string memory rest) = _within(path, paths[i]);
            if (found) return (rejects, string.concat(current, ".values[", vm.toString(i), "]", rest));
        }
        return (content, path);
    }

    /// @dev Whether `path` is `outer` or inside it, and its part beyond `outer`.
    function _within(string memory path, string memory outer) private pure returns (bool, string memory) {
        (bytes memory long, bytes memory short) = (bytes(path), bytes(outer));
        if (long.length < short.length) return (false, "");
        for (uint256 i = 0; i < short.length; ++i) {
            if (long[i] != short[i]) return (false, "");
        }
        bytes memory rest = new bytes(long.length - short.length);
        for (uint256 i = 0; i < rest.length; ++i) {
            rest[i] = long[short.length + i];
        }
        // ".grant.pads" is not inside ".grant.pad"
        return (rest.length == 0 || rest[0] == "." || rest[0] == "[", string(rest));
    }
}
