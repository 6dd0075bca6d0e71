"""The demo overlay in the cluster, as `kubectl apply` leaves it there."""

import functools
import time
from dataclasses import dataclass

import httpx

from tests.cluster.node import Node
from tests.support.manifests import K8S, NAMESPACE

WORKLOADS = (
    "statefulset/valkey",
    "deployment/simulator",
    "deployment/keypool",
    "deployment/files",
    "deployment/edge",
)


@dataclass
class Demo:
    """The running demo.

    Attributes:
        url: Where it is served, inside of the cluster and on its node.
        token: A client's.
    """

    node: Node
    url: str
    token: str = "sk-demo-only-token"

    def kubectl(self, *words: str) -> str:
        """Run kubectl in the demo's namespace."""
        return self.node.kubectl("--namespace", NAMESPACE, *words)

    def settle(self, *workloads: str) -> None:
        """Wait until workloads have all their pods, as they should be now."""
        for workload in workloads or WORKLOADS:
            try:
                self.kubectl("rollout", "status", workload, "--timeout=100s")
            except AssertionError as error:
                pods = self.kubectl("get", "pods", "-o", "wide")
                events = self.kubectl("events", "--types=Warning")
                raise AssertionError(f"{error}\n{pods}\n{events}") from None


def apply_demo(node: Node) -> Demo:
    """Do what the documents tell people with an empty cluster to do."""
    begun = time.monotonic()
    print(node.kubectl("apply", "-k", str(K8S / "overlays/demo")))
    demo = Demo(node, "")
    demo.settle()
    print(f"all of the demo is ready {time.monotonic() - begun:.0f} s after kubectl apply")
    demo.url = f"http://{_address_of(demo, 'edge')}"
    for url in (f"{demo.url}/readyz", f"http://{_address_of(demo, 'simulator')}:8080/readyz"):
        # kube-proxy has its own pace.
        node.until(f"an answer of {url}", functools.partial(_answers, url))
    return demo


def _address_of(demo: Demo, service: str) -> str:
    return demo.kubectl("get", "service", service, "-o", "jsonpath={.spec.clusterIP}")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=5).status_code == 200
    except httpx.TransportError:
        return False
