"""The failure that transports report; ``Connection`` turns it to ``EndpointDown``."""

from __future__ import annotations


class TransportFailed(Exception):
    """An endpoint did not answer; internal to ``chain``."""
