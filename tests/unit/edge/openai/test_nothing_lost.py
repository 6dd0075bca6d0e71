"""Every leaf of a request arrives at Gemini, or is named in the header as ignored.

The checker knows the two dialects, and nothing of how one is put into the other.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

from tests.support.edge_in_memory import EdgeInMemory, Script
from tests.unit.edge.openai.whole_requests import whole_requests

EDGE = EdgeInMemory()
VALID: TypeAdapter[Any] = TypeAdapter(CompletionCreateParamsNonStreaming)
REPLY = json.dumps(
    {"candidates": [{"content": {"parts": [{"text": "ok"}]}, "finishReason": "STOP"}]}
).encode()

# What says which other fields are there, and so arrives with them.
STRUCTURE = re.compile(r"model|.*\.type|messages\[\]\.role|messages\[\]\.tool_call_id")
# JSON of the client's own, compared as a whole.
OWN_JSON = re.compile(
    r".*\.function\.(arguments|parameters)|functions\[\]\.parameters|messages\[\]\.function_call"
    r"\.arguments|response_format\.json_schema\.schema"
)
# Words that Gemini has other words for: where they arrive, and as what.
WORDS: dict[str, dict[Any, tuple[str, Any]]] = {
    "tool_choice": {
        "none": ("toolConfig.functionCallingConfig.mode", "NONE"),
        "auto": ("toolConfig.functionCallingConfig.mode", "AUTO"),
        "required": ("toolConfig.functionCallingConfig.mode", "ANY"),
    },
    "function_call": {
        "none": ("toolConfig.functionCallingConfig.mode", "NONE"),
        "auto": ("toolConfig.functionCallingConfig.mode", "AUTO"),
    },
    "reasoning_effort": {
        "none": ("generationConfig.thinkingConfig", ...),
        "minimal": ("generationConfig.thinkingConfig", ...),
        "low": ("generationConfig.thinkingConfig", ...),
        "medium": ("generationConfig.thinkingConfig", ...),
        "high": ("generationConfig.thinkingConfig", ...),
        "xhigh": ("generationConfig.thinkingConfig", ...),
    },
    "logprobs": {True: ("generationConfig.responseLogprobs", True)},
    "top_logprobs": {7: ("generationConfig.logprobs", 7)},
    "service_tier": {
        "flex": ("serviceTier", "flex"),
        "priority": ("serviceTier", "priority"),
        "default": ("serviceTier", "standard"),
    },
    "modalities[]": {"audio": ("generationConfig.responseModalities", ["AUDIO"])},
    "messages[].content[].image_url.detail": {
        "low": ("generationConfig.mediaResolution", "MEDIA_RESOLUTION_LOW"),
        "high": ("generationConfig.mediaResolution", "MEDIA_RESOLUTION_HIGH"),
    },
}
# What is so anyway.
DEFAULTS = [
    ["service_tier", "auto"],
    ["modalities[]", "text"],
    ["store", False],
    ["verbosity", "medium"],
    ["parallel_tool_calls", True],
    ["messages[].content[].image_url.detail", "auto"],
    ["tools[].function.strict", False],
    ["response_format.json_schema.strict", False],
]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if OWN_JSON.fullmatch(path):
        yield path, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{path}[]")
    elif value is not None:
        yield path, value


def everything(value: Any) -> Iterator[Any]:
    """Yield a value and all values within it."""
    yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from everything(inner)
        else:
            yield inner


def is_named(path: str, ignored: list[str]) -> bool:
    """Whether the header names a field, or what it is in; odd names stand as `(other)`."""
    return any(path == name or path.startswith((f"{name}.", f"{name}[]")) for name in ignored) or (
        "(other)" in ignored and bool(re.search(r"w\d{4}z", path))
    )


def has_arrived(path: str, leaf: Any, model: str, sent: dict[str, Any]) -> bool:
    if OWN_JSON.fullmatch(path):
        wanted = json.loads(leaf) if isinstance(leaf, str) else leaf
        if path.endswith(".schema"):
            # With the name and the description of the format in it.
            return any(isinstance(one, dict) and one | wanted == one for one in everything(sent))
        return any(one == wanted for one in everything(sent))
    if leaf == "none" and path in {"tool_choice", "function_call"} and "tools" not in sent:
        return True
    if path in WORDS and leaf in WORDS[path]:
        place, word = WORDS[path][leaf]
        found: Any = sent
        for name in place.split("."):
            found = found.get(name, {})
        return bool(found) if word is ... else bool(found == word)
    if path == "messages[].tool_calls[].id" and not model.startswith("gemini-3"):
        # Older models know no ids: the order of results says which is whose.
        return True
    if path.endswith("thought_signature") and model.startswith("gemini-2.0"):
        # Before there were any.
        return True
    if isinstance(leaf, str):
        return is_said(path, leaf, [*filter(_is_text, everything(sent))])
    return any(one == leaf and type(one) is type(leaf) for one in everything(sent))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_said(path: str, leaf: str, texts: list[str]) -> bool:
    if leaf.startswith("data:") and ";base64," in leaf:
        head, _, data = leaf.partition(",")
        return data in texts and head[5:].removesuffix(";base64") in texts
    if path.endswith("input_audio.format"):
        return f"audio/{leaf}" in texts
    if path.endswith("filename"):
        return leaf.endswith((".pdf", ".csv"))  # its type is sent with its data
    if path.endswith("file_id"):
        leaf = "files/" + leaf.removeprefix("file-").removeprefix("files/")
    if path == "messages[].content" and leaf[0] == "{" and leaf[-1] == "}":
        # A result in JSON arrives as such.
        return {*filter(_is_text, everything(json.loads(leaf)))} <= {*texts}
    return any(leaf in text for text in texts)


@settings(max_examples=400, deadline=None)
@given(whole_requests())
def test_each_leaf_arrives_or_is_named(body: dict[str, Any]) -> None:
    VALID.validate_python(body)

    answer = asyncio.run(EDGE.post("/v1/chat/completions", body, Script([REPLY])))

    assert answer.status == 200, answer.body
    sent = EDGE.sent()
    ignored = answer.headers.get("x-gemini-balance-ignored", "").split(",")
    for path, leaf in leaves(body):
        if STRUCTURE.fullmatch(path) or [path, leaf] in DEFAULTS:
            continue
        assert has_arrived(path, leaf, body["model"], sent) or is_named(path, ignored), (
            path,
            leaf,
            sent,
            ignored,
        )


@settings(max_examples=100, deadline=None)
@given(whole_requests())
def test_results_follow_their_calls_in_order(body: dict[str, Any]) -> None:
    asyncio.run(EDGE.post("/v1/chat/completions", body, Script([REPLY])))

    asked = [
        (call["function"]["name"], call["id"])
        for message in body["messages"]
        for call in message.get("tool_calls") or []
    ]
    contents = EDGE.sent()["contents"]
    results = [
        (part["functionResponse"]["name"], part["functionResponse"].get("id"))
        for content in contents
        for part in content["parts"]
        if "functionResponse" in part
    ]
    legacy = {m["function_call"]["name"] for m in body["messages"] if m.get("function_call")}
    told = [(name, call_id) for name, call_id in results if name not in legacy]
    is_modern = body["model"].startswith("gemini-3")
    assert told == [(name, call_id if is_modern else None) for name, call_id in asked]
