"""Embeddings with OpenAI's real SDK: many at once, in their order, in both encodings."""

import math

import openai
import pytest

from tests.support.system import Pool, System

MODEL = "gemini-embedding-001"
# More than two of Google's batches of 100.
TEXTS = [f"the tale number {number}" for number in range(230)]


async def test_more_than_google_takes_at_once_keeps_its_order(
    system: System, pool: Pool, sdk: openai.AsyncOpenAI
) -> None:
    answer = await sdk.embeddings.create(model=MODEL, input=TEXTS, dimensions=16)

    assert [row.index for row in answer.data] == list(range(len(TEXTS)))
    assert answer.usage.total_tokens == answer.usage.prompt_tokens > len(TEXTS)
    for place in (0, 99, 100, 229):
        alone = await sdk.embeddings.create(model=MODEL, input=TEXTS[place], dimensions=16)
        assert answer.data[place].embedding == alone.data[0].embedding
    async with system.control() as control:
        tally = await control.counts()
    batches = sum(tally.of(key).by_verb.get("batchEmbedContents", 0) for key in pool.keys)
    assert batches == 3 + 4


async def test_both_encodings_hold_the_same_numbers(sdk: openai.AsyncOpenAI) -> None:
    # Without a choice of the caller's, the SDK asks for base64 and decodes it.
    packed = await sdk.embeddings.create(model=MODEL, input="a", dimensions=8)
    plain = await sdk.embeddings.create(
        model=MODEL, input="a", dimensions=8, encoding_format="float"
    )

    assert len(plain.data[0].embedding) == 8
    for ours, theirs in zip(packed.data[0].embedding, plain.data[0].embedding, strict=True):
        assert math.isclose(ours, theirs, rel_tol=1e-6)


async def test_a_batch_that_fails_fails_the_request(
    system: System, pool: Pool, sdk: openai.AsyncOpenAI
) -> None:
    async with system.control() as control:
        for key in pool.keys:
            body = {"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}
            await control.add_fault(
                "custom", key=key, verb="batchEmbedContents", status=400, body=body
            )

    with pytest.raises(openai.BadRequestError):
        await sdk.embeddings.create(model=MODEL, input=TEXTS)


async def test_what_has_no_counterpart_is_named(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.embeddings.with_raw_response.create(model=MODEL, input="a", user="ada")

    assert answer.headers["x-gemini-balance-ignored"] == "user"


@pytest.mark.parametrize(
    "tokens", [[1, 2, 3], [[1, 2], [3]]], ids=["one array of tokens", "several"]
)
async def test_arrays_of_tokens_are_refused_with_what_to_do(
    system: System, pool: Pool, tokens: list[object]
) -> None:
    async with system.client(pool) as client:
        answer = await client.post("/v1/embeddings", json={"model": MODEL, "input": tokens})

    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, "input")
    assert "Send text" in error["message"]
    async with system.control() as control:
        assert not set(pool.keys) & set((await control.counts()).keys)
