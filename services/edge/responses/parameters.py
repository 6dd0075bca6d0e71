"""How a response is to be made: length, chance, thought and form."""

from typing import Any

from services.edge.openai.fields import (
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
from services.edge.openai.parameters import read_schema
from services.edge.openai.thinking import EFFORTS, ModelFamily, config_for_effort

_MOST_TOKENS = 2**31 - 1
_FORMATS = ("text", "json_object", "json_schema")
_VERBOSITIES = ("low", "medium", "high")
_SUMMARIES = ("auto", "concise", "detailed", "none")
# What every answer tells, whether it is asked for or not.
_INCLUDED = frozenset({"reasoning.encrypted_content", "web_search_call.action.sources"})


def read_sampling(body: dict[str, Any]) -> dict[str, Any]:
    """Return what concerns the choice and the number of tokens."""
    config: dict[str, Any] = {}
    if body.get("max_output_tokens") is not None:
        config["maxOutputTokens"] = read_integer(
            body["max_output_tokens"], "max_output_tokens", 1, _MOST_TOKENS
        )
    for name, gemini_name, most in (("temperature", "temperature", 2.0), ("top_p", "topP", 1.0)):
        if body.get(name) is not None:
            config[gemini_name] = read_number(body[name], name, 0.0, most)
    return config


def read_thinking(value: object, family: ModelFamily, ignored: list[str]) -> dict[str, Any]:
    """Return Gemini's thinkingConfig for `reasoning`; empty where the model is left its way.

    Thoughts are asked for with a `summary` alone: without one nobody reads them.
    """
    if value is None:
        return {}
    holder = read_object(value, "reasoning")
    note_others(holder, ("effort", "summary", "generate_summary"), "reasoning", ignored)
    effort = summary = None
    if holder.get("effort") is not None:
        effort = read_string(holder["effort"], "reasoning.effort")
        if effort not in EFFORTS:
            raise wrong_value(effort, "reasoning.effort", EFFORTS)
    for name in ("generate_summary", "summary"):
        if holder.get(name) is not None:
            summary = read_string(holder[name], f"reasoning.{name}")
            if summary not in _SUMMARIES:
                raise wrong_value(summary, f"reasoning.{name}", _SUMMARIES)
    if not family.can_think or family.makes_media:
        ignored += ["reasoning.effort"] if effort else []
        ignored += ["reasoning.summary"] if summary else []
        return {}
    config = config_for_effort(effort, family) if effort else {}
    if summary not in (None, "none"):
        config["includeThoughts"] = True
    return config


def read_text(value: object, ignored: list[str]) -> dict[str, Any]:
    """Return responseMimeType and responseJsonSchema for `text`."""
    if value is None:
        return {}
    holder = read_object(value, "text")
    note_others(holder, ("format", "verbosity"), "text", ignored)
    if holder.get("verbosity") is not None:
        verbosity = read_string(holder["verbosity"], "text.verbosity")
        if verbosity not in _VERBOSITIES:
            raise wrong_value(verbosity, "text.verbosity", _VERBOSITIES)
        # The middle is what Gemini does by itself.
        ignored += ["text.verbosity"] if verbosity != "medium" else []
    return _read_format(holder.get("format"), ignored)


def read_include(value: object, ignored: list[str]) -> None:
    """Note what of `include` is not told."""
    if value is None:
        return
    for place, item in enumerate(read_list(value, "include")):
        if read_name(item, f"include[{place}]") not in _INCLUDED:
            ignored.append("include")


def read_stream(body: dict[str, Any], ignored: list[str]) -> bool:
    """Return whether the client wants a stream."""
    stream = body.get("stream") is not None and read_boolean(body["stream"], "stream")
    if body.get("stream_options") is not None:
        options = read_object(body["stream_options"], "stream_options")
        # What hides the lengths of texts is not done here, which is what `false` asks for.
        known = ("include_obfuscation",) if options.get("include_obfuscation") is False else ()
        note_others(options, known, "stream_options", ignored)
    return stream


def _read_format(value: object, ignored: list[str]) -> dict[str, Any]:
    if value is None:
        return {}
    form = read_object(value, "text.format")
    kind = read_name(form.get("type"), "text.format.type")
    if kind not in _FORMATS:
        raise wrong_value(kind, "text.format.type", _FORMATS)
    if kind != "json_schema":
        note_others(form, ("type",), "text.format", ignored)
        return {} if kind == "text" else {"responseMimeType": "application/json"}
    described = {name: each for name, each in form.items() if name != "type"}
    config: dict[str, Any] = {"responseMimeType": "application/json"}
    schema = read_schema(described, "text.format", ignored)
    if schema is not None:
        config["responseJsonSchema"] = schema
    return config
