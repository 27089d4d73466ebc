"""Which npm registry: the one that npm would take, by its variables and the user's ``.npmrc``, also without npm."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

NPM_DEFAULT: Final = "https://registry.npmjs.org"
_PREFIX: Final = "npm_config_"


def registry_of(package: str) -> str:
    """The address of the registry for a package, without a slash at its end.

    As npm has it: ``@scope:registry`` goes before ``registry``, a variable before the file. Nothing else is read: a
    registry that wants a token is not for us.
    """
    settings = _settings()
    scope, _, rest = package.partition("/")
    scoped = settings.get(f"{scope}:registry") if rest else None
    return (scoped or settings.get("registry") or NPM_DEFAULT).rstrip("/")


def _settings() -> Mapping[str, str]:
    variables = {
        name.lower().removeprefix(_PREFIX): value
        for name, value in os.environ.items()
        if name.lower().startswith(_PREFIX) and value
    }
    try:
        file = Path(variables.get("userconfig") or Path.home() / ".npmrc")
    except RuntimeError:  # this user has no home
        return variables
    return {**dict(_registries(file)), **variables}


def _registries(file: Path) -> Iterator[tuple[str, str]]:
    """The lines of an ``.npmrc`` that name a registry."""
    with suppress(OSError):
        for line in file.read_text(errors="replace").splitlines():
            name, _, value = (part.strip() for part in line.partition("="))
            if name == "registry" or name.endswith(":registry"):
                yield name, re.sub(r"\$\{(\w+)\}", lambda found: os.environ.get(found[1], found[0]), value.strip("'\""))
