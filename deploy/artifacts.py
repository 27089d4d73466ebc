"""What the contract build leaves behind: one ``CompiledContract`` per contract, read from Hardhat's artifacts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tpre_offchain.errors import TpreError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
SOURCES = "contracts"
MOCKS = "contracts/mocks"

CONTRACTS = ("KeyRegistry", "ProxyRegistry", "RecordRegistry", "GrantRegistry", "ConversionRounds", "Treasury")
"""The contracts that a deployment consists of."""


class BuildError(TpreError):
    """The contract build failed, or has not been run."""

    default_hint = "run `make build`"


class ArtifactMissing(BuildError):
    """A contract has no artifact: it was never built, or its file is gone."""


@dataclass(frozen=True)
class CompiledContract:
    """One contract as the compiler made it.

    ``source``: path of its file, from the project root. ``creation_code``, ``runtime_code``: 0x-prefixed hex, empty
    (``"0x"``) for an interface or an abstract contract; libraries to link stand as placeholders in both.
    ``link_references``: where those placeholders are, by source file and library, as the compiler gives it.
    """

    name: str
    source: str
    abi: Sequence[Mapping[str, Any]] = field(repr=False)
    creation_code: str = field(repr=False)
    runtime_code: str = field(repr=False)
    link_references: Mapping[str, Mapping[str, Any]] = field(repr=False)

    @property
    def qualified_name(self) -> str:
        """``contracts/X.sol:X``, unique in the project."""
        return f"{self.source}:{self.name}"

    @property
    def libraries(self) -> tuple[str, ...]:
        """The names of the libraries that must be linked before deployment, sorted."""
        return tuple(sorted({name for libraries in self.link_references.values() for name in libraries}))

    @property
    def has_code(self) -> bool:
        """Whether the contract can be deployed at all."""
        return self.creation_code != "0x"


def production_sources(root: Path = PROJECT_ROOT) -> tuple[str, ...]:
    """The Solidity files that are part of the product, from the project root, sorted; mocks are for tests alone."""
    files = (path.relative_to(root).as_posix() for path in (root / SOURCES).rglob("*.sol"))
    return tuple(sorted(file for file in files if not file.startswith(MOCKS + "/")))


def hardhat_artifacts(root: Path = PROJECT_ROOT) -> Iterator[CompiledContract]:
    """Every production contract as Hardhat built it.

    Raises ``ArtifactMissing`` where a source file has no artifacts.
    """
    for source in production_sources(root):
        folder = root / "artifacts" / source
        if not folder.is_dir():
            raise ArtifactMissing(f"{source} is not built")
        for path in sorted(folder.glob("*.json")):
            yield _read(path)


def hardhat_artifact(name: str, root: Path = PROJECT_ROOT) -> CompiledContract:
    """The production contract or library called ``name``.

    Raises ``ArtifactMissing`` where there is none.
    """
    for contract in hardhat_artifacts(root):
        if contract.name == name:
            return contract
    raise ArtifactMissing(f"there is no contract {name} in {SOURCES}/")


def _read(path: Path) -> CompiledContract:
    artifact = json.loads(path.read_text(encoding="utf-8"))
    return CompiledContract(
        name=artifact["contractName"],
        source=artifact["sourceName"],
        abi=artifact["abi"],
        creation_code=artifact["bytecode"],
        runtime_code=artifact["deployedBytecode"],
        link_references=artifact["linkReferences"],
    )
