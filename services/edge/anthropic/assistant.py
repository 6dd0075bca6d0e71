"""Earlier answers of the model, as the client sends them back.

The words of thinking blocks are left out on purpose: they are summaries for people, and
Gemini takes its own thoughts back only as signatures.
"""

from typing import Any

from services.edge.anthropic.content import read_blocks, read_text
from services.edge.anthropic.signatures import is_ours, read_thinking_signature
from services.edge.openai.fields import (
    check_nesting,
    note_others,
    read_name,
    read_object,
    read_string,
    wrong_value,
)
from services.edge.openai.media import Part
from services.edge.openai.signatures import split_call_id
from services.edge.openai.thinking import ModelFamily
from services.edge.openai.turns import Call, Turns, native_call_id

_KINDS = (
    "text",
    "thinking",
    "redacted_thinking",
    "tool_use",
    "server_tool_use",
    "code_execution_tool_result",
    "web_search_tool_result",
)


def add_assistant_message(
    message: dict[str, Any], param: str, turns: Turns, family: ModelFamily, ignored: list[str]
) -> list[Call]:
    """Add an assistant message to the conversation and return its calls."""
    note_others(message, ("role", "content"), param, ignored)
    reader = _Reader(family, ignored)
    for kind, block, where in read_blocks(message.get("content"), f"{param}.content"):
        reader.read(kind, block, where)
    if reader.calls:
        turns.add_calls(reader.parts, reader.calls)
    else:
        turns.add("model", reader.parts)
    return reader.calls


class _Reader:
    def __init__(self, family: ModelFamily, ignored: list[str]) -> None:
        self.parts: list[Part] = []
        self.calls: list[Call] = []
        self._family = family
        self._ignored = ignored
        self._carried: str | None = None

    def read(self, kind: str, block: dict[str, Any], param: str) -> None:
        match kind:
            case "text":
                for part in read_text(kind, block, param, self._ignored):
                    self._add(part, None)
            case "thinking":
                signature = read_string(block.get("signature") or "", f"{param}.signature")
                known = ("type", "signature") if is_ours(signature) else ("type",)
                note_others(block, known, param, self._ignored)
                self._carried = read_thinking_signature(signature)
            case "redacted_thinking":
                note_others(block, ("type",), param, self._ignored)
                read_string(block.get("data"), f"{param}.data")
            case "tool_use":
                self._read_call(block, param)
            case "server_tool_use":
                self._read_server_call(block, param)
            case "code_execution_tool_result":
                self._read_code_result(block, param)
            case "web_search_tool_result":
                note_others(block, ("type", "tool_use_id"), param, self._ignored)
            case _:
                raise wrong_value(kind, f"{param}.type", _KINDS)

    def _add(self, part: Part, signature: str | None) -> None:
        """Add a part, with its own signature or else the one that came before it."""
        signature, self._carried = signature or self._carried, None
        if signature and self._family.can_think:
            part["thoughtSignature"] = signature
        self.parts.append(part)

    def _read_call(self, block: dict[str, Any], param: str) -> None:
        note_others(block, ("type", "id", "name", "input"), param, self._ignored)
        call_id = read_name(block.get("id"), f"{param}.id")
        name = read_name(block.get("name"), f"{param}.name")
        given = read_object(block.get("input"), f"{param}.input")
        check_nesting(given, f"{param}.input")
        call: dict[str, Any] = {"name": name, "args": given}
        native_id = native_call_id(call_id, self._family)
        if native_id:
            call["id"] = native_id
        self._add({"functionCall": call}, split_call_id(call_id)[1])
        self.calls.append(Call(call_id, name))

    def _read_server_call(self, block: dict[str, Any], param: str) -> None:
        name = read_name(block.get("name"), f"{param}.name")
        call_id = read_name(block.get("id"), f"{param}.id")
        if name != "code_execution":
            # A search tells nothing that Gemini could take for one of its own.
            note_others(block, ("type", "id", "name"), param, self._ignored)
            return
        note_others(block, ("type", "id", "name", "input"), param, self._ignored)
        given = read_object(block.get("input"), f"{param}.input")
        note_others(given, ("code",), f"{param}.input", self._ignored)
        code = read_string(given.get("code"), f"{param}.input.code")
        part: Part = {"executableCode": {"language": "PYTHON", "code": code}}
        self._add(part, split_call_id(call_id)[1])

    def _read_code_result(self, block: dict[str, Any], param: str) -> None:
        note_others(block, ("type", "tool_use_id", "content"), param, self._ignored)
        where = f"{param}.content"
        result = read_object(block.get("content"), where)
        outcome, output = "OUTCOME_FAILED", ""
        if result.get("type") == "code_execution_result":
            note_others(result, ("type", "stdout", "stderr", "return_code"), where, self._ignored)
            told = [
                read_string(result[name], f"{where}.{name}")
                for name in ("stdout", "stderr")
                if result.get(name) is not None
            ]
            output = "\n".join(filter(None, told))
            outcome = "OUTCOME_FAILED" if result.get("return_code") else "OUTCOME_OK"
        else:
            note_others(result, ("type",), where, self._ignored)
        self._add({"codeExecutionResult": {"outcome": outcome, "output": output}}, None)
