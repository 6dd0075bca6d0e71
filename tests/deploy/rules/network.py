"""Who can reach whom, worked out from the policies, is what the design draws and nothing more."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.support.manifests import (
    COMPONENT,
    NAMESPACE,
    Object,
    Objects,
    containers,
    of_kind,
    pod_labels,
    selects,
    workloads,
)

Port = tuple[str, int]
Arrow = tuple[str, str, Port]

_DNS: frozenset[Port] = frozenset({("UDP", 53), ("TCP", 53)})
_TRACES: frozenset[Port] = frozenset({("TCP", 4318)})
_OUTSIDE = {"internet": "8.8.8.8", "lan": "192.168.7.7", "metadata": "169.254.169.254"}
_IN_PODS = ("edge", "keypool", "files")


@dataclass(frozen=True)
class Place:
    """Something that calls or is called: a pod, or an address."""

    name: str
    address: str
    ports: frozenset[Port]
    labels: dict[str, str] = field(default_factory=dict)
    namespace: dict[str, str] | None = None

    @property
    def is_ours(self) -> bool:
        return self.namespace == _namespace(NAMESPACE)


def _namespace(name: str, **labels: str) -> dict[str, str]:
    return {"kubernetes.io/metadata.name": name, **labels}


def _places(objects: Objects) -> list[Place]:
    places = [
        Place(
            pod_labels(workload)[COMPONENT],
            f"10.244.0.{number}",
            frozenset(
                (row.get("protocol", "TCP"), row["containerPort"])
                for container in containers(workload)
                for row in container["ports"]
            ),
            pod_labels(workload),
            _namespace(NAMESPACE),
        )
        for number, workload in enumerate(workloads(objects), 1)
    ]
    web = frozenset({("TCP", 80), ("TCP", 443), ("TCP", 6379), ("TCP", 26379)})
    places += [Place(name, address, web) for name, address in _OUTSIDE.items()]
    friend = {"gemini-balance/keypool-client": "true"}
    places += [
        Place("dns", "10.244.1.1", _DNS | web, {"k8s-app": "kube-dns"}, _namespace("kube-system")),
        Place("monitoring", "10.244.1.2", web, {}, _namespace("monitoring")),
        Place("collector", "10.244.1.6", _TRACES | web, {}, _namespace("observability")),
        Place("caller", "10.244.1.3", web, {}, _namespace("jobs", **friend)),
        Place("stranger", "10.244.1.4", web, friend, _namespace("other")),
        Place("neighbour", "10.244.1.5", web, {"app": "x"}, _namespace(NAMESPACE)),
    ]
    return places


def arrows(objects: Objects) -> set[Arrow]:
    """Return who can call whom on which port."""
    policies = [each["spec"] for each in of_kind(objects, "NetworkPolicy")]
    places = _places(objects)
    return {
        (source.name, target.name, port)
        for source in places
        for target in places
        for port in target.ports
        if source is not target
        # What is on neither side ours is none of our business.
        and (source.is_ours or target.is_ours)
        and _lets(policies, "egress", source, target, port)
        and _lets(policies, "ingress", target, source, port)
    }


def _lets(policies: list[Object], way: str, holder: Place, other: Place, port: Port) -> bool:
    if not holder.is_ours:
        return True
    mine = [
        policy
        for policy in policies
        if way.capitalize() in policy["policyTypes"]
        and selects(policy["podSelector"], holder.labels)
    ]
    # A pod that no policy selects may do everything.
    return not mine or any(
        _rule_fits(rule, "to" if way == "egress" else "from", other, port)
        for policy in mine
        for rule in policy.get(way, ())
    )


def _rule_fits(rule: Object, peers: str, other: Place, port: Port) -> bool:
    if "ports" in rule and port not in {
        (row.get("protocol", "TCP"), row["port"]) for row in rule["ports"]
    }:
        return False
    return peers not in rule or any(_peer_fits(peer, other) for peer in rule[peers])


def _peer_fits(peer: Object, other: Place) -> bool:
    if "ipBlock" in peer:
        block, address = peer["ipBlock"], ipaddress.ip_address(other.address)
        return address in ipaddress.ip_network(block["cidr"]) and not any(
            address in ipaddress.ip_network(each) for each in block.get("except", ())
        )
    if other.namespace is None:
        return False
    if "namespaceSelector" in peer:
        if not selects(peer["namespaceSelector"], other.namespace):
            return False
    elif not other.is_ours:
        return False
    return selects(peer.get("podSelector", {}), other.labels)


def expected(objects: Objects) -> set[Arrow]:
    """Return the arrows of the design, for the parts that are there."""
    parts = {pod_labels(each)[COMPONENT] for each in workloads(objects)}
    names = {each["metadata"]["name"] for each in of_kind(objects, "NetworkPolicy")}
    everybody = {*_OUTSIDE, "dns", "monitoring", "collector", "caller", "stranger"}
    found: set[Arrow] = {(each, "edge", ("TCP", 8000)) for each in everybody}
    found |= {
        ("edge", "keypool", ("TCP", 50051)),
        ("files", "keypool", ("TCP", 50051)),
        ("caller", "keypool", ("TCP", 50051)),
        ("edge", "files", ("TCP", 50052)),
    }
    found |= {(each, "dns", port) for each in _IN_PODS for port in _DNS}
    upstream = ("simulator", 8080) if "simulator" in parts else ("internet", 443)
    found |= {(each, upstream[0], ("TCP", upstream[1])) for each in _IN_PODS}
    if "valkey" in parts:
        found |= {(each, "valkey", ("TCP", 6379)) for each in ("keypool", "files")}
    else:
        ports = [6379, 26379] if "redis-sentinel" in names else [6379]
        found |= {
            (each, target, ("TCP", port))
            for each in ("keypool", "files")
            for target in everybody
            for port in ports
        }
    if "metrics" in names:
        found |= {("monitoring", each, ("TCP", 9090)) for each in _IN_PODS}
    if "traces" in names:
        found |= {(each, "collector", port) for each in _IN_PODS for port in _TRACES}
    return found


def broken(objects: Objects) -> Iterator[str]:
    """Yield calls that are possible and should not be, and the other way round."""
    possible, drawn = arrows(objects), expected(objects)
    yield from (f"can call, and must not: {arrow}" for arrow in sorted(possible - drawn))
    yield from (f"must be able to call: {arrow}" for arrow in sorted(drawn - possible))
