"""Gemini's answers as text completions, whole and streamed."""

from typing import Any

from services.edge.openai.chat_response import translate_answer
from services.edge.openai.chat_stream import ChatStream
from services.edge.openai.choice import Delta
from services.edge.openai.completion_request import CompletionPlan

# A text completion has no words for these; they stand beside its text.
_BESIDE = ("reasoning_content", "refusal", "extra_content")


def translate_completions(
    plan: CompletionPlan, answers: list[dict[str, Any]], *, completion_id: str, created: int
) -> dict[str, Any]:
    """Return the text_completion for the replies to all prompts.

    Args:
        plan: The request's.
        answers: Google's replies, one for each prompt.
        completion_id: The id of the completion.
        created: Unix time in seconds.
    """
    told = [
        translate_answer(chat, answer, completion_id=completion_id, created=created)
        for chat, answer in zip(plan.chats, answers, strict=True)
    ]
    choices: list[dict[str, Any]] = []
    for place, completion in enumerate(told):
        echo, n = plan.echoes[place], plan.chats[place].n
        for choice in completion["choices"]:
            logprobs = choice["logprobs"]
            choices.append(
                {
                    **_texts(echo, choice["message"]),
                    "index": place * n + choice["index"],
                    "logprobs": _legacy(logprobs["content"], len(echo)) if logprobs else None,
                    "finish_reason": choice["finish_reason"],
                    "native_finish_reason": choice["native_finish_reason"],
                }
            )
    usages = [completion["usage"] for completion in told if completion["usage"]]
    return {
        "id": completion_id,
        "object": "text_completion",
        "created": created,
        "model": plan.chats[0].model,
        "choices": choices,
        "usage": _sum(usages) if usages else None,
    }


class CompletionStream(ChatStream):
    """Turns the events of one stream into SSE frames of text completions."""

    kind = "text_completion"

    def __init__(self, plan: CompletionPlan, *, completion_id: str, created: int) -> None:
        """Begin a stream; see `ChatStream`."""
        super().__init__(plan.chats[0], completion_id=completion_id, created=created)
        self._echo = plan.echoes[0]
        self._offsets: dict[int, int] = {}

    def _told(
        self, index: int, delta: Delta, logprobs: list[dict[str, Any]] | None, *, is_first: bool
    ) -> dict[str, Any]:
        echo = self._echo if is_first else ""
        offset = self._offsets.get(index, len(self._echo))
        if logprobs:
            self._offsets[index] = offset + sum(len(token["token"]) for token in logprobs)
        return {
            **_texts(echo, delta),
            "index": index,
            "logprobs": _legacy(logprobs, offset) if logprobs else None,
        }


def _texts(echo: str, message: dict[str, Any]) -> dict[str, Any]:
    beside = {name: message[name] for name in _BESIDE if message.get(name)}
    return {"text": echo + (message.get("content") or ""), **beside}


def _legacy(tokens: list[dict[str, Any]], offset: int) -> dict[str, Any]:
    """Return log probabilities in their older form, counted from an offset in the text."""
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token["token"])
    return {
        "tokens": [token["token"] for token in tokens],
        "token_logprobs": [token["logprob"] for token in tokens],
        "top_logprobs": [
            {rival["token"]: rival["logprob"] for rival in token["top_logprobs"]}
            for token in tokens
        ],
        "text_offset": offsets,
    }


def _sum(usages: list[dict[str, Any]]) -> dict[str, Any]:
    """Return counts added up, those inside objects too."""
    total: dict[str, Any] = {}
    for usage in usages:
        for name, value in usage.items():
            if isinstance(value, dict):
                total[name] = _sum([total.get(name, {}), value])
            else:
                total[name] = total.get(name, 0) + value
    return total
