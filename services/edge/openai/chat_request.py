"""A chat request of OpenAI's dialect as a Gemini request."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import orjson

from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import (
    read_boolean,
    read_name,
    read_object,
    read_string,
)
from services.edge.openai.google_extras import GoogleExtras, read_extras
from services.edge.openai.ignored import ignored_names
from services.edge.openai.media import MediaReader, RemoteMedia
from services.edge.openai.messages import read_messages
from services.edge.openai.old_schemas import use_old_schemas
from services.edge.openai.parameters import (
    read_candidates,
    read_format,
    read_output,
    read_sampling,
)
from services.edge.openai.thinking import ModelFamily, family_of, thinking_from_effort
from services.edge.openai.tools import ToolPlan, read_tools

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@\-]{0,127}")
_TRANSLATED = frozenset(
    {
        "model",
        "messages",
        "stream",
        "stream_options",
        "n",
        "temperature",
        "top_p",
        "top_k",
        "max_tokens",
        "max_completion_tokens",
        "presence_penalty",
        "frequency_penalty",
        "seed",
        "stop",
        "logprobs",
        "top_logprobs",
        "response_format",
        "modalities",
        "audio",
        "reasoning_effort",
        "tools",
        "tool_choice",
        "functions",
        "function_call",
        "parallel_tool_calls",
        "web_search_options",
        "service_tier",
        "google",
        "extra_body",
    }
)
_TIERS = {"flex": "flex", "priority": "priority", "default": "standard"}


@dataclass(frozen=True, slots=True)
class ChatPlan:
    """A chat request, ready to be sent to Gemini.

    Attributes:
        model: What the answer calls it: the name without `models/`, or what the client asked for.
        stream: Whether the client wants a stream.
        include_usage: Whether a stream ends with a chunk of token counts.
        gemini_body: The body for `:generateContent` or `:streamGenerateContent`.
        ignored: Parameters without counterpart, fit for a header.
        legacy_functions: Whether calls are told as `function_call`, not `tool_calls`.
        n: How many choices are asked for.
        remote_media: Media to be fetched and filled in before `gemini_body` is sent.
        shows_sources: Whether answers end with the addresses that a search has found.
    """

    model: str
    stream: bool
    include_usage: bool
    gemini_body: dict[str, Any]
    ignored: tuple[str, ...]
    legacy_functions: bool
    n: int
    remote_media: tuple[RemoteMedia, ...] = ()
    shows_sources: bool = False


@dataclass(frozen=True, slots=True)
class _Fit:
    form: dict[str, Any]
    tools: ToolPlan
    instruction: str = ""


def translate_chat(
    body: dict[str, Any], *, allow_remote_media: bool = False, old_models: Sequence[str] = ()
) -> ChatPlan:
    """Return the plan for a chat request.

    Args:
        body: The parsed body; any JSON object. Lists and schemas in it may become part of
            the plan.
        allow_remote_media: Whether the caller fetches media behind web addresses; they then
            stand in `remote_media`.
        old_models: Patterns of models that take no JSON Schema, only its older form.

    Raises:
        BadRequestError: Something has the wrong type or cannot be said to Gemini.
    """
    model = read_model(body)
    family = family_of(model)
    ignored: list[str] = []
    stream, include_usage = _read_stream(body, ignored)
    media = MediaReader(ignored)
    conversation = read_messages(body.get("messages"), family, media, ignored)
    if media.remote and not allow_remote_media:
        raise remote_media_error(media.remote[0])
    tools = read_tools(body, ignored)
    extras = read_extras(body, ignored)
    config = read_sampling(body, family, ignored)
    config |= read_output(body, ignored)
    config |= extras.config
    count = read_candidates(body, family, is_stream=stream)
    if count > 1:
        config["candidateCount"] = count
    media.note_details("messages[].content[].image_url.detail")
    if media.resolution:
        config["mediaResolution"] = media.resolution
    thinking = _read_thinking(body, extras, family, ignored)
    if thinking:
        config["thinkingConfig"] = thinking
    gemini_body: dict[str, Any] = {"contents": conversation.contents}
    fit = _fit_format(read_format(body.get("response_format"), ignored), tools, family, ignored)
    config |= fit.form
    system = conversation.system
    if fit.instruction:
        system = [*system, {"text": fit.instruction}]
    if system:
        gemini_body["systemInstruction"] = {"parts": system}
    fit.tools.write_to(gemini_body)
    if config:
        gemini_body["generationConfig"] = config
    _write_extras(extras, gemini_body)
    write_tier(body, gemini_body, ignored)
    if any(fnmatchcase(model, pattern) for pattern in old_models):
        use_old_schemas(gemini_body)
    return ChatPlan(
        model=model,
        stream=stream,
        include_usage=include_usage,
        gemini_body=gemini_body,
        ignored=ignored_names(body, _TRANSLATED, ignored),
        legacy_functions=tools.is_legacy,
        n=count,
        remote_media=tuple(media.remote),
    )


def read_model(body: dict[str, Any]) -> str:
    """Return the model of any request, without `models/` and fit for a path."""
    if body.get("model") is None:
        raise BadRequestError(
            "you must provide a model parameter", "model", "missing_required_parameter"
        )
    model = read_name(body["model"], "model").removeprefix("models/")
    if not _MODEL.fullmatch(model):
        raise BadRequestError(
            "Invalid 'model': no model can have this name.", "model", "invalid_value"
        )
    return model


def _read_stream(body: dict[str, Any], ignored: list[str]) -> tuple[bool, bool]:
    stream = body.get("stream") is not None and read_boolean(body["stream"], "stream")
    if body.get("stream_options") is None:
        return stream, False
    options = read_object(body["stream_options"], "stream_options")
    if options and not stream:
        ignored.append("stream_options")
    value = options.get("include_usage")
    include_usage = value is not None and read_boolean(value, "stream_options.include_usage")
    ignored.extend(
        f"stream_options.{name}" for name in options if name != "include_usage" and options[name]
    )
    return stream, stream and include_usage


def _read_thinking(
    body: dict[str, Any], extras: GoogleExtras, family: ModelFamily, ignored: list[str]
) -> dict[str, Any] | None:
    if body.get("reasoning_effort") is None:
        return extras.thinking
    chosen = extras.thinking or {}
    if "thinkingBudget" in chosen or "thinkingLevel" in chosen:
        raise BadRequestError(
            "'reasoning_effort' and 'thinking_config' both say how much to think: send one.",
            "reasoning_effort",
            "invalid_value",
        )
    by_effort = thinking_from_effort(body["reasoning_effort"], family, ignored)
    return {**(by_effort or {}), **chosen}


def _fit_format(
    form: dict[str, Any], tools: ToolPlan, family: ModelFamily, ignored: list[str]
) -> _Fit:
    """Return how a response format and tools go together.

    Before Gemini 3, JSON output and tools exclude each other. Tools that must not be called
    give way; otherwise the format becomes an instruction, which binds the model less.
    """
    if not form or family.is_modern or not (tools.declarations or tools.searches):
        return _Fit(form, tools)
    if tools.is_off:
        ignored.append("functions" if tools.is_legacy else "tools")
        return _Fit(form, ToolPlan([], None, searches=False, is_legacy=tools.is_legacy))
    ignored.append("response_format")
    return _Fit({}, tools, instruction=format_instruction(form))


def format_instruction(form: dict[str, Any]) -> str:
    """Return a response format in words, for models that cannot be bound to it."""
    text = "Unless you call a function, answer with a single JSON object and nothing else."
    if "responseJsonSchema" in form:
        schema = orjson.dumps(form["responseJsonSchema"]).decode()
        text += f" It must match this JSON Schema: {schema}"
    return text


def _write_extras(extras: GoogleExtras, gemini_body: dict[str, Any]) -> None:
    if extras.safety_settings is not None:
        gemini_body["safetySettings"] = extras.safety_settings
    if extras.cached_content is None:
        return
    for name in ("systemInstruction", "tools", "toolConfig"):
        if name in gemini_body:
            raise BadRequestError(
                "'cached_content' cannot be used with system messages, tools or tool_choice: "
                "they are part of the cached content.",
                "extra_body.google.cached_content",
                "invalid_value",
            )
    gemini_body["cachedContent"] = extras.cached_content


def write_tier(body: dict[str, Any], gemini_body: dict[str, Any], ignored: list[str]) -> None:
    """Put the `service_tier` of a request into Gemini's."""
    if body.get("service_tier") is None:
        return
    tier = read_string(body["service_tier"], "service_tier")
    if tier in _TIERS:
        gemini_body["serviceTier"] = _TIERS[tier]
    elif tier != "auto":
        ignored.append("service_tier")


def remote_media_error(media: RemoteMedia) -> BadRequestError:
    """Return the error for media that nobody fetches."""
    return BadRequestError(
        f"Invalid '{media.param}': media behind a web address are not fetched. Send a data URL, "
        "or upload the file and send its URI.",
        media.param,
        "remote_media_not_supported",
    )
