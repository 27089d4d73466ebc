"""The proxy's own small HTTP server: /metrics for Prometheus, /healthz (alive), /readyz (serving)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web
from prometheus_client import generate_latest

from tpre_offchain.proxy.daemon.telemetry import Metrics

Probe = Callable[[], dict[str, Any] | None]
"""None if all is well, else what is not."""


class HealthServer:
    """Listens on one address. ``alive``, ``ready``: asked at each request."""

    def __init__(self, metrics: Metrics, alive: Probe, ready: Probe, status: Callable[[], dict[str, Any]]) -> None:
        self._metrics = metrics
        self._status = status
        app = web.Application()
        app.router.add_get("/metrics", self._show_metrics)
        app.router.add_get("/healthz", self._answer(alive))
        app.router.add_get("/readyz", self._answer(ready))
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; port 0 takes a free one. Returns the port."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _show_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._metrics.registry), content_type="text/plain", charset="utf-8")

    def _answer(self, probe: Probe) -> Callable[[web.Request], Any]:
        async def handler(_: web.Request) -> web.Response:
            problem = probe()
            if problem is None:
                return web.json_response({"ok": True, **self._status()})
            return web.json_response({"ok": False, **problem, **self._status()}, status=503)

        return handler
