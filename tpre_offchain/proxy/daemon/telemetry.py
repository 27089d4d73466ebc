"""What a proxy tells of itself: Prometheus metrics and structured logs, neither of which ever holds a secret."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

STEP_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0)


class Metrics:
    """The metrics of one proxy, in a registry of its own so that several fit into one process."""

    def __init__(self) -> None:
        self.registry = own = CollectorRegistry()
        buckets = STEP_BUCKETS_S
        self.rpc_calls = Counter("tpre_proxy_rpc_calls", "RPC calls", ["method", "outcome"], registry=own)
        self.rpc_seconds = Histogram("tpre_proxy_rpc_seconds", "Time of an RPC call", buckets=buckets, registry=own)
        self.actions = Counter("tpre_proxy_actions", "Actions taken", ["action", "outcome"], registry=own)
        self.step_seconds = Histogram(
            "tpre_proxy_step_seconds", "Time of a step", ["step"], buckets=buckets, registry=own
        )
        self.errors = Counter("tpre_proxy_errors", "Errors caught at the one catch point", ["error"], registry=own)
        self.gas = Counter("tpre_proxy_gas", "Gas used", ["action"], registry=own)
        self.open_rounds = Gauge("tpre_proxy_open_rounds", "Rounds that are served", registry=own)
        self.endpoints_aside = Gauge(
            "tpre_proxy_endpoints_aside", "RPC endpoints not asked, for they show another chain", registry=own
        )
        self.last_block = Gauge("tpre_proxy_last_block", "Newest block taken in", registry=own)
        self.messages = Counter("tpre_proxy_messages", "Messages of other members", ["subject", "status"], registry=own)
        self.rewinds = Counter("tpre_proxy_rewinds", "Reorganisations of the chain", registry=own)

    def count_rpc(self, method: str, seconds: float, answered: bool) -> None:
        """A hook for ``Connection``."""
        self.rpc_calls.labels(method, "answered" if answered else "failed").inc()
        self.rpc_seconds.observe(seconds)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Measure a step."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.step_seconds.labels(step).observe(time.perf_counter() - started)


def configure_logs(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """JSON lines with UTC times, to stderr by default."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=True,
    )
