"""Requests for responses as Gemini requests."""

from typing import Any

import pytest

from services.edge.responses.response_request import translate_response
from tests.unit.edge.responses.client import STEM, plan, sent

SIGNATURE = "c2lnbmF0dXJl"
PIXEL = "data:image/png;base64,AAAA"
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "done"}


def contents(*items: Any, **more: Any) -> list[dict[str, Any]]:
    return list(sent(input=list(items), **more)["contents"])


def message(content: Any, role: str = "user") -> dict[str, Any]:
    return {"type": "message", "role": role, "content": content}


def test_a_string_is_a_message() -> None:
    assert sent(input="hi") == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_messages_may_do_without_a_type() -> None:
    assert contents({"role": "user", "content": "hi"}) == sent(input="hi")["contents"]


def test_instructions_and_developers_are_hoisted() -> None:
    body = sent(
        instructions="A",
        input=[
            message("B", "developer"),
            message("hi"),
            message([{"type": "input_text", "text": "C"}], "system"),
        ],
    )

    assert [part["text"] for part in body["systemInstruction"]["parts"]] == ["A", "B", "C"]
    assert len(body["contents"]) == 1


def test_what_a_user_can_send() -> None:
    (content,) = contents(
        message(
            [
                {"type": "input_text", "text": "see"},
                {"type": "input_image", "image_url": PIXEL, "detail": "high"},
                {"type": "input_image", "file_id": "file-abc"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "AAAA"},
                {"type": "input_file", "file_id": "file-def"},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            ]
        )
    )

    root = "https://generativelanguage.googleapis.com/v1beta/files/"
    assert content["parts"] == [
        {"text": "see"},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"fileData": {"fileUri": f"{root}abc"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}},
        {"fileData": {"fileUri": f"{root}def"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}},
    ]


def test_details_choose_one_resolution() -> None:
    image = {"type": "input_image", "image_url": PIXEL}

    of = plan(input=[message([image | {"detail": "low"}, image | {"detail": "high"}])])

    assert of.gemini_body["generationConfig"]["mediaResolution"] == "MEDIA_RESOLUTION_HIGH"
    assert of.ignored == ("input[].content[].detail",)


def test_items_of_the_model_make_one_turn() -> None:
    turns = contents(
        message("hi"),
        {"type": "reasoning", "id": "rs_1", "summary": []},
        message([{"type": "output_text", "text": "Let me see."}], "assistant"),
        CALL,
        CALL | {"call_id": "c2", "name": "g"},
        RESULT | {"call_id": "c2"},
        RESULT,
        message("and?"),
        model="gemini-2.5-flash",
    )

    assert [turn["role"] for turn in turns] == ["user", "model", "user"]
    assert turns[1]["parts"] == [
        {"text": "Let me see."},
        {"functionCall": {"name": "f", "args": {"a": 1}}},
        {"functionCall": {"name": "g", "args": {"a": 1}}},
    ]
    assert turns[2]["parts"] == [
        {"functionResponse": {"name": "f", "response": {"output": "done"}}},
        {"functionResponse": {"name": "g", "response": {"output": "done"}}},
        {"text": "and?"},
    ]


def test_calls_and_results_by_turns() -> None:
    turns = contents(
        message("hi"), CALL, RESULT, CALL | {"call_id": "c2"}, RESULT | {"call_id": "c2"}
    )

    assert [turn["role"] for turn in turns] == ["user", "model", "user", "model", "user"]


