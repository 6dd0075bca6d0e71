"""Services with certificates know each other by them, and all that call or ask them can."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from services.kit.settings import SecretFileError
from tests.deploy.rules.settings import mounted, read_settings
from tests.support.manifests import (
    NAMESPACE,
    Object,
    Objects,
    containers,
    find,
    name_of,
    of_kind,
    service_of,
    workloads,
)

_SERVICES = ("edge", "keypool", "files")
# Who calls whom, for what; the commands in a pod of the key pool call it there.
_CALLS = (
    ("edge", "keypool", {"lease", "act-as"}),
    ("files", "keypool", {"lease", "act-as"}),
    ("keypool", "keypool", {"admin", "lease"}),
    ("edge", "files", {"files", "act-as"}),
)
_USAGES = {"server auth", "client auth"}


def broken(objects: Objects) -> Iterator[str]:
    """Yield what speaks in plain, is not believed, or may more than it should."""
    found = {service_of(each): each for each in workloads(objects)}
    try:
        settings = {name: read_settings(objects, found[name]) for name in _SERVICES}
    except (ValidationError, SecretFileError):
        yield "settings cannot be read"
        return
    if not any(each.tls for each in settings.values()):
        return
    for name in _SERVICES:
        yield from (f"{name} {what}" for what in _faults(objects, found[name], settings[name]))
    certificates = of_kind(objects, "Certificate")
    ids = {
        name: set(_certificate(certificates, name)["spec"]["uris"])
        if certificates
        else {f"spiffe://cluster.local/ns/{NAMESPACE}/sa/{name}"}
        for name in _SERVICES
    }
    for caller, callee, scopes in _CALLS:
        holder = settings[callee].book.admit(None, ids[caller])
        if holder is None or holder.scopes != scopes:
            yield f"{caller} is not let in by {callee} with {sorted(scopes)}"
    if certificates:
        yield from _unissued(objects, settings)


def _faults(objects: Objects, workload: Object, settings: Any) -> Iterator[str]:
    if settings.tls is None:
        yield "speaks in plain"
        return
    files = mounted(objects, workload)
    for path in settings.tls.paths:
        # Read below a folder that stands for the pod.
        if not any(str(path).endswith(each) for each in files):
            yield f"has no file {path.name}"
    [container] = containers(workload)
    if any("grpc" in container[kind] for kind in container if kind.endswith("Probe")):
        yield "is asked by the kubelet, which has no certificate"
    for service in of_kind(objects, "Service"):
        if service["spec"]["selector"].items() <= _labels(workload).items():
            for port in service["spec"]["ports"]:
                if port["name"] == "grpc" and port.get("appProtocol") == "kubernetes.io/h2c":
                    yield f"is told of as speaking in plain by {name_of(service)}"


def _labels(workload: Object) -> dict[str, str]:
    labels: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return labels


def _certificate(certificates: Objects, name: str) -> Object:
    [found] = [each for each in certificates if each["spec"]["secretName"] == f"{name}-tls"]
    return found


def _unissued(objects: Objects, settings: dict[str, Any]) -> Iterator[str]:
    """Yield certificates that nobody issues, or that do not say enough."""
    certificates = of_kind(objects, "Certificate")
    called = {
        "keypool": {_host(settings[each].keypool_target) for each in ("edge", "files")},
        "files": {_host(settings["edge"].files_target)},
    }
    for name in _SERVICES:
        spec = _certificate(certificates, name)["spec"]
        if missing := called.get(name, set()) - set(spec.get("dnsNames", ())):
            yield f"{name} is called by a name that is not its own: {sorted(missing)}"
        if name == "keypool" and "127.0.0.1" not in spec.get("ipAddresses", ()):
            yield "keypool cannot be called by commands in its pod"
        if not set(spec["usages"]) >= _USAGES:
            yield f"{name} may not be both, caller and called"
        issuer = find(objects, "Issuer", spec["issuerRef"]["name"])["spec"]
        signers = [
            each
            for each in certificates
            if each["spec"]["secretName"] == issuer.get("ca", {}).get("secretName")
        ]
        if not signers or not all(_lasts(each["spec"]) for each in signers):
            yield f"{name} has no authority that lasts"


def _lasts(spec: Object) -> bool:
    """Return whether what an authority has issued stays good when it is renewed itself."""
    return spec.get("isCA") is True and spec["privateKey"].get("rotationPolicy") == "Never"


def _host(target: str) -> str:
    return target.rpartition("/")[2].rpartition(":")[0]
