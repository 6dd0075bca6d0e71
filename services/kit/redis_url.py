"""Reads `REDIS_URL`: one server, the master that Sentinel names, or a cluster."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Annotated, Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from pydantic import AfterValidator, SecretStr

_SERVER_PORT = 6379
_SENTINEL_PORT = 26379
_LARGEST_PORT = 65535
_URL = re.compile(r"([^:/?#]+)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)


class Topology(Enum):
    """What stands behind a URL."""

    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A URL of Redis, taken apart.

    Attributes:
        topology: What stands there.
        nodes: Hosts and ports: the server, the Sentinels, or some nodes of the cluster.
        socket_path: The Unix socket of a single server; `nodes` is empty then.
        service: What Sentinel calls the master; empty elsewhere.
        database: Its number; 0 in a cluster.
        is_tls: Whether connections are encrypted.
        tls: The options of TLS, as redis-py calls them.
        username: For the server.
        password: For the server.
        sentinel_username: For the Sentinels.
        sentinel_password: For the Sentinels.
    """

    topology: Topology
    nodes: tuple[tuple[str, int], ...] = ()
    socket_path: str = ""
    service: str = ""
    database: int = 0
    is_tls: bool = False
    tls: Mapping[str, Any] = field(default_factory=dict)
    username: str | None = None
    password: str | None = field(repr=False, default=None)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(repr=False, default=None)


_SCHEMES: dict[str, tuple[Topology, bool]] = {
    "redis": (Topology.SINGLE, False),
    "rediss": (Topology.SINGLE, True),
    "unix": (Topology.SINGLE, False),
    "redis+sentinel": (Topology.SENTINEL, False),
    "rediss+sentinel": (Topology.SENTINEL, True),
    "redis+cluster": (Topology.CLUSTER, False),
    "rediss+cluster": (Topology.CLUSTER, True),
}


def read_redis_url(url: str) -> RedisAddress:
    """Take a URL of Redis apart.

    Raises:
        ValueError: It cannot be read; says what is wrong, never quotes the URL.
    """
    scheme, separator, _ = url.partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        raise ValueError(f"must begin with one of {', '.join(f'{name}://' for name in _SCHEMES)}")
    topology, is_tls = _SCHEMES[scheme.lower()]
    parts = _split(url)
    username, password, hosts = _read_authority(parts.netloc)
    options = _read_options(parts.query, topology, is_tls=is_tls)
    tls = {name: value for name, value in options.items() if name.startswith("ssl_")}
    common = RedisAddress(
        topology=topology,
        is_tls=is_tls,
        tls=tls,
        username=username,
        password=password,
        sentinel_username=options.get("sentinel_username"),
        sentinel_password=options.get("sentinel_password"),
    )
    if scheme.lower() == "unix":
        return _with_socket(common, hosts, parts.path, options)
    port = _SENTINEL_PORT if topology is Topology.SENTINEL else _SERVER_PORT
    nodes = tuple(_read_node(text, port) for text in hosts.split(","))
    if topology is Topology.SINGLE and len(nodes) > 1:
        raise ValueError("one host only; for several use redis+sentinel:// or redis+cluster://")
    service, database = _read_path(parts.path, topology, options)
    return replace(common, nodes=nodes, service=service, database=database)


def _check(url: SecretStr) -> SecretStr:
    read_redis_url(url.get_secret_value())
    return url


RedisUrl = Annotated[SecretStr, AfterValidator(_check)]
"""A URL of Redis in settings; what cannot be read is refused at the start."""


class _Parts(NamedTuple):
    """The parts of a URL, still escaped."""

    scheme: str
    netloc: str
    path: str
    query: str
    fragment: str


def _split(url: str) -> _Parts:
    # Not urlsplit: some Pythons refuse brackets in a list of hosts.
    found = _URL.fullmatch(url)
    if found is None or found[2].count("[") != found[2].count("]"):
        raise ValueError("is not a URL: check brackets and special characters")
    parts = _Parts(*(part or "" for part in found.groups()))
    if parts.fragment:
        raise ValueError("has a '#': write it as %23 when it belongs to the password")
    return parts


def _read_authority(netloc: str) -> tuple[str | None, str | None, str]:
    """Return user, password and the hosts as one text."""
    login, _, hosts = netloc.rpartition("@")
    username, _, password = login.partition(":")
    return unquote(username) or None, unquote(password) or None, hosts


def _read_node(text: str, default_port: int) -> tuple[str, int]:
    host, colon, port = text.strip().rpartition(":")
    if text.endswith("]") or not colon:
        host, port = text.strip(), ""
    if host.startswith("["):
        host = host.removeprefix("[").removesuffix("]")
    elif ":" in host:
        raise ValueError("an IPv6 address stands in brackets: [::1]:6379")
    if not host:
        raise ValueError("names no host")
    return unquote(host), _read_number(port or str(default_port), "the port", 1, _LARGEST_PORT)


def _read_path(path: str, topology: Topology, options: Mapping[str, Any]) -> tuple[str, int]:
    """Return the service and the number of the database."""
    steps = [unquote(step) for step in path.split("/") if step]
    service = ""
    if topology is Topology.SENTINEL:
        if not steps:
            raise ValueError("names no service: redis+sentinel://host:26379/service/0")
        service = steps.pop(0)
    if len(steps) > 1:
        raise ValueError("has too many parts after the host")
    text = steps[0] if steps else options.get("db", "0")
    database = _read_number(text, "the number of the database", 0, 2**31)
    if topology is Topology.CLUSTER and database:
        raise ValueError("a cluster has no database but 0")
    return service, database


def _with_socket(
    address: RedisAddress, hosts: str, path: str, options: Mapping[str, Any]
) -> RedisAddress:
    if hosts or not path.strip("/"):
        raise ValueError("a socket is an absolute path: unix:///run/valkey.sock")
    database = _read_number(options.get("db", "0"), "the number of the database", 0, 2**31)
    return replace(address, socket_path=unquote(path), database=database)


def _read_number(text: str, name: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ValueError(f"{name} must be a number from {least} to {most}")
    return int(text)


def _read_flag(text: str) -> bool:
    flags = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in flags:
        raise ValueError("must be true or false")
    return flags[text.lower()]


def _read_strictness(text: str) -> str:
    if text not in {"none", "optional", "required"}:
        raise ValueError("must be none, optional or required")
    return text


_TLS_OPTIONS: dict[str, Callable[[str], Any]] = {
    "ssl_ca_certs": str,
    "ssl_certfile": str,
    "ssl_keyfile": str,
    "ssl_cert_reqs": _read_strictness,
    "ssl_check_hostname": _read_flag,
}


def _read_options(query: str, topology: Topology, *, is_tls: bool) -> dict[str, Any]:
    known: dict[str, Callable[[str], Any]] = {"db": str}
    if topology is Topology.SENTINEL:
        known |= {"sentinel_username": str, "sentinel_password": str}
    if is_tls:
        known |= _TLS_OPTIONS
    options: dict[str, Any] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            # Not quoted: what follows a stray '?' may be a part of the password.
            raise ValueError(f"has an option that is not one of {', '.join(sorted(known))}")
        try:
            options[name] = known[name](text)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
    return options
