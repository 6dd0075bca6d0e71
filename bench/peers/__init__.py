"""Other products, measured in the same rounds when asked for."""

from collections.abc import Mapping

from bench.stage import Stage
from bench.target import Target


def peer_targets(stage: Stage, upstream: str) -> Mapping[str, Target]:
    """Return the peers that run, in front of an upstream."""
    del stage, upstream
    return {}
