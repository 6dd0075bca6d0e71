"""Requests in Anthropic's words: what goes to Gemini, and what is refused."""

import base64
import json
from typing import Any

import pytest

from services.edge.anthropic.message_request import translate_message
from services.edge.openai.errors import BadRequestError
from services.edge.openai.signatures import SKIP_SIGNATURE
from tests.unit.edge.anthropic.client import plan, sent

PNG = base64.b64encode(b"png").decode()
PDF = base64.b64encode(b"%PDF").decode()
SIGNATURE = "c2lnbmF0dXJl"
OLDER = "gemini-2.5-flash"
TOOL = {"name": "f", "description": "Does f.", "input_schema": {"type": "object"}}


def user(*blocks: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(blocks)}]


def parts_of(*blocks: Any) -> Any:
    return sent(messages=user(*blocks))["contents"][0]["parts"]


def called(*calls: dict[str, Any], before: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"role": "assistant", "content": [*before, *calls]}


def call(call_id: str, **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "f", "input": given}


def result(call_id: str, content: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content} | more


def test_a_short_request() -> None:
    body = sent(
        system="Be terse.",
        temperature=0.5,
        top_p=0.9,
        top_k=7,
        stop_sequences=["END"],
        service_tier="standard_only",
    )

    assert body == {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "systemInstruction": {"parts": [{"text": "Be terse."}]},
        "generationConfig": {
            "maxOutputTokens": 100,
            "temperature": 0.5,
            "topP": 0.9,
            "topK": 7,
            "stopSequences": ["END"],
        },
        "serviceTier": "standard",
    }


def test_system_blocks_and_system_messages_are_one_instruction() -> None:
    body = sent(
        system=[{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}],
        messages=[{"role": "user", "content": "hi"}, {"role": "system", "content": "b"}],
    )

    assert body["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}]}


@pytest.mark.parametrize(
    ("block", "parts"),
    [
        ({"type": "text", "text": "a", "citations": []}, [{"text": "a"}]),
        (
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/jpg", "data": PNG},
            },
            [{"inlineData": {"mimeType": "image/jpeg", "data": PNG}}],
        ),
        (
            {"type": "image", "source": {"type": "file", "file_id": "file-abc"}},
            [
                {
                    "fileData": {
                        "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"
                    }
                }
            ],
        ),
        (
            {"type": "image", "source": {"type": "url", "url": f"data:image/png;base64,{PNG}"}},
            [{"inlineData": {"mimeType": "image/png", "data": PNG}}],
        ),
        (
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                "title": "Report",
                "context": "Of last year.",
                "citations": {"enabled": True},
            },
            [
                {"text": "Report\nOf last year."},
                {"inlineData": {"mimeType": "application/pdf", "data": PDF}},
            ],
        ),
        (
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "words"},
            },
            [{"text": "words"}],
        ),
        (
            {
                "type": "document",
                "source": {
                    "type": "content",
                    "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                },
            },
            [{"text": "a"}, {"text": "b"}],
        ),
        (
            {
                "type": "search_result",
                "source": "https://a.example",
                "title": "A",
                "content": [{"type": "text", "text": "found"}],
            },
            [{"text": "A\nhttps://a.example"}, {"text": "found"}],
        ),
        ({"type": "text", "text": ""}, [{"text": " "}]),
    ],
)
def test_what_the_user_says(block: dict[str, Any], parts: list[Any]) -> None:
    assert parts_of(block) == parts


def test_an_image_of_the_web_waits_to_be_fetched() -> None:
    block = {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}}
    body = {"model": OLDER, "max_tokens": 9, "messages": user(block)}

    (media,) = translate_message(body, allow_remote_media=True).remote_media

    assert media.param == "messages[0].content[0].source.url"
    with pytest.raises(BadRequestError, match="web address") as refusal:
        plan(messages=user(block))
    assert refusal.value.param == media.param


def test_results_go_to_their_calls_in_the_order_of_the_calls() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    body = sent(
        tools=[TOOL],
        messages=[
            {"role": "user", "content": "hi"},
            called(
                call(f"c1__sig__{SIGNATURE}", x=1),
                call("c2"),
                before=({"type": "text", "text": "so"},),
            ),
            {
                "role": "user",
                "content": [
                    result("c2", [{"type": "text", "text": "two"}, image]),
                    result(f"c1__sig__{SIGNATURE}", '{"one": 1}'),
                    {"type": "text", "text": "go on"},
                ],
            },
        ],
    )

    _, model, answer = body["contents"]
    assert model == {
        "role": "model",
        "parts": [
            {"text": "so"},
            {
                "functionCall": {"name": "f", "args": {"x": 1}, "id": "c1"},
                "thoughtSignature": SIGNATURE,
            },
            {"functionCall": {"name": "f", "args": {}, "id": "c2"}},
        ],
    }
    assert answer["parts"] == [
        {"functionResponse": {"name": "f", "response": {"one": 1}, "id": "c1"}},
        {"functionResponse": {"name": "f", "response": {"output": "two"}, "id": "c2"}},
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
        {"text": "go on"},
    ]
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {
                    "name": "f",
                    "description": "Does f.",
                    "parametersJsonSchema": {"type": "object"},
                }
            ]
        }
    ]


