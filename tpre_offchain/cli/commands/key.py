"""`tpre key`: keystores."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from tpre_offchain.cli import opening
from tpre_offchain.cli.invocation import Invocation, verb
from tpre_offchain.cli.passphrases import read_passphrase, read_words
from tpre_offchain.cli.reply import Reply
from tpre_offchain.cli.shown import key as shown_key

_WORDS_FILE = click.option("--words-file", type=click.Path(path_type=Path), help="File with the 24 words; - is stdin.")


@click.group()
def command() -> None:
    """Keystores: an account's keys in one encrypted file, recoverable from 24 words.

    The node keys of a proxy are in the file alone: the words do not bring them back, a backup of the file does.

    NAME is a path, or the name of a keystore in HOME/keys. Owner verbs use `owner`, user verbs `user`, proxy verbs
    `proxy`, unless --key says otherwise.
    """


@command.command("new")
@click.argument("name")
@click.option("--fund", is_flag=True, help="On the local net: give the account 100 ETH, and keep its passphrase.")
@click.option("--show-words", is_flag=True, help="Show the 24 words even if stdout is no terminal.")
@verb(key=True, chain=True)
def new(run: Invocation, name: str, fund: bool, show_words: bool) -> Reply:
    """Make a keystore and show its 24 words once: write them down."""
    from tpre_offchain.clients.keys import Keys

    path = run.home.keystore(name)
    keys = Keys.generate(secrets.token_bytes)
    if fund:
        from tpre_offchain.cli.local.funding import fund_local

        shown_key.require_absent(path)
        fund_local(run, keys.address)
    given = run.settings.passphrase_file
    passphrase = (
        secrets.token_urlsafe(24) if fund and given is None else read_passphrase(given, "new passphrase", twice=True)
    )
    opening.make_keys(run.home, path, keys, passphrase, local=fund and given is None)
    return shown_key.made(path, keys, words=show_words or run.on_terminal, funded=fund)


@command.command("show")
@click.argument("name")
@click.option("--words", is_flag=True, help="Show the 24 words too; whoever has them has the account.")
@verb(key=True)
def show(run: Invocation, name: str, words: bool) -> Reply:
    """Show an account's address and public keys; without a passphrase the address alone."""
    from tpre_offchain.clients.keystore import address_in_keystore, node_keys_listed

    path = run.home.keystore(name)
    if not words and run.settings.passphrase_file is None and not run.home.known_passphrase(path).exists():
        return shown_key.address(path, address_in_keystore(path))
    opened = opening.open_keys_at(run, path)
    return shown_key.keys(path, opened, node_keys_listed(path), words=words)


@command.command("recover")
@click.argument("name")
@_WORDS_FILE
@verb(key=True)
def recover(run: Invocation, name: str, words_file: Path | None) -> Reply:
    """Make a keystore from the 24 words of a lost one. A proxy's node keys are not in the words: it rotates."""
    from tpre_offchain.clients.keys import Keys

    path = run.home.keystore(name)
    shown_key.require_absent(path)
    keys = Keys.from_words(read_words(words_file))
    passphrase = read_passphrase(run.settings.passphrase_file, "new passphrase", twice=True)
    opening.make_keys(run.home, path, keys, passphrase, local=False)
    return shown_key.keys(path, keys, (), words=False)
