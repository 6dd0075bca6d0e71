"""The replicas of one service, kept and replaced as a cluster does it."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.hosts.host import Host
from tests.hosts.names import ClusterNames
from tests.support.waiting import eventually

_LOOK_SECONDS = 0.1
_PRE_STOP_SECONDS = 3.0
_END_SECONDS = 60.0
OPS_PORT = 9090


@dataclass
class Replica:
    """A host, and what the cluster thinks of it.

    Attributes:
        host: Where it runs.
        is_ready: Whether its readiness probe has passed.
        is_wanted: Whether it is not on its way out.
    """

    host: Host
    is_ready: bool = False
    is_wanted: bool = True


@dataclass
class Deployment:
    """A service with so many replicas.

    Attributes:
        name: Of the service.
        module: What its hosts run.
        published: The names under which ready replicas are found.
        env_of: The settings of a host.
        replicas: All that run.
    """

    name: str
    module: str
    published: tuple[str, ...]
    env_of: Callable[[Host], Mapping[str, str]]
    names: ClusterNames
    folder: Path
    command: tuple[str, ...]
    replicas: list[Replica] = field(default_factory=list)
    _made: int = 0
    _watch: asyncio.Task[None] | None = None

    async def scale(self, count: int) -> None:
        """Return once so many replicas are ready."""
        if self._watch is None:
            self._watch = asyncio.create_task(self._keep_watch())
        while len(self._wanted()) < count:
            self._start()
        await eventually(self._ready_count, lambda ready: ready >= count, seconds=60)

    async def restart(self) -> None:
        """Replace every replica, one at a time: its successor is ready before it has to go."""
        for old in self._wanted():
            await self.scale(len(self._wanted()) + 1)
            await self.retire(old)

    async def retire(self, replica: Replica) -> None:
        """Take a replica out of service and let it end."""
        replica.is_wanted = False
        self._publish()
        await asyncio.sleep(_PRE_STOP_SECONDS)
        replica.host.signal(signal.SIGTERM)
        await eventually(partial(_runs, replica), lambda runs: not runs, seconds=_END_SECONDS)
        code = replica.host.process.poll() if replica.host.process else None
        assert code == 0, f"{replica.host.name} ended with {code}"
        self._remove(replica)

    async def kill(self, replica: Replica) -> None:
        """End a replica as a power cut would; a new one takes its place."""
        count = len(self._wanted())
        replica.host.kill()
        replica.is_wanted = False
        self._publish()
        self._remove(replica)
        await self.scale(count)

    async def close(self) -> None:
        """End everything at once."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        for replica in list(self.replicas):
            self._remove(replica)

    def _wanted(self) -> list[Replica]:
        return [replica for replica in self.replicas if replica.is_wanted]

    def _start(self) -> None:
        host = Host(f"{self.name}-{self._made}", self.folder)
        self._made += 1
        host.start((*self.command, self.module), self.env_of(host), self.folder)
        self.replicas.append(Replica(host))

    def _remove(self, replica: Replica) -> None:
        self.replicas.remove(replica)
        replica.host.close()

    async def _ready_count(self) -> int:
        return sum(replica.is_ready for replica in self._wanted())

    def _publish(self) -> None:
        addresses = [each.host.address for each in self._wanted() if each.is_ready]
        for name in self.published:
            self.names.names[name] = addresses

    async def _keep_watch(self) -> None:
        while True:
            for replica in list(self.replicas):
                # A host that is cut off stays what it was: the cluster notices much later.
                ready = await _is_ready(replica.host)
                if ready is not None:
                    replica.is_ready = ready
            self._publish()
            await asyncio.sleep(_LOOK_SECONDS)


async def _runs(replica: Replica) -> bool:
    return replica.host.is_running


async def _is_ready(host: Host) -> bool | None:
    """Probe readiness as a cluster does; None when there was no answer at all."""
    if not host.is_running:
        return False
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection(host.address, OPS_PORT)
            try:
                writer.write(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                status = await reader.readline()
            finally:
                writer.close()
                await writer.wait_closed()
    except ConnectionRefusedError:
        return False
    except (OSError, TimeoutError):
        return None
    return b" 200 " in status
