"""No address that a client can write, and nothing that a server or a name says, leads inside."""

import datetime
import ipaddress
import socket
import ssl
from asyncio.selector_events import BaseSelectorEventLoop
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.edge.fetching.failures import FetchError
from services.edge.fetching.fetcher import Fetcher, Limits
from services.edge.fetching.reach import Reach
from services.simulator.media import png
from tests.support.web import ALLOWED, FORBIDDEN, Names, Site, running_site

LIMITS = Limits(max_bytes=64 * 1024, seconds=5)
# Reading what the system trusts takes longer than a fetch.
TLS = ssl.create_default_context()


async def a_picture(_: web.Request) -> web.Response:
    return web.Response(body=png(1, 2, 3), content_type="image/png")


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Let a guard that is broken fail here, without a packet to anywhere else."""
    tried: list[str] = []

    async def sock_connect(
        loop: BaseSelectorEventLoop, sock: socket.socket, place: tuple[str, int]
    ) -> None:
        tried.append(place[0])
        if not ipaddress.ip_address(place[0]).is_loopback:
            raise OSError("not in a test")
        await connect(loop, sock, place)

    connect = BaseSelectorEventLoop.sock_connect
    monkeypatch.setattr(BaseSelectorEventLoop, "sock_connect", sock_connect)
    yield tried
    assert set(tried) <= {ALLOWED}


@pytest.fixture
async def inside() -> AsyncIterator[Site]:
    """A server that must never be asked."""
    async with running_site(a_picture, address=FORBIDDEN) as site:
        yield site
    assert site.requests == []


async def code_of(url: str, names: Names | None = None, *allowed: str) -> tuple[str, str]:
    fetcher = Fetcher(Reach(allowed), LIMITS, resolver=names, tls=TLS)
    try:
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(url)
    finally:
        await fetcher.close()
    return caught.value.code, str(caught.value)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.01",
        "\uff11\uff12\uff17.0.0.1",
        "127\u30020\u30020\u30021",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[fe80::1%25lo]",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.168.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "[fc00::1]",
    ],
)
async def test_addresses_that_are_not_public(inside: Site, host: str) -> None:
    code, _ = await code_of(f"http://{host}:{inside.port}/")

    assert code in {"media_url_refused", "media_url_invalid"}
    code, _ = await code_of(f"https://{host}/")
    assert code in {"media_url_refused", "media_url_invalid"}


@pytest.mark.parametrize(
    "url",
    [
        "http://user@pictures.test/",
        "http://user:secret@pictures.test/",
        "http://pictures.test\\@127.0.0.1/",
        "http://127.0.0.1%2f@pictures.test/",
        "http://127.0.0.1 /",
        "http://pictures.test/\r\nHost: inside",
        "http://%31%32%37.0.0.1/",
        "http:///",
        "http://a..b/",
        "http://*/",
        "http://pictures.test:99999/",
        "http://[::1/",
        "http://[pictures.test]/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "ftp://pictures.test/a.png",
        "http://" + "a" * 9000,
    ],
)
async def test_addresses_that_are_malformed(url: str) -> None:
    code, _ = await code_of(url, Names({"pictures.test": [[FORBIDDEN]]}))

    assert code == "media_url_invalid"


@pytest.mark.parametrize(
    "addresses",
    [
        [FORBIDDEN],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        ["10.0.0.1", "169.254.169.254", "fd00:ec2::254"],
        ["100.64.0.1"],
        ["0.0.0.0"],
        ["fe80::1"],
    ],
)
async def test_names_of_closed_addresses_sound_as_names_of_nothing(
    inside: Site, addresses: list[str]
) -> None:
    names = Names({"inside.test": [addresses]})
    known = await code_of(f"http://inside.test:{inside.port}/", names)
    odd_port = await code_of("http://inside.test:22/", names)
    unknown = await code_of("http://unknown.test/", names)

    assert known == odd_port == unknown
    assert known[0] == "media_url_refused"
    assert not any(address in known[1] for address in addresses)


@pytest.mark.parametrize("port", [22, 25, 6379, 8080])
async def test_a_public_address_is_fetched_from_at_ports_of_the_web_alone(port: int) -> None:
    code, _ = await code_of(
        f"http://pictures.test:{port}/", Names({"pictures.test": [["8.8.8.8"]]})
    )

    assert code == "media_url_refused"


async def test_a_name_whose_meaning_changes(inside: Site) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"location": "/again"})

    async with running_site(answer, port=inside.port) as site:
        names = Names({"fickle.test": [[ALLOWED], [FORBIDDEN]]})
        code, _ = await code_of(f"http://fickle.test:{site.port}/", names, ALLOWED)

    assert code == "media_url_refused"
    assert len(site.requests) == 1
    assert names.asked == ["fickle.test", "fickle.test"]


async def test_a_name_with_both_kinds_of_addresses(inside: Site) -> None:
    async with running_site(a_picture, port=inside.port) as site:
        names = Names({"mixed.test": [[FORBIDDEN, ALLOWED]]})
        fetcher = Fetcher(Reach([ALLOWED]), LIMITS, resolver=names, tls=TLS)
        await fetcher.fetch(f"http://mixed.test:{site.port}/")
        await fetcher.close()

    assert len(site.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_inside(inside: Site, status: int) -> None:
    async def answer(_: web.Request) -> web.Response:
        location = f"http://{FORBIDDEN}:{inside.port}/"
        return web.Response(status=status, headers={"location": location})

    async with running_site(answer) as site:
        code, _ = await code_of(f"http://{ALLOWED}:{site.port}/", None, ALLOWED)

    assert code == "media_url_refused"
    assert len(site.requests) == 1


async def test_the_certificate_is_that_of_the_name(tmp_path: Path) -> None:
    seen: list[str] = []
    server, client = certificate_of("pictures.test", tmp_path)
    server.sni_callback = lambda _, name, __: seen.append(str(name))
    names = Names({"pictures.test": [[ALLOWED]], "other.test": [[ALLOWED]]})
    async with running_site(a_picture, tls=server) as site:
        fetcher = Fetcher(Reach([ALLOWED]), LIMITS, resolver=names, tls=client)
        await fetcher.fetch(f"https://pictures.test:{site.port}/")
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(f"https://other.test:{site.port}/")
        await fetcher.close()

    assert caught.value.code == "media_unreachable"
    assert seen == ["pictures.test", "other.test"]
    assert [request.host for request in site.requests] == [f"pictures.test:{site.port}"]


def certificate_of(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return what a server of this name shows, and what a client needs to believe it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address(ALLOWED))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "both.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))
