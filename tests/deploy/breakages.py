"""Faults that a manifest may have, each with the rule that must find it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.manifests import Object, Objects, find, pod_spec


@dataclass(frozen=True)
class Breakage:
    """One fault: what it is, whose rule finds it, and how to bring it about."""

    rule: str
    name: str
    act: Callable[[Objects], Any]
    rendering: str = "demo"


def _pod(objects: Objects, name: str = "edge") -> Object:
    kind = "StatefulSet" if name == "valkey" else "Deployment"
    return pod_spec(find(objects, kind, name))


def _container(objects: Objects, name: str = "edge") -> Object:
    found: Object = _pod(objects, name)["containers"][0]
    return found


def _spec(objects: Objects, kind: str, name: str) -> Object:
    found: Object = find(objects, kind, name)["spec"]
    return found


def _config(objects: Objects, name: str) -> dict[str, str]:
    found: dict[str, str] = find(objects, "ConfigMap", name)["data"]
    return found


def _secret(objects: Objects, name: str) -> dict[str, str]:
    found: dict[str, str] = find(objects, "Secret", name)["data"]
    return found


def _drop(objects: Objects, kind: str, name: str) -> None:
    objects.remove(find(objects, kind, name))


_SELECTORS = (
    Breakage(
        "selectors",
        "a workload that does not select its pods",
        lambda o: _spec(o, "Deployment", "edge")["selector"]["matchLabels"].update(x="y"),
    ),
    Breakage(
        "selectors",
        "a service without pods",
        lambda o: _spec(o, "Service", "edge")["selector"].update(x="y"),
    ),
    Breakage(
        "selectors",
        "a service over several workloads",
        lambda o: _spec(o, "Service", "edge")["selector"].pop("app.kubernetes.io/component"),
    ),
    Breakage(
        "selectors",
        "a policy for nobody",
        lambda o: _spec(o, "NetworkPolicy", "edge")["podSelector"]["matchLabels"].update(x="y"),
    ),
    Breakage(
        "selectors",
        "an autoscaler of nothing",
        lambda o: _spec(o, "HorizontalPodAutoscaler", "edge")["scaleTargetRef"].update(name="x"),
        "production",
    ),
    Breakage(
        "selectors",
        "another namespace",
        lambda o: find(o, "Service", "edge")["metadata"].update(namespace="default"),
    ),
    Breakage(
        "selectors",
        "a stateful set without its service",
        lambda o: _drop(o, "Service", "valkey-headless"),
    ),
    Breakage(
        "selectors",
        "pods spread by another's labels",
        lambda o: _pod(o)["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"].update(
            {"app.kubernetes.io/component": "files"}
        ),
    ),
)

_PORTS = (
    Breakage(
        "ports",
        "a service to a number",
        lambda o: _spec(o, "Service", "edge")["ports"][0].update(targetPort=8000),
    ),
    Breakage(
        "ports",
        "a renamed container port",
        lambda o: _container(o, "files")["ports"][0].update(name="rpc"),
    ),
    Breakage(
        "ports",
        "a policy for another port",
        lambda o: _spec(o, "NetworkPolicy", "edge")["ingress"][0]["ports"][0].update(port=8001),
    ),
    Breakage(
        "ports",
        "a route to another port",
        lambda o: _spec(o, "HTTPRoute", "edge")["rules"][0]["backendRefs"][0].update(port=8000),
        "everything",
    ),
    Breakage(
        "probes", "no readiness probe", lambda o: _container(o, "valkey").pop("readinessProbe")
    ),
    Breakage(
        "probes",
        "liveness that looks at Redis",
        lambda o: _container(o, "keypool")["livenessProbe"]["httpGet"].update(path="/readyz"),
    ),
    Breakage(
        "probes",
        "a probe on a port that is not there",
        lambda o: _container(o)["readinessProbe"]["httpGet"].update(port="admin"),
    ),
    Breakage(
        "probes",
        "another service's health",
        lambda o: _container(o, "files")["readinessProbe"]["grpc"].update(service=""),
    ),
)

_PODS = (
    Breakage("pods", "root", lambda o: _pod(o)["securityContext"].update(runAsUser=0)),
    Breakage("pods", "no seccomp", lambda o: _pod(o)["securityContext"].pop("seccompProfile")),
    Breakage(
        "pods",
        "an image that can be written to",
        lambda o: _container(o)["securityContext"].update(readOnlyRootFilesystem=False),
    ),
    Breakage(
        "pods",
        "capabilities",
        lambda o: _container(o, "valkey")["securityContext"].pop("capabilities"),
    ),
    Breakage("pods", "a token", lambda o: _pod(o).pop("automountServiceAccountToken")),
    Breakage("pods", "another's account", lambda o: _pod(o).update(serviceAccountName="files")),
    Breakage("pods", "no account", lambda o: _drop(o, "ServiceAccount", "keypool")),
    Breakage("pods", "service links", lambda o: _pod(o, "files").pop("enableServiceLinks")),
    Breakage(
        "pods",
        "a folder of the node",
        lambda o: _pod(o)["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
    ),
    Breakage(
        "pods",
        "secrets for everybody",
        lambda o: _pod(o)["volumes"][0]["secret"].update(defaultMode=0o444),
    ),
    Breakage("pods", "no memory limit", lambda o: _container(o)["resources"].pop("limits")),
    Breakage("pods", "a CPU limit", lambda o: _container(o)["resources"]["limits"].update(cpu="1")),
    Breakage(
        "pods",
        "a lax namespace",
        lambda o: find(o, "Namespace", "gemini-balance")["metadata"]["labels"].update(
            {"pod-security.kubernetes.io/enforce": "baseline"}
        ),
    ),
    Breakage(
        "upkeep", "no disruption budget", lambda o: _drop(o, "PodDisruptionBudget", "simulator")
    ),
    Breakage(
        "upkeep",
        "a budget that blocks drains",
        lambda o: _spec(o, "PodDisruptionBudget", "valkey").update(maxUnavailable=0),
    ),
    Breakage(
        "upkeep",
        "replicas against the autoscaler",
        lambda o: _spec(o, "Deployment", "edge").update(replicas=3),
        "production",
    ),
    Breakage(
        "upkeep",
        "minimum above maximum",
        lambda o: _spec(o, "HorizontalPodAutoscaler", "edge").update(minReplicas=11),
        "production",
    ),
    Breakage(
        "upkeep",
        "all replicas on one node",
        lambda o: _pod(o).pop("topologySpreadConstraints"),
        "production",
    ),
)

_SHUTDOWN = (
    Breakage("shutdown", "no grace", lambda o: _pod(o).pop("terminationGracePeriodSeconds")),
    Breakage("shutdown", "no sleep", lambda o: _container(o, "files").pop("lifecycle")),
    Breakage(
        "shutdown",
        "a longer drain than grace",
        lambda o: _config(o, "keypool-settings").update(DRAIN_SECONDS="60"),
    ),
    Breakage(
        "shutdown",
        "streams that are cut",
        lambda o: _config(o, "edge-settings").update(DRAIN_SECONDS="30"),
    ),
    Breakage(
        "shutdown",
        "scaling down in a hurry",
        lambda o: _spec(o, "HorizontalPodAutoscaler", "edge")["behavior"].pop("scaleDown"),
        "production",
    ),
)

_SETTINGS = (
    Breakage(
        "settings",
        "a misspelt setting",
        lambda o: _config(o, "edge-settings").update(DRAIN_SECOND="300"),
    ),
    Breakage(
        "settings",
        "another service's setting",
        lambda o: _config(o, "edge-settings").update(FILES_MAX_BYTES="1"),
    ),
    Breakage(
        "settings",
        "a refused value",
        lambda o: _config(o, "keypool-settings").update(DRAIN_SECONDS="soon"),
    ),
    Breakage(
        "settings",
        "a folder as the store of bytes",
        lambda o: _config(o, "files-settings").update(FILES_STORE_URL="file:///data"),
    ),
    Breakage(
        "settings",
        "a secret without its file",
        lambda o: _secret(o, "edge-secrets").pop("SERVICE_CREDENTIAL"),
    ),
    Breakage(
        "settings",
        "a configuration that is not there",
        lambda o: _container(o)["envFrom"][0]["configMapRef"].update(name="edge-settings"),
    ),
    Breakage(
        "settings",
        "a file that cannot be read",
        lambda o: _config(o, "keypool-quotas").update({"quotas.toml": "[tiers"}),
        "everything",
    ),
    Breakage(
        "settings",
        "a configuration without its hash",
        lambda o: (
            find(o, "ConfigMap", "files-settings")["metadata"].update(name="files-settings"),
            _container(o, "files")["envFrom"][0]["configMapRef"].update(name="files-settings"),
        ),
    ),
    Breakage(
        "settings",
        "demo secrets for Google",
        lambda o: _config(o, "keypool-settings").pop("BASE_URL"),
    ),
    Breakage(
        "wiring",
        "a target that is pinned to one pod",
        lambda o: _config(o, "edge-settings").update(KEYPOOL_TARGET="dns:///keypool:50051"),
    ),
    Breakage(
        "wiring",
        "an address that vanishes with Redis",
        lambda o: _spec(o, "Service", "keypool-headless").pop("publishNotReadyAddresses"),
    ),
    Breakage(
        "wiring",
        "a credential that nobody knows",
        lambda o: _secret(o, "files-secrets").update(
            SERVICE_CREDENTIAL="ZGVtby1vbmx5LXNvbWV0aGluZy1lbHNl"
        ),
    ),
    Breakage(
        "wiring",
        "a port that nobody listens on",
        lambda o: _container(o)["ports"][0].update(containerPort=8001),
    ),
    Breakage(
        "wiring",
        "two upstreams",
        lambda o: _config(o, "edge-settings").update(BASE_URL="http://simulator.other:8080"),
    ),
    Breakage(
        "wiring",
        "two upstreams of Vertex express",
        lambda o: _config(o, "keypool-settings").update(
            VERTEX_EXPRESS_BASE_URL="http://simulator.other:8080/v1beta1/publishers/google"
        ),
    ),
    Breakage(
        "wiring",
        "keys of the demo for Vertex itself",
        lambda o: [
            _config(o, f"{service}-settings").pop("VERTEX_EXPRESS_BASE_URL")
            for service in ("edge", "keypool")
        ],
    ),
)

_SECRECY = (
    Breakage(
        "secrecy",
        "a key in the configuration",
        lambda o: _config(o, "keypool-settings").update(API_KEYS="one,two"),
    ),
    Breakage(
        "secrecy",
        "a password in an address",
        lambda o: find(o, "Service", "valkey")["metadata"].update(
            annotations={"url": "redis://x:secret@valkey"}
        ),
        "production",
    ),
    Breakage(
        "secrecy",
        "a real secret",
        lambda o: _secret(o, "edge-secrets").update(SERVICE_CREDENTIAL="cmVhbC1zZWNyZXQ="),
    ),
    Breakage(
        "secrecy",
        "a secret variable",
        lambda o: _container(o)["env"].append(
            {"name": "X", "valueFrom": {"secretKeyRef": {"name": "x", "key": "x"}}}
        ),
    ),
    Breakage("images", "no tag", lambda o: _container(o).update(image="gemini-balance")),
    Breakage("images", "latest", lambda o: _container(o, "valkey").update(image="valkey:latest")),
    Breakage("images", "a minor", lambda o: _container(o, "valkey").update(image="valkey:9.1")),
    Breakage("images", "two versions", lambda o: _container(o).update(image="gb:0.0.9")),
    Breakage("images", "always pulled", lambda o: _container(o).update(imagePullPolicy="Always")),
)

_NETWORK = (
    Breakage("network", "no default", lambda o: _drop(o, "NetworkPolicy", "default-deny")),
    Breakage("network", "an open store", lambda o: _drop(o, "NetworkPolicy", "valkey")),
    Breakage(
        "network",
        "an edge that reaches the store",
        lambda o: (
            _spec(o, "NetworkPolicy", "edge")["egress"].append({}),
            _spec(o, "NetworkPolicy", "valkey")["ingress"].append({}),
        ),
    ),
    Breakage(
        "network",
        "any namespace calls the key pool",
        lambda o: _spec(o, "NetworkPolicy", "keypool")["ingress"][0]["from"].append(
            {"namespaceSelector": {}}
        ),
    ),
    Breakage(
        "network",
        "a metadata service within reach",
        lambda o: _spec(o, "NetworkPolicy", "internet")["egress"][0]["to"][0]["ipBlock"].pop(
            "except"
        ),
        "production",
    ),
    Breakage(
        "network",
        "DNS over UDP alone",
        lambda o: _spec(o, "NetworkPolicy", "dns")["egress"][0]["ports"].pop(),
    ),
    Breakage(
        "network",
        "metrics for everybody",
        lambda o: _spec(o, "NetworkPolicy", "metrics")["ingress"][0].pop("from"),
        "everything",
    ),
    Breakage(
        "network",
        "a demo that reaches Google",
        lambda o: _spec(o, "NetworkPolicy", "upstream")["egress"].append(
            {"ports": [{"protocol": "TCP", "port": 443}]}
        ),
    ),
)

BREAKAGES = (
    *_SELECTORS,
    *_PORTS,
    *_PODS,
    *_SHUTDOWN,
    *_SETTINGS,
    *_SECRECY,
    *_NETWORK,
)
