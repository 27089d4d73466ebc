"""The deployed contracts that a proxy talks to, and the domain that its transcripts are bound to."""

from __future__ import annotations

from dataclasses import dataclass

from tpre_offchain.chain.contracts.conversion_rounds import ConversionRounds
from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.contracts.grant_registry import GrantRegistry
from tpre_offchain.chain.contracts.key_registry import KeyRegistry
from tpre_offchain.chain.contracts.proxy_registry import ProxyRegistry
from tpre_offchain.chain.contracts.record_registry import RecordRegistry
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.crypto.hashing import Domain


@dataclass(frozen=True)
class ProxyContracts:
    """Five of the six contracts; the treasury a proxy never calls while it serves."""

    connection: Connection
    keys: KeyRegistry
    proxies: ProxyRegistry
    records: RecordRegistry
    grants: GrantRegistry
    rounds: ConversionRounds
    first_block: int
    """Of the deployment: no log of ours is older."""

    @classmethod
    def of(cls, connection: Connection, deployment: Deployment) -> ProxyContracts:
        """Those of a deployment; nothing is asked of the chain."""
        all_six = Contracts.of(connection, deployment)
        return cls(
            connection=connection,
            keys=all_six.keys,
            proxies=all_six.proxies,
            records=all_six.records,
            grants=all_six.grants,
            rounds=all_six.rounds,
            first_block=deployment.deploy_block,
        )

    @property
    def domain(self) -> Domain:
        """For every transcript."""
        return Domain(
            chain_id=self.connection.chain_id,
            key_registry=self.keys.address,
            proxy_registry=self.proxies.address,
            record_registry=self.records.address,
            grant_registry=self.grants.address,
            rounds=self.rounds.address,
        )
