"""What goes upstream below `/vertex-express`, whom it is refused to, and what it lists."""

from typing import Any

import orjson
import pytest

from services.edge.errors import ApiError
from services.edge.keypool import Client
from services.edge.pools import VERTEX_POOL, as_vertex_client, check_kind
from tests.support.edge_in_memory import EdgeInMemory, Script
from tests.unit.edge.models.asking import MODEL, answer

ROOT = "/vertex-express/v1beta"
BODY = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
PAINTER = "gemini-2.0-flash-exp"
DRAWN = {"responseModalities": ["TEXT", "IMAGE"]}
LISTED = (
    b'{"models": [{"name": "models/gemini-2.5-flash", "supportedGenerationMethods":'
    b' ["generateContent", "countTokens", "createCachedContent"]},'
    b' {"name": "models/gemini-embedding-001", "supportedGenerationMethods": ["embedContent"]},'
    b' {"name": "models/gemma-3", "supportedGenerationMethods": ["generateContent"]}],'
    b' "nextPageToken": "more"}'
)
FLASH = {
    "name": f"models/{MODEL}",
    "supportedGenerationMethods": ["generateContent", "countTokens"],
}


def client(pool: str, *, limited: bool = False) -> Client:
    return Client("c1", frozenset({"models"}), pool, (), limited, 5)


@pytest.mark.parametrize("verb", ["generateContent", "countTokens"])
async def test_a_method_leases_a_vertex_key_and_names_no_version(verb: str) -> None:
    edge = EdgeInMemory()

    told = await edge.post(f"{ROOT}/models/{MODEL}:{verb}?key=sk-x&fields=a", BODY, answer())

    assert told.status == 200, told.body
    [call] = edge.upstream.calls
    assert call.target == f"/models/{MODEL}:{verb}?fields=a"
    assert (call.need.pool, call.need.model) == (VERTEX_POOL, MODEL)
    assert edge.sent() == BODY


async def test_a_stream_is_one_of_events() -> None:
    edge = EdgeInMemory()
    event = b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}\r\n'

    told = await edge.post(
        f"{ROOT}/models/{MODEL}:streamGenerateContent", BODY, Script([event + b"\r\n"])
    )

    assert told.body.startswith(b"data: ")
    assert edge.upstream.calls[-1].target == f"/models/{MODEL}:streamGenerateContent?alt=sse"


async def test_names_and_settings_mean_there_what_they_mean_elsewhere() -> None:
    edge = EdgeInMemory(search_models=MODEL, model_aliases={"fast": MODEL})

    await edge.post(f"{ROOT}/models/{MODEL}-search:generateContent", BODY, answer())
    assert edge.sent()["tools"] == [{"googleSearch": {}}]

    await edge.post(f"{ROOT}/models/fast:generateContent", BODY, answer())
    assert edge.upstream.calls[-1].target == f"/models/{MODEL}:generateContent"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/models/{MODEL}:embedContent", 501),
        ("/models/imagen-4.0-generate-001:predict", 501),
        ("/tunedModels/mine:generateContent", 501),
        ("/files", 404),
        ("/models/a/b", 404),
    ],
)
async def test_what_vertex_does_not_offer_is_refused_here(path: str, status: int) -> None:
    edge = EdgeInMemory()

    told = await edge.post(ROOT + path, BODY, answer())

    assert told.status == status, told.body
    assert told.json()["error"]["code"] == status
    assert not edge.upstream.calls


async def test_files_of_geminis_api_are_refused_here() -> None:
    edge = EdgeInMemory()
    uri = "https://generativelanguage.googleapis.com/v1beta/files/abc"
    body = {"contents": [{"parts": [{"fileData": {"fileUri": uri}}]}]}

    told = await edge.post(f"{ROOT}/models/{MODEL}:generateContent", body, answer())

    assert (told.status, not edge.upstream.calls) == (400, True)
    assert "files/abc" in told.json()["error"]["message"]


