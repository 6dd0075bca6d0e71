"""What Google's drawing models answer becomes OpenAI's list, or a clear reason."""

import base64
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.edge.openai.image_answer import (
    Picture,
    picture_size,
    read_drawing,
    read_predictions,
    translate_image_usage,
)
from services.simulator.media import png

PNG = base64.b64encode(png(1, 2, 3, "16:9")).decode()


def answer(*parts: dict[str, Any], reason: str = "STOP", **fields: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": list(parts)}, "finishReason": reason}], **fields}


def inline(data: str = PNG, media_type: str = "image/png", **fields: Any) -> dict[str, Any]:
    return {"inlineData": {"mimeType": media_type, "data": data}, **fields}


def test_pictures_among_words_and_drafts() -> None:
    drawn = read_drawing(
        answer({"text": "Here:"}, inline("AAAA", thought=True), inline(), inline("", "text/plain"))
    )

    assert drawn.pictures == (Picture("image/png", PNG),)
    assert drawn.problems == ()


@pytest.mark.parametrize(
    ("given_answer", "code", "words"),
    [
        (answer(reason="IMAGE_SAFETY"), "content_policy_violation", "IMAGE_SAFETY"),
        (answer({"text": "No."}, reason="PROHIBITED_CONTENT"), "content_policy_violation", "No."),
        (
            {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "Too wild."}},
            "content_policy_violation",
            "Too wild.",
        ),
        ({"promptFeedback": {"blockReason": "OTHER"}}, "content_policy_violation", "OTHER"),
        (answer({"text": "What do you want?"}), "no_image", "What do you want?"),
        (answer(reason="NO_IMAGE"), "no_image", "NO_IMAGE"),
        ({}, "no_image", "nothing"),
        ({"candidates": None, "promptFeedback": []}, "no_image", "nothing"),
    ],
)
def test_why_there_is_no_picture(given_answer: dict[str, Any], code: str, words: str) -> None:
    drawn = read_drawing(given_answer)

    assert drawn.pictures == ()
    [problem] = drawn.problems
    assert problem.code == code
    assert words in problem.message


def test_predictions() -> None:
    drawn = read_predictions(
        {
            "predictions": [
                {"mimeType": "image/png", "bytesBase64Encoded": PNG, "prompt": "a big cat"},
                {"bytesBase64Encoded": PNG},
                {"raiFilteredReason": "Filtered: 58061214"},
            ]
        },
        4,
    )

    assert drawn.pictures == (Picture("image/png", PNG, "a big cat"), Picture("image/png", PNG))
    assert [problem.code for problem in drawn.problems] == ["content_policy_violation"] * 2
    assert "58061214" in drawn.problems[0].message


def test_no_predictions_at_all() -> None:
    drawn = read_predictions({}, 2)

    assert (drawn.pictures, len(drawn.problems)) == ((), 2)


def test_usage_is_that_of_all_calls() -> None:
    one = {
        "promptTokenCount": 5,
        "candidatesTokenCount": 1300,
        "thoughtsTokenCount": 20,
        "totalTokenCount": 1325,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
        "candidatesTokensDetails": [
            {"modality": "IMAGE", "tokenCount": 1290},
            {"modality": "TEXT", "tokenCount": 10},
        ],
    }

    assert translate_image_usage([one, {}, one]) == {
        "input_tokens": 10,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 0},
        "output_tokens": 2640,
        "output_tokens_details": {"text_tokens": 20, "image_tokens": 2580},
        "total_tokens": 2650,
    }
    assert translate_image_usage([{}]) is None


def jpeg(width: int, height: int) -> bytes:
    profile = b"\xff\xe2" + struct.pack(">H", 300) + b"x" * 298
    frame = b"\xff\xc2\x00\x11\x08" + struct.pack(">HH", height, width) + b"\x03"
    return b"\xff\xd8\xff\xe0\x00\x04ab" + profile + frame


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (png(1, 2, 3, "16:9"), "114x64"),
        (jpeg(1344, 768), "1344x768"),
        (png(1, 2, 3)[:20], None),
        (jpeg(9, 9)[:-6], None),
        (b"RIFF....WEBP", None),
        (b"", None),
    ],
)
def test_sizes_are_read_from_the_pictures(content: bytes, size: str | None) -> None:
    assert picture_size(base64.b64encode(content).decode()) == size


def test_what_is_no_base64_has_no_size() -> None:
    assert picture_size("!!!!a") is None


@given(st.binary(max_size=64))
def test_no_bytes_break_it(content: bytes) -> None:
    for head in (b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n"):
        size = picture_size(base64.b64encode(head + content).decode())
        assert size is None or "x" in size


_NAMES = [
    *("candidates", "content", "parts", "inlineData", "mimeType", "data", "text", "finishReason"),
    *("promptFeedback", "blockReason", "predictions", "bytesBase64Encoded", "raiFilteredReason"),
]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from(["candidates", "promptFeedback", "predictions"]), _JSON))
def test_no_answer_breaks_it(given_answer: dict[str, Any]) -> None:
    assert read_drawing(given_answer).pictures or read_drawing(given_answer).problems
    drawn = read_predictions(given_answer, 1)
    assert drawn.pictures or drawn.problems
