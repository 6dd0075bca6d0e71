"""All services log a request under the same id, and under its trace where there is one."""

import asyncio
import json
import re
import secrets
from typing import Any

import pytest

from tests.support.collector import running_collector
from tests.support.system import Pool, System, running_simulator_process, system_beside
from tests.support.waiting import eventually

SERVICES = {"edge", "files", "keypool"}


def lines(system: System, request_id: str) -> list[dict[str, Any]]:
    """Return the lines of our own code about a request."""
    written = system.process.output().splitlines()
    found = [json.loads(line) for line in written if request_id in line]
    return [line for line in found if line["logger"].startswith("services.")]


async def told(system: System, request_id: str) -> list[dict[str, Any]]:
    """Return the lines about a request once all services have told of it."""

    async def read() -> list[dict[str, Any]]:
        return await asyncio.to_thread(lines, system, request_id)

    return await eventually(read, lambda found: {each["service"] for each in found} == SERVICES)


async def upload(system: System, pool: Pool | None, **headers: str) -> str:
    """Make a request that needs all services, and return the id that it was answered with."""
    token = pool.token if pool else system.secrets[1]
    async with system.client() as client:
        answer = await client.post(
            "/v1/files",
            data={"purpose": "user_data"},
            files={"file": b"A note."},
            headers={"authorization": f"Bearer {token}", **headers},
        )
    assert answer.status_code == 200
    return answer.headers["x-request-id"]


async def test_a_request_has_the_id_of_its_client_in_all_services(
    system: System, pool: Pool
) -> None:
    given = f"given-{secrets.token_hex(6)}"

    answered = await upload(system, pool, **{"x-request-id": given})

    assert answered == given
    assert {each["request_id"] for each in await told(system, given)} == {given}


async def test_a_request_without_an_id_gets_one_for_all_services(
    system: System, pool: Pool
) -> None:
    answered = await upload(system, pool, **{"x-request-id": "no {id} at all"})

    assert re.fullmatch(r"[0-9a-f]{32}", answered)
    methods = {each["method"] for each in await told(system, answered) if "method" in each}
    assert "/gemini_balance.keypool.v1.KeyPoolService/AcquireLeases" in methods
    assert "/gemini_balance.files.v1.FilesService/WriteUpload" in methods


async def test_its_trace_is_told_beside_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("logged")
    trace_id, given = secrets.token_hex(16), f"given-{secrets.token_hex(6)}"
    with running_collector() as collector, running_simulator_process(folder) as simulator_url:
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        async with system_beside(folder, simulator_url, **settings) as system:
            parent = f"00-{trace_id}-{secrets.token_hex(8)}-01"
            await upload(system, None, **{"x-request-id": given, "traceparent": parent})
            found = await told(system, given)

    assert {each["trace_id"] for each in found} == {trace_id}
    assert len({each["span_id"] for each in found}) > len(SERVICES)
