"""The simulator as a process of its own."""

import asyncio
import json
import os
import signal
import sys

import httpx

from services.kit.http_server import listen
from tests.integration.simulator.asking import GENERATE, ask

ENVIRONMENT = {"SIMULATOR_PORT": "0", "SIMULATOR_KEYS": '{"key-one-1": "alpha"}'}


async def start(**environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.simulator",
        env={**os.environ, "LOG_AS_JSON": "true", **ENVIRONMENT, **environment},
        stderr=asyncio.subprocess.PIPE,
    )


async def address(process: asyncio.subprocess.Process) -> str:
    """Return where a started simulator says that it listens."""
    assert process.stderr
    async with asyncio.timeout(30):
        while line := await process.stderr.readline():
            if "simulator is ready" in line.decode():
                url: str = json.loads(line)["url"]
                return url
    raise AssertionError("the simulator ended before it was ready")


async def test_it_serves_until_it_is_told_to_stop() -> None:
    process = await start()
    try:
        url = await address(process)
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            response = await client.post(GENERATE, json=ask(), params={"key": "key-one-1"})
        process.send_signal(signal.SIGTERM)
        _, rest = await asyncio.wait_for(process.communicate(), 20)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

    assert response.status_code == 200
    assert process.returncode == 0
    assert b"Traceback" not in rest


async def test_a_bad_setting_stops_the_start() -> None:
    process = await start(SIMULATOR_RPM="many")

    _, error = await asyncio.wait_for(process.communicate(), 30)

    assert process.returncode == 2
    assert b"SIMULATOR_RPM" in error
    assert b"Traceback" not in error


async def test_a_taken_port_stops_the_start() -> None:
    with listen("127.0.0.1", 0) as taken:
        process = await start(SIMULATOR_PORT=str(taken.getsockname()[1]))
        _, error = await asyncio.wait_for(process.communicate(), 30)

    assert process.returncode == 1
    assert b"Traceback" not in error
