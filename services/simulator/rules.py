"""What Google refuses in a well-formed generate request, beyond the shape of its body."""

import re
from collections.abc import Iterator
from typing import Any

from services.simulator.catalog import Model
from services.simulator.errors import ApiError, invalid

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:\-]{0,63}")
_BUILT_IN = ("googleSearch", "codeExecution", "urlContext", "fileSearch", "googleMaps")
_ROLES = {"", "user", "model", "function"}
_CONFIG = "* GenerateContentRequest.generation_config"
_MOST_STOPS = 5
VOICES = """
    achernar achird algenib algieba alnilam aoede autonoe callirrhoe charon despina enceladus
    erinome fenrir gacrux iapetus kore laomedeia leda orus puck pulcherrima rasalgethi sadachbia
    sadaltager schedar sulafat umbriel vindemiatrix zephyr zubenelgenubi
""".split()  # noqa: SIM905  # one name a line would bury the rules
"""The voices that models speak with."""
_ASPECT_RATIOS = {"1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"}
_IMAGE_SIZES = {"1K", "2K", "4K"}
_MOST_CANDIDATES = 8


def check_contents(contents: list[dict[str, Any]], owner: str) -> None:
    """Refuse empty contents, unknown roles and parts without data.

    Args:
        contents: The turns of the conversation.
        owner: How Google calls the message around them in its complaint.
    """
    if not contents:
        raise invalid(f"* {owner}.contents: contents is not specified\n")
    for index, content in enumerate(contents):
        if content.get("role", "") not in _ROLES:
            raise invalid("Please use a valid role: user, model.")
        check_parts(content, f"{owner}.contents[{index}]")


def check_parts(content: dict[str, Any], owner: str) -> None:
    """Refuse a content without parts or with parts that hold nothing."""
    parts = content.get("parts", [])
    if not parts and content.get("role") != "model":
        raise invalid(f"* {owner}.parts: contents.parts must not be empty.\n")
    for number, part in enumerate(parts):
        has_data = any(value for name, value in part.items() if name != "thought")
        holds = has_data or any(isinstance(value, dict) for value in part.values())
        if not holds:
            raise invalid(
                f"* {owner}.parts[{number}].data: required oneof field 'data' must have one "
                "initialized field\n"
            )


def check_generate(request: dict[str, Any], model: Model) -> None:
    """Refuse what the model does not do.

    Raises:
        ApiError: With the words that Google uses for the first rule that is broken.
    """
    check_contents(request.get("contents", []), "GenerateContentRequest")
    config = request.get("generationConfig", {})
    for problem in (
        _config_problem(config, model),
        _tools_problem(request, config, model),
        _declarations_problem(request),
        _cache_problem(request),
        _modality_problem(config, model),
        _speech_problem(request, config, model),
        _image_problem(config.get("imageConfig", {}), model),
    ):
        if problem:
            raise invalid(problem)


def _config_problem(config: dict[str, Any], model: Model) -> str:
    count = config.get("candidateCount", 1)
    if count > 1 and model.generation >= 3:
        return "Multiple candidates is not enabled for this model"
    if not 1 <= count <= _MOST_CANDIDATES:
        return f"{_CONFIG}.candidate_count: must be in [1, {_MOST_CANDIDATES}]\n"
    if len(config.get("stopSequences", [])) > _MOST_STOPS:
        return f"{_CONFIG}.stop_sequences: at most {_MOST_STOPS} stop sequences are allowed\n"
    if model.generation >= 3 and ("presencePenalty" in config or "frequencyPenalty" in config):
        return "Penalty is not enabled for this model"
    thinking = config.get("thinkingConfig", {})
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        return (
            "You can only set only one of thinking budget and thinking level. Please see "
            "https://ai.google.dev/gemini-api/docs/thinking for details."
        )
    if thinking.get("thinkingBudget") == 0 and model.thinks and model.generation < 3:
        return "Budget 0 is invalid. This model only works in thinking mode."
    temperature = config.get("temperature", 1)
    if not 0 <= temperature <= 2:
        return f"{_CONFIG}.temperature: temperature must be in the range [0.0, 2.0]\n"
    return ""


def _tools_problem(request: dict[str, Any], config: dict[str, Any], model: Model) -> str:
    tools = request.get("tools", [])
    has_functions = any(tool.get("functionDeclarations") for tool in tools)
    has_built_in = any(name in tool for tool in tools for name in _BUILT_IN)
    if model.generation < 3 and config.get("responseMimeType") == "application/json":
        if has_functions:
            return "Function calling with a response mime type: 'application/json' is unsupported"
        if has_built_in:
            return "Tool use with a response mime type: 'application/json' is unsupported"
    if has_functions and has_built_in:
        if model.generation < 3:
            return "Tool use with function calling is unsupported"
        if not request.get("toolConfig", {}).get("includeServerSideToolInvocations"):
            return (
                "Please enable tool_config.include_server_side_tool_invocations to use Built-in "
                "tools with Function calling."
            )
    return ""


