"""Every decoder of bytes that strangers may have written, as a function that fails if the decoder breaks its promise.

The promise: it returns a value, or raises an error of ours; and what it returns encodes to the same bytes, where there
is an encoder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, TypeVar

from tests.property.scene import Scene, address, metadata, node_key, source
from tpre_offchain.chain.abi.codec import CONTRACT_NAMES, load_abi
from tpre_offchain.chain.abi.decoding import decode_log
from tpre_offchain.chain.abi.log import Log
from tpre_offchain.chain.abi.reverts import decode_revert
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.logs.archive import LogArchive
from tpre_offchain.clients.keyfile import Contents, FileKey, ScryptCost, seal
from tpre_offchain.clients.keys import Keys, NodeKey, Registry
from tpre_offchain.clients.keystore import decrypt_keys
from tpre_offchain.clients.stored.sources import decode_tags
from tpre_offchain.crypto import codec
from tpre_offchain.crypto.curve import G1, G2
from tpre_offchain.crypto.curve.encoding import decode_scalar, encode_scalar
from tpre_offchain.crypto.dem import decrypt_stream, encrypt_stream
from tpre_offchain.crypto.metadata import decode_metadata, encode_metadata
from tpre_offchain.crypto.proofs import Proof
from tpre_offchain.errors import TpreError
from tpre_offchain.storage.cid import Cid, TreeBuilder
from tpre_offchain.storage.unixfs import decode_node, encode_node
from tpre_offchain.types import Address

T = TypeVar("T")
Check = Callable[[bytes], None]

DEK: Final = bytes(range(32))
SEED: Final = 7
HEAD: Final = Address("0x" + "11" * 20)


@dataclass(frozen=True)
class Target:
    """``check`` raises nothing, or the decoder is wrong. ``seed``: gives one well-formed input."""

    name: str
    check: Check
    seed: Callable[[], bytes]


def _round_trip(decode: Callable[[bytes], T], encode: Callable[[T], bytes]) -> Check:
    def check(data: bytes) -> None:
        with suppress(TpreError):
            value = decode(data)
            assert encode(value) == data, f"{value!r} has a second encoding"

    return check


def _only_ours(decode: Callable[[bytes], object]) -> Check:
    def check(data: bytes) -> None:
        with suppress(TpreError):
            decode(data)

    return check


@cache
def _scene() -> Scene:
    return Scene()


@cache
def _events() -> tuple[tuple[bytes, int], ...]:
    """Topic and number of indexed parameters of every event."""
    abis = [load_abi(name) for name in CONTRACT_NAMES]
    return tuple((topic, len(event.indexed)) for abi in abis for topic, event in sorted(abi.events.items()))


def _decode_event(data: bytes) -> object:
    """First byte: which event. Then its topics, then its data."""
    known = _events()
    topic, indexed = known[(data[0] if data else 0) % len(known)]
    body = data[1:].ljust(32 * indexed, b"\0")
    topics = (topic, *(body[at : at + 32] for at in range(0, 32 * indexed, 32)))
    return decode_log(Log(HEAD, topics, body[32 * indexed :], 1, bytes(32), bytes(32), 0))


def _decode_result(data: bytes) -> object:
    """First byte: which view of the contracts. Then what a node answers to it."""
    functions = [function for name in CONTRACT_NAMES for _, function in sorted(load_abi(name).functions.items())]
    return functions[(data[0] if data else 0) % len(functions)].decode_result(data[1:])


def _check_revert(data: bytes) -> None:
    revert = decode_revert(data)  # never fails
    assert isinstance(revert.message, str)
    json.dumps(revert.to_dict())


def _check_tags(data: bytes) -> None:
    found = decode_tags(data.decode("utf-8", "surrogateescape"))
    json.dumps(dict(found))
    assert all(type(key) is type(value) is str for key, value in found.items())


def _check_stream(data: bytes) -> None:
    """What is released before an error is the beginning of what was encrypted: here nobody has the key but us."""
    released = b""
    with suppress(TpreError):
        for piece in decrypt_stream(DEK, [data]):
            released += piece
    assert _plain().startswith(released)


def _plain() -> bytes:
    return b"measured\n" * 20


def _decode_json(data: bytes) -> object:
    with suppress(ValueError, RecursionError):
        return Deployment.from_json(json.loads(data))
    return None


def _node() -> bytes:
    blocks: list[bytes] = []
    tree = TreeBuilder(lambda _, block: blocks.append(block))
    for leaf in (bytes(1 << 20), b"rest"):
        tree.add_leaf(leaf)
    tree.finish()
    return blocks[-1]


def _log_lines() -> bytes:
    log = Log(HEAD, (bytes(32),), b"data", 5, bytes(32), bytes(32), 0, 7)
    return b"".join(LogArchive(1, frozenset({HEAD}), 1, 9, (log, replace(log, log_index=1))).lines())


def _keystore() -> bytes:
    held = tuple(NodeKey(Registry.at(31337, address("registry")), node_key("proxy", version)) for version in (1, 2))
    random = source(SEED)
    key = FileKey.fresh("passphrase", random, ScryptCost(log2_n=12))
    return seal(Contents(Keys(bytes(range(32))), held), key, random)


def _revert() -> bytes:
    return bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + (2).to_bytes(32, "big") + b"no".ljust(32, b"\0")


TARGETS: Final[Mapping[str, Target]] = {
    target.name: target
    for target in (
        Target("g1", _round_trip(G1.from_bytes, G1.to_bytes), lambda: G1.generator().to_bytes()),
        Target("g2", _round_trip(G2.from_bytes, G2.to_bytes), lambda: G2.generator().to_bytes()),
        Target("g1_evm", _round_trip(G1.from_evm, G1.to_evm), lambda: G1.generator().to_evm()),
        Target("g2_evm", _round_trip(G2.from_evm, G2.to_evm), lambda: G2.generator().to_evm()),
        Target("scalar", _round_trip(decode_scalar, encode_scalar), lambda: encode_scalar(5)),
        Target("proof", _round_trip(Proof.from_bytes, Proof.to_bytes), lambda: Proof(3, 5).to_bytes()),
        Target(
            "capsule",
            _round_trip(codec.decode_capsule, codec.encode_capsule),
            lambda: codec.encode_capsule(_scene().capsule().capsule),
        ),
        Target(
            "rekey",
            _round_trip(codec.decode_rekey, codec.encode_rekey),
            lambda: codec.encode_rekey(_scene().rekey.rekey),
        ),
        Target(
            "cfrags",
            _round_trip(codec.decode_cfrags, codec.encode_cfrags),
            lambda: codec.encode_cfrags(_scene().cfrags(1, [_scene().capsule()]).cfrags),
        ),
        Target("metadata", _round_trip(decode_metadata, encode_metadata), lambda: encode_metadata(metadata())),
        Target("stream", _check_stream, lambda: b"".join(encrypt_stream(DEK, [_plain()], source(SEED)))),
        Target("cid", _round_trip(Cid.from_bytes, Cid.to_bytes), lambda: metadata().cid),
        Target(
            "cid_text",
            _round_trip(lambda data: Cid.parse(data.decode("latin-1")), lambda cid: str(cid).encode()),
            lambda: str(Cid.from_bytes(metadata().cid)).encode(),
        ),
        Target("node", _round_trip(decode_node, encode_node), _node),
        Target("event", _only_ours(_decode_event), lambda: bytes(1 + 32 * 8)),
        Target("result", _only_ours(_decode_result), lambda: bytes(1 + 32 * 20)),
        Target("revert", _check_revert, _revert),
        Target("tags", _check_tags, lambda: b'{"unit":"K"}'),
        Target("keystore", _only_ours(lambda data: decrypt_keys(data, "passphrase")), _keystore),
        Target("words", _only_ours(lambda data: Keys.from_words(data.decode("utf-8", "replace"))),
               lambda: Keys(bytes(range(32))).to_words().encode()),
        Target("archive", _only_ours(lambda data: LogArchive.parse(data.splitlines(), "it")), _log_lines),
        Target("deployment", _only_ours(_decode_json), lambda: b'{"format":1,"chainId":1}'),
    )
}  # fmt: skip
