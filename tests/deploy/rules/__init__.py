"""What must be true of every rendering: rules over plain objects, each yielding what is wrong."""

from collections.abc import Callable, Iterator

from tests.deploy.rules import (
    certificates,
    images,
    network,
    pods,
    ports,
    secrecy,
    selectors,
    settings,
    shutdown,
)
from tests.support.manifests import Objects

Rule = Callable[[Objects], Iterator[str]]

RULES: dict[str, Rule] = {
    "selectors": selectors.broken,
    "ports": ports.broken,
    "pods": pods.broken,
    "upkeep": pods.without_upkeep,
    "probes": ports.wrong_probes,
    "shutdown": shutdown.broken,
    "settings": settings.broken,
    "wiring": settings.not_wired,
    "secrecy": secrecy.broken,
    "images": images.broken,
    "network": network.broken,
    "certificates": certificates.broken,
}
