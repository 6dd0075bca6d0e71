"""The manifests as they reach a cluster: rendered by kubectl, as plain objects."""

import copy
import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
Objects = list[Object]

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
K8S = DEPLOY / "k8s"
NAMESPACE = "gemini-balance"
KUBECTL = Path(sys.executable).parent / "kubectl"
NAME, COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/component"

_EVERYTHING = ("gateway", "ingress", "object-store", "prometheus", "quota-file", "tracing")
RENDERINGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "production": ("production", ()),
    "demo": ("demo", ()),
    "everything": ("production", _EVERYTHING),
    "external-redis": ("production", ("external-redis",)),
    "sentinel": ("production", ("redis-sentinel",)),
    "cluster": ("production", ("redis-cluster", "object-store")),
}
"""Overlay and components by the name of what is rendered."""


def rendered(name: str) -> Objects:
    """Return the objects of a rendering; they are the caller's own."""
    return copy.deepcopy(_read(*RENDERINGS[name]))


@functools.cache
def _read(overlay: str, components: tuple[str, ...]) -> Objects:
    if not components:
        return parse(kustomize(K8S / "overlays" / overlay))
    with tempfile.TemporaryDirectory() as scratch:
        # Kustomize takes relative paths alone.
        place = os.path.relpath(K8S, Path(scratch).resolve())
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [f"{place}/overlays/{overlay}"],
            "components": [f"{place}/components/{each}" for each in components],
        }
        (Path(scratch) / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        return parse(kustomize(Path(scratch)))


def parse(text: str) -> Objects:
    """Return the objects of a text."""
    # The loader in C is ten times as quick, and there is a lot to read.
    return list(yaml.load_all(text, Loader=yaml.CSafeLoader))


def kustomize(folder: Path) -> str:
    """Return what a folder renders to."""
    done = subprocess.run(
        [str(KUBECTL), "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def of_kind(objects: Iterable[Object], *kinds: str) -> Objects:
    """Return the objects of some kinds."""
    return [each for each in objects if each["kind"] in kinds]


def find(objects: Iterable[Object], kind: str, name: str) -> Object:
    """Return one object; a generated name may end in its hash."""
    [found] = [
        each
        for each in of_kind(objects, kind)
        if each["metadata"]["name"] == name
        or (kind in {"ConfigMap", "Secret"} and each["metadata"]["name"].rpartition("-")[0] == name)
    ]
    return found


def name_of(each: Object) -> str:
    """Return the kind and name of an object, for messages."""
    return f"{each['kind']} {each['metadata']['name']}"


def workloads(objects: Iterable[Object]) -> Objects:
    """Return what runs pods."""
    return of_kind(objects, "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod")


def pod_spec(workload: Object) -> Object:
    """Return the pod of a workload."""
    spec: Object = workload["spec"]["template"]["spec"]
    return spec


def pod_labels(workload: Object) -> dict[str, str]:
    """Return the labels of a workload's pods."""
    labels: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return labels


def containers(workload: Object) -> Objects:
    """Return all containers of a workload's pods."""
    spec = pod_spec(workload)
    return [*spec.get("initContainers", ()), *spec["containers"]]


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """Return whether a label selector fits labels; an empty one fits all."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for row in selector.get("matchExpressions", ()):
        assert row["operator"] == "In", row
        if labels.get(row["key"]) not in row["values"]:
            return False
    return True


def selected(objects: Iterable[Object], selector: Object) -> Iterator[Object]:
    """Yield the workloads whose pods a selector fits."""
    for workload in workloads(objects):
        if selects(selector, pod_labels(workload)):
            yield workload


def service_of(workload: Object) -> str | None:
    """Return which of our services a workload runs, None for another's program."""
    command = containers(workload)[0].get("command", [])
    module = command[-1] if command[:2] == ["python3", "-m"] else ""
    return module.removeprefix("services.") if module.startswith("services.") else None
