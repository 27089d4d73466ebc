"""``python -m tpre_offchain.proxy CONFIG``: one proxy from a JSON file of mode 0600, or ``-`` for standard input.

    {"rpc_urls": [...], "deployment": {...} or "path", "account_key": "0x..", "node_keys": {"1": "..", ..},
     "state_dir": "path" or null, "health_port": 0, "exchange": "127.0.0.1:0" or null, "exchange_url": "http.." or null,
     "worker": {...}}

Keys come this way and never as arguments, which every user of a machine can list; node keys are scalars in hex by their
version. What is over is forgotten here, and to be erased where it is kept by whoever keeps it: `tpre proxy run` does
both. Tells ``{"health_port": ..}`` on
standard output once it listens, logs JSON lines to standard error, ends on SIGTERM and SIGINT.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.crypto.curve import decode_scalar
from tpre_offchain.crypto.keys import ProxyKey
from tpre_offchain.errors import ConfigError, CryptoError, TpreError
from tpre_offchain.proxy.daemon.process import ProcessSettings, serve
from tpre_offchain.proxy.daemon.settings import WorkerSettings
from tpre_offchain.proxy.daemon.telemetry import configure_logs
from tpre_offchain.proxy.node_keys import GivenNodeKeys

PRIVATE_MODE = 0o077


def read_config(argument: str) -> dict[str, Any]:
    """The configuration. Raises ``ConfigError`` for a file that others may read, or that is none."""
    try:
        if argument == "-":
            text = sys.stdin.read()
        else:
            path = Path(argument)
            if path.stat().st_mode & PRIVATE_MODE:
                raise ConfigError(f"others may read {path.name}, which holds keys", hint=f"chmod 600 {path}")
            text = path.read_text(encoding="utf-8")
        config = json.loads(text)
    except (OSError, ValueError) as problem:
        # the text itself holds keys: only the kind of problem is told
        raise ConfigError(f"no configuration could be read: {type(problem).__name__}") from None
    if not isinstance(config, dict):
        raise ConfigError("the configuration is not a JSON object")
    return config


async def run(config: dict[str, Any]) -> None:
    """Serve as configured. Raises ``ConfigError`` where a value is missing or of the wrong kind."""
    try:
        where = config["deployment"]
        deployment = Deployment.load(where) if isinstance(where, str) else Deployment.from_json(where)
        account = _account(config["account_key"])
        scalars = {int(version): decode_scalar(bytes.fromhex(text)) for version, text in config["node_keys"].items()}
        node_keys = GivenNodeKeys([ProxyKey.of_secret(secret, version) for version, secret in scalars.items()])
        settings = ProcessSettings(
            state_dir=Path(config["state_dir"]) if config.get("state_dir") else None,
            health_port=config.get("health_port", 0),
            exchange=config.get("exchange"),
            exchange_url=config.get("exchange_url"),
            worker=WorkerSettings(**config.get("worker", {})),
        )
        rpc_urls = list(config["rpc_urls"])
    except KeyError as missing:
        raise ConfigError(f"the configuration lacks {missing}") from None
    except (TypeError, ValueError, AttributeError, CryptoError):
        # the messages of these quote what was given, and that may be a key
        raise ConfigError("a value of the configuration is of the wrong kind") from None
    await serve(rpc_urls, deployment, account, node_keys, settings, _tell)


def _account(key: str) -> LocalAccount:
    try:
        account: LocalAccount = Account.from_key(key)
    except Exception:  # noqa: BLE001 - eth_account raises many kinds, and some quote the key
        raise ConfigError("account_key is no private key") from None
    return account


def _tell(port: int | None) -> None:
    sys.stdout.write(json.dumps({"health_port": port}) + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Exit code 0 after a signal, 1 if serving is impossible, 2 for wrong use."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m tpre_offchain.proxy CONFIG.json | -\n")
        return 2
    configure_logs()
    try:
        asyncio.run(run(read_config(arguments[0])))
    except TpreError as problem:
        sys.stderr.write(json.dumps(problem.to_dict()) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
