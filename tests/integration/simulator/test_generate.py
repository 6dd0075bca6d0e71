import math

import httpx
import orjson
import pytest

from services.simulator.control import SimulatorControl
from tests.integration.simulator.asking import (
    COUNT,
    FLASH,
    GENERATE,
    STREAM,
    ask,
    events_of,
    text_of,
)


@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_words_are_answered(alpha: httpx.AsyncClient, version: str) -> None:
    response = await alpha.post(f"/{version}/models/{FLASH}:generateContent", json=ask("marco"))

    assert response.headers["content-type"] == "application/json; charset=UTF-8"
    assert response.headers.get_list("vary") == ["Origin", "X-Origin", "Referer"]
    assert text_of(response.json()) == f"{FLASH} heard: marco"


async def test_a_long_answer_is_packed_for_who_accepts_it(alpha: httpx.AsyncClient) -> None:
    packed = await alpha.post(GENERATE, json=ask("[[words 500]]"))
    plain = await alpha.post(
        GENERATE, json=ask("[[words 500]]"), headers={"accept-encoding": "identity"}
    )

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()


async def test_a_stream_of_events(alpha: httpx.AsyncClient) -> None:
    response = await alpha.post(STREAM, params={"alt": "sse"}, json=ask("[[words 100]]"))

    events = events_of(response.content)
    assert response.headers["content-type"] == "text/event-stream"
    assert len(events) > 5
    assert "".join(text_of(event) for event in events).endswith("word99")
    assert [event["candidates"][0].get("finishReason") for event in events] == [
        *[None] * (len(events) - 1),
        "STOP",
    ]
    assert len({event["responseId"] for event in events}) == 1


async def test_a_stream_without_events_is_one_array(alpha: httpx.AsyncClient) -> None:
    response = await alpha.post(STREAM, json=ask("[[words 100]]"))

    assert response.headers["content-type"] == "application/json; charset=UTF-8"
    assert response.content.startswith(b"[{")
    assert response.content.endswith(b"}\n]")
    assert response.content.count(b"}\n,\r\n{") == len(response.json()) - 1
    assert "".join(text_of(chunk) for chunk in response.json()).endswith("word99")


async def test_an_error_of_an_array_stream_stands_in_an_array(alpha: httpx.AsyncClient) -> None:
    bare = await alpha.post(STREAM, json={})
    events = await alpha.post(STREAM, params={"alt": "sse"}, json={})

    assert bare.json() == [events.json()]
    assert (bare.status_code, events.status_code) == (400, 400)


async def test_refusals_of_the_body_are_told(alpha: httpx.AsyncClient) -> None:
    malformed = await alpha.post(GENERATE, content=b"{")
    unknown = await alpha.post(GENERATE, json=ask(nonsense=1))
    empty = await alpha.post(GENERATE, json={})

    assert [each.status_code for each in (malformed, unknown, empty)] == [400, 400, 400]
    assert 'Unknown name "nonsense"' in unknown.json()["error"]["message"]
    assert "contents is not specified" in empty.json()["error"]["message"]


async def test_several_candidates(alpha: httpx.AsyncClient) -> None:
    reply = (await alpha.post(GENERATE, json=ask(generationConfig={"candidateCount": 3}))).json()

    assert [candidate["index"] for candidate in reply["candidates"]] == [0, 1, 2]
    texts = {candidate["content"]["parts"][0]["text"] for candidate in reply["candidates"]}
    assert len(texts) == 3


async def test_counting_agrees_with_what_generating_charges(alpha: httpx.AsyncClient) -> None:
    request = ask("some words to count", systemInstruction={"parts": [{"text": "be brief"}]})
    whole = {"generateContentRequest": {"model": f"models/{FLASH}", **request}}

    bare = (await alpha.post(COUNT, json=ask("some words to count"))).json()
    counted = (await alpha.post(COUNT, json=whole)).json()
    charged = (await alpha.post(GENERATE, json=request)).json()["usageMetadata"]

    assert counted["totalTokens"] == charged["promptTokenCount"]
    assert counted["promptTokensDetails"] == charged["promptTokensDetails"]
    assert 0 < bare["totalTokens"] < counted["totalTokens"]


