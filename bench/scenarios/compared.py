"""Who answers in front of one upstream, in the order of the tables."""

from bench.peers import peer_targets
from bench.stage import Stage
from bench.target import Target

YARDSTICK = "yardstick"
PRODUCT = "gemini-balance"


def compared_targets(stage: Stage, upstream: str) -> dict[str, Target]:
    """Return the yardstick, the product, the peers that were asked for, and the upstream itself."""
    targets = {YARDSTICK: stage.relay(upstream), PRODUCT: stage.product(upstream)[1]}
    targets |= peer_targets(stage, upstream)
    # The load speaks no TLS.
    if stage.shows_upstream and upstream.startswith("http:"):
        targets["upstream itself"] = stage.direct()
    return targets
