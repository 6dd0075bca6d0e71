"""What requests for things may ask, and what becomes of those whose client leaves."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import httpx
import pytest
from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2, keypool_pb2_grpc

from services.cli.secrets_store import load_or_create
from tests.e2e.test_resources import make
from tests.support.system import Pool, System
from tests.support.two_clients import FLASH, GENERATE, Two
from tests.support.waiting import eventually

LIVE = "gemini-live-2.5-flash"


@pytest.fixture
async def limited(system: System, two: Two) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the same pool that may use some models only."""
    async with system.admin() as admin:
        request = admin_pb2.CreateTokenRequest(
            name=f"limited-{secrets.token_hex(4)}", pool=two.pool.name, allowed_models=[LIVE]
        )
        token = await admin.call("CreateToken", request)
    system.secrets.append(token.secret)
    async with system.client(Pool(two.pool.name, token.secret, two.pool.keys)) as client:
        yield client


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"uses": 1}, 400),
        ({"bidiGenerateContentSetup": {"generationConfig": {}}}, 400),
        ({"bidiGenerateContentSetup": {"model": f"models/{FLASH}"}}, 403),
        ({"bidi_generate_content_setup": {"model": FLASH}}, 403),
        (
            {
                "bidiGenerateContentSetup": {"model": LIVE},
                "bidi_generate_content_setup": {"model": FLASH},
            },
            403,
        ),
        ({"bidiGenerateContentSetup": {"model": LIVE}, "fieldMask": "generationConfig"}, 400),
        ({"bidiGenerateContentSetup": {"model": LIVE}, "field_mask": "tools,model"}, 200),
        ({"bidiGenerateContentSetup": {"model": f"models/{LIVE}"}}, 200),
    ],
)
async def test_ephemeral_tokens_open_only_what_their_maker_may_use(
    two: Two, limited: httpx.AsyncClient, body: dict[str, Any], status: int
) -> None:
    before = await two.sent()

    answer = await limited.post("/v1alpha/auth_tokens", json=body)

    assert answer.status_code == status, answer.text
    assert await two.sent() == before + (status == 200)


async def test_what_is_made_is_told_whole(two: Two) -> None:
    query = "fields=displayName&alt=media&$fields=displayName&%24alt=proto"

    made = await two.client.post(f"/v1beta/fileSearchStores?{query}", json={})

    assert (await two.last_request()).query == ""
    assert (await two.client.get(f"/v1beta/{made.json()['name']}")).status_code == 200


@pytest.mark.parametrize("query", ["stream=true", "stream=True", "str%65am=%74rue"])
async def test_a_stream_is_asked_for_in_any_spelling(two: Two, query: str) -> None:
    name = await make(two.client, "interactions")

    answer = await two.client.get(f"/v1beta/{name}?{query}")

    assert answer.status_code == 200
    # Passed on as it comes: only what is held as a whole has a length.
    assert "content-length" not in answer.headers


async def test_nobody_names_things_by_the_hundred(two: Two) -> None:
    parts = [{"fileData": {"fileUri": f"files/a{at}"}} for at in range(257)]
    before = await two.sent()

    answer = await two.client.post(GENERATE, json={"contents": [{"parts": parts}]})
    fewer = await two.client.post(GENERATE, json={"contents": [{"parts": parts[:256]}]})

    assert answer.status_code == 400
    assert "at most 256" in answer.json()["error"]["message"]
    assert fewer.status_code == 403
    assert await two.sent() == before


async def test_of_repeated_fields_the_upstream_gets_the_checked_one(two: Two) -> None:
    mine, foreign = await two.upload(), await two.upload(by=two.other)
    part = f'{{"fileUri":"{foreign}","fileUri":"{mine}"}}'
    body = f'{{"contents":[{{"parts":[{{"text":"hi"}},{{"fileData":{part}}}]}}]}}'

    answer = await two.client.post(GENERATE, content=body)

    assert answer.status_code == 200, answer.text
    received = (await two.last_request()).body
    assert foreign.encode() not in received
    assert mine.encode() in received


async def test_an_interaction_whose_client_leaves_is_bound(system: System, two: Two) -> None:
    assert await bound_interactions(two) == 0
    async with system.control() as control:
        for key in two.pool.keys:
            options = {"key": key, "verb": "interactions.create", "delay_seconds": 1}
            await control.add_fault("hold_answer", **options)
        body = {"model": FLASH, "input": "hi"}
        asking = asyncio.create_task(two.client.post("/v1beta/interactions", json=body))
        before = await two.sent()
        await eventually(two.sent, lambda sent: sent > before)
    asking.cancel()

    await eventually(lambda: bound_interactions(two), lambda count: count == 1)


async def bound_interactions(two: Two) -> int:
    credential = load_or_create(two.system.data_dir).edge
    request = keypool_pb2.ListResourcesRequest(
        client_id=await two.client_id(),
        name_prefix="interactions/",
        page_size=10,
        pool=two.pool.name,
    )
    async with grpc.aio.insecure_channel(two.system.run_file["keypool_target"]) as channel:
        stub: Any = keypool_pb2_grpc.KeyPoolServiceStub(channel)
        metadata = (("authorization", f"Bearer {credential}"),)
        answer = await stub.ListResources(request, timeout=10, metadata=metadata)
    return len(answer.bindings)
