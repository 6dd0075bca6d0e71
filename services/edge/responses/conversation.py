"""The items of a request as Gemini's contents and systemInstruction.

What the model has said and called comes in items of their own here, so the items between
two words of the user are put together to one turn of the model.
"""

from collections.abc import Sequence
from typing import Any

from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import note_others, read_name, read_string, wrong_value
from services.edge.openai.media import MediaReader, Part
from services.edge.openai.messages import Conversation, response_of
from services.edge.openai.signatures import split_call_id
from services.edge.openai.thinking import ModelFamily
from services.edge.openai.turns import BLANK, Call, Turns
from services.edge.responses.content import read_texts, read_user_content
from services.edge.responses.model_items import MODEL_KINDS, ModelTurn

_ROLES = ("user", "assistant", "system", "developer")
_RESULTS = ("function_call_output", "custom_tool_call_output", "local_shell_call_output")
_KINDS = ("message", *MODEL_KINDS, *_RESULTS, "item_reference")
_MOST_NAMED = 16

# An item, and the path of the field that it stands in.
Placed = tuple[dict[str, Any], str]


def read_conversation(
    items: Sequence[Placed], instructions: Sequence[Part], family: ModelFamily, media: MediaReader
) -> Conversation:
    """Return the conversation of a request.

    Messages of the developer are hoisted to the instruction wherever they stand: Gemini
    knows no other place for them.

    Raises:
        BadRequestError: An item is not what it must be, or a call and its result do not meet.
    """
    reader = _Reader(family, media)
    for item, param in items:
        reader.read(item, param)
    return Conversation(contents=reader.contents(), system=[*instructions, *reader.system])


def kind_of(item: dict[str, Any], param: str) -> str:
    """Return the type of an item; messages may do without."""
    if item.get("type") is None and item.get("role") is not None:
        return "message"
    return read_name(item.get("type"), f"{param}.type")


class _Reader:
    def __init__(self, family: ModelFamily, media: MediaReader) -> None:
        self.system: list[Part] = []
        self._family = family
        self._media = media
        self._turns = Turns(family)
        self._model = ModelTurn(family, media.ignored)
        self._calls: list[tuple[Call, str]] = []

    def read(self, item: dict[str, Any], param: str) -> None:
        kind = kind_of(item, param)
        if kind == "message":
            self._message(item, param)
        elif kind in MODEL_KINDS:
            self._model.read(kind, item, param)
        elif kind in _RESULTS:
            self._end_turn()
            if item.get("call_id") is None and item.get("name") is not None:
                self._report(item, param)
            else:
                self._result(kind, item, param)
        else:
            raise wrong_value(kind, f"{param}.type", _KINDS)

    def contents(self) -> list[dict[str, Any]]:
        self._end_turn()
        missing = [(call, param) for call, param in self._calls if call.result is None]
        if missing:
            named = ", ".join(split_call_id(call.call_id)[0][:80] for call, _ in missing)
            raise BadRequestError(
                f"No tool output found for function call {named[:1000]}.", missing[0][1]
            )
        return self._turns.contents()

    def _message(self, item: dict[str, Any], param: str) -> None:
        role = read_name(item.get("role"), f"{param}.role")
        known = ("type", "role", "content", "id", "status")
        match role:
            case "assistant":
                self._model.read("message", item, param)
            case "user":
                self._end_turn()
                note_others(item, known, param, self._media.ignored)
                parts = read_user_content(item.get("content"), f"{param}.content", self._media)
                self._turns.add("user", parts or [dict(BLANK)])
            case "system" | "developer":
                note_others(item, known, param, self._media.ignored)
                content = item.get("content")
                self.system += read_texts(content, f"{param}.content", self._media.ignored)
            case _:
                raise wrong_value(role, f"{param}.role", _ROLES)

    def _end_turn(self) -> None:
        turn, self._model = self._model, ModelTurn(self._family, self._media.ignored)
        if turn.calls:
            self._turns.add_calls(turn.parts, [call for call, _ in turn.calls])
            self._calls += turn.calls
        else:
            self._turns.add("model", turn.parts)

    def _report(self, item: dict[str, Any], param: str) -> None:
        """Read what a tool tells unasked, which agents do: Gemini's answer calls alone."""
        known = ("type", "output", "id", "status", "name", "namespace")
        note_others(item, known, param, self._media.ignored)
        names = [
            read_string(item[name], f"{param}.{name}")
            for name in ("namespace", "name")
            if item.get(name) is not None
        ]
        parts = read_user_content(item.get("output"), f"{param}.output", self._media)
        self._turns.add("user", [{"text": f"The tool {'.'.join(names)} reports:"}, *parts])

    def _result(self, kind: str, item: dict[str, Any], param: str) -> None:
        known = ["type", "call_id", "output", "id", "status"]
        # The shell's results may name their call by the id alone.
        name = "id" if kind == _RESULTS[2] and item.get("call_id") is None else "call_id"
        call_id = read_string(item.get(name), f"{param}.{name}")
        call = self._turns.find_call(call_id)
        if call is None:
            raise BadRequestError(
                f"No tool call found for function call output with call_id "
                f"{split_call_id(call_id)[0][:80]}.",
                f"{param}.{name}",
            )
        if item.get("name") is not None and call.name.endswith(str(item["name"])):
            # It repeats what the call says.
            known += ["name", "namespace"]
        note_others(item, known, param, self._media.ignored)
        parts = read_user_content(item.get("output"), f"{param}.output", self._media)
        text = "\n".join(part["text"] for part in parts if "text" in part)
        others = [part for part in parts if "text" not in part]
        self._turns.settle(call, response_of(text), others)
