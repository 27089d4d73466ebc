"""`tpre proxy`: serve conversions."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Self

import click

from tpre_offchain.cli import opening, proxying
from tpre_offchain.cli.invocation import Invocation, verb
from tpre_offchain.cli.local.localnet import HEALTH_FILE
from tpre_offchain.cli.references import ADDRESS
from tpre_offchain.cli.reply import Reply
from tpre_offchain.cli.shown import proxy as shown_proxy

if TYPE_CHECKING:
    from tpre_offchain.chain.abi.call import Receipt
    from tpre_offchain.chain.contracts.deployment import Deployment
    from tpre_offchain.clients.keys import Keys

_ENDPOINT = click.option("--endpoint", default="", help="Public text for the registry, such as a URL; up to 256 bytes.")


@click.group()
def command() -> None:
    """Serve as a proxy: join the pool with a bond, convert, vote, be paid, leave."""


@command.command("join")
@_ENDPOINT
@verb(chain=True, key=True)
def join(run: Invocation, endpoint: str) -> Reply:
    """Join the pool: makes a node key, registers it and deposits the bond.

    The node key is in the keystore file alone, not in the 24 words: back the file up.
    """
    keystore = opening.unlock(run, "proxy")
    keys = keystore.keys

    async def work() -> tuple[Deployment, Receipt | None]:
        async with _Opened(run, keys) as at:
            node_keys = proxying.node_keys_of(keystore, at.deployment)
            return at.deployment, await proxying.join(at.outbox, at.deployment, node_keys, endpoint)

    deployment, receipt = asyncio.run(work())
    return shown_proxy.joined(keys.address, deployment.settings.proxies.bond_wei, receipt)


@command.command("leave")
@verb(chain=True, key=True)
def leave(run: Invocation) -> Reply:
    """Leave the pool; the bond can be taken back after the cooldown."""
    keys = opening.open_keys(run, "proxy")

    async def work() -> tuple[proxying.Standing, Receipt | None]:
        async with _Opened(run, keys) as at:
            receipt = await proxying.leave(at.outbox, at.deployment)
            return await proxying.standing(at.connection, at.deployment, keys.address), receipt

    return shown_proxy.left(*asyncio.run(work()))


@command.command("rotate")
@verb(chain=True, key=True)
def rotate(run: Invocation) -> Reply:
    """Replace the node key by a fresh one: grants from now on name it, older ones the older one.

    A proxy that runs sees it by itself, and erases the old key once the last grant that names it is over. Once in a
    cooldown. Back the keystore file up afterwards, and throw older backups away: they hold what is to be erased.
    """
    keystore = opening.unlock(run, "proxy")
    address = keystore.keys.address

    async def work() -> tuple[int, Receipt | None, proxying.Standing]:
        async with _Opened(run, keystore.keys) as at:
            node_keys = proxying.node_keys_of(keystore, at.deployment)
            version, receipt = await proxying.rotate(at.outbox, at.deployment, node_keys)
            held = proxying.node_keys_in(keystore.path, at.deployment)
            return version, receipt, await proxying.standing(at.connection, at.deployment, address, held)

    return shown_proxy.rotated(address, *asyncio.run(work()))


@command.command("withdraw")
@verb(chain=True, key=True)
def withdraw(run: Invocation) -> Reply:
    """Take the bond out, once the cooldown after `tpre proxy leave` is over, and with it all fees."""
    keys = opening.open_keys(run, "proxy")

    async def work() -> tuple[int, Receipt]:
        async with _Opened(run, keys) as at:
            await proxying.withdraw_bond(at.outbox, at.deployment)
            found = await proxying.standing(at.connection, at.deployment, keys.address)
            return found.credit_wei, await proxying.withdraw_credit(at.outbox, at.deployment)

    return shown_proxy.credit(keys.address, *asyncio.run(work()))


@command.command("credit")
@click.option("--withdraw", "pay_out", is_flag=True, help="Have all of it paid out to the proxy's account.")
@verb(chain=True, key=True)
def credit(run: Invocation, pay_out: bool) -> Reply:
    """Show what the proxy may withdraw: fees of conversions, and the bond once it was taken back."""
    keys = opening.open_keys(run, "proxy")

    async def work() -> tuple[int, Receipt | None]:
        async with _Opened(run, keys) as at:
            found = await proxying.standing(at.connection, at.deployment, keys.address)
            paid = await proxying.withdraw_credit(at.outbox, at.deployment) if pay_out else None
            return found.credit_wei, paid

    return shown_proxy.credit(keys.address, *asyncio.run(work()))


@command.command("status")
@click.argument("address", type=ADDRESS, required=False)
@verb(chain=True, key=True)
def status(run: Invocation, address: str | None) -> Reply:
    """Show how a proxy stands, with the versions of its node key: ADDRESS, or that of the keystore.

    Needs no passphrase.
    """
    from tpre_offchain.chain.contracts.deployment import Deployment
    from tpre_offchain.chain.rpc.connection import Connection
    from tpre_offchain.clients.keystore import address_in_keystore

    keystore = opening.keystore_path(run, "proxy")
    account = address or address_in_keystore(keystore)
    ours = address is None or (keystore.exists() and address_in_keystore(keystore) == address)

    async def work() -> proxying.Standing:
        deployment = Deployment.load(opening.deployment_file(run))
        async with await Connection.open(opening.endpoints(run), deployment.chain_id) as connection:
            held = proxying.node_keys_in(keystore, deployment) if ours else None
            return await proxying.standing(connection, deployment, account, held)

    return shown_proxy.status(asyncio.run(work()), run.settings.rotate_days)


@command.command("run")
@click.option("--join", "join_first", is_flag=True, help="Join the pool first if the account is not in it.")
@click.option("--wait", "wait_s", type=float, default=0.0, help="Seconds to wait for the deployment file.")
@click.option(
    "--health-port", type=click.IntRange(0, 65535), help="Of /metrics, /healthz, /readyz on 127.0.0.1; 0: any."
)
@click.option(
    "--exchange",
    metavar="HOST:PORT",
    help="Hear other members here and finalize rounds in one transaction. Registered as --endpoint, else as this.",
)
@_ENDPOINT
@verb(chain=True, key=True)
def serve(
    run: Invocation, join_first: bool, wait_s: float, health_port: int | None, exchange: str | None, endpoint: str
) -> None:
    """Serve until Ctrl-C or SIGTERM. Logs JSON lines to standard error.

    Erases node keys from the keystore once no grant can need them; it must be able to write the file.
    """
    from tpre_offchain.clients.stored.files import write_over
    from tpre_offchain.proxy.daemon.process import ProcessSettings, serve
    from tpre_offchain.proxy.daemon.settings import WorkerSettings
    from tpre_offchain.proxy.daemon.telemetry import configure_logs

    configure_logs()
    keystore = opening.unlock(run, "proxy")
    keys, settings = keystore.keys, run.settings
    health_file = run.home.folder / HEALTH_FILE

    def listening(port: int | None) -> None:
        write_over(health_file, json.dumps({"port": port, "address": keys.address}).encode())

    async def work() -> None:
        deployment = await proxying.wait_for_deployment(opening.deployment_file(run), wait_s)
        node_keys = proxying.node_keys_of(keystore, deployment)
        async with _Opened(run, keys, deployment) as at:
            if join_first:
                await proxying.join(at.outbox, deployment, node_keys, endpoint)
            await proxying.require_current_key(at.connection, deployment, node_keys, keys.address)
        process = ProcessSettings(
            state_dir=run.home.state_folder,
            health_port=settings.metrics_port if health_port is None else health_port,
            exchange=exchange or settings.exchange,
            exchange_url=endpoint or None,
            worker=WorkerSettings(confirmations=settings.confirmations),
        )
        await serve(opening.endpoints(run), deployment, keys.account, node_keys, process, listening)

    try:
        asyncio.run(work())
    finally:
        health_file.unlink(missing_ok=True)


class _Opened:
    """Connection and outbox of one proxy account, for the time of a few transactions."""

    def __init__(self, run: Invocation, keys: Keys, deployment: Deployment | None = None) -> None:
        from tpre_offchain.chain.contracts.deployment import Deployment

        self._run, self._keys = run, keys
        self.deployment = deployment or Deployment.load(opening.deployment_file(run))

    async def __aenter__(self) -> Self:
        from tpre_offchain.chain.outbox.outbox import Outbox
        from tpre_offchain.chain.rpc.connection import Connection

        self.connection = await Connection.open(opening.endpoints(self._run), self.deployment.chain_id)
        try:
            self.outbox = await Outbox.open(self.connection, self._keys.account)
        except BaseException:
            await self.connection.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.outbox.close()
        await self.connection.close()
