"""Earlier answers of the model, as the client sends them back.

`reasoning_content` is left out on purpose: thoughts are summaries for people, and Gemini
takes its own back only as signatures.
"""

from typing import Any

import orjson

from services.edge.openai.content import read_text_content
from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import (
    check_nesting,
    note_others,
    read_list,
    read_name,
    read_object,
    read_string,
    wrong_type,
    wrong_value,
)
from services.edge.openai.media import Part
from services.edge.openai.pictures import add_pictures, split_pictures
from services.edge.openai.signatures import (
    note_unread_google,
    read_google_content,
    read_signature,
    split_call_id,
)
from services.edge.openai.thinking import ModelFamily
from services.edge.openai.turns import Call, Turns, native_call_id

_KNOWN = frozenset(
    {"role", "content", "name", "refusal", "tool_calls", "function_call", "extra_content", "images"}
)
# `index` is left over from streams: the order of calls says the same.
_KNOWN_OF_CALL = frozenset({"id", "type", "function", "extra_content", "index"})


def add_assistant_message(
    message: dict[str, Any], param: str, turns: Turns, family: ModelFamily, ignored: list[str]
) -> None:
    """Add an assistant message to the conversation, its calls last."""
    note_others(message, _KNOWN, param, ignored)
    note_unread_google(message, param, ("thought_signature", "parts"), ignored)
    parts = _native_parts(message, param)
    spoken = _spoken_parts(message, param, ignored)
    spoken += add_pictures(message, param, spoken, family, ignored)
    call_parts, calls = _calls(message, param, family, ignored)
    signature = read_signature(message, param)
    if signature and family.can_think:
        _place_signature(signature, spoken, call_parts)
    parts += spoken + call_parts
    if calls:
        turns.add_calls(parts, calls)
    else:
        turns.add("model", parts)


def _spoken_parts(message: dict[str, Any], param: str, ignored: list[str]) -> list[Part]:
    texts = []
    if message.get("content") is not None:
        texts = read_text_content(message["content"], f"{param}.content", ignored)
    if message.get("refusal") is not None:
        refusal = read_string(message["refusal"], f"{param}.refusal")
        texts += [refusal] if refusal else []
    return [part for text in texts for part in split_pictures(text, f"{param}.content")]


def _native_parts(message: dict[str, Any], param: str) -> list[Part]:
    """Return the parts that OpenAI has no words for; see choice.py, which handed them out."""
    value = read_google_content(message, param).get("parts")
    if value is None:
        return []
    where = f"{param}.extra_content.google.parts"
    check_nesting(value, where)
    parts = []
    for place, item in enumerate(read_list(value, where)):
        part = read_object(item, f"{where}[{place}]")
        if "functionCall" in part or "functionResponse" in part:
            # These have words of OpenAI's, and a result for each call to be watched over.
            raise BadRequestError(
                f"Invalid '{where}[{place}]': calls and results belong into messages.",
                f"{where}[{place}]",
                "invalid_value",
            )
        if part:
            parts.append(part)
    return parts


def _place_signature(signature: str, spoken: list[Part], calls: list[Part]) -> None:
    """Put a message's signature on the part that it was made with.

    That is its text; answers of Google's own OpenAI endpoint without text mean the call.
    A signature that is there already is not sent, and billed, twice.
    """
    texts = [part for part in spoken if "text" in part]
    if texts:
        texts[-1]["thoughtSignature"] = signature
    elif calls:
        calls[0].setdefault("thoughtSignature", signature)


def _calls(
    message: dict[str, Any], param: str, family: ModelFamily, ignored: list[str]
) -> tuple[list[Part], list[Call]]:
    parts, calls = [], []
    if message.get("tool_calls") is not None:
        for place, item in enumerate(read_list(message["tool_calls"], f"{param}.tool_calls")):
            where = f"{param}.tool_calls[{place}]"
            part, call = _tool_call(read_object(item, where), where, family, ignored)
            parts.append(part)
            calls.append(call)
    if message.get("function_call") is not None:
        where = f"{param}.function_call"
        function = read_object(message["function_call"], where)
        note_others(function, ("name", "arguments", "extra_content"), where, ignored)
        note_unread_google(function, where, ("thought_signature",), ignored)
        part = _call_part(function, where, None, read_signature(function, where), family)
        parts.append(part)
        calls.append(Call("", part["functionCall"]["name"]))
    return parts, calls


def _tool_call(
    holder: dict[str, Any], param: str, family: ModelFamily, ignored: list[str]
) -> tuple[Part, Call]:
    note_others(holder, _KNOWN_OF_CALL, param, ignored)
    note_unread_google(holder, param, ("thought_signature",), ignored)
    kind = holder.get("type")
    if kind is not None and kind != "function":
        raise wrong_value(read_string(kind, f"{param}.type"), f"{param}.type", ("function",))
    call_id = read_string(holder.get("id"), f"{param}.id")
    function = read_object(holder.get("function"), f"{param}.function")
    note_others(function, ("name", "arguments"), f"{param}.function", ignored)
    signature = read_signature(holder, param) or split_call_id(call_id)[1]
    native_id = native_call_id(call_id, family)
    part = _call_part(function, f"{param}.function", native_id, signature, family)
    return part, Call(call_id, part["functionCall"]["name"])


def _call_part(
    function: dict[str, Any],
    param: str,
    native_id: str | None,
    signature: str | None,
    family: ModelFamily,
) -> Part:
    call: dict[str, Any] = {
        "name": read_name(function.get("name"), f"{param}.name"),
        "args": read_arguments(function.get("arguments"), f"{param}.arguments"),
    }
    if native_id:
        call["id"] = native_id
    part: Part = {"functionCall": call}
    if signature and family.can_think:
        part["thoughtSignature"] = signature
    return part


def read_arguments(value: object, param: str) -> dict[str, Any]:
    """Return arguments as an object; no text at all stands for none."""
    if isinstance(value, str):
        if not value.strip():
            return {}
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise BadRequestError(
                f"Invalid '{param}': expected a JSON object in a string.", param, "invalid_value"
            ) from None
        if not isinstance(value, dict):
            raise BadRequestError(
                f"Invalid '{param}': expected a JSON object in a string, but it holds another "
                "type.",
                param,
                "invalid_value",
            )
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong_type(value, param, "a string")
    check_nesting(value, param)
    return value
