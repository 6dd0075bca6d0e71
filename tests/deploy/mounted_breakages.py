"""Faults of what is mounted and read again: certificates between services, live settings."""

import json
from collections.abc import Callable
from typing import Any

from tests.deploy.breakages import Breakage
from tests.support.manifests import Object, Objects, containers, find, pod_spec


def _config(objects: Objects, service: str) -> dict[str, str]:
    found: dict[str, str] = find(objects, "ConfigMap", f"{service}-settings")["data"]
    return found


def _spec(objects: Objects, name: str) -> Object:
    found: Object = find(objects, "Certificate", name)["spec"]
    return found


def _service(objects: Objects, name: str) -> Object:
    [port] = find(objects, "Service", name)["spec"]["ports"]
    found: Object = port
    return found


def _in_plain(objects: Objects) -> None:
    for name in ("TLS_CERT_FILE", "TLS_KEY_FILE", "TLS_CA_FILE"):
        _config(objects, "edge").pop(name)


def _with_more(objects: Objects) -> None:
    config = _config(objects, "keypool")
    rows = json.loads(config["SERVICE_IDENTITIES"])
    rows[0]["scopes"].append("admin")
    config["SERVICE_IDENTITIES"] = json.dumps(rows)


def _asked_by_the_kubelet(objects: Objects) -> None:
    [container] = containers(find(objects, "Deployment", "files"))
    container["readinessProbe"] = {
        "grpc": {"port": 50052, "service": "gemini_balance.files.v1.FilesService"},
        "periodSeconds": 5,
        "timeoutSeconds": 3,
    }


def _of_another_secret(objects: Objects) -> None:
    volumes = pod_spec(find(objects, "Deployment", "edge"))["volumes"]
    [volume] = [each for each in volumes if each["name"] == "tls"]
    volume["secret"]["secretName"] = "edge-secrets"  # a name


def _fault(name: str, act: Callable[[Objects], Any]) -> Breakage:
    return Breakage("certificates", name, act, "mtls")


_CERTIFICATES = (
    _fault("a service in plain", _in_plain),
    _fault("one file of three", lambda o: _config(o, "files").pop("TLS_CA_FILE")),
    _fault("more than its scopes", _with_more),
    _fault("nobody known", lambda o: _config(o, "files").pop("SERVICE_IDENTITIES")),
    _fault("a probe of the kubelet's", _asked_by_the_kubelet),
    _fault("files of another secret", _of_another_secret),
    _fault(
        "a service told of as plain",
        lambda o: _service(o, "keypool-headless").update(appProtocol="kubernetes.io/h2c"),
    ),
    _fault("another's id", lambda o: _spec(o, "edge").update(uris=_spec(o, "files")["uris"])),
    _fault(
        "a name that is called and not its own",
        lambda o: _spec(o, "files")["dnsNames"].remove(
            "files-headless.gemini-balance.svc.cluster.local"
        ),
    ),
    _fault("no way for commands", lambda o: _spec(o, "keypool").pop("ipAddresses")),
    _fault("a caller's alone", lambda o: _spec(o, "keypool")["usages"].remove("server auth")),
    _fault(
        "an issuer without authority",
        lambda o: _spec(o, "edge")["issuerRef"].update(name="self-signed"),
    ),
    _fault(
        "an authority that forgets",
        lambda o: _spec(o, "authority")["privateKey"].update(rotationPolicy="Always"),
    ),
)

_LIVE = (
    Breakage(
        "settings",
        "a live setting that needs a restart",
        lambda o: find(o, "ConfigMap", "live-settings")["data"].update({"edge.env": "TIME_OUT=5"}),
        "everything",
    ),
    Breakage(
        "settings",
        "a live setting that is set elsewhere",
        lambda o: _config(o, "keypool").update(LOG_LEVEL="DEBUG"),
        "everything",
    ),
)

MOUNTED_BREAKAGES = (*_CERTIFICATES, *_LIVE)
