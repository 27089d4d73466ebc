"""The identifiers of the system, each its own type so that the type checker tells a grant from a record."""

from __future__ import annotations

from typing import NewType

Label = NewType("Label", bytes)
"""32 bytes: the keccak256 under which records are encrypted and grants are given (SCHEME §2)."""

StreamId = NewType("StreamId", int)
"""A stream of records of one owner: uint256."""

RecordId = NewType("RecordId", int)
"""One encrypted record on the chain: uint256."""

GrantId = NewType("GrantId", int)
"""One delegation, from a delegator to a delegatee: uint256."""

RoundId = NewType("RoundId", int)
"""One conversion round: uint256."""

Slot = NewType("Slot", int)
"""A proxy's place in its committee, 1..n; also the abscissa of its share, hence never 0."""

Epoch = NewType("Epoch", int)
"""A period of a stream; a new epoch is a new label."""

Address = NewType("Address", str)
"""An account in its EIP-55 checksummed form, ``0x`` and 40 hexadecimal digits."""
