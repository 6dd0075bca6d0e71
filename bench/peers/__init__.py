"""Other products, measured in the same rounds when asked for.

Each is installed by itself, as shipped and at one version, and configured no further than it needs
to reach the upstream. One that cannot be had here is said to be skipped, and why.
"""

import sys
from collections.abc import Callable, Mapping

from bench.peers import litellm, nginx, portkey
from bench.peers.missing import PeerMissingError
from bench.stage import Stage
from bench.target import Target

PEERS: Mapping[str, Callable[[Stage, str], Target]] = {
    "nginx": nginx.start_nginx,
    "LiteLLM": litellm.start_litellm,
    "Portkey": portkey.start_portkey,
}


def peer_targets(stage: Stage, upstream: str) -> Mapping[str, Target]:
    """Return the peers in front of an upstream, if they were asked for."""
    if not stage.with_peers or upstream.startswith("https:"):
        return {}
    return stage.shared(_started)


def peer_versions() -> dict[str, str]:
    """Return the version of each peer."""
    return {
        "nginx": nginx.version(),
        "LiteLLM": f"{litellm.VERSION}, 1 worker, no database, errors alone logged",
        "Portkey": f"gateway {portkey.VERSION} on Node.js {portkey.node_version()}",
    }


def _started(stage: Stage) -> dict[str, Target]:
    found = {}
    for name, start in PEERS.items():
        try:
            found[name] = start(stage, stage.upstream())
        except PeerMissingError as error:
            print(f"{name} is skipped: {error}", file=sys.stderr)
    return found