def test_results_may_hold_pictures() -> None:
    output = [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": PIXEL}]

    turns = contents(message("hi"), CALL, RESULT | {"output": output})

    assert turns[2]["parts"][0]["functionResponse"]["response"] == {"output": "a"}
    assert turns[2]["parts"][1] == {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}


def test_custom_tools_and_shells_in_the_history() -> None:
    turns = contents(
        message("hi"),
        {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "a"},
        {
            "type": "local_shell_call",
            "id": "l1",
            "call_id": "c2",
            "action": {"type": "exec", "command": ["ls"], "env": {}},
            "status": "completed",
        },
        CALL | {"call_id": "c3", "namespace": "agents"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "b"},
        {"type": "local_shell_call_output", "id": "c2", "output": "c"},
        RESULT | {"call_id": "c3", "name": "f"},
    )

    assert [part["functionCall"] for part in turns[1]["parts"]] == [
        {"name": "patch", "args": {"input": "a"}, "id": "c1"},
        {"name": "local_shell", "args": {"command": ["ls"]}, "id": "c2"},
        {"name": "agents__f", "args": {"a": 1}, "id": "c3"},
    ]
    assert [part["functionResponse"]["name"] for part in turns[2]["parts"]] == [
        "patch",
        "local_shell",
        "agents__f",
    ]


def test_what_a_tool_tells_unasked() -> None:
    report = {
        "type": "function_call_output",
        "name": "goal",
        "namespace": "agent",
        "output": "almost there",
    }

    turns = contents(message("hi"), CALL, RESULT, report, model="gemini-2.5-flash")

    assert turns[2]["parts"][1:] == [
        {"text": "The tool agent.goal reports:"},
        {"text": "almost there"},
    ]


def reasoning(content: str) -> dict[str, Any]:
    return {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": content}


@pytest.mark.parametrize(
    ("items", "places"),
    [
        ([reasoning(f"gemini-next:{SIGNATURE}"), CALL], {"functionCall"}),
        ([CALL | {"call_id": f"c1__sig__{SIGNATURE}"}], {"functionCall"}),
        (
            [reasoning("gemini-next:b3RoZXI="), CALL | {"call_id": f"c1__sig__{SIGNATURE}"}],
            {"functionCall"},
        ),
        ([message("a", "assistant"), reasoning(f"gemini-last:{SIGNATURE}"), CALL], {"text"}),
        ([reasoning("gAAAAforeign"), CALL], set()),
        ([reasoning(f"gemini-last:{SIGNATURE}"), CALL], set()),
    ],
)
def test_signatures_come_back_to_their_parts(items: list[Any], places: set[str]) -> None:
    call_id = items[-1]["call_id"]

    turns = contents(message("hi"), *items, RESULT | {"call_id": call_id})

    found = {
        name
        for part in turns[1]["parts"]
        for name in part
        if part.get("thoughtSignature") == SIGNATURE and name != "thoughtSignature"
    }
    assert found == places


def test_tools() -> None:
    of = plan(
        tools=[
            {"type": "function", "name": "f", "description": "F", "parameters": {"type": "object"}},
            {
                "type": "custom",
                "name": "patch",
                "description": "P",
                "format": {"type": "grammar", "syntax": "lark", "definition": "start: X"},
            },
            {
                "type": "namespace",
                "name": "agents",
                "description": "Agents.",
                "tools": [{"type": "function", "name": "f", "description": "G"}],
            },
            {"type": "local_shell"},
            {"type": "web_search", "external_web_access": True},
        ]
    )

    (tool,) = of.gemini_body["tools"]
    f, patch, spawn, shell = tool["functionDeclarations"]
    assert f == {"name": "f", "description": "F", "parametersJsonSchema": {"type": "object"}}
    assert patch["parametersJsonSchema"]["required"] == ["input"]
    assert "start: X" in patch["description"]
    assert spawn == {"name": "agents__f", "description": "Agents.\n\nG"}
    assert shell["name"] == "local_shell"
    assert set(of.ignored) == {"tools[].format", "tools[].web_search"}


def test_a_search_alone() -> None:
    assert sent(tools=[{"type": "web_search_preview"}])["tools"] == [{"googleSearch": {}}]
    assert "tools" not in sent(tools=[{"type": "web_search"}], tool_choice="none")


F, G = ({"type": "function", "name": name, "parameters": {}} for name in "fg")
PATCH = {"type": "custom", "name": "patch"}


@pytest.mark.parametrize(
    ("choice", "config", "names"),
    [
        ("auto", {"mode": "AUTO"}, ["f", "g", "patch"]),
        ("none", {"mode": "NONE"}, ["f", "g", "patch"]),
        ("required", {"mode": "ANY"}, ["f", "g", "patch"]),
        (
            {"type": "function", "name": "g"},
            {"mode": "ANY", "allowedFunctionNames": ["g"]},
            ["f", "g", "patch"],
        ),
        (
            {"type": "custom", "name": "patch"},
            {"mode": "ANY", "allowedFunctionNames": ["patch"]},
            ["f", "g", "patch"],
        ),
        (
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "g"}],
            },
            {"mode": "ANY", "allowedFunctionNames": ["g"]},
            ["f", "g", "patch"],
        ),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "g"}]},
            {"mode": "AUTO"},
            ["g"],
        ),
    ],
)
def test_choices(choice: Any, config: dict[str, Any], names: list[str]) -> None:
    body = sent(tools=[F, G, PATCH], tool_choice=choice)

    assert body["toolConfig"]["functionCallingConfig"] == config
    assert [each["name"] for each in body["tools"][0]["functionDeclarations"]] == names


