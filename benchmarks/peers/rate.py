"""One measurement, as a function that a fresh interpreter can import."""

from __future__ import annotations

from benchmarks.client import requests_per_second

CONNECTIONS = 8


def rate(port: int, body: str, seconds: float) -> float:
    """Requests a second; for :func:`benchmarks.measure.fresh`."""
    return requests_per_second(port, body.encode(), CONNECTIONS, seconds, content_type="application/json")["rate"]
