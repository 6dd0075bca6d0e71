"""Lists of models, in both dialects."""

from typing import Any

import orjson

from tests.support.edge_in_memory import EdgeInMemory, Script

BEARER = {"authorization": "Bearer sk-1"}


def described(name: str, title: str, method: str = "generateContent") -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "displayName": title,
        "inputTokenLimit": 8,
        "supportedGenerationMethods": [method, "countTokens"],
    }


MODELS = [
    described("gemini-2.5-flash", "Flash"),
    described("gemini-2.5-flash-image", "Painter"),
    described("gemini-1.5-pro", "Old"),
    described("gemini-embedding-001", "Vectors", "embedContent"),
]
LIST = {"models": MODELS, "nextPageToken": "abc"}
LISTED = Script([orjson.dumps(LIST)])
SETTINGS = {
    "search_models": "*",
    "image_models": "gemini-2.5-flash",
    "thinking_models": "gemini-2.5-flash",
    "filtered_models": "gemini-1.*",
    "create_image_model": "gemini-2.5-flash-image",
    "model_aliases": '{"gpt-4o": "gemini-2.5-flash", "gpt-*": "gemini-2.5-flash"}',
}
DERIVED = [
    "gemini-2.5-flash-search",
    "gemini-2.5-flash-image",
    "gemini-2.5-flash-non-thinking",
    "gpt-4o",
    "gemini-2.5-flash-image-search",
]


async def test_openais_list_has_what_names_can_be_made_of() -> None:
    told = await EdgeInMemory(**SETTINGS).get("/v1/models", LISTED, headers=BEARER)

    ids = [model["id"] for model in told.json()["data"]]
    plain = ["gemini-2.5-flash", "gemini-2.5-flash-image", "gemini-embedding-001"]
    assert ids[:3] == plain
    assert set(ids[3:]) == {*DERIVED, "gemini-2.5-flash-image-chat"} - {"gemini-2.5-flash-image"}
    assert len(ids) == len(set(ids))


async def test_geminis_list_has_them_described() -> None:
    told = await EdgeInMemory(**SETTINGS).get("/v1beta/models?pageSize=4", LISTED)

    answer = told.json()
    by_name = {model["name"].removeprefix("models/"): model for model in answer["models"]}
    assert answer["nextPageToken"] == "abc"
    assert by_name["gemini-2.5-flash-search"] == described(
        "gemini-2.5-flash-search", "Flash (search)"
    )
    assert by_name["gpt-4o"] == described("gpt-4o", "Flash")
    assert by_name["gemini-2.5-flash-image"]["displayName"] == "Painter"
    assert "gemini-1.5-pro" not in by_name
    assert "gemini-2.5-flash-image-chat" not in by_name


async def test_without_settings_lists_are_the_upstreams() -> None:
    edge = EdgeInMemory()
    script = Script([b'{ "models" : [{"name": "models/a"}] }'])

    gemini = await edge.get("/v1beta/models", script)
    openai = await edge.get("/v1/models", LISTED, headers=BEARER)

    assert gemini.body == script.pieces[0]
    assert [model["id"] for model in openai.json()["data"]] == [
        model["name"].removeprefix("models/") for model in MODELS
    ]


async def test_a_made_name_can_be_read_like_any_other() -> None:
    edge = EdgeInMemory(**SETTINGS)
    script = Script([orjson.dumps(MODELS[0])])

    gemini = await edge.get("/v1beta/models/gemini-2.5-flash-non-thinking", script)
    assert edge.upstream.calls[-1].target == "/v1beta/models/gemini-2.5-flash"
    openai = await edge.get("/v1/models/gpt-4o", script, headers=BEARER)
    hidden = await edge.get("/v1/models/gemini-1.5-pro", script, headers=BEARER)

    assert gemini.json() == described("gemini-2.5-flash-non-thinking", "Flash (non-thinking)")
    assert openai.json()["id"] == "gpt-4o"
    assert hidden.status == 404


async def test_a_list_in_a_form_of_its_own_is_passed_on() -> None:
    edge = EdgeInMemory(**SETTINGS)

    for body in (b"\x0a\x02hi", b"[1]", b'{"models": 5}'):
        told = await edge.get("/v1beta/models", Script([body]))
        assert told.status == 200
        assert orjson.loads(body) == told.json() if body[:1] in b"[{" else told.body == body
