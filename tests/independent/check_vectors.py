r"""Make every value of tests/vectors again, and refuse all that must be refused, with nothing but SPEC.md, py_ecc and
cryptography: what a second implementation has to pass (SPEC.md §13).

    python -m tests.independent.check_vectors [FILE ...]

Prints how many values were made and cases refused. Before a file is made again, all that is not given (secrets,
randomness, names) is taken out of it, so that nothing can be copied.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.independent.spec_data import remake_blobs, remake_cids, wrong_blobs, wrong_cids
from tests.independent.spec_flow import remake_flow
from tests.independent.spec_keys import Values, remake_identities, remake_keys
from tests.independent.spec_messages import remake_messages, wrong_messages
from tests.independent.spec_rejects import check_bad_pad, wrong_rejects
from tests.independent.spec_rounds import remake_round

DIRECTORY = Path(__file__).resolve().parents[1] / "vectors"

FLOW_GIVEN = {
    "domain", "threshold", "committeeSize", "account", "version", "keyVersion", "secret", "streamId", "epoch",
    "grantId", "publisher", "sequence", "metadata", "tags", "random", "publisherSecret", "excluded",
    "rounds.records", "badPad", "badPadProof",
}  # fmt: skip

GIVEN = {
    "identity.json": {"words"},
    "keys.json": {
        "domain", "name", "account", "seed", "role", "version", "registry", "random", "drawn", "owner",
        "ownerKeyVersion", "streamId", "epoch", "delegatingSecret",
    },
    "data.json": {"length", "dek", "random", "rejects"},
    "cids.json": {"length", "leafCount", "rejects"},
    "messages.json": {
        "domain", "file", "round", "secret", "contributors", "recipient", "subject", "sender", "body", "rejects",
    },
    "rejects.json": {"points", "compressed", "proofs", "cases"},
}  # fmt: skip
"""Of each file the names of what is not derived from anything else in it."""


def stripped(value: Any, given: set[str], within: str = "", kept: bool = False) -> Any:
    """The file with None for all that can be computed; lists keep their length, which is given."""
    if isinstance(value, list):
        return [stripped(item, given, within, kept) for item in value]
    if isinstance(value, dict):
        return {
            key: stripped(item, given, key, kept or key in given or f"{within}.{key}" in given)
            for key, item in value.items()
        }
    return value if kept else None


def leaves(value: Any) -> list[Any]:
    if isinstance(value, list | dict):
        return [leaf for item in (value.values() if isinstance(value, dict) else value) for leaf in leaves(item)]
    return [value]


def difference(left: Any, right: Any, path: str = "") -> str:
    """Where two values differ first; empty if they do not."""
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        return next(filter(None, (difference(left[key], right[key], f"{path}.{key}") for key in left)), "")
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        pairs = enumerate(zip(left, right, strict=True))
        return next(filter(None, (difference(a, b, f"{path}[{i}]") for i, (a, b) in pairs)), "")
    return "" if left == right else f"{path}: {str(left)[:60]} is not {str(right)[:60]}"


def check(name: str, content: Values, files: dict[str, Values]) -> tuple[Values, list[str], int]:
    """A file as made again, what in it was not refused as it says, and how many cases that is about."""
    given = stripped(content, GIVEN.get(name, FLOW_GIVEN))
    if name == "identity.json":
        return remake_identities(given), [], 0
    if name == "keys.json":
        return remake_keys(given), [], 0
    if name == "data.json":
        return {**given, "blobs": remake_blobs(given)}, wrong_blobs(content), len(content["rejects"])
    if name == "cids.json":
        return remake_cids(given), wrong_cids(content), sum(map(len, content["rejects"].values()))
    if name == "messages.json":
        flow = files[content["file"]]
        return remake_messages(given, flow), wrong_messages(content, flow), sum(map(len, content["rejects"].values()))
    if name == "rejects.json":
        return given, wrong_rejects(content, files), sum(map(len, content.values()))
    made = remake_flow(given, remake_round)
    check_bad_pad(made)
    return made, [], 0


def main() -> None:
    files: dict[str, Values] = {path.name: json.loads(path.read_text()) for path in DIRECTORY.glob("*.json")}
    values = refused = 0
    for name in sys.argv[1:] or sorted(files):
        content = files[name]
        made, wrong, cases = check(name, content, files)
        if found := difference(made, content):
            raise SystemExit(f"{name}{found}")
        if wrong:
            raise SystemExit(f"{name}: {wrong}")
        given = [leaf for leaf in leaves(stripped(content, GIVEN.get(name, FLOW_GIVEN))) if leaf is not None]
        values += len(leaves(content)) - len(given)
        refused += cases
    print(json.dumps({"values": values, "rejects": refused}))


if __name__ == "__main__":
    main()
