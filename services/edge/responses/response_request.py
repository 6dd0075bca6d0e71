"""A request for a response as a Gemini request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from services.edge.openai.chat_request import (
    format_instruction,
    read_model,
    remote_media_error,
    write_tier,
)
from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import (
    read_boolean,
    read_object,
    read_string,
    wrong_value,
)
from services.edge.openai.ignored import ignored_names
from services.edge.openai.media import MediaReader, RemoteMedia
from services.edge.openai.old_schemas import use_old_schemas
from services.edge.openai.thinking import ModelFamily, family_of
from services.edge.responses.conversation import read_conversation
from services.edge.responses.input_items import Item, read_input
from services.edge.responses.parameters import (
    read_include,
    read_sampling,
    read_stream,
    read_text,
    read_thinking,
)
from services.edge.responses.tool_choice import read_choice
from services.edge.responses.tool_names import Tool
from services.edge.responses.tools import ToolPlan, read_tools

_COUNTED = frozenset(
    {
        "model",
        "input",
        "instructions",
        "previous_response_id",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "reasoning",
        "text",
        "truncation",
    }
)
_TRANSLATED = _COUNTED | {
    "include",
    "max_output_tokens",
    "metadata",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
}
# Left out, the answer would be one to something else.
_IMPOSSIBLE = {
    "background": "Responses are made while their client waits.",
    "conversation": "Send 'previous_response_id', or the items of the conversation.",
    "prompt": "Prompts are not kept here. Send the 'instructions' themselves.",
}
# What the answer repeats as the client said it.
_ECHOED = ("instructions", "max_output_tokens", "previous_response_id", "temperature", "top_p")


@dataclass(frozen=True, slots=True)
class ResponsePlan:
    """A request for a response, ready to be sent to Gemini.

    Attributes:
        model: Without `models/`; safe as a path segment.
        stream: Whether the client wants a stream.
        gemini_body: The body for `:generateContent` or `:streamGenerateContent`.
        ignored: What has no counterpart, fit for a header.
        items: The whole conversation up to the answer, as OpenAI's items.
        is_kept: Whether the client wants the response kept.
        echo: What the answer repeats of the request.
        tools: The client's tools by Gemini's names of them.
        shows_summary: Whether the client wants to see summaries of the reasoning.
        one_call: Whether the client wants one call at a time.
        remote_media: Media to be fetched and filled in before `gemini_body` is sent.
    """

    model: str
    stream: bool
    gemini_body: dict[str, Any]
    ignored: tuple[str, ...]
    items: list[Item]
    is_kept: bool = True
    echo: dict[str, Any] = field(default_factory=dict)
    tools: Mapping[str, Tool] = field(default_factory=dict)
    shows_summary: bool = False
    one_call: bool = False
    remote_media: tuple[RemoteMedia, ...] = ()


def translate_response(
    body: dict[str, Any],
    *,
    earlier: Sequence[Item] = (),
    referred: Mapping[str, Item] | None = None,
    is_counted: bool = False,
    allow_remote_media: bool = False,
    old_models: Sequence[str] = (),
) -> ResponsePlan:
    """Return the plan for a request.

    Args:
        body: The parsed body; any JSON object. Lists and schemas in it may become part of
            the plan.
        earlier: The items of the response that it goes on from.
        referred: The items that references in it mean, by their ids.
        is_counted: Whether its tokens are to be counted, for which less must be said.
        allow_remote_media: Whether the caller fetches media behind web addresses; they then
            stand in `remote_media`.
        old_models: Patterns of models that take no JSON Schema, only its older form.

    Raises:
        BadRequestError: Something has the wrong type or cannot be said to Gemini.
    """
    model = read_model(body)
    family = family_of(model)
    _check_possible(body)
    ignored: list[str] = []
    media = MediaReader(ignored)
    placed = read_input(body.get("input"), earlier, referred or {})
    conversation = read_conversation(placed, _instructions(body), family, media)
    if media.remote and not allow_remote_media:
        raise remote_media_error(media.remote[0])
    tools = read_tools(body, ignored)
    read_choice(body.get("tool_choice"), tools, ignored)
    _read_truncation(body, ignored)
    config = {} if is_counted else read_sampling(body)
    form = read_text(body.get("text"), ignored)
    thinking = read_thinking(body.get("reasoning"), family, ignored)
    if thinking:
        config["thinkingConfig"] = thinking
    media.note_details("input[].content[].detail")
    if media.resolution:
        config["mediaResolution"] = media.resolution
    system = conversation.system
    if form and _clashes(tools, family):
        ignored.append("text.format")
        system = [*system, {"text": format_instruction(form)}]
    else:
        config |= form
    gemini_body: dict[str, Any] = {"contents": conversation.contents}
    if system:
        gemini_body["systemInstruction"] = {"parts": system}
    tools.write_to(gemini_body)
    if config:
        gemini_body["generationConfig"] = config
    stream, is_kept, echo = False, False, {}
    if not is_counted:
        write_tier(body, gemini_body, ignored)
        read_include(body.get("include"), ignored)
        stream = read_stream(body, ignored)
        is_kept = body.get("store") is None or read_boolean(body["store"], "store")
        echo = _echo(body)
    if any(fnmatchcase(model, pattern) for pattern in old_models):
        use_old_schemas(gemini_body)
    return ResponsePlan(
        model=model,
        stream=stream,
        gemini_body=gemini_body,
        ignored=ignored_names(body, _COUNTED if is_counted else _TRANSLATED, ignored),
        items=[item for item, _ in placed],
        is_kept=is_kept,
        echo=echo,
        tools=tools.tools,
        shows_summary=bool(thinking.get("includeThoughts")),
        one_call=tools.one_call,
        remote_media=tuple(media.remote),
    )


def _check_possible(body: dict[str, Any]) -> None:
    for name, instead in _IMPOSSIBLE.items():
        if body.get(name):
            raise BadRequestError(
                f"'{name}' is not possible here. {instead}", name, "unsupported_parameter"
            )


def _instructions(body: dict[str, Any]) -> list[dict[str, Any]]:
    if body.get("instructions") is None:
        return []
    text = read_string(body["instructions"], "instructions")
    return [{"text": text}] if text else []


def _read_truncation(body: dict[str, Any], ignored: list[str]) -> None:
    if body.get("truncation") is None:
        return
    truncation = read_string(body["truncation"], "truncation")
    if truncation not in {"auto", "disabled"}:
        raise wrong_value(truncation, "truncation", ("auto", "disabled"))
    ignored += ["truncation"] if truncation == "auto" else []


def _clashes(tools: ToolPlan, family: ModelFamily) -> bool:
    """Whether a format cannot be said: before Gemini 3, JSON and tools exclude each other."""
    return not family.is_modern and bool(tools.declarations or tools.searches)


def _echo(body: dict[str, Any]) -> dict[str, Any]:
    """Return what the answer repeats of a request that has been read."""
    echo = {name: body.get(name) for name in _ECHOED}
    echo["metadata"] = {}
    if body.get("metadata") is not None:
        metadata = read_object(body["metadata"], "metadata")
        for name, value in metadata.items():
            read_string(value, f"metadata.{name[:64]}")
        echo["metadata"] = metadata
    reasoning, text = body.get("reasoning") or {}, body.get("text") or {}
    one_call = body.get("parallel_tool_calls") is False
    return {
        **echo,
        "parallel_tool_calls": not one_call,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "text": {"format": text.get("format") or {"type": "text"}},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "truncation": body.get("truncation") or "disabled",
    }
