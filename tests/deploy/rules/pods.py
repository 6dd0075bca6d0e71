"""How pods are confined, bounded and looked after."""

from collections.abc import Iterator

from tests.support.manifests import (
    Object,
    Objects,
    containers,
    name_of,
    of_kind,
    pod_spec,
    selected,
    workloads,
)

_VOLUMES = {"secret", "configMap", "emptyDir"}


def broken(objects: Objects) -> Iterator[str]:
    """Yield pods that may do more than they need."""
    accounts = {each["metadata"]["name"]: each for each in of_kind(objects, "ServiceAccount")}
    for workload in workloads(objects):
        spec = pod_spec(workload)
        faults = [*_pod_faults(spec), *_account_faults(spec, accounts)]
        for container in containers(workload):
            faults += [*_container_faults(container), *_bounds_faults(container)]
        if spec.get("serviceAccountName") != workload["metadata"]["name"]:
            faults.append("has no account of its own")
        yield from (f"{name_of(workload)} {fault}" for fault in faults)
    for namespace in of_kind(objects, "Namespace"):
        for mode in ("enforce", "audit", "warn"):
            label = f"pod-security.kubernetes.io/{mode}"
            if namespace["metadata"].get("labels", {}).get(label) != "restricted":
                yield f"{name_of(namespace)} does not {mode} restricted pods"


def _pod_faults(spec: Object) -> Iterator[str]:
    context = spec.get("securityContext", {})
    if context.get("runAsNonRoot") is not True:
        yield "may run as root"
    for name in ("runAsUser", "runAsGroup", "fsGroup"):
        if context.get(name, 0) < 10_000:
            yield f"has a {name} that a machine may have, too"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "may make every system call"
    for name in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
        if spec.get(name):
            yield f"has {name}"
    if spec.get("enableServiceLinks") is not False:
        yield "is told of services in its environment, as settings are"
    for volume in spec.get("volumes", ()):
        if not _VOLUMES & volume.keys():
            yield f"has a volume of another kind: {volume['name']}"
        if volume.get("secret", {}).get("defaultMode", 0o440) & 0o007:
            yield f"lets everybody read {volume['name']}"
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield f"may fill the node by {volume['name']}"


def _account_faults(spec: Object, accounts: dict[str, Object]) -> Iterator[str]:
    account = accounts.get(spec.get("serviceAccountName", ""))
    if account is None:
        yield "has an account that is not there"
    elif account.get("automountServiceAccountToken") is not False:
        yield "has an account that gives tokens away"
    if spec.get("automountServiceAccountToken") is not False:
        yield "has a token for the API server"


def _container_faults(container: Object) -> Iterator[str]:
    context = container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "may write to its image"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield "has capabilities"
    if context.get("privileged"):
        yield "is privileged"
    for mount in container.get("volumeMounts", ()):
        if mount["mountPath"].startswith("/run/secrets") and not mount.get("readOnly"):
            yield "may write to its secrets"


def _bounds_faults(container: Object) -> Iterator[str]:
    resources = container.get("resources", {})
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    if not {"cpu", "memory"} <= requests.keys():
        yield "does not say what it needs"
    if limits.get("memory") is None or limits.get("memory") != requests.get("memory"):
        yield "has no memory of its own"
    if "cpu" in limits:
        yield "is throttled"


def without_upkeep(objects: Objects) -> Iterator[str]:
    """Yield workloads without a disruption budget or policy, and autoscalers that are fought."""
    for workload in workloads(objects):
        budgets = [
            budget
            for budget in of_kind(objects, "PodDisruptionBudget")
            if workload in selected(objects, budget["spec"]["selector"])
        ]
        if len(budgets) != 1:
            yield f"{name_of(workload)} has {len(budgets)} disruption budgets"
        for budget in budgets:
            if budget["spec"].get("maxUnavailable") != 1:
                yield f"{name_of(budget)} keeps nodes from being drained"
            if budget["spec"].get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
                yield f"{name_of(budget)} keeps pods that never worked"
    for scaler in of_kind(objects, "HorizontalPodAutoscaler"):
        spec = scaler["spec"]
        if not 2 <= spec["minReplicas"] <= spec["maxReplicas"]:
            yield f"{name_of(scaler)} scales from {spec['minReplicas']} to {spec['maxReplicas']}"
        for workload in of_kind(objects, spec["scaleTargetRef"]["kind"]):
            if workload["metadata"]["name"] != spec["scaleTargetRef"]["name"]:
                continue
            if "replicas" in workload["spec"]:
                yield f"{name_of(workload)} names replicas, against its autoscaler"
            keys = {
                row["topologyKey"]
                for row in pod_spec(workload).get("topologySpreadConstraints", ())
                if row["whenUnsatisfiable"] == "ScheduleAnyway"
            }
            if keys != {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}:
                yield f"{name_of(workload)} is not spread over nodes and zones"
            rolling = workload["spec"]["strategy"].get("rollingUpdate", {})
            if rolling.get("maxUnavailable") != 0:
                yield f"{name_of(workload)} lets go of a replica before there is another"
