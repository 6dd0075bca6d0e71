"""What the Gemini routes pass on, and what they keep back."""

import pytest

from tests.support.system import System

MODEL = "gemini-2.5-flash"
ASK = {"contents": [{"role": "user", "parts": [{"text": "please repeat truffle"}]}]}


@pytest.mark.parametrize("carrier", ["bearer", "x-goog-api-key", "x-api-key", "query"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}),
        (f"/v1beta/models/{MODEL}:generateContent", ASK),
    ],
)
async def test_each_carrier_of_a_token_works_on_each_route(
    system: System, carrier: str, path: str, body: dict[str, object]
) -> None:
    pool = await system.new_pool(1)
    headers, params = {}, {}
    match carrier:
        case "bearer":
            headers["authorization"] = f"Bearer {pool.token}"
        case "query":
            params["key"] = pool.token
        case name:
            headers[name] = pool.token

    async with system.client() as client:
        answer = await client.post(path, json=body, headers=headers, params=params)

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-request-id"]
    assert answer.headers["x-gemini-balance-attempts"] == "1"
    assert answer.headers["x-gemini-balance-key"].endswith(pool.keys[0][-4:])


async def test_stream_is_sse_without_being_asked_for(system: System) -> None:
    pool = await system.new_pool(1)
    async with system.client(pool) as client:
        path = f"/v1beta/models/{MODEL}:streamGenerateContent"
        plain = await client.post(path, json=ASK)
        array = await client.post(path, json=ASK, params={"alt": "json"})

    assert plain.headers["content-type"].startswith("text/event-stream")
    assert plain.text.startswith("data: {")
    assert array.headers["content-type"].startswith("application/json")
    assert isinstance(array.json(), list)


async def test_unknown_verbs_and_fields_reach_the_upstream(system: System) -> None:
    pool = await system.new_pool(1)
    async with system.client(pool) as client:
        answer = await client.post(
            f"/v1beta/models/{MODEL}:inventedTomorrow",
            json={"some": "thing"},
            params={"tomorrow": "a,b", "$xgafv": "2"},
            headers={
                "x-goog-custom": "kept",
                "cookie": "dropped=1",
                "x-http-method-override": "PUT",
            },
        )

    assert answer.status_code == 404, "the upstream does not know it either"
    async with system.control() as control:
        sent = [r for r in await control.requests(limit=50) if "inventedTomorrow" in r.path][-1]
    assert sent.json() == {"some": "thing"}
    # What `$` begins with is Google's own business, and can change the call itself.
    assert sent.query == "tomorrow=a%2Cb"
    headers = dict(sent.headers)
    assert headers["x-goog-custom"] == "kept"
    assert headers["accept-encoding"] == "identity"
    assert {"cookie", "x-http-method-override", "authorization"}.isdisjoint(headers)


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/v1beta/agents", "gemini"),
        ("/v1/webhooks/x", "gemini"),
        ("/v1beta/files:register", "gemini"),
        ("/v1/batches", "openai"),
    ],
)
async def test_collections_of_a_project_are_not_mixed_up(
    system: System, path: str, dialect: str
) -> None:
    pool = await system.new_pool(1)
    async with system.client(pool) as client:
        answer = await client.get(path)

    assert answer.status_code == 501
    error = answer.json()["error"]
    assert ("status" in error) == (dialect == "gemini")


async def test_model_lists_are_told_apart_by_the_client(system: System) -> None:
    pool = await system.new_pool(1)
    async with system.client() as client:
        openai = await client.get("/v1/models", headers={"authorization": f"Bearer {pool.token}"})
        header = await client.get("/v1/models", headers={"x-goog-api-key": pool.token})
        query = await client.get("/v1/models", params={"key": pool.token, "pageSize": 2})
        beta = await client.get("/v1beta/models", headers={"authorization": f"Bearer {pool.token}"})

    assert openai.json()["object"] == "list"
    assert "models" in header.json()
    assert len(query.json()["models"]) == 2
    assert "models" in beta.json()


async def test_cross_origin_requests_are_let_in(system: System) -> None:
    async with system.client() as client:
        preflight = await client.options(
            "/v1/chat/completions",
            headers={
                "origin": "https://app.example",
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization,x-stainless-os",
            },
        )
        refused = await client.post("/v1/chat/completions", json={})

    assert preflight.status_code == 204
    allowed = preflight.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "x-goog-api-key", "x-goog-upload-command", "x-stainless-os"} <= set(
        allowed
    )
    assert "access-control-allow-credentials" not in preflight.headers
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "*"
    assert "X-Goog-Upload-URL" in refused.headers["access-control-expose-headers"]
