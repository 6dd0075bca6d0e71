"""Which addresses are those of the public internet."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.edge.fetching.reach import Reach, is_public

PUBLIC = [
    "8.8.8.8",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.0",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:2800:220:1:248:1893:25c8:1946",
    "2a00:1450:4001:80e::200e",
]
CLOSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::7f00:1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%lo",
    "2606:4700::1%lo",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", CLOSED)
def test_closed_addresses(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))
    assert not Reach([]).admits(text, 443)


@given(st.ip_addresses())
def test_what_the_standard_library_calls_closed_is_closed(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert not is_public(address)


@pytest.mark.parametrize(
    ("allowed", "host", "port", "is_admitted"),
    [
        ([], "8.8.8.8", 443, True),
        ([], "8.8.8.8", 80, True),
        ([], "8.8.8.8", 8080, False),
        ([], "8.8.8.8", 22, False),
        ([], "localhost", 80, False),
        ([], "", 80, False),
        (["10.1.0.0/16"], "10.1.2.3", 9000, True),
        (["10.1.0.0/16"], "10.2.2.3", 80, False),
        (["10.1.0.0/16"], "::ffff:10.1.2.3", 80, False),
        (["::1"], "::1", 9000, True),
        (["8.8.8.8"], "8.8.8.8", 8080, True),
    ],
)
def test_admission(allowed: list[str], host: str, port: int, *, is_admitted: bool) -> None:
    assert Reach(allowed).admits(host, port) is is_admitted


@pytest.mark.parametrize("text", ["", "x", "10.0.0.1/8", "10.0.0.0/33"])
def test_what_is_no_network_cannot_be_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"network|host bits|netmask"):
        Reach([text])
