"""Embeddings: batches, formats, order and counts."""

import base64
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.edge.openai.embeddings import (
    encode_vector,
    translate_embeddings,
    translate_embeddings_answer,
)
from services.edge.openai.errors import AnswerError, BadRequestError
from tests.unit.edge.openai.recordings import recordings

MODEL = "gemini-embedding-001"


def test_one_text() -> None:
    plan = translate_embeddings({"model": MODEL, "input": "hi", "dimensions": 256, "user": "u"})

    assert plan.gemini_body == {
        "requests": [
            {
                "model": f"models/{MODEL}",
                "outputDimensionality": 256,
                "content": {"parts": [{"text": "hi"}]},
            }
        ]
    }
    assert not plan.is_base64
    assert plan.ignored == ("user",)


def test_many_texts_go_in_batches_and_come_back_in_order() -> None:
    texts = [f"t{number}" for number in range(250)]

    plan = translate_embeddings({"model": MODEL, "input": texts})
    answers = [
        {
            "embeddings": [
                {"values": [float(request["content"]["parts"][0]["text"][1:])]}
                for request in body["requests"]
            ],
            "usageMetadata": {"promptTokenCount": len(body["requests"])},
        }
        for body in plan.gemini_bodies
    ]
    told = translate_embeddings_answer(plan, answers)

    assert [len(body["requests"]) for body in plan.gemini_bodies] == [100, 100, 50]
    assert [item["embedding"] for item in told["data"]] == [[float(i)] for i in range(250)]
    assert [item["index"] for item in told["data"]] == list(range(250))
    assert told["usage"] == {"prompt_tokens": 250, "total_tokens": 250}


def test_tokens_are_estimated_where_google_does_not_count() -> None:
    plan = translate_embeddings({"model": MODEL, "input": ["abcde", "é"]})

    told = translate_embeddings_answer(plan, [{"embeddings": [{"values": [1.0]}] * 2}])

    assert told["usage"] == {"prompt_tokens": 3, "total_tokens": 3}


@settings(deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False), max_size=8))
def test_base64_is_little_endian_32_bit(values: list[float]) -> None:
    decoded = struct.unpack(f"<{len(values)}f", base64.b64decode(encode_vector(values)))

    assert list(decoded) == values


def test_base64_is_told_when_asked_for() -> None:
    plan = translate_embeddings({"model": MODEL, "input": "x", "encoding_format": "base64"})

    told = translate_embeddings_answer(plan, [{"embeddings": [{"values": [1.0, -2]}]}])

    assert told["data"][0]["embedding"] == base64.b64encode(struct.pack("<2f", 1, -2)).decode()


@pytest.mark.parametrize(
    "answers", [[], [{}], [{"embeddings": [{}]}], [{"embeddings": [{"values": [1.0]}] * 2}]]
)
def test_a_reply_with_another_number_of_vectors_is_refused(answers: list[dict[str, Any]]) -> None:
    plan = translate_embeddings({"model": MODEL, "input": "x"})

    with pytest.raises(AnswerError):
        translate_embeddings_answer(plan, answers)


def test_a_vector_that_holds_no_numbers_is_refused() -> None:
    plan = translate_embeddings({"model": MODEL, "input": "x", "encoding_format": "base64"})

    with pytest.raises(AnswerError):
        translate_embeddings_answer(plan, [{"embeddings": [{"values": ["a"]}]}])


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({}, "input", "missing_required_parameter"),
        ({"input": ""}, "input", "empty_string"),
        ({"input": []}, "input", "empty_array"),
        ({"input": ["a", ""]}, "input[1]", "empty_string"),
        ({"input": ["a", 1]}, "input[1]", "invalid_type"),
        ({"input": [1, 2]}, "input", "tokens_not_supported"),
        ({"input": [[1, 2]]}, "input", "tokens_not_supported"),
        ({"input": {"a": 1}}, "input", "invalid_type"),
        ({"input": ["a"] * 2049}, "input", "array_above_max_length"),
        ({"input": "a", "dimensions": 0}, "dimensions", "integer_below_min_value"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format", "invalid_value"),
    ],
)
def test_wrong_requests_are_refused_by_name(fields: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        translate_embeddings({"model": MODEL, **fields})

    assert (caught.value.param, caught.value.code) == (param, code)


def test_recorded_replies_are_told_in_full() -> None:
    recorded = recordings("batchEmbedContents")
    assert recorded

    for item in recorded:
        texts = [request["content"]["parts"][0]["text"] for request in item.request["requests"]]
        plan = translate_embeddings({"model": item.model, "input": texts})

        told = translate_embeddings_answer(plan, item.events)

        vectors = [embedding["values"] for embedding in item.events[0]["embeddings"]]
        assert [entry["embedding"] for entry in told["data"]] == vectors
        counted = item.events[0].get("usageMetadata", {}).get("promptTokenCount")
        assert told["usage"]["prompt_tokens"] == (counted or plan.estimated_tokens)