def test_parameters() -> None:
    of = plan(
        max_output_tokens=100,
        temperature=0.5,
        top_p=0.25,
        reasoning={"effort": "low", "summary": "auto"},
        text={
            "format": {"type": "json_schema", "name": "city", "schema": {"type": "object"}},
            "verbosity": "medium",
        },
        service_tier="priority",
        store=False,
        include=["reasoning.encrypted_content"],
        truncation="disabled",
        metadata={"a": "b"},
        stream=True,
        stream_options={"include_obfuscation": False},
    )

    assert of.gemini_body["generationConfig"] == {
        "maxOutputTokens": 100,
        "temperature": 0.5,
        "topP": 0.25,
        "thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True},
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object", "title": "city"},
    }
    assert of.gemini_body["serviceTier"] == "priority"
    assert (of.stream, of.is_kept, of.shows_summary, of.ignored) == (True, False, True, ())


def test_summaries_without_an_effort_leave_the_amount_to_the_model() -> None:
    config = sent(reasoning={"summary": "auto"})["generationConfig"]["thinkingConfig"]

    assert config == {"includeThoughts": True}
    assert "generationConfig" not in sent(
        model="gemini-2.0-flash", reasoning={"summary": "auto", "effort": "high"}
    )


def test_a_form_beside_tools_becomes_an_instruction_before_gemini_3() -> None:
    of = plan(model="gemini-2.5-flash", tools=[F], text={"format": {"type": "json_object"}})

    assert "generationConfig" not in of.gemini_body
    assert "JSON" in of.gemini_body["systemInstruction"]["parts"][0]["text"]
    assert of.ignored == ("text.format",)


def test_what_has_no_counterpart_is_named() -> None:
    of = plan(
        user="u",
        prompt_cache_key="k",
        truncation="auto",
        text={"verbosity": "low"},
        include=["message.output_text.logprobs"],
        input=[
            message("hi"),
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}]},
        ],
    )

    assert set(of.ignored) == {
        "user",
        "prompt_cache_key",
        "truncation",
        "text.verbosity",
        "include",
        "input[].summary",
    }


def test_a_conversation_that_goes_on() -> None:
    earlier = [message("hi"), message([{"type": "output_text", "text": "hello"}], "assistant")]
    body = {"model": "gemini-2.5-flash", "previous_response_id": "resp_1", "input": "and?"}

    of = translate_response(body, earlier=earlier)

    assert [turn["role"] for turn in of.gemini_body["contents"]] == ["user", "model", "user"]
    assert len(of.items) == 3
    assert of.echo["previous_response_id"] == "resp_1"


def test_items_that_are_referred_to() -> None:
    item_id = f"msg_{STEM}_0"
    kept = message("hello", "assistant") | {"id": item_id}
    body = {
        "model": "gemini-2.5-flash",
        "input": [message("hi"), {"type": "item_reference", "id": item_id}, {"id": item_id}],
    }

    of = translate_response(body, referred={item_id: kept})

    assert of.items[1:] == [kept, kept]
    assert of.gemini_body["contents"][1]["parts"] == [{"text": "hello"}, {"text": "hello"}]
