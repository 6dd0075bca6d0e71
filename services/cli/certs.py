"""`gemini-balance certs`: certificates for those who have no cert-manager."""

import datetime
from pathlib import Path
from typing import Annotated

import typer

from services.cli.certificates import Authority, Names, NoAuthorityError, Pair
from services.cli.errors import CommandError
from services.cli.output import remark

_AUTHORITY = "authority"
# Whoever is called, and what its Services are called.
_CALLED = {"keypool", "files"}
_SERVICES = ("edge", "keypool", "files")
_KUSTOMIZATION = """\
# Written by `gemini-balance certs`. `kubectl apply -k .` puts the files beside it into the cluster.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {namespace}
generatorOptions:
  disableNameSuffixHash: true
secretGenerator:
"""


def certs(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where they are; made when it is not there.")
    ],
    *,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long they are good.")] = 365,
    namespace: Annotated[str, typer.Option(help="Of the cluster.")] = "gemini-balance",
) -> None:
    """Make certificates by which services know each other; again, to renew them."""
    authority = _authority(folder / _AUTHORITY)
    text = _KUSTOMIZATION.format(namespace=namespace)
    for service in _SERVICES:
        made = authority.issue(_names(service, namespace), lives=datetime.timedelta(days=days))
        _write(folder / service, made, ca=authority.pair.cert)
        text += f"  - name: {service}-tls\n    type: kubernetes.io/tls\n    files:\n"
        text += "".join(f"      - {service}/{name}\n" for name in ("tls.crt", "tls.key", "ca.crt"))
    (folder / "kustomization.yaml").write_text(text, "utf-8")
    (folder / ".gitignore").write_text("*\n", "utf-8")
    remark(f"{folder}: good for {days} days; keep {folder / _AUTHORITY} where nobody else can read")


def _names(service: str, namespace: str) -> Names:
    """Return what the manifests expect; the id has the form that service meshes use, too."""
    uri = f"spiffe://cluster.local/ns/{namespace}/sa/{service}"
    if service not in _CALLED:
        return Names(uri)
    hosts = [
        f"{name}{suffix}"
        for name in (service, f"{service}-headless")
        for suffix in ("", f".{namespace}", f".{namespace}.svc", f".{namespace}.svc.cluster.local")
    ]
    # Commands in the pod itself call it there.
    return Names(uri, [*hosts, "localhost"], ["127.0.0.1"])


def _authority(folder: Path) -> Authority:
    cert, key = folder / "tls.crt", folder / "tls.key"
    if cert.exists() or key.exists():
        try:
            return Authority.read(Pair(cert.read_bytes(), key.read_bytes()))
        except NoAuthorityError as error:
            raise CommandError(f"{folder}: {error}") from error
    made = Authority.create("gemini-balance")
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    _write(folder, made.pair)
    return made


def _write(folder: Path, pair: Pair, *, ca: bytes | None = None) -> None:
    folder.mkdir(exist_ok=True)
    contents = {"tls.crt": pair.cert, "tls.key": pair.key} | ({"ca.crt": ca} if ca else {})
    for name, content in contents.items():
        # A service may be reading: it must find the whole of one or of the other.
        new = folder / f".{name}"
        new.touch(mode=0o600)
        new.write_bytes(content)
        new.replace(folder / name)