@pytest.mark.parametrize(
    ("content", "is_error", "response"),
    [
        ("plain", False, {"output": "plain"}),
        (None, False, {"output": ""}),
        ("[1]", False, {"output": [1]}),
        ("no such file", True, {"error": "no such file"}),
        ('{"code": 7}', True, {"error": {"code": 7}}),
    ],
)
def test_what_a_tool_answers(content: Any, is_error: bool, response: Any) -> None:
    told = result("c1", content, is_error=is_error)
    messages = [*user({"type": "text", "text": "a"}), called(call("c1")), *user(told)]

    part = sent(messages=messages)["contents"][2]["parts"][0]

    assert part["functionResponse"]["response"] == response


@pytest.mark.parametrize(
    ("signature", "model", "told"),
    [
        (f"gemini-{SIGNATURE}", "gemini-3-flash-preview", SIGNATURE),
        (f"gemini-{SIGNATURE}", OLDER, SIGNATURE),
        (f"gemini-{SIGNATURE}", "gemini-2.0-flash", None),
        ("gemini-", "gemini-3-flash-preview", SKIP_SIGNATURE),
        ("Claude's+own/signature==", "gemini-3-flash-preview", SKIP_SIGNATURE),
        ("Claude's+own/signature==", OLDER, None),
    ],
)
def test_a_thinking_block_signs_what_follows_it(
    signature: str, model: str, told: str | None
) -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": signature}
    messages = [
        *user({"type": "text", "text": "a"}),
        called(call("c1"), before=(thought,)),
        *user(result("c1", "b")),
    ]

    made = plan(model=model, messages=messages)

    (part,) = made.gemini_body["contents"][1]["parts"]
    assert part.get("thoughtSignature") == told
    assert "messages[].content[].thinking" in made.ignored
    assert ("messages[].content[].signature" in made.ignored) != signature.startswith("gemini-")


def test_a_signed_text_keeps_its_signature() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": f"gemini-{SIGNATURE}"}
    answer = called(before=(thought, {"type": "text", "text": "so"}))
    messages = [*user({"type": "text", "text": "a"}), answer, *user({"type": "text", "text": "b"})]

    model = sent(messages=messages)["contents"][1]

    assert model["parts"] == [{"text": "so", "thoughtSignature": SIGNATURE}]


def test_code_that_google_ran_goes_back_as_such() -> None:
    blocks = (
        {
            "type": "server_tool_use",
            "id": f"srvtoolu_1__sig__{SIGNATURE}",
            "name": "code_execution",
            "input": {"code": "1/0"},
        },
        {
            "type": "code_execution_tool_result",
            "tool_use_id": f"srvtoolu_1__sig__{SIGNATURE}",
            "content": {
                "type": "code_execution_result",
                "stdout": "",
                "stderr": "no",
                "return_code": 1,
                "content": [],
            },
        },
    )
    messages = [*user({"type": "text", "text": "a"}), called(before=blocks), *user()]

    model = sent(messages=messages)["contents"][1]

    assert model["parts"] == [
        {
            "executableCode": {"language": "PYTHON", "code": "1/0"},
            "thoughtSignature": SIGNATURE,
        },
        {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "no"}},
    ]


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
FORMAT = {"format": {"type": "json_schema", "schema": SCHEMA}}


def test_a_format() -> None:
    config = sent(output_config=FORMAT)["generationConfig"]

    assert config["responseMimeType"] == "application/json"
    assert config["responseJsonSchema"] == SCHEMA


def test_a_format_beside_tools_is_an_instruction_to_older_models() -> None:
    made = plan(model=OLDER, output_config=FORMAT, tools=[TOOL], system="Be terse.")

    first, second = made.gemini_body["systemInstruction"]["parts"]
    assert first == {"text": "Be terse."}
    assert json.dumps(SCHEMA, separators=(",", ":")) in second["text"]
    assert "responseMimeType" not in made.gemini_body["generationConfig"]
    assert "output_config.format" in made.ignored


def test_unknown_fields_are_ignored_and_named() -> None:
    made = plan(
        metadata={"user_id": "u"},
        container="c",
        messages=user(
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}, "odd": 1}
        ),
    )

    assert {*made.ignored} == {
        "metadata",
        "container",
        "messages[].content[].cache_control",
        "messages[].content[].odd",
    }


def test_calls_may_be_answered_in_several_messages() -> None:
    messages = [
        *user({"type": "text", "text": "a"}),
        called(call("c1")),
        called(call("c2")),
        *user(result("c2", "two")),
        *user(result("c1", "one")),
    ]

    contents = sent(messages=messages)["contents"]

    responses = [
        part["functionResponse"]["response"]["output"]
        for content in contents
        for part in content["parts"]
        if "functionResponse" in part
    ]
    assert responses == ["one", "two"]


def test_counting_needs_less() -> None:
    body = {"model": OLDER, "messages": [{"role": "user", "content": "a"}], "tools": [TOOL]}

    made = translate_message(body, is_counted=True)

    assert "generationConfig" not in made.gemini_body
    assert made.gemini_body["tools"]
