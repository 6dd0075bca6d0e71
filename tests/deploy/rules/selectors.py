"""Everything that selects pods selects those that it means."""

from collections.abc import Iterator

from tests.support.manifests import (
    NAMESPACE,
    Objects,
    name_of,
    of_kind,
    pod_labels,
    pod_spec,
    selected,
    selects,
    workloads,
)

_CLUSTER_WIDE = {"Namespace"}


def broken(objects: Objects) -> Iterator[str]:
    """Yield selectors that miss, and objects outside of the namespace."""
    for each in objects:
        if each["kind"] not in _CLUSTER_WIDE and each["metadata"].get("namespace") != NAMESPACE:
            yield f"{name_of(each)} is in another namespace"
    names = [(name_of(each), each["metadata"].get("namespace")) for each in objects]
    for name in {name for name in names if names.count(name) > 1}:
        yield f"{name[0]} is there twice"
    for workload in workloads(objects):
        if not selects(workload["spec"]["selector"], pod_labels(workload)):
            yield f"{name_of(workload)} does not select its own pods"
        if len(list(selected(objects, workload["spec"]["selector"]))) != 1:
            yield f"{name_of(workload)} selects another's pods"
        for spread in pod_spec(workload).get("topologySpreadConstraints", ()):
            if list(selected(objects, spread["labelSelector"])) != [workload]:
                yield f"{name_of(workload)} spreads other pods than its own"
    for service in of_kind(objects, "Service"):
        selector = {"matchLabels": service["spec"].get("selector", {"none": "none"})}
        if len(list(selected(objects, selector))) != 1:
            yield f"{name_of(service)} does not select the pods of one workload"
    for budget in of_kind(objects, "PodDisruptionBudget"):
        if len(list(selected(objects, budget["spec"]["selector"]))) != 1:
            yield f"{name_of(budget)} does not select the pods of one workload"
    for policy in of_kind(objects, "NetworkPolicy"):
        if not list(selected(objects, policy["spec"]["podSelector"])):
            yield f"{name_of(policy)} selects no pods"
    for scaler in of_kind(objects, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        if f"{target['kind']} {target['name']}" not in {name_of(each) for each in objects}:
            yield f"{name_of(scaler)} scales nothing"
    services = {each["metadata"]["name"] for each in of_kind(objects, "Service")}
    for stateful in of_kind(objects, "StatefulSet"):
        if stateful["spec"]["serviceName"] not in services:
            yield f"{name_of(stateful)} has no service {stateful['spec']['serviceName']}"
