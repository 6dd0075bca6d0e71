"""Ports are named once, and found by their names."""

from collections.abc import Iterator

from tests.support.manifests import (
    Object,
    Objects,
    containers,
    find,
    name_of,
    of_kind,
    selected,
    service_of,
    workloads,
)

_KINDS = ("startupProbe", "livenessProbe", "readinessProbe")
_GRPC = {
    "keypool": "gemini_balance.keypool.v1.KeyPoolService",
    "files": "gemini_balance.files.v1.FilesService",
}


def _named_ports(workload: Object) -> dict[str, int]:
    return {
        port["name"]: port["containerPort"]
        for container in containers(workload)
        for port in container["ports"]
    }


def broken(objects: Objects) -> Iterator[str]:
    """Yield ports that lead nowhere."""
    for service in of_kind(objects, "Service"):
        for workload in selected(objects, {"matchLabels": service["spec"]["selector"]}):
            for port in service["spec"]["ports"]:
                if port.get("targetPort") not in _named_ports(workload):
                    yield f"{name_of(service)} leads to no named port: {port}"
    for policy in of_kind(objects, "NetworkPolicy"):
        for rule in policy["spec"].get("ingress", ()):
            for workload in selected(objects, policy["spec"]["podSelector"]):
                for port in rule["ports"]:
                    if port["port"] not in _named_ports(workload).values():
                        yield f"{name_of(policy)} opens a port that is not there: {port}"
    for place, name, port in _ways_in(objects):
        service = find(objects, "Service", name)
        if port not in {value for row in service["spec"]["ports"] for value in row.values()}:
            yield f"{place} leads to no port of {name}: {port}"


def _ways_in(objects: Objects) -> Iterator[tuple[str, str, int | str]]:
    for route in of_kind(objects, "HTTPRoute"):
        for rule in route["spec"]["rules"]:
            for backend in rule["backendRefs"]:
                yield name_of(route), backend["name"], backend["port"]
    for ingress in of_kind(objects, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                yield name_of(ingress), service["name"], service["port"]["name"]
    for monitor in of_kind(objects, "ServiceMonitor"):
        for service in of_kind(objects, "Service"):
            labels = service["metadata"].get("labels", {})
            if monitor["spec"]["selector"]["matchLabels"].items() <= labels.items():
                for endpoint in monitor["spec"]["endpoints"]:
                    yield name_of(monitor), service["metadata"]["name"], endpoint["port"]


def wrong_probes(objects: Objects) -> Iterator[str]:
    """Yield probes that are missing, ask the wrong port, or kill for a neighbour's fault."""
    for workload in workloads(objects):
        ports = _named_ports(workload)
        for container in containers(workload):
            for kind in _KINDS:
                probe = container.get(kind)
                if probe is None:
                    yield f"{name_of(workload)} has no {kind}"
                    continue
                yield from (f"{name_of(workload)} {kind} {what}" for what in _faults(probe, ports))
            if service := service_of(workload):
                yield from (f"{name_of(workload)} {what}" for what in _ours(container, service))


def _faults(probe: Object, ports: dict[str, int]) -> Iterator[str]:
    if "httpGet" in probe and ports.get(probe["httpGet"]["port"]) is None:
        yield "asks a port without a name"
    if "grpc" in probe and probe["grpc"]["port"] != ports.get("grpc"):
        yield "asks another port than that of gRPC"
    if probe.get("timeoutSeconds", 1) > probe["periodSeconds"]:
        yield "waits longer than its period"


def _ours(container: Object, service: str) -> Iterator[str]:
    port = "http" if service == "simulator" else "ops"
    live = {"path": "/livez", "port": port}
    for kind in ("startupProbe", "livenessProbe"):
        # Readiness looks at Redis and at neighbours: nobody may be killed for these.
        if container.get(kind, {}).get("httpGet") != live:
            yield f"{kind} does not ask whether the process lives"
    ready = container.get("readinessProbe", {})
    if "grpc" in ready:
        if ready["grpc"].get("service") != _GRPC.get(service):
            yield "readinessProbe does not ask its own service"
    elif ready.get("httpGet") != {"path": "/readyz", "port": port}:
        yield "readinessProbe does not ask whether it is ready"
