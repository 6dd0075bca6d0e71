"""The messages of a request as Gemini's contents and systemInstruction."""

from typing import Any

from services.edge.anthropic.assistant import add_assistant_message
from services.edge.anthropic.content import read_blocks, read_part, read_texts
from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import (
    note_others,
    read_boolean,
    read_list,
    read_name,
    read_object,
    wrong_value,
)
from services.edge.openai.media import MediaReader, Part
from services.edge.openai.messages import Conversation, response_of
from services.edge.openai.signatures import split_call_id
from services.edge.openai.thinking import ModelFamily
from services.edge.openai.turns import BLANK, Call, Turns

_ROLES = ("user", "assistant", "system")
_MOST_NAMED = 16


def read_messages(body: dict[str, Any], family: ModelFamily, media: MediaReader) -> Conversation:
    """Return the conversation of a request.

    System messages among the others are hoisted to the instruction: Gemini knows no other
    place for them.
    """
    messages = read_list(body.get("messages"), "messages")
    if not messages:
        raise BadRequestError(
            "Invalid 'messages': at least one message is required.", "messages", "empty_array"
        )
    system: list[Part] = []
    if body.get("system") is not None:
        system += read_texts(body["system"], "system", media.ignored)
    turns = Turns(family)
    open_calls = _OpenCalls()
    for place, item in enumerate(messages):
        param = f"messages[{place}]"
        message = read_object(item, param)
        role = read_name(message.get("role"), f"{param}.role")
        match role:
            case "user":
                _add_user_message(message, param, turns, open_calls, media)
            case "assistant":
                open_calls.check_answered()
                calls = add_assistant_message(message, param, turns, family, media.ignored)
                open_calls.add(calls, param)
            case "system":
                note_others(message, ("role", "content"), param, media.ignored)
                system += read_texts(message.get("content"), f"{param}.content", media.ignored)
            case _:
                raise wrong_value(role, f"{param}.role", _ROLES)
    open_calls.close()
    return Conversation(contents=turns.contents(), system=system)


class _OpenCalls:
    """The calls of the last answers, which the next words of the user must answer."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._param = ""
        self._is_heard = False

    def add(self, calls: list[Call], param: str) -> None:
        self._calls += calls
        if calls:
            self._param = param

    def hear(self) -> None:
        """Note that the user speaks."""
        self._is_heard = True

    def find(self, call_id: str) -> Call | None:
        waiting = [each for each in self._calls if each.result is None]
        return next((each for each in waiting if each.call_id == call_id), None)

    def check_answered(self) -> None:
        """Refuse a next answer while calls that the user could have answered are open."""
        if self._is_heard:
            self.close()

    def close(self) -> None:
        missing = [call.call_id for call in self._calls if call.result is None]
        if missing:
            named = ", ".join(split_call_id(each)[0][:80] for each in missing[:_MOST_NAMED])
            raise BadRequestError(
                f"{self._param}: 'tool_use' ids were found without 'tool_result' blocks "
                f"immediately after: {named}. Each 'tool_use' block must have a corresponding "
                "'tool_result' block in the next message.",
                self._param,
                "invalid_value",
            )
        self._calls, self._is_heard = [], False


def _add_user_message(
    message: dict[str, Any],
    param: str,
    turns: Turns,
    open_calls: _OpenCalls,
    media: MediaReader,
) -> None:
    open_calls.hear()
    note_others(message, ("role", "content"), param, media.ignored)
    parts: list[Part] = []
    has_results = False
    for kind, block, where in read_blocks(message.get("content"), f"{param}.content"):
        if kind == "tool_result":
            has_results = True
            _add_result(block, where, turns, open_calls, media)
        else:
            parts += read_part(kind, block, where, media)
    if not parts and not has_results:
        parts.append(dict(BLANK))
    turns.add("user", parts)


def _add_result(
    block: dict[str, Any],
    param: str,
    turns: Turns,
    open_calls: _OpenCalls,
    media: MediaReader,
) -> None:
    known = ("type", "tool_use_id", "content", "is_error")
    note_others(block, known, param, media.ignored)
    call_id = read_name(block.get("tool_use_id"), f"{param}.tool_use_id")
    call = open_calls.find(call_id)
    if call is None:
        raise BadRequestError(
            f"{param}: unexpected 'tool_use_id' found in 'tool_result' blocks: "
            f"{split_call_id(call_id)[0][:80]}. Each 'tool_result' block must have a "
            "corresponding 'tool_use' block in the previous message.",
            f"{param}.tool_use_id",
            "invalid_value",
        )
    is_error = block.get("is_error") is not None and read_boolean(
        block["is_error"], f"{param}.is_error"
    )
    parts: list[Part] = []
    if block.get("content") is not None:
        for kind, inner, where in read_blocks(block["content"], f"{param}.content"):
            parts += read_part(kind, inner, where, media)
    response = response_of("\n".join(part["text"] for part in parts if "text" in part))
    if is_error:
        # Gemini's own word for it.
        response = {"error": response["output"] if [*response] == ["output"] else response}
    turns.settle(call, response, [part for part in parts if "text" not in part])
