"""Writes the test vectors of SPEC into tests/vectors: ``python -m tests.vectors.make``.

Everything follows from the seeds below, so the same files come out each time; a test makes them again and compares.
tests/vectors/README.md describes the format.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from tests.vectors.making.cids import make_cids
from tests.vectors.making.data import make_data
from tests.vectors.making.flow import make_flow
from tests.vectors.making.identity import make_identity
from tests.vectors.making.keys import make_keys
from tests.vectors.making.messages import make_messages
from tests.vectors.making.rejects import make_rejects

DIRECTORY = Path(__file__).resolve().parent

FLOWS = ((1, 1), (2, 3), (3, 5), (5, 9))
"""(t, n) of the flows."""


def all_vectors() -> dict[str, dict[str, Any]]:
    """The content of every file, by its name."""
    flows = {f"flow_{t}_{n}.json": make_flow(t, n) for t, n in FLOWS}
    return {
        "identity.json": make_identity(),
        "keys.json": make_keys(),
        **flows,
        "data.json": make_data(),
        "cids.json": make_cids(),
        "messages.json": make_messages(flows),
        "rejects.json": make_rejects(flows),
    }


def encode(vectors: dict[str, Any]) -> str:
    """A file's text."""
    return json.dumps(vectors, indent=1, ensure_ascii=True) + "\n"


def main() -> None:
    """Write all files and print each one's digest."""
    for name, vectors in all_vectors().items():
        text = encode(vectors)
        (DIRECTORY / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n")


if __name__ == "__main__":
    main()
