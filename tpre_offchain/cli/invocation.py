"""One use of ``tpre``: its options, where its files are, how it speaks. Each verb gets one as first argument."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tpre_offchain.cli.home import Home
from tpre_offchain.cli.reply import Reply

if TYPE_CHECKING:
    from tpre_offchain.config import Settings

Options = Mapping[str, Any]
Verb = Callable[..., Reply | None]

_JSON: Final = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout and nothing else.")
_HOME: Final = click.option(
    "--home",
    type=click.Path(path_type=Path),
    default=Path(".tpre"),
    envvar="TPRE_HOME",
    show_default=True,
    help="Folder of keys, the local net's state and settings (tpre.toml).",
)
_RPC: Final = click.option("--rpc", help="JSON-RPC endpoints, separated by commas. [default: the local net's]")
_DEPLOYMENT: Final = click.option(
    "--deployment", type=click.Path(path_type=Path), help="File of the contracts' addresses. [default: the local net's]"
)
_STORE: Final = click.option("--store", help="local:PATH, kubo:URL, gateway:URL; several separated by commas.")
_KEY: Final = (
    click.option("--key", help="Keystore: a path, or the name of one in HOME/keys."),
    click.option("--passphrase-file", type=click.Path(path_type=Path), help="File with the passphrase; - is stdin."),
)
_SETTINGS: Final = ("rpc", "deployment", "store", "key", "passphrase_file")


@dataclass(frozen=True)
class Invocation:
    """``options``: those of the settings that the command line gave, None where it did not."""

    home: Home
    as_json: bool
    options: Options

    @cached_property
    def settings(self) -> Settings:
        """Settings from all their sources. Raises ``InvalidSettings``."""
        from tpre_offchain.config import load_settings

        return load_settings(self.home.settings_file, **self.options)

    @property
    def on_terminal(self) -> bool:
        """Whether a person watches standard error."""
        return not self.as_json and sys.stderr.isatty()

    def say(self, line: str = "") -> None:
        """Tell a person what happens; with --json nobody."""
        if not self.as_json:
            click.echo(line)


def verb(
    *, chain: bool = False, rpc: bool = False, store: bool = False, key: bool = False
) -> Callable[[Verb], Callable[..., None]]:
    """Make a function of (invocation, its own options) the body of a click command; its ``Reply`` is printed.

    What options it takes besides --home and --json: ``chain``: --rpc and --deployment, ``rpc``: --rpc alone, ``store``,
    ``key``: with --passphrase-file.
    """

    def decorate(body: Verb) -> Callable[..., None]:
        @functools.wraps(body)
        def command(home: Path, as_json: bool, **given: Any) -> None:
            options = {name: given.pop(name, None) for name in _SETTINGS}
            reply = body(Invocation(Home(home), as_json, options), **given)
            if reply is not None:
                reply.write(as_json=as_json)
                if reply.exit_code:
                    raise click.exceptions.Exit(reply.exit_code)

        decorated: Callable[..., None] = command
        added = [*([_RPC] if chain or rpc else []), *([_DEPLOYMENT] if chain else []), *([_STORE] if store else [])]
        added += [*(_KEY if key else []), _HOME, _JSON]
        for option in reversed(added):
            decorated = option(decorated)
        return decorated

    return decorate


def environment() -> dict[str, str]:
    """The environment for processes that we start: ours, without what could redirect them."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TPRE_")}
