"""Whole answers: what a client hears of them."""

from typing import Any

import orjson
import pytest

from services.edge.openai.chat_response import translate_answer
from services.edge.openai.signatures import split_call_id
from tests.unit.edge.openai.client import CREATED, ID, completed, plan

TOOLS = [{"type": "function", "function": {"name": "f"}}]


def answer(*parts: dict[str, Any], reason: str | None = "STOP", **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": reason}
    return {"candidates": [candidate | more]}


def translated(reply: dict[str, Any], **changes: Any) -> dict[str, Any]:
    completion = translate_answer(plan(**changes), reply, completion_id=ID, created=CREATED)
    completed(completion)
    return completion


def choice_of(reply: dict[str, Any], **changes: Any) -> dict[str, Any]:
    (choice,) = translated(reply, **changes)["choices"]
    result: dict[str, Any] = choice
    return result


def test_a_plain_answer() -> None:
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}

    completion = translated(answer({"text": "hel"}, {"text": "lo"}) | {"usageMetadata": usage})

    assert completion == {
        "id": ID,
        "object": "chat.completion",
        "created": CREATED,
        "model": "gemini-2.5-flash",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hello", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
                "native_finish_reason": "STOP",
            }
        ],
        "usage": {
            "prompt_tokens": 3,
            "completion_tokens": 4,
            "total_tokens": 7,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
    }


def test_thoughts_are_reasoning_and_not_content() -> None:
    message = choice_of(answer({"text": "hm", "thought": True}, {"text": "42"}))["message"]

    assert message["reasoning_content"] == "hm"
    assert message["content"] == "42"


class TestCalls:
    def test_calls_end_with_tool_calls_although_gemini_says_stop(self) -> None:
        choice = choice_of(
            answer(
                {"functionCall": {"name": "f", "args": {"a": [1]}, "id": "c1"}},
                {"functionCall": {"name": "g"}},
            )
        )

        first, second = choice["message"]["tool_calls"]
        assert choice["finish_reason"] == "tool_calls"
        assert choice["message"]["content"] is None
        assert first == {
            "id": "c1",
            "type": "function",
            "function": {"name": "f", "arguments": '{"a":[1]}'},
        }
        assert second["function"] == {"name": "g", "arguments": "{}"}
        assert second["id"]

    def test_ids_are_unique_where_gemini_gives_none(self) -> None:
        call = {"functionCall": {"name": "f", "args": {}}}
        reply = answer(call, call)
        reply["candidates"] *= 2
        reply["candidates"][1] = reply["candidates"][1] | {"index": 1}

        ids = [
            entry["id"]
            for choice in translated(reply, n=2)["choices"]
            for entry in choice["message"]["tool_calls"]
        ]

        assert len(set(ids)) == 4

    def test_a_signature_travels_beside_the_call_and_inside_its_id(self) -> None:
        call = {"functionCall": {"name": "f", "id": "c1"}, "thoughtSignature": "AB+/CQ=="}

        (entry,) = choice_of(answer(call))["message"]["tool_calls"]

        assert entry["extra_content"] == {"google": {"thought_signature": "AB+/CQ=="}}
        assert split_call_id(entry["id"]) == ("c1", "AB+/CQ==")

    def test_legacy_clients_hear_of_one_function_call(self) -> None:
        reply = answer({"functionCall": {"name": "f"}}, {"functionCall": {"name": "g"}})

        choice = choice_of(reply, functions=[{"name": "f"}, {"name": "g"}])

        assert choice["finish_reason"] == "function_call"
        assert choice["message"]["function_call"] == {"name": "f", "arguments": "{}"}
        assert "tool_calls" not in choice["message"]


class TestEndings:
    @pytest.mark.parametrize(
        ("native", "ours"),
        [
            ("STOP", "stop"),
            ("MAX_TOKENS", "length"),
            ("CONTINUATION", "length"),
            (None, "length"),
            ("FINISH_REASON_UNSPECIFIED", "length"),
            *[
                (name, "content_filter")
                for name in (
                    "SAFETY",
                    "RECITATION",
                    "LANGUAGE",
                    "OTHER",
                    "BLOCKLIST",
                    "PROHIBITED_CONTENT",
                    "SPII",
                    "IMAGE_SAFETY",
                    "NO_IMAGE",
                    "ESCALATION",
                    "MALFORMED_FUNCTION_CALL",
                    "MALFORMED_RESPONSE",
                    "TOO_MANY_TOOL_CALLS",
                    "UNEXPECTED_TOOL_CALL",
                    "MISSING_THOUGHT_SIGNATURE",
                    "SOMETHING_OF_TOMORROW",
                )
            ],
        ],
    )
    def test_only_a_clean_end_is_told_as_one(self, native: str | None, ours: str) -> None:
        choice = choice_of(answer({"text": "x"}, reason=native))

        assert choice["finish_reason"] == ours
        if native != "FINISH_REASON_UNSPECIFIED":
            assert choice["native_finish_reason"] == native

    def test_a_failure_says_what_failed(self) -> None:
        reply = {
            "candidates": [
                {
                    "finishReason": "MALFORMED_FUNCTION_CALL",
                    "finishMessage": "Malformed function call: print(",
                }
            ]
        }

        choice = choice_of(reply)

        assert choice["message"]["content"] is None
        assert choice["message"]["refusal"] == (
            "MALFORMED_FUNCTION_CALL: Malformed function call: print("
        )

    def test_calls_that_were_cut_are_no_complete_calls(self) -> None:
        choice = choice_of(answer({"functionCall": {"name": "f"}}, reason="MAX_TOKENS"))

        assert choice["finish_reason"] == "length"

    def test_a_blocked_prompt_is_a_filtered_choice(self) -> None:
        choice = choice_of({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})

        assert choice["finish_reason"] == "content_filter"
        assert choice["native_finish_reason"] == "PROHIBITED_CONTENT"
        assert choice["message"]["content"] is None
        assert "PROHIBITED_CONTENT" in choice["message"]["refusal"]

    @pytest.mark.parametrize("reply", [{}, {"candidates": []}, {"candidates": None}])
    def test_an_empty_reply_is_no_success(self, reply: dict[str, Any]) -> None:
        assert choice_of(reply)["finish_reason"] == "content_filter"

    def test_nothing_but_thinking_until_the_limit(self) -> None:
        choice = choice_of({"candidates": [{"content": {}, "finishReason": "MAX_TOKENS"}]})

        assert choice["finish_reason"] == "length"
        assert choice["message"]["content"] is None


