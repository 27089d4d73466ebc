"""What `tpre key` says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tpre_offchain.cli.reply import Reply

if TYPE_CHECKING:
    from tpre_offchain.clients.keyfile import ListedKey
    from tpre_offchain.clients.keys import Keys


def require_absent(path: Path) -> None:
    """Raises ``KeystoreExists`` before anything is asked or done for a file that could not be written."""
    from tpre_offchain.clients.keystore import KeystoreExists

    if path.exists():
        raise KeystoreExists(f"{path} exists")


def made(path: Path, keys: Keys, *, words: bool, funded: bool) -> Reply:
    """A new keystore, with its words where a person reads them."""
    lines = [f"keystore {path}", f"address  {keys.address}"]
    if funded:
        lines.append("funded with 100 ETH of the local net")
    if words:
        lines += ["", "The account's 24 words; they bring it back when the file is lost. Write them down:", ""]
        spelled = keys.to_words().split()
        lines += ["  " + "  ".join(f"{i + 1:2} {spelled[i]:<9}" for i in range(at, at + 6)) for at in range(0, 24, 6)]
    else:
        lines.append(f"its 24 words: tpre key show {path} --words")
    data = {"ok": True, "keystore": str(path), "address": keys.address, "funded": funded}
    return Reply({**data, "words": keys.to_words()} if words else data, lines)


def address(path: Path, found: str) -> Reply:
    """What a keystore says without its passphrase."""
    return Reply({"ok": True, "keystore": str(path), "address": found}, [f"keystore {path}", f"address  {found}"])


def keys(path: Path, opened: Keys, node_keys: Sequence[ListedKey], *, words: bool) -> Reply:
    """All that is public of an account, and its words if asked for."""
    identity = opened.identity
    public = {
        "delegating_key": "0x" + identity.delegating_key(1).public.to_bytes().hex(),
        "receiving_key": "0x" + identity.receiving_key(1).public.to_bytes().hex(),
    }
    data: dict[str, object] = {"ok": True, "keystore": str(path), "address": opened.address, **public}
    lines = [f"keystore       {path}", f"address        {opened.address}"]
    lines += [f"{name.replace('_', ' '):<14} {value}" for name, value in public.items()]
    data["node_keys"] = [
        {"chain_id": one.registry.chain_id, "registry": one.registry.address, "version": one.version}
        for one in node_keys
    ]
    lines += [
        f"node key       version {one.version}, chain {one.registry.chain_id}, {one.registry.address}"
        for one in node_keys
    ]
    if words:
        lines += ["", opened.to_words()]
        data["words"] = opened.to_words()
    return Reply(data, lines)
