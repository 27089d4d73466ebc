"""What a deployment is constructed with: presets for a local chain and for a public one.

The values are fixed for the contracts' life.
"""

from __future__ import annotations

from collections.abc import Mapping

from tpre_offchain.chain.abi.structs import GrantSettings, ProxySettings, RoundSettings
from tpre_offchain.chain.contracts.deployment import DeploymentSettings
from tpre_offchain.errors import ConfigError

ETHER = 10**18
DAY_S = 86_400

LOCAL = DeploymentSettings(
    proxies=ProxySettings(
        bond_wei=ETHER,
        miss_penalty_wei=ETHER // 100,
        miss_limit=3,
        exit_cooldown_blocks=8_192,
        exit_cooldown_seconds=600,
    ),
    grants=GrantSettings(
        redraw_fee_wei=ETHER // 1_000,
        complaint_penalty_wei=ETHER // 10,
        max_grant_seconds=365 * DAY_S,
    ),
    rounds=RoundSettings(
        round_seconds=60,
        vote_seconds=10,
        challenge_seconds=30,
        fee_per_cfrag_wei=ETHER // 10_000,
        challenge_penalty_wei=ETHER // 10,
    ),
)
"""Short windows: a demo or a test waits for seconds."""

MAINNET_LIKE = DeploymentSettings(
    proxies=ProxySettings(
        bond_wei=2 * ETHER,
        miss_penalty_wei=ETHER // 100,
        miss_limit=10,
        exit_cooldown_blocks=50_400,  # a week of 12-second blocks
        exit_cooldown_seconds=7 * DAY_S,
    ),
    grants=GrantSettings(
        redraw_fee_wei=ETHER // 200,
        complaint_penalty_wei=ETHER // 4,
        max_grant_seconds=365 * DAY_S,
    ),
    rounds=RoundSettings(
        round_seconds=3_600,
        vote_seconds=600,
        challenge_seconds=DAY_S,
        fee_per_cfrag_wei=ETHER // 5_000,
        challenge_penalty_wei=ETHER // 2,
    ),
)
"""Windows long enough for congested blocks and for challengers that look in once a day."""

PRESETS: Mapping[str, DeploymentSettings] = {"local": LOCAL, "mainnet-like": MAINNET_LIKE}


class UnknownPreset(ConfigError):
    """There are no deployment settings of that name."""

    default_hint = "use one of: " + ", ".join(PRESETS)


def preset(name: str) -> DeploymentSettings:
    """Settings by name. Raises ``UnknownPreset``."""
    try:
        return PRESETS[name]
    except KeyError:
        raise UnknownPreset(f"no deployment settings called {name!r}") from None
