"""Other models that answer when the one that was asked for is spent or gone."""

import orjson
import pytest

from tests.support.edge_in_memory import EdgeInMemory, Script, Told
from tests.unit.edge.models.asking import MODEL, answer, post_chat, post_message

FALLBACKS = '{"gemini-3-*": ["gemini-2.5-pro", "gemini-2.5-flash"], "solo": "gemini-2.5-flash"}'
FIRST = "gemini-3-pro-preview"
GONE = Script([b'{"error": {"code": 404, "message": "gone", "status": "NOT_FOUND"}}'], status=404)
BAD = Script([b'{"error": {"code": 400, "message": "no", "status": "X"}}'], status=400)


def edge_with(**settings: object) -> EdgeInMemory:
    edge = EdgeInMemory(model_fallbacks=FALLBACKS, **settings)
    edge.upstream.script = answer()
    return edge


async def ask_gemini(edge: EdgeInMemory, model: str = FIRST, **request: object) -> Told:
    body = {"contents": [{"parts": [{"text": "hi"}]}]} | request
    return await edge.post(f"/v1beta/models/{model}:generateContent", body)


def asked(edge: EdgeInMemory) -> list[tuple[str, bool]]:
    """Return the models that a lease was wanted for, and whether somebody waited."""
    return [(need.model, need.patience > 0) for need in edge.desk.needs]


async def test_a_spent_model_is_not_waited_for_while_another_is_free() -> None:
    edge = edge_with()
    edge.desk.spent = {FIRST, "gemini-2.5-pro"}

    told = await ask_gemini(edge)

    assert told.status == 200
    assert told.headers["x-gemini-balance-model"] == MODEL
    assert asked(edge) == [(FIRST, False), ("gemini-2.5-pro", False), (MODEL, False)]
    assert edge.upstream.calls[-1].target == f"/v1beta/models/{MODEL}:generateContent"


async def test_another_model_answers_in_anthropics_dialect() -> None:
    edge = edge_with()
    edge.desk.spent = {FIRST, "gemini-2.5-pro"}

    told = await post_message(edge, FIRST, answer())

    assert told.status == 200
    assert told.headers["x-gemini-balance-model"] == MODEL
    assert told.json()["model"] == FIRST


async def test_the_first_one_is_waited_for_when_all_are_spent() -> None:
    edge = edge_with()
    edge.desk.spent = {FIRST, "gemini-2.5-pro", MODEL}

    told = await ask_gemini(edge)

    assert told.status == 200
    assert "x-gemini-balance-model" not in told.headers
    assert asked(edge)[-1] == (FIRST, True)


async def test_nobody_is_told_of_others_when_there_is_no_patience() -> None:
    edge = edge_with(max_wait_seconds=0)
    edge.desk.spent = {FIRST, "gemini-2.5-pro", MODEL}

    told = await ask_gemini(edge)

    assert told.status == 429
    assert told.headers["retry-after"] == "20"


async def test_a_model_that_is_gone_is_replaced() -> None:
    edge = edge_with()
    edge.upstream.by_model = {FIRST: GONE}

    told = await ask_gemini(edge)

    assert told.headers["x-gemini-balance-model"] == "gemini-2.5-pro"
    assert told.headers["x-gemini-balance-attempts"] == "2"


async def test_what_the_first_one_said_is_told_when_none_can_help() -> None:
    edge = edge_with()
    edge.upstream.by_model = {FIRST: GONE, "gemini-2.5-pro": BAD}

    told = await ask_gemini(edge)

    assert told.status == 404
    assert len(edge.upstream.calls) == 2, "a mistake of the client's is one with any model"


async def test_a_mistake_is_not_taken_elsewhere() -> None:
    edge = edge_with()
    edge.upstream.by_model = {FIRST: BAD}

    assert (await ask_gemini(edge)).status == 400
    assert len(edge.upstream.calls) == 1


async def test_each_model_is_spoken_to_in_its_own_words() -> None:
    edge = edge_with(search_models="*")
    edge.upstream.by_model = {FIRST: GONE}

    told = await post_chat(edge, f"{FIRST}-search", reasoning_effort="high")

    first, second = (orjson.loads(call.body) for call in edge.upstream.calls)
    assert first["generationConfig"]["thinkingConfig"]["thinkingLevel"] == "HIGH"
    assert second["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 24576
    assert first["tools"] == second["tools"] == [{"googleSearch": {}}]
    assert told.json()["model"] == f"{FIRST}-search"
    assert told.headers["x-gemini-balance-model"] == "gemini-2.5-pro"


async def test_a_model_that_cannot_do_it_is_left_out() -> None:
    edge = EdgeInMemory(model_fallbacks=f'{{"{MODEL}": ["{FIRST}", "gemini-2.5-pro"]}}')
    edge.upstream.by_model = {MODEL: GONE, "gemini-2.5-pro": answer()}

    told = await post_chat(edge, MODEL, n=2)

    assert told.headers["x-gemini-balance-model"] == "gemini-2.5-pro"
    assert len(edge.upstream.calls) == 2


@pytest.mark.parametrize("dialect", ["gemini", "openai"])
async def test_streams_too(dialect: str) -> None:
    edge = edge_with()
    edge.desk.spent = {"solo"}
    edge.upstream.script = Script([b"data: " + bytes(answer().pieces[0]) + b"\n\n"])

    if dialect == "gemini":
        told = await edge.post("/v1beta/models/solo:streamGenerateContent", {"contents": []})
    else:
        told = await post_chat(edge, "solo", stream=True)

    assert told.status == 200
    assert told.is_ended
    assert told.headers["x-gemini-balance-model"] == MODEL


async def test_a_token_gets_no_model_that_it_may_not_use() -> None:
    edge = edge_with()
    edge.clients.allowed_models = (FIRST, "*-flash")
    edge.desk.spent = {FIRST}

    for told in (await ask_gemini(edge), await post_chat(edge, FIRST)):
        assert told.headers["x-gemini-balance-model"] == MODEL


async def test_counting_and_unlisted_models_have_no_others() -> None:
    edge = edge_with()
    edge.upstream.script = GONE

    counted = await edge.post(f"/v1beta/models/{FIRST}:countTokens", {"contents": []})
    unlisted = await ask_gemini(edge, "gemini-2.5-pro")

    assert (counted.status, unlisted.status) == (404, 404)
    assert len(edge.upstream.calls) == 2
