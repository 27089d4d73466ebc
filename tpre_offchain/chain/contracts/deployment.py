"""One deployment: where the contracts are, on which chain, since which block, with which settings.

The file is JSON, ``deploy/addresses/<chainId>.json`` or any other path, and is replaced as a whole when written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tpre_offchain.chain.abi.codec import CONTRACT_NAMES, load_abi
from tpre_offchain.chain.abi.structs import GrantSettings, ProxySettings, RoundSettings
from tpre_offchain.chain.abi.values import checksum_address
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.errors import ChainError
from tpre_offchain.types import Address

FORMAT = 1


class BadDeploymentFile(ChainError):
    """A deployment file is missing, not JSON, or lacks something."""

    default_hint = "deploy with `tpre deploy`, or give the path of the right file"


class NotDeployed(ChainError):
    """No contract, or another one, lives at an address of the deployment file. ``contract`` names it."""

    default_hint = "the chain was reset, or the file belongs to another chain: deploy again"

    contract: str

    def __init__(self, message: str, contract: str) -> None:
        super().__init__(message, culprit=contract)
        self.contract = contract


@dataclass(frozen=True)
class DeploymentSettings:
    """What the contracts were constructed with; they cannot be changed."""

    proxies: ProxySettings
    grants: GrantSettings
    rounds: RoundSettings


@dataclass(frozen=True)
class Deployment:
    """Addresses by contract name, chain id, the first block to read logs from, and the settings."""

    chain_id: int
    deploy_block: int
    addresses: Mapping[str, Address]
    settings: DeploymentSettings

    def address_of(self, contract: str) -> Address:
        """The address of a contract by its name. Raises ``BadDeploymentFile``."""
        try:
            return self.addresses[contract]
        except KeyError:
            raise BadDeploymentFile(f"the deployment does not name {contract}") from None

    @classmethod
    def load(cls, path: str | Path) -> Deployment:
        """Reads a deployment file. Raises ``BadDeploymentFile``."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise BadDeploymentFile(f"no deployment file {path}") from None
        except (OSError, ValueError) as problem:
            raise BadDeploymentFile(f"{path} cannot be read: {problem}") from problem
        return cls.from_json(content, str(path))

    @classmethod
    def from_json(cls, content: Any, where: str = "deployment") -> Deployment:
        """From the file's JSON content. Raises ``BadDeploymentFile``."""
        try:
            if content["format"] != FORMAT:
                raise BadDeploymentFile(f"{where} has format {content['format']}, not {FORMAT}")
            settings = content["settings"]
            return cls(
                chain_id=int(content["chainId"]),
                deploy_block=int(content["deployBlock"]),
                addresses={name: checksum_address(content["contracts"][name]) for name in CONTRACT_NAMES},
                settings=DeploymentSettings(
                    proxies=ProxySettings(**settings["proxies"]),
                    grants=GrantSettings(**settings["grants"]),
                    rounds=RoundSettings(**settings["rounds"]),
                ),
            )
        except (KeyError, TypeError, ValueError) as problem:
            raise BadDeploymentFile(f"{where} is no deployment file: {problem!r}") from problem

    def to_json(self) -> dict[str, Any]:
        """The file's content."""
        return {
            "format": FORMAT,
            "chainId": self.chain_id,
            "deployBlock": self.deploy_block,
            "contracts": dict(self.addresses),
            "settings": asdict(self.settings),
        }

    def save(self, path: str | Path) -> None:
        """Writes the file as a whole: a reader sees the old one or the new one."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with partial.open("w", encoding="utf-8") as file:
                file.write(json.dumps(self.to_json(), indent=2) + "\n")
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    async def verify(self, connection: Connection) -> None:
        """Checks that the built contracts, and no others, live at the addresses.

        Immutable values are constructor arguments written into the code; they are left out of the comparison.
        Raises ``NotDeployed``.
        """
        for name, address in self.addresses.items():
            found = await connection.code(address)
            if not found:
                raise NotDeployed(f"there is no contract at {address}, where {name} should be", name)
            if not same_code(bytes.fromhex(load_abi(name).runtime_code[2:]), found):
                raise NotDeployed(f"the contract at {address} is not this build's {name}", name)


def same_code(built: bytes, found: bytes) -> bool:
    """Whether deployed code is the built code, immutables aside.

    The build holds an immutable as 32 zero bytes behind a PUSH32, where the deployed code holds its value.
    """
    if len(built) != len(found):
        return False
    push32, position = 0x7F, 0
    while position < len(built):
        opcode = built[position]
        if opcode != found[position]:
            return False
        size = opcode - 0x5F if 0x60 <= opcode <= push32 else 0
        operand = slice(position + 1, position + 1 + size)
        is_immutable = opcode == push32 and not any(built[operand])
        if not is_immutable and built[operand] != found[operand]:
            return False
        position += 1 + size
    return True
