"""Every decoder against bytes that mean nothing, and against well-formed ones with a few bytes changed.

`make fuzz` does the same for long, led by coverage.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

EXAMPLES = settings(max_examples=60)
CHANGES = st.lists(
    st.tuples(st.sampled_from(["set", "flip", "cut", "insert", "double"]), st.integers(0, 4095), st.integers(0, 255)),
    min_size=1,
    max_size=4,
)


def changed(data: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    for kind, place, value in changes:
        at = place % (len(data) + 1)
        if kind == "set":
            data = data[:at] + bytes([value]) + data[at + 1 :]
        elif kind == "flip" and at < len(data):
            data = data[:at] + bytes([data[at] ^ (1 << value % 8)]) + data[at + 1 :]
        elif kind == "cut":
            data = data[:at]
        elif kind == "insert":
            data = data[:at] + bytes([value]) * (1 + value % 3) + data[at:]
        elif kind == "double":
            data = data + data[at:]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_decode__well_formed__is_accepted(name: str) -> None:
    TARGETS[name].check(TARGETS[name].seed())


@pytest.mark.parametrize("name", TARGETS)
@EXAMPLES
@given(st.binary(max_size=700))
def test_decode__any_bytes__a_value_or_an_error_of_ours(name: str, data: bytes) -> None:
    TARGETS[name].check(data)


@pytest.mark.parametrize("name", TARGETS)
@EXAMPLES
@given(CHANGES)
def test_decode__a_few_bytes_changed__a_value_or_an_error_of_ours(
    name: str, changes: list[tuple[str, int, int]]
) -> None:
    TARGETS[name].check(changed(TARGETS[name].seed(), changes))
