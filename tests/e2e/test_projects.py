"""Keys whose project nobody has declared, found out by the whole system."""

import asyncio
import json
import secrets
from pathlib import Path
from typing import Any

import httpx
from gemini_balance.keypool.v1 import admin_pb2, admin_pb2_grpc

from tests.support.system import (
    Pool,
    System,
    running_simulator_process,
    system_beside,
)
from tests.support.waiting import eventually

MODEL = "gemini-2.5-flash"
GENERATE = f"/v1beta/models/{MODEL}:generateContent"
ASK = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


async def groups_of(system: System, pool: Pool) -> set[frozenset[str]]:
    """Return the keys of each project."""
    async with system.admin() as admin:
        request = admin_pb2.ListProjectsRequest(pool=pool.name)
        listed = await admin.call("ListProjects", request)
    return {frozenset(project.key_ids) for project in listed.projects}


async def discover(system: System, pool: Pool) -> None:
    async with system.admin() as admin:
        stub: Any = admin_pb2_grpc.KeyAdminServiceStub(admin.channel)
        request = admin_pb2.DiscoverProjectsRequest(pool=pool.name)
        async for _ in stub.DiscoverProjects(request, metadata=admin.metadata, timeout=30):
            pass


async def ask(client: httpx.AsyncClient, count: int) -> list[int]:
    answers = await asyncio.gather(*(client.post(GENERATE, json=ASK) for _ in range(count)))
    return [answer.status_code for answer in answers]


async def test_keys_with_one_project_number_are_merged_by_traffic(system: System) -> None:
    pool = await system.new_pool(3)
    project = f"project-{secrets.token_hex(4)}"
    async with system.control() as control, system.client(pool) as client:
        for key in pool.keys[:2]:
            await control.put_key(key, project=project)
            await control.add_fault("service_disabled", key=key)

        assert await ask(client, 1) == [200]
        await eventually(
            lambda: _ask_until_refused(system, client, pool),
            lambda groups: len(groups) == 2,
            seconds=20,
        )

    together = frozenset(pool.key_ids[key] for key in pool.keys[:2])
    assert together in await groups_of(system, pool)


async def _ask_until_refused(
    system: System, client: httpx.AsyncClient, pool: Pool
) -> set[frozenset[str]]:
    await ask(client, 1)
    return await groups_of(system, pool)


async def test_grouped_keys_share_what_was_learned(tmp_path: Path) -> None:
    owners = {
        f"AIzaGroup{number:02d}{secrets.token_hex(8)}": f"project-{number % 4}"
        for number in range(20)
    }
    with running_simulator_process(
        tmp_path, SIMULATOR_KEYS=json.dumps(owners), SIMULATOR_RPM="10"
    ) as simulator_url:
        async with system_beside(tmp_path, simulator_url, MAX_WAIT_SECONDS="0") as system:
            pool = await system.new_pool(owners=dict.fromkeys(owners, ""))
            await discover(system, pool)

            expected = {
                frozenset(
                    pool.key_ids[key] for key, owner in owners.items() if owner == f"project-{at}"
                )
                for at in range(4)
            }
            assert await groups_of(system, pool) == expected
            async with system.client(pool) as client, system.control() as control:
                first = await ask(client, 60)
                known = (await control.counts()).total.by_status.get("429", 0)
                second = await ask(client, 60)
                later = (await control.counts()).total.by_status.get("429", 0)

            assert first.count(200) == 40
            assert set(second) == {429}
            assert later == known
