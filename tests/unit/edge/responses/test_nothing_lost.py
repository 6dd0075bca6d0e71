"""Every leaf of a request arrives at Gemini, or is named in the header as ignored.

The checker knows the two dialects, and nothing of how one is put into the other.
"""

import asyncio
import json
import re
from typing import Any

from hypothesis import given, settings

from tests.support.edge_in_memory import EdgeInMemory, Script
from tests.unit.edge.openai.test_nothing_lost import everything, is_named
from tests.unit.edge.responses.whole_responses import whole_responses

EDGE = EdgeInMemory()
REPLY = b'{"candidates":[{"content":{"parts":[{"text":"ok"}]},"finishReason":"STOP"}]}'

# What says which other fields are there, and so arrives with them; and OpenAI's own ids.
STRUCTURE = re.compile(
    r"model|.*\.type|input\[\]\.(role|id|status)|.*\.syntax|.*\.filename|.*\.strict"
    r"|parallel_tool_calls|include\[\]|tool_choice\.name"
)
# JSON of the client's own, compared as a whole.
OWN_JSON = re.compile(r".*\.(parameters|schema)")
# What the answer repeats, and Gemini is not told.
ECHOED = re.compile(r"metadata\..*|store")
# Words that Gemini has other words for: where they arrive.
PLACES = {
    "tool_choice": "toolConfig.functionCallingConfig",
    "reasoning.effort": "generationConfig.thinkingConfig",
    "reasoning.summary": "generationConfig.thinkingConfig",
    "service_tier": "serviceTier",
    "input[].content[].detail": "generationConfig.mediaResolution",
    "input[].output[].detail": "generationConfig.mediaResolution",
}


def leaves(value: Any, path: str = "") -> Any:
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


def has_arrived(path: str, leaf: Any, model: str, sent: dict[str, Any]) -> bool:
    values = [*everything(sent)]
    texts = [each for each in values if isinstance(each, str)]
    if path in PLACES:
        found: Any = sent
        for name in PLACES[path].split("."):
            found = found.get(name, {})
        return bool(found)
    if path.endswith("call_id"):
        call_id, _, signature = leaf.partition("__sig__")
        is_told = call_id in texts or not model.startswith("gemini-3")
        is_signed = any(text.startswith(signature) for text in texts)
        return is_told and (is_signed or model.startswith("gemini-2.0"))
    if path.endswith("encrypted_content") and leaf.startswith("gemini-"):
        # With nothing before it, or after it, or with a signature of its own, it is at its end.
        return True
    if path.endswith(".arguments"):
        return json.loads(leaf) in values
    if OWN_JSON.fullmatch(path):
        as_text = json.dumps(leaf, separators=(",", ":"))
        titled = [
            each for each in values if isinstance(each, dict) and leaf.items() <= each.items()
        ]
        return (
            bool(titled)
            or any(leaf["properties"] == each for each in values)
            or any(as_text[1:-1] in text for text in texts)
        )
    if not isinstance(leaf, str):
        return any(each == leaf and type(each) is type(leaf) for each in values)
    return is_said(path, leaf, texts)


def is_said(path: str, leaf: str, texts: list[str]) -> bool:
    if leaf.startswith("data:") and ";base64," in leaf:
        head, _, data = leaf.partition(",")
        return data in texts and head[5:].removesuffix(";base64") in texts
    if path.endswith("file_id"):
        leaf = "files/" + leaf.removeprefix("file-").removeprefix("files/")
    if path == "text.format.name":
        leaf = json.dumps(leaf)[1:-1]
    return any(leaf in text for text in texts)


@settings(max_examples=300, deadline=None)
@given(whole_responses())
def test_each_leaf_arrives_or_is_named(body: dict[str, Any]) -> None:
    answer = asyncio.run(EDGE.post("/v1/responses", body, Script([REPLY])))

    assert answer.status == 200, answer.body
    sent, told = EDGE.sent(), answer.json()
    ignored = answer.headers.get("x-gemini-balance-ignored", "").split(",")
    for path, leaf in leaves(body):
        if STRUCTURE.fullmatch(path):
            continue
        if path == "tools[].search_context_size" and "tools[].web_search" in ignored:
            continue
        if ECHOED.fullmatch(path):
            assert path == "store" or leaf in told["metadata"].values()
            continue
        assert has_arrived(path, leaf, body["model"], sent) or is_named(path, ignored), (
            path,
            leaf,
            sent,
            ignored,
        )


@settings(max_examples=100, deadline=None)
@given(whole_responses())
def test_results_follow_their_calls_in_order(body: dict[str, Any]) -> None:
    asyncio.run(EDGE.post("/v1/responses", body, Script([REPLY])))

    turns = EDGE.sent()["contents"]
    for turn, after in zip(turns, [*turns[1:], {"parts": []}], strict=True):
        called = [part["functionCall"]["name"] for part in turn["parts"] if "functionCall" in part]
        told = [
            part["functionResponse"]["name"]
            for part in after["parts"]
            if "functionResponse" in part
        ]
        assert told == called
