"""Which build runs, as a metric."""

import platform
from importlib import metadata

from prometheus_client import Gauge

_BUILD = Gauge(
    "gemini_balance_build_info", "1; the labels tell what runs.", ["service", "version", "python"]
)


def tell_build(service: str) -> None:
    """Show what runs in this process."""
    version = metadata.version("gemini-balance")
    _BUILD.labels(service, version, platform.python_version()).set(1)
