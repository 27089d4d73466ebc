"""What `tpre net` says."""

from __future__ import annotations

from collections.abc import Sequence

from tpre_offchain.cli import text
from tpre_offchain.cli.home import Home
from tpre_offchain.cli.net_state import LocalNet
from tpre_offchain.cli.reply import Grid, Reply

_STEPS = {
    "node": "local chain started",
    "processes": "keys made, proxy processes started",
    "contracts": "accounts funded, contracts deployed",
    "proxies": "proxies joined and ready",
}


def step(what: str, ms: float) -> str:
    """A finished step of starting the net."""
    return f"  {_STEPS.get(what, what):<44} {text.milliseconds(ms):>10}"


def up(net: LocalNet, home: Home) -> Reply:
    """The net is there, and what to do with it."""
    data = {"ok": True, **_facts(net), "home": str(home.folder), "deployment": str(home.deployment_file)}
    return Reply(
        data,
        [
            f"chain {net.chain_id} ({net.client}) at {net.endpoints[-1]}",
            f"{len(net.proxies)} proxies serve; threshold {net.threshold}",
            "",
            "try:  tpre owner stream create machine-7/temperature",
            "      tpre owner publish FILE",
            "      tpre user catalog",
            "end:  tpre net down",
        ],
    )


def status(net: LocalNet, ready: Sequence[bool]) -> Reply:
    """Processes of the net; exit code 5 unless all of them serve."""
    node = "given" if net.node is None else ("running" if net.node.running() else "gone")
    states = [
        "ready" if ready[i] else ("running" if net.proxies[i].process.running() else "gone")
        for i in range(len(net.proxies))
    ]
    rows = [("node", net.client, "" if net.node is None else str(net.node.pid), node)]
    rows += [(f"proxy {one.number}", one.address, str(one.process.pid), states[i]) for i, one in enumerate(net.proxies)]
    good = node != "gone" and all(ready)
    data = {"ok": good, **_facts(net), "node_state": node, "proxy_states": states}
    return Reply(data, [Grid(("process", "what", "pid", "state"), rows)], exit_code=0 if good else 5)


def down(ended: Sequence[int]) -> Reply:
    """What was ended."""
    return Reply({"ok": True, "ended": list(ended)}, [f"{len(ended)} processes ended"])


def _facts(net: LocalNet) -> dict[str, object]:
    return {
        "chain": {"client": net.client, "chain_id": net.chain_id},
        "rpc": list(net.endpoints),
        "threshold": net.threshold,
        "store": net.store,
        "proxies": [
            {"number": one.number, "address": one.address, "pid": one.process.pid, "health_port": one.health_port}
            for one in net.proxies
        ],
    }