class TestMedia:
    def test_pictures_stand_in_the_text_and_in_a_list(self) -> None:
        picture = {
            "inlineData": {"mimeType": "image/png", "data": "AAAA"},
            "thoughtSignature": "c2ln",
        }

        message = choice_of(answer({"text": "Here"}, picture))["message"]

        url = "data:image/png;base64,AAAA"
        assert message["content"] == f"Here\n\n![image]({url})"
        assert message["images"] == [
            {
                "type": "image_url",
                "index": 0,
                "image_url": {"url": url},
                "extra_content": {"google": {"thought_signature": "c2ln"}},
            }
        ]

    def test_drafts_of_pictures_are_not_shown(self) -> None:
        draft = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "thought": True}

        assert choice_of(answer(draft, {"text": "x"}))["message"]["content"] == "x"

    def test_pieces_of_sound_are_joined_as_bytes(self) -> None:
        pieces = [
            {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": d}}
            for d in ("AA==", "AQ==")
        ]

        audio = choice_of(answer(*pieces))["message"]["audio"]

        assert audio["data"] == "AAE="
        assert audio["mime_type"] == "audio/L16;rate=24000"

    def test_what_openai_has_no_words_for_is_kept_as_it_is(self) -> None:
        code = {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2ln"}

        reply = answer(code, {"text": "x"}, groundingMetadata={"webSearchQueries": ["q"]})
        message = choice_of(reply)["message"]

        assert message["extra_content"]["google"] == {
            "parts": [code],
            "grounding_metadata": {"webSearchQueries": ["q"]},
        }


def test_log_probabilities() -> None:
    result = {
        "chosenCandidates": [{"token": "é", "tokenId": 5, "logProbability": -0.1}],
        "topCandidates": [{"candidates": [{"token": "e", "logProbability": -2.5}]}],
    }

    choice = choice_of(answer({"text": "é"}, logprobsResult=result))

    assert choice["logprobs"]["content"] == [
        {
            "token": "é",
            "logprob": -0.1,
            "bytes": [0xC3, 0xA9],
            "top_logprobs": [{"token": "e", "logprob": -2.5, "bytes": [0x65]}],
        }
    ]


@pytest.mark.parametrize(
    ("metadata", "counts"),
    [
        ({"promptTokenCount": 3}, (3, 0, 3, 0, 0)),
        (
            {
                "promptTokenCount": 17,
                "candidatesTokenCount": 201,
                "thoughtsTokenCount": 213,
                "toolUsePromptTokenCount": 119,
                "cachedContentTokenCount": 5,
                "totalTokenCount": 550,
            },
            (136, 414, 550, 213, 5),
        ),
        (
            # Counts that add up without the thoughts hold them already.
            {
                "promptTokenCount": 10,
                "candidatesTokenCount": 30,
                "thoughtsTokenCount": 20,
                "totalTokenCount": 40,
            },
            (10, 30, 40, 20, 0),
        ),
        ({"promptTokenCount": "many", "totalTokenCount": None}, (0, 0, 0, 0, 0)),
    ],
)
def test_usage(metadata: dict[str, Any], counts: tuple[int, ...]) -> None:
    usage = translated(answer({"text": "x"}) | {"usageMetadata": metadata})["usage"]

    assert counts == (
        usage["prompt_tokens"],
        usage["completion_tokens"],
        usage["total_tokens"],
        usage["completion_tokens_details"]["reasoning_tokens"],
        usage["prompt_tokens_details"]["cached_tokens"],
    )


def test_usage_by_kind() -> None:
    metadata = {
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 2},
            {"modality": "IMAGE", "tokenCount": 258},
        ],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 9}],
    }

    usage = translated(answer({"text": "x"}) | {"usageMetadata": metadata})["usage"]

    assert usage["prompt_tokens_details"]["image_tokens"] == 258
    assert usage["prompt_tokens_details"]["text_tokens"] == 2
    assert usage["completion_tokens_details"]["audio_tokens"] == 9


def test_an_answer_is_json() -> None:
    reply = answer({"functionCall": {"name": "f", "args": {"x": "é"}}}, {"text": "x"})

    assert orjson.loads(orjson.dumps(translated(reply, tools=TOOLS)))
