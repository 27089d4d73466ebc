"""What owners, users and devices do with the system, as a Python API.

    from tpre_offchain.clients import Owner, Session, User

    with Session.open(rpc=rpc, deployment=deployment, store="local:blobs", keys=keys) as session:
        owner = Owner(session)
        stream = owner.create_stream("machine-7/temperature", summary="bearing, 1 Hz", minimum=(2, 3))
        record = owner.publish(stream, "readings.csv", tags={"unit": "F"})

Names are imported when first used: the keystore alone must not load the chain's libraries.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tpre_offchain.clients.device import Device
    from tpre_offchain.clients.keys import Keys
    from tpre_offchain.clients.owner import Owner
    from tpre_offchain.clients.session import Session
    from tpre_offchain.clients.stored.sources import Item
    from tpre_offchain.clients.user import User

__all__ = ["Device", "Item", "Keys", "Owner", "Session", "User"]

_HOMES = {
    "Device": "device",
    "Item": "stored.sources",
    "Keys": "keys",
    "Owner": "owner",
    "Session": "session",
    "User": "user",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
