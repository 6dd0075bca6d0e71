"""Ways to one server: a socket of this machine, and TLS."""

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from redis.exceptions import ConnectionError as RedisConnectionError

from services.kit.redis_client import open_redis
from tests.support.valkey import ValkeyServer, valkey_server
from tests.support.valkey_topologies import Node

__all__ = ["valkey_server"]


async def works(url: str) -> bool:
    redis = open_redis(url, name="test")
    try:
        return bool((await redis.client_info())["name"] == "test")
    finally:
        await redis.aclose()


def test_a_socket_of_this_machine_with_password_and_database(tmp_path: Path) -> None:
    path = tmp_path / "v.sock"
    node = Node(tmp_path / "node", 0, ("requirepass p@ss", f"unixsocket {path}", "save ''"))
    node.start(ready=path.exists)
    try:

        async def database() -> int:
            redis = open_redis(f"unix://:p%40ss@{path}?db=2", name="test")
            try:
                return int((await redis.client_info())["db"])
            finally:
                await redis.aclose()

        assert asyncio.run(database()) == 2
    finally:
        node.kill()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoded_key = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + encoded_key)
    return path


@contextlib.asynccontextmanager
async def tls_before(server: ValkeyServer, certificate: Path) -> AsyncIterator[int]:
    """Take TLS off connections to a server that has none, and yield the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(pump(reader, forth), pump(back, writer))

    listening = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def test_tls_with_a_certificate_that_is_trusted(
    valkey_server: ValkeyServer, certificate: Path
) -> None:
    async with tls_before(valkey_server, certificate) as port:
        url = f"rediss://127.0.0.1:{port}"

        assert await works(f"{url}?ssl_ca_certs={certificate}")
        assert await works(f"{url}?ssl_cert_reqs=none&ssl_check_hostname=false")
        with pytest.raises(RedisConnectionError, match="certificate"):
            await works(url)
