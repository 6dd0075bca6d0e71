"""Certificates between services: who is let in, to what, and who is believed to be called."""

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from gemini_balance.keypool.v1 import admin_pb2, admin_pb2_grpc, keypool_pb2_grpc
from gemini_balance.keypool.v1 import keypool_pb2 as pb

from services.keypool.server import run_keypool
from services.kit.errors import RemoteError
from services.kit.grpc_channel import ServiceChannel
from services.kit.health import Health
from services.kit.tls import TlsFiles, TlsFilesError
from tests.support.calling import SERVICE
from tests.support.certificates import ID, authority, mounted_tls, tls_contents
from tests.support.dns import name_server
from tests.support.keypool import CREDENTIALS, settings, until_ready
from tests.support.mounted import Mounted
from tests.support.valkey import redis_url, valkey_server

__all__ = ["redis_url", "valkey_server"]

OURS, THEIRS = authority("ours"), authority("theirs")
IDENTITIES = [
    {"name": "edge", "san": ID.format("edge"), "scopes": ["lease", "act-as"]},
    {"name": "cli", "san": ID.format("keypool"), "scopes": ["admin"]},
]


@contextlib.asynccontextmanager
async def served(url: str, folder: Path, **values: Any) -> AsyncIterator[str]:
    """Run a key pool with a certificate for the length of the block."""
    _, files = mounted_tls(folder, OURS, "keypool")
    tls = {"tls_cert_file": files.cert, "tls_key_file": files.key, "tls_ca_file": files.ca}
    health = Health("redis", "accepting")
    async with run_keypool(settings(url, **(tls | values)), health) as server:
        await until_ready(health)
        yield f"127.0.0.1:{server.port}"


@pytest.fixture
async def target(redis_url: str, tmp_path: Path) -> AsyncIterator[str]:
    async with served(
        redis_url, tmp_path / "server", service_identities=json.dumps(IDENTITIES)
    ) as target:
        yield target


@contextlib.asynccontextmanager
async def calling(
    target: str, tls: TlsFiles | None, credential: str = ""
) -> AsyncIterator[ServiceChannel]:
    channel = ServiceChannel(target, credential, service=SERVICE, tls=tls)
    try:
        yield channel
    finally:
        await channel.close()


async def explain(target: str, tls: TlsFiles | None, credential: str = "") -> None:
    """Ask what needs the scope `lease`."""
    async with calling(target, tls, credential) as channel:
        stub: Any = keypool_pb2_grpc.KeyPoolServiceStub(channel.channel)
        await channel.call(stub.Explain, pb.ExplainRequest(model="m"), timeout=5)


async def list_keys(target: str, tls: TlsFiles | None, credential: str = "") -> None:
    """Ask what needs the scope `admin`."""
    async with calling(target, tls, credential) as channel:
        stub: Any = admin_pb2_grpc.KeyAdminServiceStub(channel.channel)
        await channel.call(stub.ListKeys, admin_pb2.ListKeysRequest(), timeout=5)


def shown(folder: Path, service: str = "edge") -> TlsFiles:
    return mounted_tls(folder, OURS, service)[1]


async def code_of(work: Any) -> str:
    try:
        await work
    except RemoteError as error:
        return error.code.name
    return "OK"


async def test_a_certificate_opens_what_its_name_opens(target: str, tmp_path: Path) -> None:
    edge, keypool = shown(tmp_path), shown(tmp_path, "keypool")

    assert await code_of(explain(target, edge)) == "OK"
    assert await code_of(list_keys(target, edge)) == "PERMISSION_DENIED"
    assert await code_of(list_keys(target, keypool)) == "OK"
    assert await code_of(explain(target, keypool)) == "PERMISSION_DENIED"


async def test_a_name_that_is_not_known_opens_nothing(target: str, tmp_path: Path) -> None:
    stranger = shown(tmp_path, "files")

    assert await code_of(explain(target, stranger)) == "UNAUTHENTICATED"
    # Nor does another's secret: whoever has stolen it needs a certificate, too.
    assert await code_of(explain(target, stranger, CREDENTIALS["edge"][0])) == "UNAUTHENTICATED"


