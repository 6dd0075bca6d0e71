"""What the model has said, thought and called, as the client sends it back.

The words of reasoning are left out on purpose: they are summaries for people, and Gemini
takes its own thoughts back only as signatures.
"""

from typing import Any

from services.edge.openai.assistant import read_arguments
from services.edge.openai.fields import (
    check_nesting,
    note_others,
    read_name,
    read_object,
    read_string,
)
from services.edge.openai.media import Part, inline_data
from services.edge.openai.signatures import split_call_id
from services.edge.openai.thinking import ModelFamily
from services.edge.openai.turns import Call, native_call_id
from services.edge.responses.content import read_model_content
from services.edge.responses.signatures import read_signature
from services.edge.responses.tool_names import CUSTOM, FUNCTION, INPUT, SHELL, Tool

MODEL_KINDS = (
    "reasoning",
    "function_call",
    "custom_tool_call",
    "local_shell_call",
    "web_search_call",
    "image_generation_call",
)
_ALWAYS = ("type", "id", "status")


class ModelTurn:
    """Collects one turn of the model.

    Attributes:
        parts: Gemini's.
        calls: The calls among them, each with its path.
    """

    def __init__(self, family: ModelFamily, ignored: list[str]) -> None:
        self.parts: list[Part] = []
        self.calls: list[tuple[Call, str]] = []
        self._family = family
        self._ignored = ignored
        self._carried: str | None = None

    def read(self, kind: str, item: dict[str, Any], param: str) -> None:
        """Add an item."""
        match kind:
            case "message":
                known = (*_ALWAYS, "role", "content")
                note_others(item, known, param, self._ignored)
                content = item.get("content")
                for part in read_model_content(content, f"{param}.content", self._ignored):
                    self._add(part, None)
            case "reasoning":
                self._reasoning(item, param)
            case "function_call":
                self._function(item, param)
            case "custom_tool_call":
                self._custom(item, param)
            case "local_shell_call":
                self._shell(item, param)
            case "web_search_call":
                # A search tells nothing that Gemini could take for one of its own.
                note_others(item, _ALWAYS, param, self._ignored)
            case "image_generation_call":
                note_others(item, (*_ALWAYS, "result", "output_format"), param, self._ignored)
                form = read_string(item.get("output_format") or "png", f"{param}.output_format")
                data = read_name(item.get("result"), f"{param}.result")
                self._add(inline_data(f"image/{form}", data, f"{param}.result"), None)

    def _add(self, part: Part, signature: str | None) -> None:
        """Add a part, with its own signature or else the one that came before it."""
        signature, self._carried = signature or self._carried, None
        if signature and self._family.can_think:
            part["thoughtSignature"] = signature
        self.parts.append(part)

    def _reasoning(self, item: dict[str, Any], param: str) -> None:
        known = [*_ALWAYS]
        if item.get("encrypted_content") is not None:
            where = f"{param}.encrypted_content"
            found = read_signature(read_string(item["encrypted_content"], where))
            if found is not None:
                known.append("encrypted_content")
                signature, is_of_next = found
                if is_of_next:
                    self._carried = signature
                elif self.parts and self._family.can_think:
                    self.parts[-1].setdefault("thoughtSignature", signature)
        note_others(item, known, param, self._ignored)

    def _function(self, item: dict[str, Any], param: str) -> None:
        known = (*_ALWAYS, "call_id", "name", "namespace", "arguments")
        note_others(item, known, param, self._ignored)
        space = item.get("namespace")
        if space is not None:
            space = read_string(space, f"{param}.namespace")
        tool = Tool(FUNCTION, read_name(item.get("name"), f"{param}.name"), space)
        self._call(tool, read_arguments(item.get("arguments"), f"{param}.arguments"), item, param)

    def _custom(self, item: dict[str, Any], param: str) -> None:
        known = (*_ALWAYS, "call_id", "name", "namespace", "input")
        note_others(item, known, param, self._ignored)
        space = item.get("namespace")
        if space is not None:
            space = read_string(space, f"{param}.namespace")
        tool = Tool(CUSTOM, read_name(item.get("name"), f"{param}.name"), space)
        given = {INPUT: read_string(item.get("input"), f"{param}.input")}
        self._call(tool, given, item, param)

    def _shell(self, item: dict[str, Any], param: str) -> None:
        note_others(item, (*_ALWAYS, "call_id", "action"), param, self._ignored)
        action = read_object(item.get("action"), f"{param}.action")
        check_nesting(action, f"{param}.action")
        given = {name: each for name, each in action.items() if name != "type" and each}
        self._call(Tool(SHELL, SHELL), given, item, param)

    def _call(self, tool: Tool, given: dict[str, Any], item: dict[str, Any], param: str) -> None:
        call_id = read_name(item.get("call_id"), f"{param}.call_id")
        call: dict[str, Any] = {"name": tool.gemini_name, "args": given}
        native_id = native_call_id(call_id, self._family)
        if native_id:
            call["id"] = native_id
        self._add({"functionCall": call}, split_call_id(call_id)[1])
        self.calls.append((Call(call_id, tool.gemini_name), param))
