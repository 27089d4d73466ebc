"""The folder of one user of ``tpre``: keys, settings, the local net. Made with mode 0700 when first needed.

tpre.toml                 settings
keys/NAME.json            keystores
keys/NAME.passphrase      of keys of a local net alone: made by `tpre net up`, mode 0600
state/                    transactions and publishes under way, by chain and account
net.json                  the local net: processes, endpoints
deployment.json           its contracts
store/                    its blobs
node/ proxies/1/ …        working folders and logs of its processes
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tpre_offchain.errors import ConfigError


class BadKeyName(ConfigError):
    """A key's name is neither a plain word nor a path."""


@dataclass(frozen=True)
class Home:
    """Paths below one folder; nothing is made by naming it."""

    folder: Path

    @property
    def settings_file(self) -> Path:
        return self.folder / "tpre.toml"

    @property
    def net_file(self) -> Path:
        return self.folder / "net.json"

    @property
    def deployment_file(self) -> Path:
        return self.folder / "deployment.json"

    @property
    def store_folder(self) -> Path:
        return self.folder / "store"

    @property
    def keys_folder(self) -> Path:
        return self.folder / "keys"

    def keystore(self, name: str) -> Path:
        """The keystore of a name; a path stands for itself. Raises ``BadKeyName``."""
        if "/" in name or name.endswith(".json"):
            return Path(name).expanduser()
        if not name or name.startswith("."):
            raise BadKeyName(f"{name!r} is no name for a key")
        return self.keys_folder / f"{name}.json"

    def known_passphrase(self, keystore: Path) -> Path:
        """Where a local net keeps the passphrase of a key that it made."""
        return keystore.with_suffix(".passphrase")

    @property
    def state_folder(self) -> Path:
        return self.folder / "state"

    @property
    def node_folder(self) -> Path:
        return self.folder / "node"

    def proxy_folder(self, number: int) -> Path:
        return self.folder / "proxies" / str(number)

    def make(self) -> None:
        """Make the folder, for its owner alone."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
