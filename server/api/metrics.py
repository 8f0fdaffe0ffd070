"""Numbers of the API for /metrics."""

from prometheus_client import CollectorRegistry, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

REQUESTS = Histogram(
    "refold_http_request_seconds",
    "Seconds from the head of a request to its answer, by route and status.",
    ("route", "status"),
    registry=REGISTRY,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)


def exposition() -> bytes:
    """The text of /metrics."""
    return generate_latest(REGISTRY)
