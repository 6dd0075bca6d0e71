"""Pods are given settings that their services read, accept and agree upon."""

import base64
import functools
import io
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError

from deploy.new_secrets import new_secrets
from services.cli.known_settings import Part, names_read_by, without_file_suffix
from services.edge.settings import EdgeSettings
from services.files.settings import FilesSettings
from services.keypool.settings import KeypoolSettings
from services.kit.credentials import CredentialBook
from services.kit.demo_secrets import is_simulator
from services.kit.settings import SecretFileError, ServiceSettings, explain_validation_error
from services.simulator.settings import SimulatorSettings
from tests.support.manifests import (
    NAMESPACE,
    Object,
    Objects,
    containers,
    find,
    name_of,
    of_kind,
    pod_spec,
    service_of,
    workloads,
)

_TYPES: dict[str, type[ServiceSettings]] = {
    "edge": EdgeSettings,
    "keypool": KeypoolSettings,
    "files": FilesSettings,
    "simulator": SimulatorSettings,
}
# `kubectl exec deploy/keypool -- gemini-balance` runs there, too.
_ALSO = {"keypool": frozenset({"KEYPOOL_TARGET", "SERVICE_CREDENTIAL"})}
_PORTS = {
    "edge": {"http": "http_port", "ops": "ops_port"},
    "keypool": {"ops": "ops_port"},
    "files": {"ops": "ops_port"},
    "simulator": {"http": "simulator_port"},
}
# Of cert-manager, or of `gemini-balance certs`.
_CERTIFICATES = {f"{name}-tls" for name in ("edge", "keypool", "files")}
# Read by OpenTelemetry's SDK, whose variables they are.
_STANDARD = ("OTEL_EXPORTER_OTLP_", "OTEL_TRACES_SAMPLER")
_HASHED = re.compile(r"-[0-9a-z]{10}$")


@functools.cache
def _made_secrets() -> dict[str, dict[str, str]]:
    return {f"{name}-secrets": files for name, files in new_secrets("valkey").items()}


def secret_files(objects: Objects, name: str) -> dict[str, str]:
    """Return the files of a secret: as rendered, else as deploy/new_secrets.py makes."""
    for secret in of_kind(objects, "Secret"):
        if secret["metadata"]["name"] == name:
            return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    if name in _CERTIFICATES:
        return dict.fromkeys(("tls.crt", "tls.key", "ca.crt"), "")
    return _made_secrets().get(name, {})


def plain_environment(objects: Objects, container: Object) -> dict[str, str]:
    """Return the environment of a container, but for what secrets put there."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        if "configMapRef" in source:
            found |= find_exactly(objects, "ConfigMap", source["configMapRef"]["name"])["data"]
    return found | {row["name"]: row.get("value", "") for row in container.get("env", ())}


def find_exactly(objects: Objects, kind: str, name: str) -> Object:
    """Return an object by its whole name, hash included; an empty one when there is none."""
    for each in of_kind(objects, kind):
        if each["metadata"]["name"] == name:
            return each
    return {"data": {}}


def mounted(objects: Objects, workload: Object) -> dict[str, str]:
    """Return the files of a pod's secrets and configurations, by their paths in it."""
    contents: dict[str, dict[str, str]] = {}
    for volume in pod_spec(workload).get("volumes", ()):
        if "secret" in volume:
            contents[volume["name"]] = secret_files(objects, volume["secret"]["secretName"])
        elif "configMap" in volume:
            name = volume["configMap"]["name"]
            contents[volume["name"]] = find_exactly(objects, "ConfigMap", name)["data"]
    return {
        f"{mount['mountPath']}/{name}": content
        for container in containers(workload)
        for mount in container.get("volumeMounts", ())
        for name, content in contents.get(mount["name"], {}).items()
    }


def broken(objects: Objects) -> Iterator[str]:
    """Yield settings that nobody reads, files that are not there, and values that are refused."""
    for workload in workloads(objects):
        config = [
            (volume["configMap"]["name"], volume["name"])
            for volume in pod_spec(workload).get("volumes", ())
            if "configMap" in volume
        ]
        for container in containers(workload):
            config += [
                (source["configMapRef"]["name"], "envFrom")
                for source in container.get("envFrom", ())
                if "configMapRef" in source
            ]
        for name, place in config:
            if not find_exactly(objects, "ConfigMap", name)["data"]:
                yield f"{name_of(workload)} {place}: there is no {name}"
            # These files are read again while the pod runs.
            if place not in {"quotas", "live"} and not _HASHED.search(name):
                yield f"{name_of(workload)} does not roll when {name} changes"
        if service := service_of(workload):
            known = known_names(service)
            [container] = containers(workload)
            for name, value in plain_environment(objects, container).items():
                if name.startswith(_STANDARD):
                    continue
                if without_file_suffix(name) not in known:
                    yield f"{name_of(workload)} sets {name}, which it does not read"
                elif name.endswith("_FILE") and value not in mounted(objects, workload):
                    yield f"{name_of(workload)} has no file {value} for {name}"
            yield from (f"{name_of(workload)} {what}" for what in _not_live(objects, workload))
            try:
                read_settings(objects, workload)
            except ValidationError as error:
                yield from (
                    f"{name_of(workload)}: {each}" for each in explain_validation_error(error)
                )
            except SecretFileError as error:
                yield f"{name_of(workload)}: {error}"


