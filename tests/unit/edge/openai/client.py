"""What an OpenAI client makes of our answers, written without a look at how they are made."""

from typing import Any

import orjson
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from services.edge.openai.chat_request import ChatPlan, translate_chat
from services.edge.openai.chat_stream import ChatStream

ID = "chatcmpl-0123456789abcdef"
CREATED = 1_790_000_000


def plan(**changes: Any) -> ChatPlan:
    """Return the plan of a short request."""
    body = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "hi"}]}
    return translate_chat(body | changes)


def frames(sse: bytes) -> list[Any]:
    """Return the payloads of SSE frames; `[DONE]` as that text."""
    assert sse.endswith(b"\n\n") or not sse
    payloads = []
    for block in sse.split(b"\n\n")[:-1]:
        assert block.startswith(b"data: ")
        assert b"\n" not in block
        data = block.removeprefix(b"data: ")
        payloads.append("[DONE]" if data == b"[DONE]" else orjson.loads(data))
    return payloads


def stream_of(events: list[dict[str, Any]], of: ChatPlan) -> list[Any]:
    """Return the payloads of all frames of a stream."""
    stream = ChatStream(of, completion_id=ID, created=CREATED)
    return frames(b"".join(stream.feed(event) for event in events) + stream.finish())


def assembled(payloads: list[Any], *, has_usage: bool = False) -> dict[str, Any]:
    """Return the completion that a client puts together from chunks, checking their manners."""
    assert payloads[-1] == "[DONE]"
    chunks = payloads[:-1]
    choices: dict[int, dict[str, Any]] = {}
    usage = None
    if has_usage:
        last = chunks.pop()
        assert last["choices"] == []
        usage = last["usage"]
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk)
        assert len(chunk["choices"]) == 1
        assert ("usage" in chunk) == has_usage
        assert chunk.get("usage") is None
        _add(choices, chunk["choices"][0])
    for choice in choices.values():
        assert choice["finish_reason"] is not None
    return {"choices": [choices[index] for index in sorted(choices)], "usage": usage}


def completed(completion: dict[str, Any]) -> dict[str, Any]:
    """Return the same of a whole answer, for comparison with a stream."""
    ChatCompletion.model_validate(completion)
    choices = orjson.loads(orjson.dumps(completion["choices"]))
    for choice in choices:
        for place, call in enumerate(choice["message"].get("tool_calls", [])):
            call["index"] = place
    return {"choices": choices, "usage": completion["usage"]}


def _add(choices: dict[int, dict[str, Any]], piece: dict[str, Any]) -> None:
    delta = piece["delta"]
    if piece["index"] not in choices:
        assert delta["role"] == "assistant"
        choices[piece["index"]] = {
            "index": piece["index"],
            "message": {"role": "assistant", "content": None, "refusal": None},
            "logprobs": None,
            "finish_reason": None,
        }
    else:
        assert "role" not in delta
    choice = choices[piece["index"]]
    assert choice["finish_reason"] is None, "nothing may follow the end of a choice"
    choice["finish_reason"] = piece["finish_reason"]
    if piece["finish_reason"] is not None:
        choice["native_finish_reason"] = piece["native_finish_reason"]
    if piece["logprobs"]:
        known = choice["logprobs"] or {"content": [], "refusal": None}
        known["content"] += piece["logprobs"]["content"]
        choice["logprobs"] = known
    message = choice["message"]
    for name, value in delta.items():
        if name == "tool_calls":
            for entry in value:
                _add_call(message.setdefault("tool_calls", []), entry)
        elif name == "function_call":
            known = message.setdefault("function_call", {"arguments": ""})
            arguments = known["arguments"] + value["arguments"]
            known |= value | {"arguments": arguments}
        elif name in {"content", "reasoning_content"} and value:
            message[name] = (message.get(name) or "") + value
        elif name == "images":
            message.setdefault("images", []).extend(value)
        elif name in {"refusal", "extra_content"}:
            message[name] = value


def _add_call(calls: list[dict[str, Any]], entry: dict[str, Any]) -> None:
    if entry["index"] == len(calls):
        assert entry["id"]
        assert entry["function"]["name"]
        calls.append(entry)
        return
    assert entry["index"] == len(calls) - 1
    assert set(entry) == {"index", "function"}
    assert set(entry["function"]) == {"arguments"}
    calls[-1]["function"]["arguments"] += entry["function"]["arguments"]
