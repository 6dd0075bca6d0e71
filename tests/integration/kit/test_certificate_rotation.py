"""Certificates that change while callers call: nobody notices."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
import pytest
from cryptography import x509

from services.kit.errors import RemoteError
from services.kit.tls import TlsFiles
from tests.support.calling import Callers
from tests.support.certificates import (
    ID,
    authority,
    mounted_tls,
    tls_contents,
    tls_files,
    tls_settings,
)
from tests.support.keypool_process import KeypoolProcess, keypool_process
from tests.support.mounted import Mounted
from tests.support.ports import free_port
from tests.support.valkey import redis_url, valkey_server
from tests.support.waiting import eventually

__all__ = ["redis_url", "valkey_server"]

OLD, NEW = authority("old"), authority("new")
IDENTITIES = json.dumps([{"name": "edge", "san": ID.format("edge"), "scopes": ["lease"]}])
HOST = "127.0.0.1"


@dataclass
class World:
    """A key pool that asks for certificates, and callers of it."""

    process: KeypoolProcess
    server: Mounted
    client: Mounted
    callers: Callers

    @property
    def tls(self) -> TlsFiles:
        return tls_files(self.client.folder)

    async def shown(self) -> int:
        """Return the serial number of what the server shows to a new caller."""
        return await asyncio.to_thread(self._look)

    async def current(self) -> grpc.aio.Channel:
        """Return the channel that callers use."""
        channel: grpc.aio.Channel = self.callers.channel.channel.current  # type: ignore[attr-defined]
        return channel

    async def renew_client(self, files: dict[str, bytes]) -> None:
        """Replace the callers' files, and return when they use them."""
        before = await self.current()
        self.client.put(files)
        await eventually(self.current, lambda channel: channel is not before)
        await self.callers.more(300)

    async def renew_server(self, files: dict[str, bytes]) -> None:
        """Replace the server's files, and return when it shows them."""
        self.server.put(files)
        serial = x509.load_pem_x509_certificate(files["tls.crt"]).serial_number
        await eventually(self.shown, lambda found: found == serial)
        await self.callers.more(300)

    def _look(self) -> int:
        context = ssl.create_default_context(cafile=str(self.tls.ca))
        context.load_cert_chain(self.tls.cert, self.tls.key)
        with (
            socket.create_connection((HOST, self.process.port)) as sock,
            context.wrap_socket(sock, server_hostname=HOST) as line,
        ):
            found = line.getpeercert(binary_form=True)
        assert found
        return x509.load_der_x509_certificate(found).serial_number


@pytest.fixture
async def world(redis_url: str, tmp_path: Path) -> AsyncIterator[World]:
    server, server_files = mounted_tls(tmp_path, OLD, "keypool")
    client, client_files = mounted_tls(tmp_path, OLD, "edge")
    settings = tls_settings(server_files) | {"SERVICE_IDENTITIES": IDENTITIES}
    port = free_port()
    with keypool_process(tmp_path, redis_url, HOST, port, settings) as process:
        await process.ready()
        async with Callers(f"{HOST}:{port}", credential="", tls=client_files) as callers:
            await callers.more(300)
            yield World(process, server, client, callers)
    assert callers.failures == []


async def test_a_server_shows_its_new_certificate(world: World) -> None:
    files = tls_contents(OLD, "keypool")

    await world.renew_server(files)

    end = x509.load_pem_x509_certificate(files["tls.crt"]).not_valid_after_utc
    assert await world.process.metric("tls_certificate_expiry") == end.timestamp()


async def test_callers_show_their_new_certificate(world: World) -> None:
    await world.renew_client(tls_contents(OLD, "edge"))


async def test_an_authority_gives_way_to_another(world: World) -> None:
    """In three steps: both are trusted, then the new one issues, then the old one is gone."""
    for issuer, trusted in ((OLD, (OLD, NEW)), (NEW, (OLD, NEW)), (NEW, (NEW,))):
        await world.renew_server(tls_contents(issuer, "keypool", *trusted))
        await world.renew_client(tls_contents(issuer, "edge", *trusted))

    _, late = mounted_tls(world.client.folder.parent / "late", OLD, "edge", NEW)
    left_behind = Callers(f"{HOST}:{world.process.port}", credential="", tls=late)
    with pytest.raises(RemoteError) as failure:
        await left_behind.ask()
    assert failure.value.code is grpc.StatusCode.UNAVAILABLE
    await left_behind.channel.close()


async def test_new_certificates_that_nobody_accepts_change_nothing(world: World) -> None:
    before = await world.current()

    # Of an authority that the server does not know, and a key that is another's.
    world.client.put(tls_contents(NEW, "edge", OLD))
    await world.callers.more(600)
    world.server.put(
        tls_contents(OLD, "keypool") | {"tls.key": tls_contents(OLD, "keypool")["tls.key"]}
    )
    await world.callers.more(600)

    assert await world.current() is before