async def test_a_secret_beside_a_certificate_opens_what_both_do(
    target: str, tmp_path: Path
) -> None:
    edge = shown(tmp_path)

    assert await code_of(explain(target, edge, CREDENTIALS["batch-job"][0])) == "OK"
    assert await code_of(list_keys(target, edge, CREDENTIALS["operator"][0])) == "PERMISSION_DENIED"
    assert await code_of(explain(target, edge, CREDENTIALS["operator"][0])) == "PERMISSION_DENIED"
    assert await code_of(explain(target, edge, "a-secret-of-nobody")) == "UNAUTHENTICATED"


async def test_without_identities_a_caller_needs_a_secret_and_some_certificate(
    redis_url: str, tmp_path: Path
) -> None:
    async with served(redis_url, tmp_path / "server") as target:
        edge = shown(tmp_path)

        assert await code_of(explain(target, edge)) == "UNAUTHENTICATED"
        assert await code_of(explain(target, edge, CREDENTIALS["edge"][0])) == "OK"


@pytest.mark.parametrize("caller", ["plain", "nothing", "another authority's"])
async def test_without_a_certificate_of_ours_nothing_is_answered(
    target: str, tmp_path: Path, caller: str
) -> None:
    """Not even how the service is; the credential is a good one."""
    channel = {
        "plain": lambda: grpc.aio.insecure_channel(target),
        "nothing": lambda: grpc.aio.secure_channel(
            target, grpc.ssl_channel_credentials(OURS.pair.cert)
        ),
        "another authority's": lambda: grpc.aio.secure_channel(
            target, _credentials(tls_contents(THEIRS, "edge", OURS))
        ),
    }[caller]()
    metadata = (("authorization", f"Bearer {CREDENTIALS['edge'][0]}"),)
    async with channel:
        for method in (f"/{SERVICE}/Explain", "/grpc.health.v1.Health/Check"):
            call: Any = channel.unary_unary(method)
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await call(b"", timeout=5, metadata=metadata)

            assert failure.value.code() is grpc.StatusCode.UNAVAILABLE


def _credentials(files: dict[str, bytes]) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(files["ca.crt"], files["tls.key"], files["tls.crt"])


async def test_another_service_is_not_taken_for_the_one_that_is_called(
    target: str, tmp_path: Path
) -> None:
    """It has a good certificate of the same authority; the name that is called is not in it."""
    port = target.rpartition(":")[2]
    tls = shown(tmp_path)

    async with name_server({"keypool": ["127.0.0.1"], "files": ["127.0.0.1"]}) as dns:
        assert await code_of(explain(dns.target("keypool", int(port)), tls)) == "OK"
        assert await code_of(explain(dns.target("files", int(port)), tls)) == "UNAVAILABLE"
    assert await code_of(explain(f"localhost:{port}", tls)) == "OK"


@pytest.mark.parametrize(
    "changed",
    [
        {"tls.crt": b""},
        {"tls.key": b"no PEM"},
        {"ca.crt": b"no PEM"},
        # The key of another certificate.
        {"tls.key": tls_contents(OURS, "keypool")["tls.key"]},
    ],
)
async def test_files_that_cannot_be_used_stop_the_start(
    redis_url: str, tmp_path: Path, changed: dict[str, bytes]
) -> None:
    mounted = Mounted(tmp_path / "tls", tls_contents(OURS, "keypool") | changed)
    paths = {
        "tls_cert_file": mounted.path("tls.crt"),
        "tls_key_file": mounted.path("tls.key"),
        "tls_ca_file": mounted.path("ca.crt"),
    }

    with pytest.raises(TlsFilesError) as failure:
        async with run_keypool(settings(redis_url, **paths), Health()):
            pass

    assert "PRIVATE" not in str(failure.value)