def _declarations_problem(request: dict[str, Any]) -> str:
    for number, tool in enumerate(request.get("tools", [])):
        for index, declared in enumerate(tool.get("functionDeclarations", [])):
            place = f"* GenerateContentRequest.tools[{number}].function_declarations[{index}]"
            if not _NAME.fullmatch(declared.get("name", "")):
                return (
                    f"{place}.name: [REQUIRED] Invalid function name. Must start with a letter or "
                    "an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots "
                    "(.), colons (:), or dashes (-), with a maximum length of 64.\n"
                )
            for path in _arrays_without_items(declared.get("parameters", {}), ""):
                return f"{place}.parameters{path}.items: missing field.\n"
    for path in _arrays_without_items(
        request.get("generationConfig", {}).get("responseSchema", {}), ""
    ):
        return f"{_CONFIG}.response_schema{path}.items: missing field.\n"
    return ""


def _arrays_without_items(schema: dict[str, Any], path: str) -> Iterator[str]:
    if schema.get("type") == "ARRAY" and "items" not in schema:
        yield path
    for name, inner in schema.get("properties", {}).items():
        yield from _arrays_without_items(inner, f"{path}.properties[{name}]")
    if "items" in schema:
        yield from _arrays_without_items(schema["items"], f"{path}.items")
    for index, inner in enumerate(schema.get("anyOf", [])):
        yield from _arrays_without_items(inner, f"{path}.any_of[{index}]")


def _cache_problem(request: dict[str, Any]) -> str:
    if request.get("cachedContent") and any(
        request.get(name) for name in ("systemInstruction", "tools", "toolConfig")
    ):
        return (
            "CachedContent can not be used with GenerateContent request setting "
            "system_instruction, tools or tool_config.\n\nProposed fix: move those values to "
            "CachedContent from GenerateContent request."
        )
    return ""


def _modality_problem(config: dict[str, Any], model: Model) -> str:
    wanted = config.get("responseModalities", [])
    combinations: dict[str, list[list[str]]] = {
        "text": [["TEXT"]],
        "image": [["TEXT", "IMAGE"], ["IMAGE"], ["TEXT"]],
        "speech": [["AUDIO"]],
        "embedding": [[]],
    }
    offered = combinations[model.kind]
    if not wanted or sorted(wanted) in [sorted(combination) for combination in offered]:
        return ""
    accepted = "".join(f"* {', '.join(combination)}\n" for combination in offered)
    return (
        f"The requested combination of response modalities ({', '.join(wanted)}) is not supported "
        f"by the model. models/{model.name} accepts the following combination of response "
        f"modalities:\n{accepted}"
    )


def _speech_problem(request: dict[str, Any], config: dict[str, Any], model: Model) -> str:
    if model.kind != "speech":
        return ""
    if request.get("systemInstruction"):
        return f"Developer instruction is not enabled for models/{model.name}"
    speech = config.get("speechConfig", {})
    several = speech.get("multiSpeakerVoiceConfig", {}).get("speakerVoiceConfigs", [])
    for holder in (speech, *several):
        prebuilt = holder.get("voiceConfig", {}).get("prebuiltVoiceConfig", {})
        name = prebuilt.get("voiceName", VOICES[0]).lower()
        if name not in VOICES:
            return (
                f"Voice name {name} is not supported. Allowed voice names are: {', '.join(VOICES)}"
            )
    return ""


def _image_problem(wanted: dict[str, Any], model: Model) -> str:
    # The rules are Google's, the words ours: no recording holds them.
    if wanted and model.kind != "image":
        return "Image generation is not enabled for this model"
    if wanted.get("aspectRatio", "1:1") not in _ASPECT_RATIOS:
        return f"{_CONFIG}.image_config.aspect_ratio: aspect_ratio must be one of the supported\n"
    if wanted.get("imageSize", "1K") not in (_IMAGE_SIZES if model.generation >= 3 else {"1K"}):
        return f"{_CONFIG}.image_config.image_size: not supported by models/{model.name}\n"
    return ""


def wrong_model_for_cache(model: str, cached: str) -> ApiError:
    """The cached content was made for another model."""
    return invalid(
        f"Model used by GenerateContent request (models/{model}) and CachedContent "
        f"(models/{cached}) has to be the same."
    )
