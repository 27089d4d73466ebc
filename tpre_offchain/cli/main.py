"""The entry point: ``tpre VERB …``. A verb's module is imported only when that verb is asked for: help is instant."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

import click

from tpre_offchain.cli import exits, text
from tpre_offchain.errors import TpreError

VERBS: Final = {
    "demo": ("demo", text.HELP_DEMO),
    "net": ("net", text.HELP_NET),
    "deploy": ("deploy", text.HELP_DEPLOY),
    "key": ("key", text.HELP_KEY),
    "owner": ("owner", text.HELP_OWNER),
    "user": ("user", text.HELP_USER),
    "proxy": ("proxy", text.HELP_PROXY),
    "audit": ("audit", text.HELP_AUDIT),
    "doctor": ("doctor", text.HELP_DOCTOR),
    "bench": ("bench", text.HELP_BENCH),
}


class Verbs(click.Group):
    """The verbs by name; each in the module of its name under ``cli.commands``."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of the story, not of the alphabet."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The verb, its module imported now."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"tpre_offchain.cli.commands.{VERBS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list for ``--help``, without importing any of them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, short) for name, (_, short) in VERBS.items()])


@click.group(
    cls=Verbs, help=text.HELP, epilog=text.HELP_EXITS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="tpre-offchain", prog_name="tpre")
def cli() -> None:
    """Nothing happens before a verb."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and end the process with its exit code (``cli.exits``)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # a shell without job control starts background jobs with SIGINT ignored: SIGTERM could then not end us either
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # SIGTERM is to end us as Ctrl-C does: through every `finally`
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    sys.exit(run(given))


def run(arguments: Sequence[str]) -> int:
    """Run a command line; its exit code."""
    as_json = "--json" in arguments
    try:
        # click hands back the code of an `Exit`, and what a command returns, which is nothing
        return cli.main(list(arguments), prog_name="tpre", standalone_mode=False) or exits.OK
    except click.ClickException as wrong:
        _fail(as_json, {"error": "Usage", "message": wrong.format_message(), "retryable": False, "hint": None}, wrong)
        return exits.USAGE
    except (click.Abort, KeyboardInterrupt):
        _fail(as_json, {"error": "Interrupted", "message": text.INTERRUPTED, "retryable": True, "hint": None})
        return exits.INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone: `tpre … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.OK
    except TpreError as error:
        _fail(as_json, error.to_dict())
        return exits.exit_code(error)
    except Exception as bug:
        if os.environ.get("TPRE_TRACEBACK"):
            raise
        _fail(as_json, {"error": type(bug).__name__, "message": str(bug), "retryable": False, "hint": text.HINT_BUG})
        return exits.BUG


def _fail(as_json: bool, error: dict[str, str | bool | None], usage: click.ClickException | None = None) -> None:
    if as_json:
        click.echo(json.dumps({"ok": False, **error}))
    elif usage is not None:
        usage.show()
    else:
        click.echo(text.failure(error), err=True)
