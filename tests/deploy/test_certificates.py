"""Certificates of one's own and those of cert-manager say the same."""

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.manifests import find, kustomize, parse, rendered

_SERVICES = ("edge", "keypool", "files")
_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of `gemini-balance certs`."""
    made: Path = tmp_path_factory.mktemp("own") / "certs"
    command = [sys.executable, "-m", "services.cli.main", "certs", str(made)]
    subprocess.run(command, cwd=_ROOT, check=True, capture_output=True)
    return made


@pytest.mark.parametrize("service", _SERVICES)
def test_they_name_the_same(folder: Path, service: str) -> None:
    spec = find(rendered("mtls"), "Certificate", service)["spec"]

    cert = x509.load_pem_x509_certificate((folder / service / "tls.crt").read_bytes())

    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = names.get_values_for_type(x509.IPAddress)
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == spec["uris"]
    assert names.get_values_for_type(x509.DNSName) == spec.get("dnsNames", [])
    assert [str(each) for each in addresses] == spec.get("ipAddresses", [])


def test_the_folder_renders_to_the_secrets_that_pods_mount(folder: Path) -> None:
    secrets = {each["metadata"]["name"]: each for each in parse(kustomize(folder))}

    assert set(secrets) == {f"{service}-tls" for service in _SERVICES}
    for secret in secrets.values():
        assert set(secret["data"]) == {"tls.crt", "tls.key", "ca.crt"}
        assert secret["type"] == "kubernetes.io/tls"
