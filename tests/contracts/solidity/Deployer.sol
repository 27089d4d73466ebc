// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "./Test.sol";
import {IConversionRounds} from "../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "../../../contracts/interfaces/IGrantRegistry.sol";
import {IKeyRegistry} from "../../../contracts/interfaces/IKeyRegistry.sol";
import {IProxyRegistry} from "../../../contracts/interfaces/IProxyRegistry.sol";
import {IRecordRegistry} from "../../../contracts/interfaces/IRecordRegistry.sol";
import {IGrantVerifier} from "../../../contracts/interfaces/IGrantVerifier.sol";
import {ITreasury} from "../../../contracts/interfaces/ITreasury.sol";

/// @dev The part of GrantRegistry's face that tests use and its interface does not have.
interface WithGrantVerifier {
    function verifier() external view returns (IGrantVerifier);
}

/// @notice The contracts as they were built. Here alone their constructors' arguments are written out; the compiler does not check them.
abstract contract Deployer is Test {
    function deployKeyRegistry() internal returns (IKeyRegistry) {
        return IKeyRegistry(deployCode("KeyRegistry", ""));
    }

    function deployTreasury(address proxies, address grants, address rounds) internal returns (ITreasury) {
        return ITreasury(deployCode("Treasury", abi.encode(proxies, grants, rounds)));
    }

    function deployProxyRegistry(ITreasury treasury, address grants, address rounds, IProxyRegistry.Settings memory settings)
        internal
        returns (IProxyRegistry)
    {
        return IProxyRegistry(deployCode("ProxyRegistry", abi.encode(treasury, grants, rounds, settings)));
    }

    function deployRecordRegistry(IKeyRegistry keys) internal returns (IRecordRegistry) {
        return IRecordRegistry(deployCode("RecordRegistry", abi.encode(keys)));
    }

    function deployGrantRegistry(
        IKeyRegistry keys,
        IProxyRegistry proxies,
        IRecordRegistry records,
        ITreasury treasury,
        address rounds,
        IGrantRegistry.Settings memory settings
    ) internal returns (IGrantRegistry) {
        return IGrantRegistry(deployCode("GrantRegistry", abi.encode(keys, proxies, records, treasury, rounds, settings)));
    }

    function deployConversionRounds(
        IGrantRegistry grants, IProxyRegistry proxies, IRecordRegistry records, ITreasury treasury, IConversionRounds.Settings memory settings
    ) internal returns (IConversionRounds) {
        return IConversionRounds(deployCode("ConversionRounds", abi.encode(grants, proxies, records, treasury, settings)));
    }

    function verifierOf(IGrantRegistry grants) internal view returns (IGrantVerifier) {
        return WithGrantVerifier(address(grants)).verifier();
    }
}
