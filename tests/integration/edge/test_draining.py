"""An edge that is told to end: what runs comes to its end, or its client is told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest

from services.edge.server import serve
from services.edge.settings import EdgeSettings
from services.simulator.control import SimulatorControl
from services.simulator.server import running_simulator
from services.simulator.settings import SimulatorSettings
from tests.support.edge import new_token
from tests.support.keypool import CREDENTIALS, Keypool, running_keypool, secrets_of
from tests.support.load import ASK, CHAT, GENERATE, MODEL, STREAM
from tests.support.ports import free_port
from tests.support.valkey import redis_url, valkey_server
from tests.support.waiting import eventually

__all__ = ["redis_url", "valkey_server"]

CHAT_BODY = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "a long tale of a heron " * 20}],
    "stream": True,
}


@dataclass
class World:
    """An edge, and what it needs."""

    google: SimulatorControl
    keypool: Keypool
    key_ids: list[str]
    client: httpx.AsyncClient
    ops: httpx.AsyncClient
    serving: asyncio.Task[None]
    stop: asyncio.Event
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def readiness(self) -> int:
        """Return what the ops port says of being ready; 0 when it is gone."""
        try:
            return (await self.ops.get("/readyz")).status_code
        except httpx.TransportError:
            return 0

    async def admits(self) -> bool:
        """Return whether a new connection is taken."""
        try:
            async with httpx.AsyncClient(base_url=self.client.base_url) as stranger:
                await stranger.get("/livez")
        except httpx.ConnectError:
            return False
        return True

    async def in_flight(self) -> int:
        """Return how many leases are open."""
        return sum([(await self.keypool.key(each)).in_flight_count for each in self.key_ids])

    async def succeeded(self) -> int:
        """Return how many calls went well."""
        return sum([(await self.keypool.key(each)).success_count for each in self.key_ids])

    async def read(self, path: str, body: object) -> str:
        """Return a whole stream; `begun` is set at its first piece."""
        text = ""
        async with self.client.stream("POST", path, json=body) as answer:
            assert answer.status_code == 200
            async for piece in answer.aiter_text():
                text += piece
                self.begun.set()
        return text


@contextlib.asynccontextmanager
async def running(
    redis_url: str, *, drain_seconds: float, delay_ms: float = 300
) -> AsyncIterator[World]:
    settings = SimulatorSettings(
        _env_file=None, simulator_port=0, simulator_chunk_delay_ms=delay_ms, drain_seconds=0
    )
    async with (
        running_simulator(settings) as google,
        SimulatorControl(google.url) as control,
        running_keypool(redis_url, base_url=google.url) as keypool,
    ):
        key_ids = await keypool.add_keys(*secrets_of(3))
        port, ops_port = free_port(), free_port()
        edge = EdgeSettings(
            _env_file=None,
            http_host="127.0.0.1",
            http_port=port,
            ops_host="127.0.0.1",
            ops_port=ops_port,
            keypool_target=keypool.target,
            service_credential=CREDENTIALS["edge"][0],
            base_url=google.url,
            drain_seconds=drain_seconds,
        )
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(edge, stop))
        headers = {"authorization": f"Bearer {await new_token(keypool)}"}
        async with (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{ops_port}") as ops,
        ):
            world = World(control, keypool, key_ids, client, ops, serving, stop)
            await eventually(world.readiness, lambda code: code == 200)
            yield world
        stop.set()
        await serving


@pytest.mark.parametrize(
    ("path", "body", "end"), [(STREAM, ASK, "STOP"), (CHAT, CHAT_BODY, "[DONE]")]
)
async def test_a_stream_comes_to_its_end(redis_url: str, path: str, body: object, end: str) -> None:
    async with running(redis_url, drain_seconds=20) as world:
        reading = asyncio.create_task(world.read(path, body))
        await world.begun.wait()

        world.stop.set()
        # Nobody is sent here any more, then nobody comes in, and the stream goes on.
        await eventually(world.readiness, lambda code: code == 503)
        await eventually(world.admits, lambda yes: not yes)
        assert not reading.done()
        text = await reading
        await world.serving

        assert end in text
        assert '"error"' not in text
        assert (await world.succeeded(), await world.in_flight()) == (1, 0)


@pytest.mark.parametrize(("path", "body"), [(STREAM, ASK), (CHAT, CHAT_BODY)])
async def test_a_stream_that_outlasts_the_drain_is_told(
    redis_url: str, path: str, body: object
) -> None:
    async with running(redis_url, drain_seconds=2, delay_ms=1000) as world:
        reading = asyncio.create_task(world.read(path, body))
        await world.begun.wait()

        world.stop.set()
        text = await reading
        await world.serving

        last = [block for block in text.replace("\r", "").split("\n\n") if block][-1]
        assert '"error"' in last
        assert "[DONE]" not in text
        assert await world.in_flight() == 0


async def test_a_plain_request_is_answered(redis_url: str) -> None:
    async with running(redis_url, drain_seconds=20) as world:
        await world.google.add_fault("delay", delay_seconds=2)
        asking = asyncio.create_task(world.client.post(GENERATE, json=ASK))
        await eventually(world.in_flight, bool)

        world.stop.set()
        answer = await asking
        await world.serving

        assert answer.status_code == 200
        # The stock is given back, and the outcome is not lost.
        assert (await world.succeeded(), await world.in_flight()) == (1, 0)
