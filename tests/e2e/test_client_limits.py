"""A client's own limits, as the client meets them at the edge."""

from gemini_balance.keypool.v1 import admin_pb2 as pb

from tests.support.system import Pool, System

MODEL = "gemini-2.5-flash"
GENERATE = f"/v1beta/models/{MODEL}:generateContent"
COUNT = f"/v1beta/models/{MODEL}:countTokens"
ASK = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


async def limited_pool(system: System, limits: pb.ClientLimits) -> Pool:
    """Make two keys, and a client of theirs that has limits."""
    pool = await system.new_pool(2)
    async with system.admin() as admin:
        request = pb.CreateTokenRequest(name=pool.name, pool=pool.name, limits=limits)
        pool.token = (await admin.call("CreateToken", request)).secret
    system.secrets.append(pool.token)
    return pool


async def test_one_request_costs_one_however_often_it_is_tried(system: System) -> None:
    pool = await limited_pool(system, pb.ClientLimits(requests_per_minute=1, requests_per_day=1))
    async with system.client(pool) as client, system.control() as control:
        before = await client.post(COUNT, json=ASK)
        for key in pool.keys:
            await control.add_fault("rate_limit_minute", key=key, retry_seconds=1)
        answer = await client.post(GENERATE, json=ASK)
        after = [await client.post(COUNT, json=ASK), await client.get("/v1/models")]
        second = await client.post(GENERATE, json=ASK)

    assert [before.status_code, answer.status_code] == [200, 200], answer.text
    # Each key refused once, then one was waited for.
    assert answer.headers["x-gemini-balance-attempts"] == "3"
    assert [free.status_code for free in after] == [200, 200]
    assert second.status_code == 429
    assert "limit of its own" in second.json()["error"]["message"]
