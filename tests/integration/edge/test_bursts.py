"""Many first requests at once."""

import asyncio

import httpx
from prometheus_client import REGISTRY

from services.simulator.server import running_simulator
from services.simulator.settings import SimulatorSettings
from tests.support.edge import new_token, running_edge
from tests.support.keypool import running_keypool, secrets_of
from tests.support.load import ASK, GENERATE
from tests.support.valkey import redis_url, valkey_server

__all__ = ["redis_url", "valkey_server"]

ACQUIRE = "/gemini_balance.keypool.v1.KeyPoolService/AcquireLeases"


def calls() -> float:
    labels = {"method": ACQUIRE, "code": "OK"}
    return REGISTRY.get_sample_value("grpc_server_handled_total", labels) or 0


async def test_the_pool_is_not_asked_by_each_request_of_a_first_burst(redis_url: str) -> None:
    settings = SimulatorSettings(_env_file=None, simulator_port=0, drain_seconds=0)
    async with (
        running_simulator(settings) as google,
        running_keypool(redis_url, base_url=google.url) as keypool,
    ):
        await keypool.add_keys(*secrets_of(5))
        async with running_edge(keypool, base_url=google.url) as url:
            headers = {"authorization": f"Bearer {await new_token(keypool)}"}
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
                before = calls()
                answers = await asyncio.gather(
                    *(client.post(GENERATE, json=ASK) for _ in range(100))
                )

                assert {answer.status_code for answer in answers} == {200}
                assert calls() - before < 20
