"""One node that is a whole cluster: the programs of Kubernetes as processes of this machine."""

import contextlib
import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.cluster import settings
from tests.cluster.building import programs_folder
from tests.cluster.images import images_folder
from tests.cluster.sandbox import ADDRESS
from tests.support.manifests import KUBECTL


@dataclass
class Node:
    """A running node.

    Attributes:
        place: Its files and logs.
    """

    place: Path
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def kubectl(self, *words: str, stdin: str | None = None, timeout: float = 300) -> str:
        """Run kubectl as an administrator and return what it prints.

        Raises:
            AssertionError: It failed.
        """
        done = subprocess.run(
            [KUBECTL, "--kubeconfig", self.place / "admin.yaml", *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        return done.stdout

    def start(self, name: str, *flags: str) -> None:
        """Start one of the programs; its log is beside its files."""
        with (self.place / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [programs_folder() / name, *flags],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PATH": f"{programs_folder()}:{os.environ['PATH']}"},
            )

    def until(self, what: str, is_true: Callable[[], bool], seconds: float = 120) -> None:
        """Wait for something; AssertionError with the end of the logs when it does not come."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            ended = [name for name, each in self._processes.items() if each.poll() is not None]
            assert not ended, f"{ended} ended: {self._tail(ended[0])}"
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                if is_true():
                    return
            time.sleep(0.5)
        raise AssertionError(f"{what}: not within {seconds} s")

    def stop(self) -> None:
        """End everything; what runs in containers ends with the sandbox."""
        for process in reversed(self._processes.values()):
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _tail(self, name: str) -> str:
        return (self.place / f"{name}.log").read_text(errors="replace")[-3000:]


@contextlib.contextmanager
def running_node(place: Path) -> Iterator[Node]:
    """Start a cluster, and yield it once pods can run on it."""
    node = Node(place)
    tokens = {name: secrets.token_hex(16) for name in settings.USERS}
    settings.write(place, tokens)
    try:
        _start_control_plane(node)
        _start_node(node)
        yield node
    finally:
        node.stop()


def _start_control_plane(node: Node) -> None:
    place = node.place
    node.start(
        "etcd",
        f"--data-dir={place}/etcd",
        "--unsafe-no-fsync",
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
    )
    node.start(
        "kube-apiserver",
        "--etcd-servers=http://127.0.0.1:2379",
        f"--advertise-address={ADDRESS}",
        f"--service-cluster-ip-range={settings.SERVICES}",
        f"--cert-dir={place}/certificates",
        f"--token-auth-file={place}/tokens.csv",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={place}/accounts.pem",
        f"--service-account-signing-key-file={place}/accounts.pem",
        "--kubelet-preferred-address-types=InternalIP",
        "--allow-privileged=true",
    )
    node.until("the API", lambda: node.kubectl("get", "--raw", "/readyz") == "ok")
    node.start(
        "kube-controller-manager",
        f"--kubeconfig={place}/admin.yaml",
        f"--service-account-private-key-file={place}/accounts.pem",
        f"--root-ca-file={place}/certificates/apiserver.crt",
        "--allocate-node-cidrs=true",
        f"--cluster-cidr={settings.PODS}",
        "--leader-elect=false",
        f"--cert-dir={place}/certificates",
    )
    node.start(
        "kube-scheduler",
        f"--kubeconfig={place}/admin.yaml",
        "--leader-elect=false",
        f"--cert-dir={place}/certificates",
    )
    node.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(settings.objects(place)))
    node.start("coredns", f"-conf={place}/Corefile")


def _start_node(node: Node) -> None:
    place = node.place
    node.start("containerd", f"--config={place}/containerd.toml")
    socket = f"{place}/containerd.sock"
    ctr = [str(programs_folder() / "ctr"), "--address", socket, "--namespace", "k8s.io"]

    def answers() -> bool:
        return not subprocess.run([*ctr, "version"], capture_output=True, check=False).returncode

    node.until("containerd", answers)
    for archive in sorted(images_folder().glob("*.tar")):
        subprocess.run([*ctr, "images", "import", str(archive)], check=True, capture_output=True)
    node.start(
        "kubelet",
        f"--config={place}/kubelet.yaml",
        f"--kubeconfig={place}/node.yaml",
        f"--hostname-override={settings.NODE}",
        f"--node-ip={ADDRESS}",
        f"--cert-dir={place}/kubelet",
    )
    node.start("kube-proxy", f"--config={place}/proxy.yaml")
    node.until("the node", lambda: _is_ready(node))


def _is_ready(node: Node) -> bool:
    for each in json.loads(node.kubectl("get", "nodes", "-o", "json"))["items"]:
        conditions = {row["type"]: row["status"] for row in each["status"]["conditions"]}
        return conditions.get("Ready") == "True"
    return False
