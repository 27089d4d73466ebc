"""``python -m deploy.slither_input``: the contracts as one standard-JSON input, which slither compiles for itself.

Hardhat's own build files would do if it kept none of older builds and of the tests beside them.
"""

from __future__ import annotations

import json
import sys

from deploy.artifacts import PROJECT_ROOT, production_sources
from deploy.build import compiler_settings

_OUTPUT = ["abi", "devdoc", "userdoc", "evm.bytecode", "evm.deployedBytecode"]


def standard_input() -> dict[str, object]:
    """Sources by their path from the project root; what they import the compiler reads by itself."""
    settings = dict(compiler_settings().settings)
    settings["remappings"] = ["@openzeppelin/=node_modules/@openzeppelin/"]
    settings["outputSelection"] = {"*": {"*": _OUTPUT, "": ["ast"]}}
    sources = {name: {"content": (PROJECT_ROOT / name).read_text(encoding="utf-8")} for name in production_sources()}
    return {"language": "Solidity", "sources": sources, "settings": settings}


if __name__ == "__main__":
    json.dump(standard_input(), sys.stdout)
