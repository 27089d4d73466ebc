"""Export of the built contracts into the Python package: ``tpre_offchain/chain/abi/<Name>.json``.

The files are generated, hence not committed; ``make`` writes them after each contract build and packaging includes
them. Each holds one contract, and the libraries that it links have files of their own:

    {"name", "source", "source_sha256", "abi", "bytecode", "deployedBytecode", "linkReferences"}

``source_sha256`` is over the contract's own file; ``linkReferences`` is the compiler's, by source and library.

    python -m deploy.export_abi
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from deploy.artifacts import CONTRACTS, PROJECT_ROOT, BuildError, CompiledContract, hardhat_artifacts

ABI_FOLDER = "tpre_offchain/chain/abi"


class AmbiguousContract(BuildError):
    """Two source files define a contract of one name, so a file per name cannot hold both."""

    default_hint = "rename one of them"


def exported(contracts: Iterable[CompiledContract]) -> dict[str, CompiledContract]:
    """By name: the deployment's contracts that are built, and every library that must be linked into them."""
    built = list(contracts)
    linked = {library for contract in built if contract.name in CONTRACTS for library in contract.libraries}
    chosen: dict[str, CompiledContract] = {}
    for contract in built:
        if contract.name not in linked and contract.name not in CONTRACTS:
            continue
        if contract.name in chosen:
            raise AmbiguousContract(f"{contract.qualified_name} and {chosen[contract.name].qualified_name}")
        chosen[contract.name] = contract
    return chosen


def export_abi(root: Path = PROJECT_ROOT) -> tuple[Path, ...]:
    """Write one file per exported contract and remove those of libraries that are gone; returns the files.

    A file whose content would not change is left alone. Raises ``ArtifactMissing`` and ``AmbiguousContract``.
    """
    folder = root / ABI_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    contents = {f"{name}.json": _render(contract, root) for name, contract in exported(hardhat_artifacts(root)).items()}
    for stale in folder.glob("*.json"):
        if stale.name not in contents and stale.stem not in CONTRACTS:
            stale.unlink()
    for name, content in contents.items():
        target = folder / name
        if not target.exists() or target.read_text(encoding="utf-8") != content:
            # replace, so that a process that reads meanwhile sees the old file or the new one
            partial = target.with_suffix(".partial")
            partial.write_text(content, encoding="utf-8")
            partial.replace(target)
    return tuple(folder / name for name in sorted(contents))


def _render(contract: CompiledContract, root: Path) -> str:
    content: dict[str, Any] = {
        "name": contract.name,
        "source": contract.source,
        "source_sha256": hashlib.sha256((root / contract.source).read_bytes()).hexdigest(),
        "abi": contract.abi,
        "bytecode": contract.creation_code,
        "deployedBytecode": contract.runtime_code,
        "linkReferences": contract.link_references,
    }
    return json.dumps(content, indent=1) + "\n"


def main() -> int:
    """Export, and say what is missing from a full deployment."""
    try:
        files = export_abi()
    except BuildError as problem:
        sys.stderr.write(f"{problem.message}\n" + (f"hint: {problem.hint}\n" if problem.hint else ""))
        return 1
    absent = sorted(set(CONTRACTS) - {file.stem for file in files})
    if absent:
        sys.stderr.write(f"not in {ABI_FOLDER}, since there is no such contract: {', '.join(absent)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
