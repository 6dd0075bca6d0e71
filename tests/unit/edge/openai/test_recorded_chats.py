"""Replies of the real API, told in full, and sent back as history without a loss."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from google.ai.generativelanguage_v1beta.types import GenerateContentRequest
from google.protobuf import json_format

from services.edge.openai.chat_request import translate_chat
from tests.support.edge_in_memory import EdgeInMemory, Script
from tests.unit.edge.openai.client import assembled, completed, frames
from tests.unit.edge.openai.recordings import Recording, recordings

EDGE = EdgeInMemory()
CHATS = ("generateContent", "streamGenerateContent")
# Real, and newer than the published proto.
_NEWER_FIELDS = {"thinkingLevel", "serviceTier"}
_NEWER_PARTS = {"toolCall", "toolResponse"}
_NEWLY_WITH_ID = {"executableCode", "codeExecutionResult"}


def chats() -> list[Recording]:
    found = [item for verb in CHATS for item in recordings(verb)]
    assert len(found) > 100
    return found


def answered(item: Recording, is_stream: bool) -> dict[str, Any]:
    """Return what a client hears of a recorded reply."""
    body = {"model": item.model, "messages": [{"role": "user", "content": "hi"}]}
    options = {"stream": is_stream, "stream_options": {"include_usage": True}}
    raw = item.raw
    if is_stream and len(item.events) == 1:
        raw = b"data: " + json.dumps(item.events[0]).encode() + b"\r\n\r\n"
    pieces = [raw[at : at + 1013] for at in range(0, len(raw), 1013)]
    told = asyncio.run(EDGE.post("/v1/chat/completions", body | options, Script(pieces)))
    assert told.status == 200
    assert told.is_ended
    if is_stream:
        return assembled(frames(told.body), has_usage=True)
    return completed(told.json())


def recorded_parts(item: Recording) -> list[dict[str, Any]]:
    return [
        part
        for event in item.events
        for candidate in event["candidates"]
        for part in candidate["content"].get("parts", [])
    ]


def joined(parts: list[dict[str, Any]], is_thought: bool) -> str:
    return "".join(p.get("text", "") for p in parts if bool(p.get("thought")) == is_thought)


@pytest.mark.parametrize("is_stream", [False, True])
def test_nothing_of_a_recorded_reply_is_lost(is_stream: bool) -> None:
    for item in chats():
        if not is_stream and len(item.events) > 1:
            continue
        answer = answered(item, is_stream)
        (choice,) = answer["choices"]
        message, parts = choice["message"], recorded_parts(item)

        calls = [part for part in parts if "functionCall" in part]
        told = message.get("tool_calls", [])
        assert (message["content"] or "") == joined(parts, is_thought=False), item.name
        assert message.get("reasoning_content", "") == joined(parts, is_thought=True), item.name
        assert [
            (entry["function"]["name"], json.loads(entry["function"]["arguments"]))
            for entry in told
        ] == [(part["functionCall"]["name"], part["functionCall"]["args"]) for part in calls]
        for entry, part in zip(told, calls, strict=True):
            _check_call(entry, part)
        _check_metadata(message, item)
        # json.dumps finds every signature, whatever it was put beside.
        everything = json.dumps(message)
        for part in parts:
            if "thoughtSignature" in part:
                assert json.dumps(part["thoughtSignature"]) in everything, item.name
            for kind in ("executableCode", "codeExecutionResult", "toolCall", "toolResponse"):
                if kind in part:
                    assert json.dumps(part[kind]) in everything, item.name
        assert choice["native_finish_reason"] == "STOP"
        assert choice["finish_reason"] == ("tool_calls" if calls else "stop"), item.name
        _check_usage(answer["usage"], item.events[-1]["usageMetadata"])


def _check_call(entry: dict[str, Any], part: dict[str, Any]) -> None:
    """Ids and signatures stand where the two kinds of clients look for them."""
    assert entry["id"].startswith(part["functionCall"].get("id", "call_"))
    signature = part.get("thoughtSignature")
    if signature is None:
        assert "extra_content" not in entry
        return
    assert entry["extra_content"] == {"google": {"thought_signature": signature}}
    carried = entry["id"].replace("-", "+").replace("_", "/")
    assert carried.endswith(signature.replace("-", "+").replace("_", "/").rstrip("="))


def _check_metadata(message: dict[str, Any], item: Recording) -> None:
    google = message.get("extra_content", {}).get("google", {})
    for event in item.events:
        for candidate in event["candidates"]:
            for name, ours in {
                "groundingMetadata": "grounding_metadata",
                "citationMetadata": "citation_metadata",
                "urlContextMetadata": "url_context_metadata",
            }.items():
                if candidate.get(name):
                    assert google[ours], (item.name, name)


def _check_usage(told: dict[str, Any], counted: dict[str, Any]) -> None:
    prompt = counted["promptTokenCount"] + counted.get("toolUsePromptTokenCount", 0)
    assert told["total_tokens"] == counted["totalTokenCount"]
    assert told["prompt_tokens"] == prompt
    assert told["completion_tokens"] == counted["totalTokenCount"] - prompt
    details = told["completion_tokens_details"]
    assert details["reasoning_tokens"] == counted.get("thoughtsTokenCount", 0)
    assert (
        details["reasoning_tokens"] + counted.get("candidatesTokenCount", 0)
        == (told["completion_tokens"])
    )
    assert told["prompt_tokens_details"]["cached_tokens"] == counted.get(
        "cachedContentTokenCount", 0
    )
    for ours, theirs in (
        ("prompt_tokens_details", ["promptTokensDetails", "toolUsePromptTokensDetails"]),
        ("completion_tokens_details", ["candidatesTokensDetails"]),
    ):
        kinds: Counter[str] = Counter()
        for name in theirs:
            for detail in counted.get(name, []):
                kinds[detail["modality"].lower() + "_tokens"] += detail.get("tokenCount", 0)
        for kind, count in kinds.items():
            assert told[ours].get(kind, 0) == count


def test_a_recorded_reply_comes_back_as_it_was() -> None:
    """A client that echoes the message gives the model its own turn again."""
    for item in recordings("generateContent"):
        body = _echoed(item, {}, keeps_extras=True)

        expected = [part for part in recorded_parts(item) if not part.get("thought")]
        sent = body["contents"][1]["parts"]
        assert [_without_id(part) for part in sent] == [
            _without_id(part) for part in _native_first(expected)
        ], item.name


def test_signatures_survive_clients_that_know_only_ids() -> None:
    for item in recordings("generateContent"):
        signed = [
            (part["functionCall"]["name"], part["thoughtSignature"])
            for part in recorded_parts(item)
            if "functionCall" in part and "thoughtSignature" in part
        ]

        body = _echoed(item, {}, keeps_extras=False)

        sent = [part for part in body["contents"][1]["parts"] if "functionCall" in part]
        assert [
            (part["functionCall"]["name"], part["thoughtSignature"])
            for part in sent
            if "thoughtSignature" in part
        ] == signed, item.name


def test_requests_are_what_google_published() -> None:
    """Histories and tools of the recorded kinds fit the published proto."""
    tools = 0
    for item in chats():
        declared = [_as_tool(function) for function in _declarations(item.request)]
        tools += len(declared)
        more = {
            "tools": declared,
            "tool_choice": "auto",
            "reasoning_effort": "low",
            "temperature": 0.5,
            "top_p": 0.9,
            "max_tokens": 9,
            "stop": ["x"],
            "seed": 2**40,
            "logprobs": True,
            "top_logprobs": 2,
        }
        body = _echoed(item, more, keeps_extras=True)

        json_format.ParseDict(_published(body), GenerateContentRequest.pb()())
        if declared:
            sent = [function["name"] for function in _declarations(body)]
            assert sent == [tool["function"]["name"] for tool in declared]
    assert tools > 50


def _declarations(request: dict[str, Any]) -> list[dict[str, Any]]:
    tools = request.get("tools")
    # One recorded request has an object here, which Google took.
    return [
        function
        for tool in (tools if isinstance(tools, list) else ())
        for function in tool.get("functionDeclarations", [])
    ]


def _as_tool(function: dict[str, Any]) -> dict[str, Any]:
    schema = function.get("parameters_json_schema") or function.get("parameters")
    return {
        "type": "function",
        "function": {
            "name": function["name"],
            "description": function.get("description"),
            "parameters": schema,
        },
    }


def _echoed(item: Recording, more: dict[str, Any], *, keeps_extras: bool) -> dict[str, Any]:
    """Return the next request of a client that sends back what it heard."""
    message = answered(item, is_stream=len(item.events) > 1)["choices"][0]["message"]
    if not keeps_extras:
        message.pop("extra_content", None)
        for entry in message.get("tool_calls", []):
            entry.pop("extra_content", None)
    results = [
        {"role": "tool", "tool_call_id": entry["id"], "content": "done"}
        for entry in message.get("tool_calls", [])
    ]
    messages = [{"role": "user", "content": "hi"}, message, *results]
    messages.append({"role": "user", "content": "go on"})
    return translate_chat({"model": item.model, "messages": messages, **more}).gemini_body


def _native_first(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return parts in the order of a message: what OpenAI cannot say, one text, calls."""

    def rank(part: dict[str, Any]) -> int:
        return 1 if "text" in part else 2 if "functionCall" in part else 0

    result: list[dict[str, Any]] = []
    for part in sorted(parts, key=rank):
        if "text" in part and result and "text" in result[-1]:
            result[-1] = result[-1] | part | {"text": result[-1]["text"] + part["text"]}
        else:
            result.append(part)
    return result


def _without_id(part: dict[str, Any]) -> dict[str, Any]:
    if "functionCall" not in part:
        return part
    call = {name: value for name, value in part["functionCall"].items() if name != "id"}
    return part | {"functionCall": call}


def _published(value: Any) -> Any:
    """Return a request without the fields that the proto does not know yet."""
    if isinstance(value, list):
        return [
            _published(item)
            for item in value
            if not (isinstance(item, dict) and _NEWER_PARTS & item.keys())
        ]
    if isinstance(value, dict):
        known = {name: item for name, item in value.items() if name not in _NEWER_FIELDS}
        for name in _NEWLY_WITH_ID & known.keys():
            known[name] = {key: item for key, item in known[name].items() if key != "id"}
        return {name: _published(item) for name, item in known.items()}
    return value
