"""Settings of the command line: arguments first, then ``TPRE_*`` variables, then a TOML file, then the local net.

Only ``cli`` reads this; everything else receives arguments. No setting is a secret: passphrases come from a file or a
prompt, keys from a keystore.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from tpre_offchain.errors import ConfigError

SETTINGS_FILE = "tpre.toml"


class InvalidSettings(ConfigError):
    """A setting has a value that it cannot have, or a name that no setting has."""


def _several(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


class Settings(BaseSettings):
    """What the verbs need to know; ``None`` means: take the local net's."""

    model_config = SettingsConfigDict(env_prefix="TPRE_", frozen=True, extra="forbid")

    rpc: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_several)] = ()
    """JSON-RPC endpoints, http or ws, separated by commas; the next one is used where one fails."""
    chain_id: int | None = Field(default=None, ge=1)
    deployment: Path | None = None
    """The file of the contracts' addresses."""
    store: str | None = None
    """``local:PATH``, ``kubo:URL``, ``gateway:URL``, or several separated by commas."""
    key: str | None = None
    """The keystore: a path, or the name of one in ``HOME/keys``."""
    passphrase_file: Path | None = None
    confirmations: int = Field(default=0, ge=0, le=1024)
    """Blocks that must follow before a proxy acts on an event."""
    rotate_days: int = Field(default=90, ge=1, le=3650)
    """After so many days a proxy's node key is to be rotated: `tpre doctor` and `tpre proxy status` remind of it."""
    exchange: str | None = None
    """HOST:PORT on which a proxy hears the other members of its committees; None: it goes by way of the chain alone."""
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Of a proxy's health server on 127.0.0.1; 0 takes a free one."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - we read no .env
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - nothing here is secret
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, environment, file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(file: Path | None = None, **arguments: Any) -> Settings:
    """The settings; an argument that is ``None`` counts as not given. Raises ``InvalidSettings``."""

    class Located(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        return Located(**given)
    except ValidationError as invalid:
        raise InvalidSettings("; ".join(_shown(error) for error in invalid.errors()), hint=_hint(file)) from None
    except (OSError, ValueError) as problem:
        raise InvalidSettings(f"{file}: {problem}") from problem


def _shown(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"])
    return f"setting {name!r}: {error['msg']}"


def _hint(file: Path | None) -> str:
    return f"settings come from options, TPRE_* variables and {file}" if file else "settings come from TPRE_* variables"
