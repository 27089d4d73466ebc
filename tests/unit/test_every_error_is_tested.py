"""Every error has a test that names it: the contracts' custom errors in Solidity tests, TpreError's leaves in Python.

Naming is less than triggering, but an error that no test names is surely triggered by none. What is missing is printed.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import deploy
import tpre_offchain
from tpre_offchain.errors import TpreError

PACKAGES = ("tpre_offchain", "deploy")

UNTESTED_CUSTOM_ERRORS: dict[str, str] = {}
"""`Interface.Error` -> why no test can, or need, trigger it."""

UNTESTED_PYTHON_ERRORS: dict[str, str] = {}
"""Class -> why no test can, or need, trigger it."""


def custom_errors(root: Path) -> Iterator[tuple[str, str]]:
    """(interface or library, error) of every custom error that is declared."""
    for folder in ("interfaces", "libraries"):
        for path in sorted((root / "contracts" / folder).glob("*.sol")):
            for name in re.findall(r"^\s*error (\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE):
                yield path.stem, name


def text_of(root: Path, *patterns: str, but: str = "") -> str:
    """All files that match, as one text."""
    files = (path for pattern in patterns for path in sorted(root.glob(pattern)) if path.name != but)
    return "\n".join(without_aliases(path.read_text(encoding="utf-8")) for path in files)


def without_aliases(source: str) -> str:
    """Solidity's `import {IConversionRounds as IRounds}` undone, so that every error has its one name."""
    for name, alias in re.findall(r"\b(\w+) as (\w+)\b[^{}]*}", source):
        source = re.sub(rf"\b{alias}\.", f"{name}.", source)
    return source


def names(text: str, interface: str, error: str) -> bool:
    """Whether a test names the error by its interface, or by the contract that implements it."""
    contract = interface[1:] if re.match(r"I[A-Z]", interface) else interface
    return re.search(rf"\bI?{contract}\.{error}\b", text) is not None


def leaves(base: type[TpreError]) -> Iterator[type[TpreError]]:
    """The errors of the product that are not the base of others, without those that never leave their module."""
    below = [
        child for child in base.__subclasses__() if child.__module__.startswith(PACKAGES) and child.__name__[0] != "_"
    ]
    if not below:
        yield base
    for child in below:
        yield from leaves(child)


def import_everything() -> None:
    for package in (tpre_offchain, deploy):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # a __main__ runs when imported, queries are scripts
            if not module.name.endswith("__main__") and ".queries" not in module.name:
                _import(module.name)


def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name != "pymcl":  # has no wheel for newer Pythons; what needs it declares no error
            raise


def test_custom_errors__each__named_by_a_solidity_test(project_root: Path) -> None:
    text = text_of(project_root, "tests/contracts/solidity/**/*.t.sol")
    declared = {f"{interface}.{error}" for interface, error in custom_errors(project_root)}
    missing = {f"{i}.{e}" for i, e in custom_errors(project_root) if not names(text, i, e)}

    print("\n".join(sorted(missing)))
    assert len(declared) > 80
    assert sorted(missing - UNTESTED_CUSTOM_ERRORS.keys()) == []
    assert sorted(UNTESTED_CUSTOM_ERRORS.keys() - missing) == [], "tested by now, or gone: take them off the list"


def test_python_errors__each__named_by_a_test(project_root: Path) -> None:
    import_everything()
    text = text_of(project_root, "tests/**/*.py", but=Path(__file__).name)
    declared = {error.__name__ for error in leaves(TpreError)}
    missing = {name for name in declared if not re.search(rf"\b{name}\b", text)}

    print("\n".join(sorted(missing)))
    assert len(declared) > 50
    assert sorted(missing - UNTESTED_PYTHON_ERRORS.keys()) == []
    assert sorted(UNTESTED_PYTHON_ERRORS.keys() - missing) == [], "tested by now, or gone: take them off the list"
