"""The secrets of the demo on a cluster: published with its manifests, so never to be relied on."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

MARK = "demo-only-"
"""What every secret of the demo contains."""

_SIMULATOR = "simulator"


def is_simulator(upstream: str) -> bool:
    """Return whether an upstream is the stand-in for Google that the demo runs.

    Args:
        upstream: Its address, such as `http://simulator:8080`.
    """
    parts = urlsplit(upstream)
    # Google never speaks plain HTTP, so no name can make it look like the simulator.
    return parts.scheme == "http" and (parts.hostname or "").split(".")[0] == _SIMULATOR


def find_demo_secret(settings: Mapping[str, Any]) -> str | None:
    """Return the name of a setting that holds a secret of the demo."""
    for name, value in settings.items():
        if any(MARK in text for text in _secret_texts(value)):
            return name
    return None


def _secret_texts(value: Any) -> Iterable[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, tuple):
        for each in value:
            yield from _secret_texts(each)
