"""The second build: every production contract through py-solc-x, to hold against what Hardhat made.

Compiler version and settings come from ``deploy/solc/settings.json``, as they do for Hardhat. Everything else is done
another way: other driver, other names for the sources, other resolution of imports. The same bytecode from both says
that no setting hides in one tool.

    python -m deploy.build      builds and compares; exit code 1 where they differ
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import solcx
from solcx.exceptions import SolcError

from deploy.artifacts import (
    PROJECT_ROOT,
    BuildError,
    CompiledContract,
    hardhat_artifacts,
    production_sources,
)

REMAPPINGS = ("@openzeppelin/=node_modules/@openzeppelin/",)
OUTPUTS = ("abi", "evm.bytecode.object", "evm.bytecode.linkReferences", "evm.deployedBytecode.object")


class CompilationFailed(BuildError):
    """The compiler refused the sources; the message is the compiler's."""

    default_hint = "the message above is the compiler's"


class BuildsDiffer(BuildError):
    """Hardhat and py-solc-x made different bytecode of the same source."""

    default_hint = "run `make build`; if it persists, a setting is not in deploy/solc/settings.json"


@dataclass(frozen=True)
class CompilerSettings:
    """What both builds share: the compiler's version, and its standard-JSON settings."""

    version: str
    settings: Mapping[str, Any]


def compiler_settings(root: Path = PROJECT_ROOT) -> CompilerSettings:
    """The settings of ``deploy/solc/settings.json``."""
    shared = json.loads((root / "deploy/solc/settings.json").read_text(encoding="utf-8"))
    return CompilerSettings(version=shared["version"], settings=shared["settings"])


def find_compiler(version: str, root: Path = PROJECT_ROOT) -> Path:
    """A native solc that py-solc-x has installed, else the npm compiler behind the same switches."""
    if version in {str(installed) for installed in solcx.get_installed_solc_versions()}:
        return Path(solcx.install.get_executable(version))
    return root / "deploy/solc/solc"


def compile_with_solcx(root: Path = PROJECT_ROOT) -> Iterator[CompiledContract]:
    """Every production contract, compiled anew by py-solc-x.

    Raises ``CompilationFailed`` with the compiler's message.
    """
    shared = compiler_settings(root)
    sources = production_sources(root)
    standard_input = {
        "language": "Solidity",
        "sources": {source: {"content": (root / source).read_text(encoding="utf-8")} for source in sources},
        "settings": {
            **shared.settings,
            "remappings": list(REMAPPINGS),
            "outputSelection": {source: {"*": list(OUTPUTS)} for source in sources},
        },
    }
    try:
        output = solcx.compile_standard(standard_input, base_path=root, solc_binary=find_compiler(shared.version, root))
    except SolcError as problem:
        raise CompilationFailed(problem.message) from problem
    for source in sources:
        for name, contract in sorted(output["contracts"].get(source, {}).items()):
            yield CompiledContract(
                name=name,
                source=source,
                abi=contract["abi"],
                creation_code="0x" + contract["evm"]["bytecode"]["object"],
                runtime_code="0x" + contract["evm"]["deployedBytecode"]["object"],
                link_references=contract["evm"]["bytecode"]["linkReferences"],
            )


def require_same_build(first: Iterable[CompiledContract], second: Iterable[CompiledContract]) -> int:
    """Hold two builds against each other, contract by contract: bytecode, runtime code, ABI.

    Returns the number of contracts with code. Raises ``BuildsDiffer`` naming every contract that differs or that only
    one build has.
    """
    left = {contract.qualified_name: contract for contract in first}
    right = {contract.qualified_name: contract for contract in second}
    differing = sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))
    if differing:
        raise BuildsDiffer("the two builds differ in " + ", ".join(differing))
    return sum(contract.has_code for contract in left.values())


def main() -> int:
    """Compare the builds and say what was compared."""
    try:
        count = require_same_build(hardhat_artifacts(), compile_with_solcx())
    except BuildError as problem:
        sys.stderr.write(f"{problem.message}\n" + (f"hint: {problem.hint}\n" if problem.hint else ""))
        return 1
    sys.stdout.write(f"{count} contracts: the same bytecode from Hardhat and from py-solc-x\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
