"""A request for a message as a Gemini request."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from services.edge.anthropic.errors import THREADS_UNSUPPORTED
from services.edge.anthropic.messages import read_messages
from services.edge.anthropic.thinking import read_thinking
from services.edge.anthropic.tools import ToolPlan, read_tools
from services.edge.openai.chat_request import format_instruction, read_model, remote_media_error
from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import (
    check_nesting,
    missing,
    note_others,
    read_boolean,
    read_integer,
    read_list,
    read_name,
    read_number,
    read_object,
    read_string,
    wrong_value,
)
from services.edge.openai.ignored import ignored_names
from services.edge.openai.media import MediaReader, RemoteMedia
from services.edge.openai.old_schemas import use_old_schemas
from services.edge.openai.thinking import ModelFamily, family_of

_COUNTED = frozenset(
    {"model", "messages", "system", "tools", "tool_choice", "thinking", "output_config"}
)
_TRANSLATED = _COUNTED | {
    "max_tokens",
    "stop_sequences",
    "temperature",
    "top_p",
    "top_k",
    "service_tier",
    "stream",
}
_TIERS = ("auto", "standard_only")
_MOST_TOKENS = 2**31 - 1
_MOST_STOPS = 5


@dataclass(frozen=True, slots=True)
class MessagePlan:
    """A request for a message, ready to be sent to Gemini.

    Attributes:
        model: Without `models/`; safe as a path segment.
        stream: Whether the client wants a stream.
        gemini_body: The body for `:generateContent` or `:streamGenerateContent`.
        ignored: What has no counterpart, fit for a header.
        shows_thinking: Whether the client wants thinking blocks.
        one_call: Whether the client wants one call at a time.
        remote_media: Media to be fetched and filled in before `gemini_body` is sent.
    """

    model: str
    stream: bool
    gemini_body: dict[str, Any]
    ignored: tuple[str, ...]
    shows_thinking: bool = False
    one_call: bool = False
    remote_media: tuple[RemoteMedia, ...] = ()


def translate_message(
    body: dict[str, Any],
    *,
    is_counted: bool = False,
    allow_remote_media: bool = False,
    old_models: Sequence[str] = (),
) -> MessagePlan:
    """Return the plan for a request.

    Args:
        body: The parsed body; any JSON object. Lists and schemas in it may become part of
            the plan.
        is_counted: Whether its tokens are to be counted, for which less must be said.
        allow_remote_media: Whether the caller fetches media behind web addresses; they then
            stand in `remote_media`.
        old_models: Patterns of models that take no JSON Schema, only its older form.

    Raises:
        BadRequestError: Something has the wrong type or cannot be said to Gemini.
    """
    model = read_model(body)
    if body.get("thread") is not None:
        # Were it ignored, the next request would hold the new messages alone.
        raise BadRequestError(
            "Conversations are not kept here: send all messages, without a thread.",
            "thread",
            THREADS_UNSUPPORTED,
        )
    family = family_of(model)
    ignored: list[str] = []
    config = {} if is_counted else _read_sampling(body, ignored)
    stream = body.get("stream") is not None and read_boolean(body["stream"], "stream")
    media = MediaReader(ignored)
    conversation = read_messages(body, family, media)
    if media.remote and not allow_remote_media:
        raise remote_media_error(media.remote[0])
    tools = read_tools(body, ignored)
    form, effort = _read_output(body, ignored)
    thinking = read_thinking(body, effort, family, ignored)
    if thinking:
        config["thinkingConfig"] = thinking
    system = conversation.system
    if form and _clashes(tools, family):
        ignored.append("output_config.format")
        system = [*system, {"text": format_instruction(form)}]
    else:
        config |= form
    gemini_body: dict[str, Any] = {"contents": conversation.contents}
    if system:
        gemini_body["systemInstruction"] = {"parts": system}
    tools.write_to(gemini_body)
    if config:
        gemini_body["generationConfig"] = config
    if not is_counted:
        _write_tier(body, gemini_body)
    if any(fnmatchcase(model, pattern) for pattern in old_models):
        use_old_schemas(gemini_body)
    return MessagePlan(
        model=model,
        stream=stream and not is_counted,
        gemini_body=gemini_body,
        ignored=ignored_names(body, _COUNTED if is_counted else _TRANSLATED, ignored),
        shows_thinking=bool(thinking.get("includeThoughts")),
        one_call=tools.one_call,
        remote_media=tuple(media.remote),
    )


def _read_sampling(body: dict[str, Any], ignored: list[str]) -> dict[str, Any]:
    """Return what concerns the choice and the number of tokens."""
    if body.get("max_tokens") is None:
        raise missing("max_tokens")
    config: dict[str, Any] = {
        "maxOutputTokens": read_integer(body["max_tokens"], "max_tokens", 1, _MOST_TOKENS)
    }
    for name, gemini_name in (("temperature", "temperature"), ("top_p", "topP")):
        if body.get(name) is not None:
            config[gemini_name] = read_number(body[name], name, 0.0, 1.0)
    if body.get("top_k") is not None:
        top_k = read_integer(body["top_k"], "top_k", 0, _MOST_TOKENS)
        if top_k:
            config["topK"] = top_k
        else:
            # Gemini's begin at 1.
            ignored.append("top_k")
    if body.get("stop_sequences") is not None:
        stops = [
            read_name(item, f"stop_sequences[{place}]")
            for place, item in enumerate(read_list(body["stop_sequences"], "stop_sequences"))
        ]
        if len(stops) > _MOST_STOPS:
            raise BadRequestError(
                f"Invalid 'stop_sequences': Gemini takes {_MOST_STOPS} at most, but there are "
                f"{len(stops)}.",
                "stop_sequences",
                "array_above_max_length",
            )
        if stops:
            config["stopSequences"] = stops
    return config


def _read_output(body: dict[str, Any], ignored: list[str]) -> tuple[dict[str, Any], object]:
    """Return the format of the answer in Gemini's words, and the effort as it stands there."""
    if body.get("output_config") is None:
        return {}, None
    output = read_object(body["output_config"], "output_config")
    note_others(output, ("effort", "format"), "output_config", ignored)
    if output.get("format") is None:
        return {}, output.get("effort")
    form = read_object(output["format"], "output_config.format")
    kind = read_name(form.get("type"), "output_config.format.type")
    if kind != "json_schema":
        raise wrong_value(kind, "output_config.format.type", ("json_schema",))
    note_others(form, ("type", "schema"), "output_config.format", ignored)
    schema = read_object(form.get("schema"), "output_config.format.schema")
    check_nesting(schema, "output_config.format.schema")
    told = {"responseMimeType": "application/json", "responseJsonSchema": schema}
    return told, output.get("effort")


def _clashes(tools: ToolPlan, family: ModelFamily) -> bool:
    """Whether a format cannot be said: before Gemini 3, JSON and tools exclude each other."""
    return not family.is_modern and bool(tools.declarations or tools.built_in)


def _write_tier(body: dict[str, Any], gemini_body: dict[str, Any]) -> None:
    if body.get("service_tier") is None:
        return
    tier = read_string(body["service_tier"], "service_tier")
    if tier not in _TIERS:
        raise wrong_value(tier, "service_tier", _TIERS)
    if tier == "standard_only":
        gemini_body["serviceTier"] = "standard"
