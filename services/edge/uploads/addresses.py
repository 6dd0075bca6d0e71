"""The addresses of uploads and media: on the host, and below the path, that a client sees."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from services.edge.errors import bad_request

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]+)(?::(?P<port>[0-9]{1,5}))?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~%\-]+)*")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class TrustedPeers:
    """The proxies whose `X-Forwarded-*` headers are believed."""

    def __init__(self, trusted: Iterable[str]) -> None:
        """Take addresses and networks; `*` stands for everybody.

        Raises:
            ValueError: One of them is none.
        """
        self._everybody = False
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for text in trusted:
            if text == "*":
                self._everybody = True
            else:
                self._networks.append(ipaddress.ip_network(text, strict=False))

    def __contains__(self, host: str) -> bool:
        """Whether a peer is one of them."""
        if self._everybody:
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a request reached this process.

    Attributes:
        path: The raw path, as it came.
        scheme: `http` or `https`.
        peer: The address of whoever opened the connection.
        local: Where the connection arrived, for clients that name no host.
        headers: Lower-case names.
    """

    path: str
    scheme: str
    peer: str
    local: str
    headers: Mapping[bytes, bytes]


class Addresses:
    """Writes the addresses of uploads and media."""

    def __init__(self, public_url: str, trusted: TrustedPeers) -> None:
        """Take the address that everybody sees, if there is one, and whom to believe else."""
        self._public_url = public_url
        self._trusted = trusted

    def of_upload(self, upload_id: str, arrival: Arrival) -> str:
        """Return the absolute address of an upload that a request has started.

        It holds the upload's id and no token, whatever the request carried.

        Raises:
            ApiError: 400 when the client names a host that cannot be one.
        """
        query = urlencode({"upload_id": upload_id, "upload_protocol": "resumable"})
        return f"{self._public_url or self._seen(arrival)}{arrival.path}?{query}"

    def of_media(self, media_id: str, arrival: Arrival) -> str:
        """Return the absolute address of a medium that was made for a request.

        Raises:
            ApiError: 400 when the client names a host that cannot be one.
        """
        return f"{self._public_url or self._seen(arrival)}/media/{media_id}"

    def _seen(self, arrival: Arrival) -> str:
        told = _forwarded(arrival.headers) if arrival.peer in self._trusted else {}
        scheme = told.get("proto", arrival.scheme).lower()
        if scheme not in _DEFAULT_PORTS:
            scheme = arrival.scheme
        sent = arrival.headers.get(b"host", b"").decode("latin-1") or arrival.local
        found = _HOST.fullmatch(told.get("host", "")) or _HOST.fullmatch(sent)
        if found is None:
            raise bad_request("The Host header cannot be one.", code="invalid_host")
        name, port = found.group("name", "port")
        if port is None and re.fullmatch(r"[0-9]{1,5}", told.get("port", "")):
            port = told["port"]
        if port is not None and port != _DEFAULT_PORTS[scheme]:
            name = f"{name}:{port}"
        prefix = told.get("prefix", "").rstrip("/")
        return f"{scheme}://{name}{prefix if _PREFIX.fullmatch(prefix) else ''}"


def _forwarded(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """Return what the first of several proxies, the one that the client sees, was told."""
    told = {}
    for name in ("proto", "host", "port", "prefix"):
        value = headers.get(f"x-forwarded-{name}".encode(), b"").decode("latin-1")
        if first := value.partition(",")[0].strip():
            told[name] = first
    return told
