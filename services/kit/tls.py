"""Certificates between services: what each shows to its neighbours, and by whom it knows them."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
from prometheus_client import Gauge

from services.kit.logs import get_logger
from services.kit.watched_files import WatchedFiles

log = get_logger(__name__)

_EXPIRY = Gauge(
    "tls_certificate_expiry_timestamp_seconds",
    "When the certificate that is shown to other services ends, in seconds since 1970; 0 for none.",
)


class TlsFilesError(Exception):
    """The files hold no certificate, key and authorities that fit each other."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where they are, in PEM; the files may be replaced at any time.

    Attributes:
        cert: The certificate and what leads from it to an authority.
        key: Its private key.
        ca: The authorities by which neighbours are known; several while they change.
    """

    cert: Path
    key: Path
    ca: Path

    @property
    def paths(self) -> Sequence[Path]:
        """All three."""
        return self.cert, self.key, self.ca


@dataclass(frozen=True, slots=True, repr=False)
class _Contents:
    cert: bytes
    key: bytes
    ca: bytes


def channel_credentials(files: TlsFiles) -> grpc.ChannelCredentials:
    """Return what a caller shows, and by whom it knows servers.

    Raises:
        TlsFilesError: See there.
    """
    found = _read(files)
    return grpc.ssl_channel_credentials(found.ca, found.key, found.cert)


def server_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """Return what a server shows, and by whom it knows callers.

    A caller without a certificate gets no connection. Each new connection is made by what the
    files hold at that time.

    Raises:
        TlsFilesError: See there, about the files as they are now.
    """
    watched = WatchedFiles(files.paths)

    def renew() -> grpc.ServerCertificateConfiguration | None:
        """Return the files' contents when they are others; called for each new connection."""
        if not watched.have_changed():
            return None
        try:
            renewed = _configuration(files)
        except TlsFilesError as error:
            # They may be written one after the other: the last one brings the next look.
            log.warning("new certificates cannot be used", error=str(error))
            return None
        log.info("new certificates are in use", cert=str(files.cert))
        return renewed

    first = _configuration(files)
    return grpc.dynamic_ssl_server_credentials(
        first,
        renew,  # type: ignore[arg-type]  # the stubs forget None, which leaves all as it was
        require_client_authentication=True,
    )


def _configuration(files: TlsFiles) -> grpc.ServerCertificateConfiguration:
    found = _read(files)
    return grpc.ssl_server_certificate_configuration([(found.key, found.cert)], found.ca)


def _read(files: TlsFiles) -> _Contents:
    try:
        cert, key, ca = (path.read_bytes() for path in files.paths)
    except OSError as error:
        raise TlsFilesError(f"{error.filename}: {error.strerror}") from error
    pem = importlib.import_module("services.kit.pem")
    try:
        ends: float = pem.check_pem(cert, key, ca)
    except pem.CertificateError as error:
        raise TlsFilesError(f"{files.cert} or {files.ca} holds no certificate in PEM") from error
    except pem.KeyFileError as error:
        raise TlsFilesError(f"{files.key} holds no private key in PEM") from error
    except pem.MismatchError as error:
        raise TlsFilesError(f"{files.key} is not the key of {files.cert}") from error
    _EXPIRY.set(ends)
    return _Contents(cert, key, ca)
