"""The messages of a chat request as Gemini's contents and systemInstruction."""

from dataclasses import dataclass
from typing import Any

import orjson

from services.edge.openai.assistant import add_assistant_message
from services.edge.openai.content import read_content, read_text_content
from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import (
    check_nesting,
    note_others,
    read_list,
    read_name,
    read_object,
    read_string,
    wrong_value,
)
from services.edge.openai.media import MediaReader, Part
from services.edge.openai.thinking import ModelFamily
from services.edge.openai.turns import BLANK, Turns

_KNOWN = ("role", "content", "name")
_ROLES = ("system", "assistant", "user", "function", "tool", "developer")


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said.

    Attributes:
        contents: Gemini's contents, never empty.
        system: The parts of the systemInstruction; empty for none.
    """

    contents: list[dict[str, Any]]
    system: list[Part]


def read_messages(
    value: object, family: ModelFamily, media: MediaReader, ignored: list[str]
) -> Conversation:
    """Return the conversation of a chat request.

    System and developer messages are hoisted to one instruction wherever they stand:
    Gemini knows no other place for them.
    """
    messages = read_list(value, "messages")
    if not messages:
        raise BadRequestError(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got "
            "an empty array instead.",
            "messages",
            "empty_array",
        )
    turns = Turns(family)
    system: list[Part] = []
    for place, item in enumerate(messages):
        param = f"messages[{place}]"
        message = read_object(item, param)
        role = read_name(message.get("role"), f"{param}.role")
        match role:
            case "user":
                _note_name(message, param, ignored)
                note_others(message, _KNOWN, param, ignored)
                parts = read_content(message.get("content"), f"{param}.content", media)
                turns.add("user", parts or [dict(BLANK)])
            case "assistant":
                _note_name(message, param, ignored)
                add_assistant_message(message, param, turns, family, ignored)
            case "tool" | "function":
                _add_result(message, param, turns, media)
            case "system" | "developer":
                _note_name(message, param, ignored)
                note_others(message, _KNOWN, param, ignored)
                texts = read_text_content(message.get("content"), f"{param}.content", ignored)
                system += [{"text": text} for text in texts]
            case _:
                raise wrong_value(role, f"{param}.role", _ROLES)
    return Conversation(contents=turns.contents(), system=system)


def _note_name(message: dict[str, Any], param: str, ignored: list[str]) -> None:
    if message.get("name") is not None:
        read_string(message["name"], f"{param}.name")
        ignored.append("messages[].name")


def _add_result(message: dict[str, Any], param: str, turns: Turns, media: MediaReader) -> None:
    if message["role"] == "tool":
        call_id = read_string(message.get("tool_call_id"), f"{param}.tool_call_id")
        call = turns.find_call(call_id)
        problem = (
            "Invalid parameter: messages with role 'tool' must be a response to a preceding "
            "message with 'tool_calls'."
        )
    else:
        call = turns.find_named_call(read_name(message.get("name"), f"{param}.name"))
        problem = (
            "Invalid parameter: messages with role 'function' must be a response to a preceding "
            "message with 'function_call'."
        )
    if call is None:
        raise BadRequestError(problem, f"{param}.role")
    known = ["role", "content"]
    if message["role"] == "tool":
        known.append("tool_call_id")
    if message.get("name") == call.name:
        # Many clients repeat what the call says.
        known.append("name")
    note_others(message, known, param, media.ignored)
    content = message.get("content")
    # A function without a result may answer null; a tool may not.
    if content is None and message["role"] == "function":
        content = ""
    parts = read_content(content, f"{param}.content", media)
    text = "\n".join(part["text"] for part in parts if "text" in part)
    turns.settle(call, response_of(text), [part for part in parts if "text" not in part])


def response_of(text: str) -> dict[str, Any]:
    """Return a result as the object that Gemini wants; what is none becomes its `output`."""
    if text.lstrip()[:1] not in {"{", "["}:
        return {"output": text}
    try:
        value = orjson.loads(text)
        check_nesting(value, "content")
    except (orjson.JSONDecodeError, BadRequestError):
        # Not JSON, or deeper than Google reads it: it stays the text that it is.
        return {"output": text}
    return value if isinstance(value, dict) else {"output": value}
