"""A real edge in this process, over a real key pool."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
from gemini_balance.keypool.v1 import admin_pb2

from services.edge.server import serve
from services.edge.settings import EdgeSettings
from tests.support.keypool import CREDENTIALS, Keypool
from tests.support.ports import free_port
from tests.support.waiting import eventually


@contextlib.asynccontextmanager
async def running_edge(keypool: Keypool, **values: Any) -> AsyncIterator[str]:
    """Run an edge for the length of the block and yield its address."""
    port = free_port()
    base: dict[str, Any] = {
        "http_host": "127.0.0.1",
        "http_port": port,
        "ops_host": "127.0.0.1",
        "ops_port": 0,
        "keypool_target": keypool.target,
        "service_credential": CREDENTIALS["edge"][0],
        "drain_seconds": 1,
    }
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(EdgeSettings(_env_file=None, **(base | values)), stop))
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url) as client:

        async def status() -> int:
            if serving.done():
                await serving
            try:
                return (await client.get("/readyz")).status_code
            except httpx.TransportError:
                return 0

        await eventually(status, lambda seen: seen == 200)
    try:
        yield url
    finally:
        stop.set()
        await serving


async def new_token(keypool: Keypool, **fields: Any) -> str:
    """Return a fresh client token."""
    request = admin_pb2.CreateTokenRequest(**({"name": "test"} | fields))
    secret: str = (await keypool.admin.CreateToken(request)).secret
    return secret
