"""The six contracts of one deployment, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from tpre_offchain.chain.contracts.conversion_rounds import ConversionRounds
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.contracts.grant_registry import GrantRegistry
from tpre_offchain.chain.contracts.key_registry import KeyRegistry
from tpre_offchain.chain.contracts.proxy_registry import ProxyRegistry
from tpre_offchain.chain.contracts.record_registry import RecordRegistry
from tpre_offchain.chain.contracts.treasury import Treasury
from tpre_offchain.chain.rpc.connection import Connection


@dataclass(frozen=True)
class Contracts:
    """The contracts of a deployment over one connection."""

    keys: KeyRegistry
    proxies: ProxyRegistry
    records: RecordRegistry
    grants: GrantRegistry
    rounds: ConversionRounds
    treasury: Treasury

    @classmethod
    def of(cls, connection: Connection, deployment: Deployment) -> Contracts:
        """The contracts at a deployment's addresses; nothing is asked of the chain."""
        at = deployment.address_of
        return cls(
            keys=KeyRegistry(connection, at("KeyRegistry")),
            proxies=ProxyRegistry(connection, at("ProxyRegistry")),
            records=RecordRegistry(connection, at("RecordRegistry")),
            grants=GrantRegistry(connection, at("GrantRegistry")),
            rounds=ConversionRounds(connection, at("ConversionRounds")),
            treasury=Treasury(connection, at("Treasury")),
        )
