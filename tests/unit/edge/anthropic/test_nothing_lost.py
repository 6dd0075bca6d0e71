"""Every leaf of a request arrives at Gemini, or is named in the header as ignored.

The checker knows the two dialects, and nothing of how one is put into the other.
"""

import asyncio
import json
import re
from typing import Any

from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from hypothesis import given, settings
from pydantic import TypeAdapter

from tests.support.edge_in_memory import EdgeInMemory, Script
from tests.unit.edge.anthropic.whole_messages import whole_messages
from tests.unit.edge.openai.test_nothing_lost import everything, is_named

EDGE = EdgeInMemory()
VALID: TypeAdapter[Any] = TypeAdapter(MessageCreateParamsNonStreaming)
REPLY = b'{"candidates":[{"content":{"parts":[{"text":"ok"}]},"finishReason":"STOP"}]}'

# What says which other fields are there, and so arrives with them.
STRUCTURE = re.compile(r"model|.*\.(type|tool_use_id)|messages\[\]\.role|tools\[\]\.name")
# JSON of the client's own, compared as a whole.
OWN_JSON = re.compile(r".*\.(input|input_schema|schema)")
# Words that Gemini has other words for: where they arrive.
PLACES = {
    "tool_choice.name": "toolConfig.functionCallingConfig.allowedFunctionNames",
    "thinking.budget_tokens": "generationConfig.thinkingConfig",
    "output_config.effort": "generationConfig.thinkingConfig",
    "service_tier": "serviceTier",
}
# What the form of a part says.
FORMS = {
    ("is_error", True): "error",
    ("return_code", 0): "codeExecutionResult",
    ("name", "code_execution"): "executableCode",
    ("media_type", "text/plain"): "text",
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
    if path == "messages[].content[].id" or path.endswith(".signature"):
        return is_carried(leaf, model, sent, texts)
    if OWN_JSON.fullmatch(path):
        wanted = leaf["code"] if [*leaf] == ["code"] else leaf
        as_text = json.dumps(wanted, separators=(",", ":"))
        return wanted in values or any(as_text in text for text in texts)
    if (path.rpartition(".")[2], leaf) in FORMS:
        form = FORMS[path.rpartition(".")[2], leaf]
        return any(isinstance(each, dict) and form in each for each in values)
    if not isinstance(leaf, str):
        return any(each == leaf and type(each) is type(leaf) for each in values)
    return is_said(path, leaf, texts)


def is_carried(leaf: str, model: str, sent: dict[str, Any], texts: list[str]) -> bool:
    """Whether an id, and the signature in it, or that of a thinking block has arrived."""
    if leaf.startswith("srvtoolu_"):
        return True
    call_id, mark, signature = leaf.partition("__sig__")
    if not mark and not leaf.startswith("w"):
        # Of a thought; that in the id of the call counts more.
        carried = leaf.removeprefix("gemini-")
        return model.startswith("gemini-2.0") or carried in texts or _is_signed(sent)
    is_told = call_id in texts or not model.startswith("gemini-3")
    is_signed = any(text.startswith(signature) for text in texts)
    return is_told and (is_signed or model.startswith("gemini-2.0"))


def is_said(path: str, leaf: str, texts: list[str]) -> bool:
    if leaf.startswith("data:") and ";base64," in leaf:
        head, _, data = leaf.partition(",")
        return data in texts and head[5:].removesuffix(";base64") in texts
    if path.endswith("file_id"):
        leaf = "files/" + leaf.removeprefix("file-").removeprefix("files/")
    return any(leaf in text for text in texts)


def _is_signed(sent: dict[str, Any]) -> bool:
    """Whether each first call has a signature: its own, which then counts more."""
    return '"thoughtSignature"' in json.dumps(sent)


@settings(max_examples=400, deadline=None)
@given(whole_messages())
def test_each_leaf_arrives_or_is_named(body: dict[str, Any]) -> None:
    VALID.validate_python(body)

    answer = asyncio.run(EDGE.post("/v1/messages", body, Script([REPLY])))

    assert answer.status == 200, answer.body
    sent = EDGE.sent()
    ignored = answer.headers.get("x-gemini-balance-ignored", "").split(",")
    for path, leaf in leaves(body):
        if STRUCTURE.fullmatch(path):
            continue
        assert has_arrived(path, leaf, body["model"], sent) or is_named(path, ignored), (
            path,
            leaf,
            sent,
            ignored,
        )


@settings(max_examples=100, deadline=None)
@given(whole_messages())
def test_results_follow_their_calls_in_order(body: dict[str, Any]) -> None:
    asyncio.run(EDGE.post("/v1/messages", body, Script([REPLY])))

    asked = [
        block["name"]
        for message in body["messages"]
        if message["role"] == "assistant"
        for block in message["content"]
        if block["type"] == "tool_use"
    ]
    told = [
        part["functionResponse"]["name"]
        for content in EDGE.sent()["contents"]
        for part in content["parts"]
        if "functionResponse" in part
    ]
    assert told == asked