@pytest.mark.parametrize("body", [{}, ask() | {"generateContentRequest": ask()}])
async def test_counting_nothing_or_two_things_is_refused(
    alpha: httpx.AsyncClient, body: dict[str, object]
) -> None:
    assert (await alpha.post(COUNT, json=body)).status_code == 400


@pytest.mark.parametrize(
    ("model", "wanted", "dimensions"),
    [
        ("text-embedding-004", None, 768),
        ("gemini-embedding-001", None, 3072),
        ("gemini-embedding-001", 256, 256),
    ],
)
async def test_embeddings_are_unit_vectors_of_the_text(
    alpha: httpx.AsyncClient, model: str, wanted: int | None, dimensions: int
) -> None:
    def request(text: str) -> dict[str, object]:
        content = {"parts": [{"text": text}]}
        size = {"outputDimensionality": wanted} if wanted else {}
        return {"model": f"models/{model}", "content": content, **size}

    one = await alpha.post(f"/v1beta/models/{model}:embedContent", json=request("a"))
    batch = await alpha.post(
        f"/v1beta/models/{model}:batchEmbedContents",
        json={"requests": [request("a"), request("b")]},
    )

    vector = one.json()["embedding"]["values"]
    first, second = (each["values"] for each in batch.json()["embeddings"])
    assert len(vector) == dimensions
    assert math.hypot(*vector) == pytest.approx(1)
    assert first == vector
    assert second != vector


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("embedContent", {}),
        ("embedContent", {"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 0}),
        ("embedContent", {"content": {"parts": [{"text": "a"}]}, "model": "models/other"}),
        ("batchEmbedContents", {}),
        ("batchEmbedContents", {"requests": [{"content": {"parts": [{"text": "a"}]}}]}),
        ("batchEmbedContents", {"requests": [{"content": {"parts": [{"text": "a"}]},
                                              "model": "models/gemini-embedding-001"}] * 101}),
    ],
)  # fmt: skip
async def test_senseless_embeddings_are_refused(
    alpha: httpx.AsyncClient, verb: str, body: dict[str, object]
) -> None:
    response = await alpha.post(f"/v1beta/models/gemini-embedding-001:{verb}", json=body)

    assert response.status_code == 400


async def test_signatures_may_be_bound_to_their_project(
    alpha: httpx.AsyncClient, beta: httpx.AsyncClient, control: SimulatorControl
) -> None:
    path = "/v1beta/models/gemini-3-flash-preview:generateContent"
    tools = [{"functionDeclarations": [{"name": "look"}]}]
    reply = (await alpha.post(path, json=ask(tools=tools))).json()
    call = reply["candidates"][0]["content"]
    result = {"functionResponse": {"name": "look", "response": {"seen": "sea"}}}
    history = [*ask()["contents"], call, {"role": "user", "parts": [result]}]
    follow_up = {"contents": history, "tools": tools}

    loose = await beta.post(path, json=follow_up)
    await control.set_behaviour(bind_signatures=True)
    own = await alpha.post(path, json=follow_up)
    foreign = await beta.post(path, json=follow_up)

    assert (loose.status_code, own.status_code, foreign.status_code) == (200, 200, 400)
    assert text_of(own.json()) == 'gemini-3-flash-preview learned: look returned {"seen":"sea"}.'
    assert foreign.json()["error"]["message"] == "Corrupted thought signature."


async def test_a_stream_of_calls_ends_with_stop(alpha: httpx.AsyncClient) -> None:
    tools = [{"functionDeclarations": [{"name": "look"}, {"name": "listen"}]}]
    request = ask("call all tools", tools=tools)

    response = await alpha.post(
        "/v1beta/models/gemini-3-flash-preview:streamGenerateContent",
        params={"alt": "sse"},
        content=orjson.dumps(request),
    )

    events = events_of(response.content)
    parts = [part for event in events for part in event["candidates"][0]["content"]["parts"]]
    assert [part["functionCall"]["name"] for part in parts if "functionCall" in part] == [
        "look",
        "listen",
    ]
    assert events[-1]["candidates"][0]["finishReason"] == "STOP"
