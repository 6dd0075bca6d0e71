"""An older completion request of OpenAI's dialect, as one chat for each of its prompts."""

from dataclasses import dataclass
from typing import Any

from services.edge.openai.chat_request import ChatPlan, translate_chat
from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import (
    read_boolean,
    read_integer,
    read_string,
    wrong_type,
)
from services.edge.openai.ignored import ignored_names

_MOST_PROMPTS = 32
_MOST_LOGPROBS = 5
# What means the same in both kinds of request.
_SHARED = (
    *("model", "stream", "stream_options", "n", "temperature", "top_p", "top_k", "max_tokens"),
    *("presence_penalty", "frequency_penalty", "seed", "stop", "reasoning_effort"),
    *("service_tier", "google", "extra_body"),
)
_READ = frozenset({*_SHARED, "prompt", "suffix", "echo", "logprobs"})


@dataclass(frozen=True, slots=True)
class CompletionPlan:
    """A completion request, ready to be sent to Gemini.

    Attributes:
        chats: One for each prompt.
        echoes: What each answer begins with: its prompt, or nothing.
        ignored: Parameters without counterpart, fit for a header.
    """

    chats: tuple[ChatPlan, ...]
    echoes: tuple[str, ...]
    ignored: tuple[str, ...]


def translate_completion(body: dict[str, Any]) -> CompletionPlan:
    """Return the plan for a completion request.

    Models that chat are asked with the prompt as it is. A suffix goes into their
    instruction: Gemini fills no gaps.

    Raises:
        BadRequestError: Something has the wrong type or cannot be said to Gemini.
    """
    prompts = _read_prompts(body.get("prompt"))
    shared = {name: body[name] for name in _SHARED if name in body}
    shared |= _read_logprobs(body.get("logprobs"))
    begin = []
    suffix = body.get("suffix")
    if suffix is not None and read_string(suffix, "suffix"):
        begin = [{"role": "system", "content": _instruction(suffix)}]
    chats = tuple(
        translate_chat(shared | {"messages": [*begin, {"role": "user", "content": prompt}]})
        for prompt in prompts
    )
    if chats[0].stream and len(chats) > 1:
        raise BadRequestError(
            "Invalid 'prompt': only one prompt is possible while streaming.",
            "prompt",
            "unsupported_value",
        )
    has_echo = body.get("echo") is not None and read_boolean(body["echo"], "echo")
    noted = [*chats[0].ignored]
    if body.get("best_of") in (1, body.get("n")):
        # As many are made as are told: nothing to choose from.
        body = {name: value for name, value in body.items() if name != "best_of"}
    return CompletionPlan(
        chats=chats,
        echoes=tuple(prompt if has_echo else "" for prompt in prompts),
        ignored=ignored_names(body, _READ, noted),
    )


def _read_prompts(value: object) -> list[str]:
    """Return the prompts; none at all is one that says nothing."""
    if value is None or value == []:
        return [""]
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise wrong_type(value, "prompt", "one of a string or array of strings")
    if any(_is_token(item) or isinstance(item, list) for item in value):
        raise BadRequestError(
            "Invalid 'prompt': numbers of tokens mean nothing to Gemini, whose vocabulary is "
            "another. Send text.",
            "prompt",
            "tokens_not_supported",
        )
    if len(value) > _MOST_PROMPTS:
        raise BadRequestError(
            f"Invalid 'prompt': array too long. Expected an array with maximum length "
            f"{_MOST_PROMPTS}, but got an array with length {len(value)} instead.",
            "prompt",
            "array_above_max_length",
        )
    return [read_string(item, f"prompt[{place}]") for place, item in enumerate(value)]


def _is_token(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _read_logprobs(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    return {
        "logprobs": True,
        "top_logprobs": read_integer(value, "logprobs", 0, _MOST_LOGPROBS),
    }


def _instruction(suffix: str) -> str:
    return (
        "The user sends the beginning of a text. Answer with what belongs between it and the "
        f"ending below, and with nothing else. The ending:\n\n{suffix}"
    )