def _not_live(objects: Objects, workload: Object) -> Iterator[str]:
    """Yield what stands in a pod's file of live settings, and cannot change there."""
    [container] = containers(workload)
    environment = plain_environment(objects, container)
    text = mounted(objects, workload).get(environment.get("SETTINGS_FILE", ""), "")
    live = _TYPES[str(service_of(workload))].LIVE
    for name in dotenv_values(stream=io.StringIO(text)):
        if name.lower() not in live:
            yield f"needs a restart for {name}"
        elif name in environment:
            yield f"never looks for {name} in its file"


def read_settings(objects: Objects, workload: Object) -> Any:
    """Return the settings as the service itself reads them in its pod."""
    [container] = containers(workload)
    environment = plain_environment(objects, container) | {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    return load_settings(str(service_of(workload)), environment, mounted(objects, workload))


def load_settings(service: str, environment: dict[str, str], files: dict[str, str]) -> Any:
    """Return the settings of a service that has an environment, and files by their paths."""
    with tempfile.TemporaryDirectory() as root:
        for path, content in files.items():
            file = Path(f"{root}{path}")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        placed = {
            name: f"{root}{value}" if name.endswith("_FILE") else value
            for name, value in environment.items()
        }
        with mock.patch.dict(os.environ, placed, clear=True):
            kind: Any = _TYPES[service]
            # A developer's own .env is none of the pod's.
            return kind(_env_file=None)


def not_wired(objects: Objects) -> Iterator[str]:
    """Yield services that would not find each other, or not let each other in."""
    found = {service_of(each): each for each in workloads(objects) if service_of(each)}
    try:
        settings = {name: read_settings(objects, each) for name, each in found.items()}
    except (ValidationError, SecretFileError):
        yield "settings cannot be read"
        return
    edge, keypool, files = (settings[name] for name in ("edge", "keypool", "files"))
    for name, value in settings.items():
        ports = {row["name"]: row["containerPort"] for row in containers(found[name])[0]["ports"]}
        for port, setting in _PORTS[str(name)].items():
            if ports.get(port) != getattr(value, setting):
                yield f"{name} does not listen on its port {port}"
    for name, listen in (("keypool", keypool.keypool_listen), ("files", files.files_listen)):
        ports = {row["name"]: row["containerPort"] for row in containers(found[name])[0]["ports"]}
        if listen != f"0.0.0.0:{ports.get('grpc')}":
            yield f"{name} does not listen on its port grpc"
    for caller, target, callee in (
        ("edge", edge.keypool_target, "keypool"),
        ("edge", edge.files_target, "files"),
        ("files", files.keypool_target, "keypool"),
    ):
        service = find(objects, "Service", f"{callee}-headless")
        [port] = [row["port"] for row in service["spec"]["ports"]]
        if target != f"dns:///{callee}-headless.{NAMESPACE}.svc.cluster.local:{port}":
            yield f"{caller} looks for {callee} at {target}"
        if service["spec"].get("clusterIP") != "None":
            yield f"{callee}-headless pins each caller to one pod"
        if service["spec"].get("publishNotReadyAddresses") is not True:
            yield f"{callee}-headless is empty while Redis is away"
    for caller, credential, callee, scopes in (
        ("edge", edge.service_credential, keypool, {"lease", "act-as"}),
        ("edge", edge.service_credential, files, {"files", "act-as"}),
        ("files", files.service_credential, keypool, {"lease", "act-as"}),
    ):
        book = CredentialBook(callee.service_credentials.get_secret_value())
        holder = book.find(credential.get_secret_value())
        if holder is None or holder.scopes != scopes:
            yield f"{caller} is not let in with {sorted(scopes)}"
    if len({each.base_url for each in (edge, keypool, files)}) != 1:
        yield "services have different upstreams"
    if edge.vertex_express_base_url != keypool.vertex_express_base_url:
        yield "services have different upstreams of Vertex express"
    if is_simulator(edge.base_url) != is_simulator(edge.vertex_express_base_url):
        yield "only one of the upstreams is the simulator"


def known_names(service: str) -> frozenset[str]:
    """Return the settings that a service and the commands beside it read."""
    return names_read_by(Part(service)) | _ALSO.get(service, frozenset())


def secret_names(service: str) -> frozenset[str]:
    """Return the settings of a service that hold secrets."""
    fields = _TYPES[service].model_fields.items()
    return frozenset(
        name.upper() for name, field in fields if SecretStr.__name__ in str(field.annotation)
    ) | ({"API_KEYS", "VERTEX_API_KEYS"} if service == "keypool" else frozenset())
