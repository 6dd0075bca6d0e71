"""Certificates of services for tests, mounted as on a cluster."""

import datetime
from pathlib import Path

from services.cli.certificates import Authority, Names
from services.kit.tls import TlsFiles
from tests.support.mounted import Mounted

ID = "spiffe://cluster.local/ns/test/sa/{}"
_LIVES = datetime.timedelta(hours=1)


def authority(name: str = "one") -> Authority:
    """Return a new authority."""
    return Authority.create(name)


def tls_contents(issuer: Authority, service: str, *trusted: Authority) -> dict[str, bytes]:
    """Return the files of a service: a new certificate, and whom it trusts, else the issuer."""
    names = Names(
        ID.format(service), [service, "localhost"], [f"127.0.0.{number}" for number in range(1, 5)]
    )
    pair = issuer.issue(names, lives=_LIVES)
    known = b"".join(each.pair.cert for each in trusted or (issuer,))
    return {"tls.crt": pair.cert, "tls.key": pair.key, "ca.crt": known}


def tls_files(folder: Path) -> TlsFiles:
    """Return where the files of a folder are."""
    return TlsFiles(folder / "tls.crt", folder / "tls.key", folder / "ca.crt")


def mounted_tls(
    folder: Path, issuer: Authority, service: str, *trusted: Authority
) -> tuple[Mounted, TlsFiles]:
    """Mount the files of a service."""
    mounted = Mounted(folder / f"{service}-tls", tls_contents(issuer, service, *trusted))
    return mounted, tls_files(mounted.folder)


def tls_settings(files: TlsFiles) -> dict[str, str]:
    """Return the settings that name the files."""
    return {
        "TLS_CERT_FILE": str(files.cert),
        "TLS_KEY_FILE": str(files.key),
        "TLS_CA_FILE": str(files.ca),
    }
