"""A whole answer of Gemini's as a chat completion."""

import base64
from typing import Any

from services.edge.openai.chat_request import ChatPlan
from services.edge.openai.choice import Choice, blocked_choice
from services.edge.openai.usage import translate_usage

_TIERS = {"standard": "default", "flex": "flex", "priority": "priority"}


def translate_answer(
    plan: ChatPlan, answer: dict[str, Any], *, completion_id: str, created: int
) -> dict[str, Any]:
    """Return the chat.completion for a reply of `:generateContent`.

    There is always a choice: a blocked prompt and an empty reply are told as one that was
    filtered, never as success.

    Args:
        plan: The request's.
        answer: Google's reply.
        completion_id: The id of the completion; ids of calls are made from it.
        created: Unix time in seconds.
    """
    candidates = answer.get("candidates")
    choices = [
        _choice(plan, candidate, place, completion_id, created)
        for place, candidate in enumerate(candidates if isinstance(candidates, list) else ())
        if isinstance(candidate, dict)
    ]
    usage = answer.get("usageMetadata")
    completion = {
        "id": completion_id,
        "object": "chat.completion",
        "created": created,
        "model": plan.model,
        "choices": choices or [_no_answer(answer)],
        "usage": translate_usage(usage) if isinstance(usage, dict) else None,
    }
    tier = _TIERS.get(str(usage.get("serviceTier"))) if isinstance(usage, dict) else None
    if tier:
        completion["service_tier"] = tier
    return completion


def _choice(
    plan: ChatPlan, candidate: dict[str, Any], place: int, completion_id: str, created: int
) -> dict[str, Any]:
    index = candidate.get("index", place)
    choice = Choice(
        index if isinstance(index, int) else place, completion_id, is_legacy=plan.legacy_functions
    )
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    for delta in choice.read(candidate):
        _add(message, delta)
    if plan.shows_sources and (sources := choice.sources()):
        _add(message, {"content": sources})
    if "audio" in message:
        message["audio"] |= {"id": f"audio_{completion_id}", "transcript": ""}
        message["audio"]["expires_at"] = created
    message["refusal"] = choice.refusal()
    extra = choice.extra_content()
    if extra:
        message["extra_content"] = extra
    logprobs = choice.read_logprobs(candidate)
    return {
        "index": choice.index,
        "message": message,
        "logprobs": {"content": logprobs, "refusal": None} if logprobs else None,
        **choice.ending(),
    }


def _add(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for name, value in delta.items():
        match name:
            case "content" | "reasoning_content":
                message[name] = (message.get(name) or "") + value
            case "tool_calls":
                for call in value:
                    del call["index"]
                message.setdefault(name, []).extend(value)
            case "images":
                message.setdefault(name, []).extend(value)
            case "audio":
                _add_audio(message, value)
            case _:
                message[name] = value


def _add_audio(message: dict[str, Any], audio: dict[str, Any]) -> None:
    known = message.get("audio")
    if known is None:
        message["audio"] = dict(audio)
        return
    # Pieces of base64 cannot be joined as text: each may end in padding.
    joined = base64.b64decode(known["data"]) + base64.b64decode(audio["data"])
    known["data"] = base64.b64encode(joined).decode()


def _no_answer(answer: dict[str, Any]) -> dict[str, Any]:
    blocked = blocked_choice(answer.get("promptFeedback"))
    reason, text = blocked or (None, "The model gave no answer.")
    return {
        "index": 0,
        "message": {"role": "assistant", "content": None, "refusal": text},
        "logprobs": None,
        "finish_reason": "content_filter",
        "native_finish_reason": reason,
    }
