"""An authority of one's own, and certificates by which services know each other."""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Clocks of machines differ.
_BEFORE = datetime.timedelta(hours=1)
_AUTHORITY_LIVES = datetime.timedelta(days=3650)
_USES = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


class NoAuthorityError(Exception):
    """The texts are not an authority's certificate and its key."""


@dataclass(frozen=True, slots=True)
class Names:
    """What a certificate says of its holder.

    Attributes:
        uri: The id by which servers know it as a caller, such as a SPIFFE id.
        hosts: The names under which callers reach it.
        addresses: The addresses under which they do.
    """

    uri: str
    hosts: Sequence[str] = ()
    addresses: Sequence[str] = ()

    def to_extension(self) -> x509.SubjectAlternativeName:
        """Return them as a certificate holds them."""
        return x509.SubjectAlternativeName(
            [
                x509.UniformResourceIdentifier(self.uri),
                *(x509.DNSName(host) for host in self.hosts),
                *(x509.IPAddress(ipaddress.ip_address(each)) for each in self.addresses),
            ]
        )


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, both in PEM."""

    cert: bytes
    key: bytes


class Authority:
    """Issues certificates."""

    def __init__(self, cert: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        """Take the authority's own certificate and key."""
        self._cert, self._key = cert, key

    @classmethod
    def create(cls, name: str) -> "Authority":
        """Return a new one."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        cert = (
            _builder(key.public_key(), subject, _AUTHORITY_LIVES)
            .subject_name(subject)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .sign(key, hashes.SHA256())
        )
        return cls(cert, key)

    @classmethod
    def read(cls, pair: Pair) -> "Authority":
        """Return the one that a pair is of.

        Raises:
            NoAuthorityError: It is of none.
        """
        try:
            cert = x509.load_pem_x509_certificate(pair.cert)
            key = load_pem_private_key(pair.key, password=None)
        except (ValueError, TypeError) as error:
            raise NoAuthorityError("is not an authority's certificate and its key") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != cert.public_key():
            raise NoAuthorityError("the key is not the certificate's, or of another kind")
        return cls(cert, key)

    @property
    def pair(self) -> Pair:
        """Its own certificate and key."""
        return _pair(self._cert, self._key)

    def issue(self, names: Names, *, lives: datetime.timedelta) -> Pair:
        """Return a certificate that services show to each other, as callers and as called."""
        key = ec.generate_private_key(ec.SECP256R1())
        cert = (
            _builder(key.public_key(), self._cert.subject, lives)
            .subject_name(x509.Name([]))
            # The names are all that it says, so nobody may pass over them.
            .add_extension(names.to_extension(), critical=True)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(_USES), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False
            )
            .sign(self._key, hashes.SHA256())
        )
        return _pair(cert, key)


def _builder(
    key: ec.EllipticCurvePublicKey, issuer: x509.Name, lives: datetime.timedelta
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + lives)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pair(cert: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    return Pair(
        cert.public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
