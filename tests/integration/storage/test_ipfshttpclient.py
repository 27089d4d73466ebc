"""ipfshttpclient, unmaintained since 2021, beside what is installed: says so on the day when the two no longer fit.

A failure means that a package was raised. The way out is `tpre_offchain/storage/kubo.py`, the only module that knows
the library: speak Kubo's RPC API there by one of the HTTP libraries that we have, and strike the pin `urllib3<3` too.
With the library go 25 packages of the 89 of a bare installation that nothing else asks for; two of them, varint and
python-baseconv, are the only ones without a wheel.
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Any, Final

import ipfshttpclient.requests_wrapper as reaching
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tpre_offchain.storage.cid import compute_cid
from tpre_offchain.storage.kubo import KuboStore

DATA: Final = b"a blob"
WAY_OUT: Final = "replace ipfshttpclient in tpre_offchain/storage/kubo.py, which alone knows it"
STRICT: Final = "The 'strict' parameter is no longer needed on Python 3+. This will raise an error in urllib3 v3.0."
KNOWN_WARNINGS: Final = [f"FutureWarning: {STRICT}"]
"""What it takes to be noticed: urllib3 3 refuses an argument that the library passes to each of its pools."""

OVERRIDDEN: Final = {
    "urllib3.HTTPConnectionPool": ["ConnectionCls"],
    "urllib3.PoolManager": ["_new_pool", "connection_from_pool_key"],
    "urllib3.connection.HTTPConnection": ["_new_conn"],
    "urllib3.connection.HTTPSConnection": ["_new_conn"],
    "requests.adapters.HTTPAdapter": ["init_poolmanager"],
}
"""What it replaces in classes of others. Renamed there, nothing fails at once: its own would not be called any more."""

USE: Final = """
import json, sys, warnings
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    from tpre_offchain.storage.kubo import KuboStore
    store = KuboStore(sys.argv[1])
    cid = store.put([sys.argv[2].encode()])
    got = b"".join(store.get(cid)).decode()
    there = store.has(cid)
    store.pin(cid)
    pinned = cid in set(store.pins())
    store.unpin(cid)
    store.delete(cid)
    store.close()
said = sorted({f"{one.category.__name__}: {one.message}" for one in seen})
print(json.dumps({"warnings": said, "got": got, "there": there, "pinned": pinned}))
"""


def kubo() -> web.Application:
    """Answers as a Kubo node that has one blob of one block."""
    cid = str(compute_cid([DATA]))
    answers: dict[str, Any] = {
        "add": {"Name": "", "Hash": cid, "Size": str(len(DATA))},
        "block/stat": {"Key": cid, "Size": len(DATA)},
        "pin/add": {"Pins": [cid]},
        "pin/rm": {"Pins": [cid]},
        "pin/ls": {"Keys": {cid: {"Type": "recursive"}}},
        "block/rm": {"Hash": cid},
    }

    async def answer(request: web.Request) -> web.Response:
        body = await request.read()
        command = request.match_info["command"]
        if command == "block/get":
            return web.Response(body=DATA)
        if command == "add" and DATA not in body:
            return web.Response(status=500)
        return web.json_response(answers[command])

    application = web.Application()
    application.router.add_post("/api/v0/{command:.+}", answer)
    return application


async def test_use__every_call_in_a_fresh_process__warns_of_what_is_known_and_nothing_else() -> None:
    async with TestServer(kubo()) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", USE, f"http://127.0.0.1:{server.port}", DATA.decode(),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
    assert process.returncode == 0, f"{WAY_OUT}: with what is installed it fails:\n{err.decode()}"
    told = json.loads(out)
    assert told.pop("warnings") == KNOWN_WARNINGS, f"it warns of something else than urllib3 3: look, or {WAY_OUT}"
    assert told == {"got": DATA.decode(), "there": True, "pinned": True}


def test_urllib3__installed__is_one_that_takes_what_the_library_passes() -> None:
    major = int(version("urllib3").split(".")[0])
    assert major < 3, f"urllib3 {version('urllib3')} refuses `strict`, which ipfshttpclient passes: {WAY_OUT}"


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_classes_of_others__what_the_library_replaces__is_called_so_still(name: str) -> None:
    module, _, cls = name.rpartition(".")
    missing = [one for one in OVERRIDDEN[name] if not hasattr(getattr(import_module(module), cls), one)]
    assert not missing, f"{name} has no {missing} any more, which ipfshttpclient replaces: {WAY_OUT}"


def test_pool_manager__made_by_the_library__has_pools_by_family_of_address() -> None:
    manager = reaching.HTTPAdapter().poolmanager
    schemes = {f"{base}{family}" for base in ("http", "https") for family in ("", "+ip4", "+ip6", "+unix")}
    assert manager.pool_classes_by_scheme.keys() == schemes, WAY_OUT
    assert manager.key_fn_by_scheme.keys() == schemes, WAY_OUT


def test_client__request_function__is_where_we_reach_for_it() -> None:
    store = KuboStore("http://127.0.0.1:9")
    assert callable(store._client._client.request), f"`block rm` goes through it: {WAY_OUT}"
    store.close()
