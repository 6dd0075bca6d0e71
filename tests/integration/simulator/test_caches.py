from typing import Any

import httpx
import pytest

from services.simulator.control import SimulatorControl
from tests.integration.simulator.asking import FLASH, GENERATE, ask

LONG = {"role": "user", "parts": [{"text": "word " * 1000}]}


async def create(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    body = {"model": f"models/{FLASH}", "contents": [LONG], **fields}
    return await client.post("/v1beta/cachedContents", json=body)


async def test_a_cached_content_lives_its_life(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    made = (await create(alpha, ttl="600s", displayName="book")).json()
    path = f"/v1beta/{made['name']}"

    assert made["usageMetadata"] == {"totalTokenCount": 1250}
    assert "contents" not in made
    assert (await alpha.get(path)).json() == made
    assert (await alpha.get("/v1beta/cachedContents")).json() == {"cachedContents": [made]}
    await control.set_clock(500)
    changed = (await alpha.patch(path, json={"ttl": "600s"})).json()
    assert changed["expireTime"] > made["expireTime"]
    await control.set_clock(1000)
    assert (await alpha.get(path)).status_code == 200
    assert (await alpha.delete(path)).json() == {}
    assert (await alpha.get(path)).status_code == 403


async def test_it_expires(alpha: httpx.AsyncClient, control: SimulatorControl) -> None:
    name = (await create(alpha, ttl="10s")).json()["name"]

    await control.set_clock(11)

    assert (await alpha.get(f"/v1beta/{name}")).status_code == 403


async def test_what_it_holds_is_part_of_the_prompt(alpha: httpx.AsyncClient) -> None:
    name = (await create(alpha)).json()["name"]

    reply = (await alpha.post(GENERATE, json=ask("short", cachedContent=name))).json()

    usage = reply["usageMetadata"]
    assert usage["cachedContentTokenCount"] == 1250
    assert usage["promptTokenCount"] == 1252


async def test_it_belongs_to_its_project_and_model(
    alpha: httpx.AsyncClient, beta: httpx.AsyncClient
) -> None:
    name = (await create(alpha)).json()["name"]
    other_model = GENERATE.replace("2.5-flash", "2.5-pro")

    foreign = await beta.post(GENERATE, json=ask(cachedContent=name))
    wrong_model = await alpha.post(other_model, json=ask(cachedContent=name))

    assert foreign.status_code == 403
    message = "CachedContent not found (or permission denied)"
    assert foreign.json()["error"]["message"] == message
    assert (await beta.delete(f"/v1beta/{name}")).status_code == 403
    assert wrong_model.status_code == 400
    assert "has to be the same" in wrong_model.json()["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"contents": ask()["contents"]}, 400, "Cached content is too small."),
        ({"model": ""}, 400, "model is required"),
        ({"model": "models/gemini-9"}, 404, "models/gemini-9 is not found"),
        ({"ttl": "soon"}, 400, "Invalid value at 'cached_content.ttl'"),
        ({"expireTime": "soon"}, 400, "Invalid value at 'cached_content.expire_time'"),
        ({"nonsense": 1}, 400, 'Unknown name "nonsense"'),
    ],
)
async def test_what_cannot_be_cached_is_refused(
    alpha: httpx.AsyncClient, fields: dict[str, Any], status: int, message: str
) -> None:
    response = await create(alpha, **fields)

    assert response.status_code == status
    assert message in response.json()["error"]["message"]
