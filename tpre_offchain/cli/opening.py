"""From names and settings to opened things: keys, connection, deployment, store, session."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tpre_offchain.cli.home import Home
from tpre_offchain.cli.invocation import Invocation
from tpre_offchain.cli.net_state import LocalNet
from tpre_offchain.cli.passphrases import read_passphrase

if TYPE_CHECKING:
    from tpre_offchain.chain.logs.archive import LogArchive
    from tpre_offchain.clients.keys import Keys
    from tpre_offchain.clients.keystore import Keystore
    from tpre_offchain.clients.session import Session

LOCAL_SCRYPT_LOG2: Final = 12
"""Keys of a local net guard nothing; real ones take the keystore's default cost."""


def keystore_path(run: Invocation, default: str) -> Path:
    """The keystore that the settings name, or that of the verb's role."""
    return run.home.keystore(run.settings.key or default)


def open_keys(run: Invocation, default: str) -> Keys:
    """Open the keystore that the settings name, or that of the verb's role. Raises a ``KeystoreError``."""
    return open_keys_at(run, keystore_path(run, default))


def open_keys_at(run: Invocation, path: Path) -> Keys:
    """Open a keystore; its passphrase comes from the file given, from the local net's, or from a prompt."""
    from tpre_offchain.clients.keystore import open_keystore

    return open_keystore(path, _passphrase(run, path))


def unlock(run: Invocation, default: str) -> Keystore:
    """The same keystore, kept open to change the node keys in it. Raises a ``KeystoreError``."""
    from tpre_offchain.clients.keystore import unlock

    path = keystore_path(run, default)
    return unlock(path, _passphrase(run, path))


def make_keys(home: Home, path: Path, keys: Keys, passphrase: str, *, local: bool) -> None:
    """Write a new keystore; ``local``: with its passphrase next to it, at a cost that guards nothing."""
    from tpre_offchain.clients.keystore import DEFAULT_COST, ScryptCost, create_keystore
    from tpre_offchain.clients.stored.files import write_over

    cost = ScryptCost(log2_n=LOCAL_SCRYPT_LOG2) if local else DEFAULT_COST
    create_keystore(path, keys, passphrase, secrets.token_bytes, cost)
    if local:
        write_over(home.known_passphrase(path), passphrase.encode())


def make_local_keys(home: Home, name: str) -> Keys:
    """Fresh keys of a local net, with a random passphrase that the verbs find by themselves."""
    from tpre_offchain.clients.keys import Keys

    keys = Keys.generate(secrets.token_bytes)
    make_keys(home, home.keystore(name), keys, secrets.token_urlsafe(24), local=True)
    return keys


def endpoints(run: Invocation) -> tuple[str, ...]:
    """The chain's endpoints: those of the settings, or the local net's. Raises ``NoLocalNet``."""
    return run.settings.rpc or LocalNet.load(run.home).endpoints


def deployment_file(run: Invocation) -> Path:
    """The contracts' addresses: the file of the settings, or the local net's."""
    return run.settings.deployment or run.home.deployment_file


def store_address(run: Invocation) -> str:
    """The store of the settings, or the folder in HOME."""
    return run.settings.store or f"local:{run.home.store_folder}"


def open_archive(run: Invocation, archive: str | None) -> LogArchive | None:
    """An archive of logs: a file, or the CID of a blob in the store of the settings. Raises ``BadArchive``."""
    if archive is None:
        return None
    from tpre_offchain.chain.logs.archive import LogArchive
    from tpre_offchain.storage.cid import Cid
    from tpre_offchain.storage.errors import InvalidCid
    from tpre_offchain.storage.opening import open_store

    if not Path(archive).exists():
        try:
            cid = Cid.parse(archive)
        except InvalidCid:
            return LogArchive.load(Path(archive))  # which says that there is no such file
        content = b"".join(open_store(store_address(run)).get(cid))
        return LogArchive.parse(content.splitlines(), archive)
    return LogArchive.load(Path(archive))


def open_session(run: Invocation, default_key: str, archive: str | None = None) -> Session:
    """A session with the keys, chain, contracts and store of the settings. Close it."""
    from tpre_offchain.clients.session import Session

    rpc, deployment = endpoints(run), deployment_file(run)
    return Session.open(
        rpc=rpc,
        deployment=deployment,
        store=store_address(run),
        keys=open_keys(run, default_key),
        state=run.home.state_folder,
        archive=open_archive(run, archive),
    )


def _passphrase(run: Invocation, keystore: Path) -> str:
    given = run.settings.passphrase_file
    known = run.home.known_passphrase(keystore)
    if given is None and keystore.exists() and known.exists():
        given = known
    elif given is None and not keystore.exists():
        return ""  # opening it says that it is missing; no need to ask for a passphrase first
    return read_passphrase(given, f"passphrase of {keystore.name}")