async def test_the_list_is_geminis_by_a_key_of_the_clients_own_pool() -> None:
    edge = EdgeInMemory(search_models=MODEL)

    told = await edge.get(f"{ROOT}/models?pageSize=9&key=sk-x", Script([LISTED]))

    [call] = edge.upstream.calls
    assert (call.target, call.need.pool) == ("/v1beta/models?pageSize=9", "default")
    assert told.json() == {
        "models": [FLASH, FLASH | {"name": f"models/{MODEL}-search"}],
        "nextPageToken": "more",
    }


async def test_the_list_of_the_setting_asks_nobody() -> None:
    edge = EdgeInMemory(vertex_express_models=MODEL)

    listed = await edge.get(f"{ROOT}/models")
    one = await edge.get(f"{ROOT}/models/{MODEL}")
    other = await edge.get(f"{ROOT}/models/gemini-2.5-pro")

    assert listed.json() == {"models": [FLASH]}
    assert one.json() == FLASH
    assert other.status == 404
    assert not edge.upstream.calls


@pytest.mark.parametrize(
    ("described", "status"),
    [(FLASH, 200), ({"name": "models/gemini-embedding-001"}, 404)],
)
async def test_a_model_is_described_where_vertex_may_have_it(
    described: dict[str, Any], status: int
) -> None:
    edge = EdgeInMemory()

    told = await edge.get(f"{ROOT}/models/{MODEL}", Script([orjson.dumps(described)]))

    assert told.status == status
    assert edge.upstream.calls[-1].target == f"/v1beta/models/{MODEL}"


@pytest.mark.parametrize("pool", ["default", VERTEX_POOL])
def test_clients_that_may_use_vertex_use_its_keys_alone(pool: str) -> None:
    assert as_vertex_client(client(pool)).pool == VERTEX_POOL


@pytest.mark.parametrize("restricted", [client("team"), client("default", limited=True)])
def test_restricted_clients_may_not(restricted: Client) -> None:
    with pytest.raises(ApiError) as caught:
        as_vertex_client(restricted)

    assert (caught.value.status, caught.value.code) == (403, "pool_not_allowed")


def test_limits_of_the_vertex_pool_itself_hold_there() -> None:
    assert as_vertex_client(client(VERTEX_POOL, limited=True)).limited


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1beta/models", "/upload/v1beta/files", "/vertex-expressed"]
)
def test_a_vertex_token_opens_nothing_else(path: str) -> None:
    check_kind(client("default"), path)
    check_kind(client(VERTEX_POOL), f"{ROOT}/models")
    with pytest.raises(ApiError) as caught:
        check_kind(client(VERTEX_POOL), path)

    assert caught.value.status == 403


@pytest.mark.parametrize(
    ("name", "model", "added"),
    [
        (f"{MODEL}-search", MODEL, {"tools": [{"googleSearch": {}}]}),
        (f"{PAINTER}-image", PAINTER, {"generationConfig": DRAWN}),
        (f"{PAINTER}-image-generation", PAINTER, {"generationConfig": DRAWN}),
        (
            f"{MODEL}-non-thinking",
            MODEL,
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}},
        ),
        (
            "gemini-2.5-flash-image-chat",
            "gemini-2.5-flash-image",
            {"generationConfig": DRAWN},
        ),
    ],
)
async def test_every_suffix_asks_there_for_what_it_asks_for_elsewhere(
    name: str, model: str, added: dict[str, Any]
) -> None:
    edge = EdgeInMemory(search_models=MODEL, image_models=PAINTER)

    await edge.post(f"{ROOT}/models/{name}:generateContent", BODY, answer())

    assert edge.sent() == BODY | added
    assert edge.upstream.calls[-1].target == f"/models/{model}:generateContent"


async def test_a_model_that_stands_in_is_one_of_vertex() -> None:
    edge = EdgeInMemory(model_fallbacks={MODEL: ["gemini-2.5-pro"]})
    edge.desk.spent.add(MODEL)

    told = await edge.post(f"{ROOT}/models/{MODEL}:generateContent", BODY, answer())

    assert told.headers["x-gemini-balance-model"] == "gemini-2.5-pro"
    assert edge.upstream.calls[-1].target == "/models/gemini-2.5-pro:generateContent"
    assert {need.pool for need in edge.desk.needs} == {VERTEX_POOL}
