"""A whole answer of Gemini's as a message."""

from typing import Any

import orjson

from services.edge.anthropic.blocks import Blocks, Event
from services.edge.anthropic.message_request import MessagePlan
from services.edge.anthropic.usage import translate_usage
from services.edge.openai.errors import AnswerError


def translate_answer(
    plan: MessagePlan, answer: dict[str, Any], *, message_id: str
) -> dict[str, Any]:
    """Return the message for a reply of `:generateContent`.

    Args:
        plan: The request's.
        answer: Google's reply.
        message_id: The id of the message; ids of calls are made from it.

    Raises:
        AnswerError: The model gave no answer, or not the whole of one.
    """
    blocks = Blocks(plan, message_id)
    events = [*blocks.read(answer), *blocks.end()]
    if not blocks.is_finished and not events:
        raise AnswerError("The model gave no answer.")
    stop = blocks.stop()
    usage = answer.get("usageMetadata")
    return {
        **message_head(plan, message_id),
        "content": _assembled(events),
        **stop,
        "usage": translate_usage(usage if isinstance(usage, dict) else None, blocks.searches),
    }


def message_head(plan: MessagePlan, message_id: str) -> dict[str, Any]:
    """Return what a message begins with, whole or streamed."""
    return {"id": message_id, "type": "message", "role": "assistant", "model": plan.model}


def count_of(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the count for a reply of `:countTokens`.

    Raises:
        AnswerError: It tells none.
    """
    total = answer.get("totalTokens", 0)
    if isinstance(total, bool) or not isinstance(total, int):
        raise AnswerError("The upstream counted nothing.")
    return {"input_tokens": total}


def _assembled(events: list[Event]) -> list[dict[str, Any]]:
    """Return the blocks that a client puts together of a stream's events."""
    blocks: list[dict[str, Any]] = []
    for event in events:
        if event["type"] == "content_block_start":
            blocks.append(event["content_block"])
        elif event["type"] == "content_block_delta":
            _grow(blocks[-1], event["delta"])
    return blocks


def _grow(block: dict[str, Any], delta: dict[str, Any]) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "input_json_delta":
            block["input"] = orjson.loads(delta["partial_json"])
        case "citations_delta":
            block.setdefault("citations", []).append(delta["citation"])
