"""Which addresses are behind which name, as a cluster tells it."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.hosts.sandbox import ADDRESS
from tests.support.dns import NameServer


@dataclass
class ClusterNames(NameServer):
    """Names of headless services, and of balanced ones.

    Attributes:
        balanced: Names that are answered with one address at a time, as a load balancer
            chooses one for each connection.
    """

    balanced: set[str] = field(default_factory=set)

    def addresses_of(self, name: str) -> list[str] | None:
        """Return the addresses that a question is answered with."""
        found = super().addresses_of(name)
        if found and name in self.balanced:
            return [random.choice(found)]
        return found


@contextlib.asynccontextmanager
async def cluster_names() -> AsyncIterator[ClusterNames]:
    """Serve names on the address that all hosts ask, for the length of the block."""
    server = ClusterNames({})
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: server, local_addr=(ADDRESS, 53)
    )
    try:
        yield server
    finally:
        transport.close()
