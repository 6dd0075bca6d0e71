"""Reading certificates and keys. It loads what no service needs that has none: 8 MB."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)


class CertificateError(Exception):
    """There is no certificate where one should be."""


class KeyFileError(Exception):
    """There is no private key where one should be."""


class MismatchError(Exception):
    """The key is not the certificate's."""


def check_pem(cert: bytes, key: bytes, ca: bytes) -> float:
    """Return when a certificate ends, in seconds since 1970, once all three are found to fit.

    Args:
        cert: The certificate first, then what leads from it to an authority.
        key: Its private key.
        ca: Authorities.

    Raises:
        CertificateError: The first or the last holds no certificates.
        KeyFileError: The second holds no key.
        MismatchError: The two do not belong together.
    """
    try:
        shown = x509.load_pem_x509_certificates(cert)[0]
        certified = _public(shown.public_key())
        x509.load_pem_x509_certificates(ca)
    except _UNREADABLE as error:
        raise CertificateError from error
    try:
        own = _public(load_pem_private_key(key, password=None).public_key())
    except _UNREADABLE as error:
        raise KeyFileError from error
    if own != certified:
        raise MismatchError
    return shown.not_valid_after_utc.timestamp()


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
