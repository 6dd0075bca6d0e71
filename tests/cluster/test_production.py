"""What is meant for production is taken by a real API server, as strictly as it can look."""

import pytest
import yaml

from tests.cluster.node import Node
from tests.support.manifests import K8S, NAMESPACE, RENDERINGS, rendered

BUILT_IN = {"v1", "apps/v1", "autoscaling/v2", "networking.k8s.io/v1", "policy/v1"}


def test_the_rendered_file_is_taken(node: Node) -> None:
    node.kubectl("create", "namespace", "elsewhere")
    text = (K8S / "gemini-balance.yaml").read_text()
    text = text.replace(f"namespace: {NAMESPACE}", "namespace: elsewhere")
    text = text.replace(f"name: {NAMESPACE}\n", "name: elsewhere\n")

    told = dry_run(node, text)

    assert "deployment.apps/edge" in told


@pytest.mark.parametrize("name", RENDERINGS)
def test_every_rendering_is_taken(node: Node, name: str) -> None:
    objects = [each for each in rendered(name) if each["apiVersion"] in BUILT_IN]
    for each in objects:
        if each["kind"] == "Namespace":
            each["metadata"]["name"] = "default"
            each["metadata"].pop("labels", None)
        else:
            each["metadata"]["namespace"] = "default"

    told = dry_run(node, yaml.safe_dump_all(objects))

    assert told.count("serverside-applied") == len(objects)


def dry_run(node: Node, text: str) -> str:
    return node.kubectl(
        *("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"), stdin=text
    )
