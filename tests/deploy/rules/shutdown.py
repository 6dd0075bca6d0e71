"""Whoever is told to stop has time to do so."""

from collections.abc import Iterator

from tests.deploy.rules.settings import plain_environment
from tests.support.manifests import (
    Objects,
    containers,
    name_of,
    of_kind,
    pod_spec,
    service_of,
    workloads,
)

# What each service does after its drain: settle and give back at the edge (twice 3 s), else the
# clean-up of calls (5 s).
_AFTERWARDS = {"edge": 6, "keypool": 5, "files": 5, "simulator": 1}
_SPARE = 5


def broken(objects: Objects) -> Iterator[str]:
    """Yield pods that are killed while they drain, or that drain before callers know."""
    for workload in workloads(objects):
        grace = pod_spec(workload).get("terminationGracePeriodSeconds", 30)
        service = service_of(workload)
        if service is None:
            if grace < 60:
                yield f"{name_of(workload)} has too little time to write its file"
            continue
        [container] = containers(workload)
        asleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds")
        if not asleep:
            yield f"{name_of(workload)} stops while it is still an endpoint"
        drain = float(plain_environment(objects, container).get("DRAIN_SECONDS", 300))
        needed = (asleep or 0) + drain + _AFTERWARDS[service] + _SPARE
        if grace < needed:
            yield f"{name_of(workload)} is killed after {grace} s and needs {needed:g} s"
        if service == "edge" and drain < 300:
            yield f"{name_of(workload)} cuts streams after {drain:g} s"
    for scaler in of_kind(objects, "HorizontalPodAutoscaler"):
        down = scaler["spec"].get("behavior", {}).get("scaleDown", {})
        if down.get("stabilizationWindowSeconds", 0) < 300:
            yield f"{name_of(scaler)} scales down in a hurry"
