"""OpenAI's sampling and output parameters as Gemini's generationConfig."""

from typing import Any

from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import (
    check_nesting,
    note_others,
    read_boolean,
    read_integer,
    read_list,
    read_name,
    read_number,
    read_object,
    read_string,
    wrong_type,
    wrong_value,
)
from services.edge.openai.thinking import ModelFamily

_JSON_TYPE = "application/json"

_MOST_TOKENS = 2**31 - 1
_MOST_STOPS = 5
_MOST_CANDIDATES = 8
_FORMATS = ("text", "json_object", "json_schema")
_MODALITIES = {"text": "TEXT", "image": "IMAGE", "audio": "AUDIO"}
# Voices that OpenAI has and Gemini has not.
_FOREIGN_VOICES = frozenset(
    {
        "alloy",
        "ash",
        "ballad",
        "cedar",
        "coral",
        "echo",
        "fable",
        "marin",
        "nova",
        "onyx",
        "sage",
        "shimmer",
        "verse",
    }
)


def read_sampling(body: dict[str, Any], family: ModelFamily, ignored: list[str]) -> dict[str, Any]:
    """Return what concerns the choice and the number of tokens."""
    config: dict[str, Any] = {}
    for name, gemini_name, low, high in (
        ("temperature", "temperature", 0.0, 2.0),
        ("top_p", "topP", 0.0, 1.0),
    ):
        if body.get(name) is not None:
            config[gemini_name] = read_number(body[name], name, low, high)
    # Not OpenAI's, but many clients of other models send it.
    if body.get("top_k") is not None:
        config["topK"] = read_integer(body["top_k"], "top_k", 1, _MOST_TOKENS)
    for name in ("max_completion_tokens", "max_tokens"):
        if body.get(name) is not None:
            tokens = read_integer(body[name], name, 1, _MOST_TOKENS)
            if config.setdefault("maxOutputTokens", tokens) != tokens:
                ignored.append(name)
    for name, gemini_name in (
        ("presence_penalty", "presencePenalty"),
        ("frequency_penalty", "frequencyPenalty"),
    ):
        penalty = 0.0
        if body.get(name) is not None:
            penalty = read_number(body[name], name, -2.0, 2.0)
        if penalty and family.is_modern:
            # Gemini 3 refuses a request for naming one.
            ignored.append(name)
        elif penalty:
            config[gemini_name] = penalty
    if body.get("seed") is not None:
        # Gemini's are 32 bits wide: a longer one is folded, which keeps it repeatable.
        config["seed"] = read_integer(body["seed"], "seed", -(2**63), 2**64 - 1) & _MOST_TOKENS
    _read_stops(body.get("stop"), config)
    _read_logprobs(body, config)
    return config


def read_candidates(body: dict[str, Any], family: ModelFamily, *, is_stream: bool) -> int:
    """Return how many answers are asked for."""
    if body.get("n") is None:
        return 1
    count = read_integer(body["n"], "n", 1, _MOST_CANDIDATES)
    if count > 1 and (family.is_modern or is_stream):
        where = "while streaming" if is_stream else "with this model"
        raise BadRequestError(
            f"Invalid 'n': only one choice is possible {where}.", "n", "unsupported_value"
        )
    return count


def read_format(value: object, ignored: list[str]) -> dict[str, Any]:
    """Return responseMimeType and responseJsonSchema for a `response_format`."""
    if value is None:
        return {}
    holder = read_object(value, "response_format")
    kind = read_name(holder.get("type"), "response_format.type")
    if kind not in _FORMATS:
        raise wrong_value(kind, "response_format.type", _FORMATS)
    known = ("type", "json_schema") if kind == "json_schema" else ("type",)
    note_others(holder, known, "response_format", ignored)
    if kind == "text":
        return {}
    config: dict[str, Any] = {"responseMimeType": _JSON_TYPE}
    if kind == "json_schema":
        schema = read_schema(holder.get("json_schema"), "response_format.json_schema", ignored)
        if schema is not None:
            config["responseJsonSchema"] = schema
    return config


def read_schema(value: object, param: str, ignored: list[str]) -> dict[str, Any] | None:
    """Return a JSON Schema with its name and description in it; None for none."""
    holder = read_object(value, param)
    known = ["name", "description", "schema"]
    if holder.get("strict") is False:
        # The default.
        known.append("strict")
    note_others(holder, known, param, ignored)
    schema = holder.get("schema")
    if schema is not None:
        check_nesting(read_object(schema, f"{param}.schema"), f"{param}.schema")
        schema = dict(schema)
    for name, keyword in (("name", "title"), ("description", "description")):
        if holder.get(name) is None:
            continue
        text = read_string(holder[name], f"{param}.{name}")
        # Gemini wants nothing beside a reference.
        if schema is None or "$ref" in schema or schema.setdefault(keyword, text) != text:
            ignored.append(f"{param}.{name}")
    return schema


def read_output(body: dict[str, Any], ignored: list[str]) -> dict[str, Any]:
    """Return the kinds of output that are asked for, and the voice.

    Text alone is the default and not sent. Sound excludes text: Gemini's speaking models
    refuse both together, where OpenAI's insist on it.
    """
    config: dict[str, Any] = {}
    names = []
    if body.get("modalities") is not None:
        for place, item in enumerate(read_list(body["modalities"], "modalities")):
            name = read_string(item, f"modalities[{place}]")
            if name not in _MODALITIES:
                raise wrong_value(name, f"modalities[{place}]", tuple(_MODALITIES))
            names.append(name)
    if "audio" in names:
        config["responseModalities"] = ["AUDIO"]
        if names != ["audio"]:
            ignored.append("modalities")
    elif "image" in names:
        config["responseModalities"] = [_MODALITIES[name] for name in dict.fromkeys(names)]
    if body.get("audio") is not None:
        _read_voice(read_object(body["audio"], "audio"), config, ignored)
    return config


def _read_voice(audio: dict[str, Any], config: dict[str, Any], ignored: list[str]) -> None:
    if audio.get("format") is not None and read_string(audio["format"], "audio.format") != "pcm16":
        ignored.append("audio.format")
    if audio.get("voice") is None:
        return
    voice = read_name(audio["voice"], "audio.voice")
    if voice in _FOREIGN_VOICES or "responseModalities" not in config:
        ignored.append("audio.voice")
        return
    config["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}


def _read_stops(value: object, config: dict[str, Any]) -> None:
    if value is None:
        return
    if isinstance(value, str):
        stops = [value]
    elif isinstance(value, list):
        stops = [read_string(item, f"stop[{place}]") for place, item in enumerate(value)]
    else:
        raise wrong_type(value, "stop", "one of a string or array of strings")
    stops = [stop for stop in stops if stop]
    if len(stops) > _MOST_STOPS:
        raise BadRequestError(
            f"Invalid 'stop': array too long. Expected an array with maximum length {_MOST_STOPS}, "
            f"but got an array with length {len(stops)} instead.",
            "stop",
            "array_above_max_length",
        )
    if stops:
        config["stopSequences"] = stops


def _read_logprobs(body: dict[str, Any], config: dict[str, Any]) -> None:
    value = body.get("logprobs")
    is_wanted = value is not None and read_boolean(value, "logprobs")
    if is_wanted:
        config["responseLogprobs"] = True
    if body.get("top_logprobs") is None:
        return
    count = read_integer(body["top_logprobs"], "top_logprobs", 0, 20)
    if is_wanted:
        config["logprobs"] = count
    elif count:
        raise BadRequestError(
            "'top_logprobs' is only allowed when 'logprobs' is enabled.",
            "top_logprobs",
            "invalid_value",
        )
