"""Where passphrases and words come from: a file of mode 0600, standard input, or a prompt. Never an argument."""

from __future__ import annotations

import getpass
import os
import stat
import sys
from pathlib import Path
from typing import Final

from tpre_offchain.errors import KeystoreError

STDIN: Final = Path("-")
_MAX_BYTES: Final = 4096


class NoPassphrase(KeystoreError):
    """A passphrase is needed and there is nobody to ask."""

    default_hint = "give --passphrase-file FILE, or - for standard input"


class PassphraseFileUnreadable(KeystoreError):
    """The passphrase file is missing, too large, or open to others."""


class PassphrasesDiffer(KeystoreError):
    """The passphrase was not typed the same twice."""

    default_hint = "try again"


def read_passphrase(file: Path | None, prompt: str, *, twice: bool = False) -> str:
    """The passphrase: first line of ``file`` (``-``: of standard input), or asked for on the terminal.

    ``twice``: a typed one is asked for again. Raises ``NoPassphrase``, ``PassphraseFileUnreadable``,
    ``PassphrasesDiffer``.
    """
    if file == STDIN:
        return _first_line(sys.stdin.readline())
    if file is not None:
        return _first_line(_private(file))
    if not sys.stdin.isatty():
        raise NoPassphrase("a passphrase is needed")
    typed = getpass.getpass(f"{prompt}: ")
    if twice and getpass.getpass("again: ") != typed:
        raise PassphrasesDiffer("the two passphrases differ")
    return typed


def read_words(file: Path | None) -> str:
    """The 24 words: from ``file`` (``-``: standard input), or asked for without echo."""
    if file == STDIN:
        return sys.stdin.readline()
    if file is not None:
        return _private(file)
    if not sys.stdin.isatty():
        raise NoPassphrase("the 24 words are needed", hint="give --words-file FILE, or - for standard input")
    return getpass.getpass("the 24 words: ")


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0].rstrip("\r")


def _private(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise PassphraseFileUnreadable(f"others may read {file}", hint=f"chmod 600 {file}")
            content = opened.read(_MAX_BYTES + 1)
    except OSError as problem:
        raise PassphraseFileUnreadable(f"cannot read {file}: {problem.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise PassphraseFileUnreadable(f"{file} has more than {_MAX_BYTES} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise PassphraseFileUnreadable(f"{file} is not UTF-8") from None
