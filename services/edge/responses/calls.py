"""A call that the model makes, as an item of the tool's kind."""

from collections.abc import Mapping
from typing import Any

import orjson

from services.edge.responses.tool_names import CUSTOM, FUNCTION, INPUT, SHELL, Tool

Growth = tuple[str, str]
"""The field of an item that clients expect to grow, and the name of its events."""


def call_item(
    call: Mapping[str, Any], call_id: str, tools: Mapping[str, Tool]
) -> tuple[str, dict[str, Any], Growth | None]:
    """Return what the id of an item begins with, the item without it, and what of it grows.

    Args:
        call: Gemini's functionCall.
        call_id: How its result will name it.
        tools: The client's tools by Gemini's names of them.
    """
    name, given = str(call.get("name") or ""), call.get("args")
    tool = tools.get(name) or Tool(FUNCTION, name)
    item: dict[str, Any] = {"status": "completed", "call_id": call_id}
    if tool.kind == CUSTOM:
        item |= {"type": "custom_tool_call", **tool.head(), INPUT: _free_text(given)}
        return "ctc", item, (INPUT, "custom_tool_call_input")
    if tool.kind == SHELL:
        return "lsh", item | {"type": "local_shell_call", "action": _shell_action(given)}, None
    arguments = orjson.dumps(given or {}).decode()
    item |= {"type": "function_call", **tool.head(), "arguments": arguments}
    return "fc", item, ("arguments", "function_call_arguments")


def _free_text(given: object) -> str:
    """Return the input of a tool that takes free text; models wrap it in their own ways."""
    if isinstance(given, dict) and len(given) == 1:
        (only,) = given.values()
        if isinstance(only, str):
            return only
    return orjson.dumps(given or {}).decode()


def _shell_action(given: object) -> dict[str, Any]:
    told = given if isinstance(given, dict) else {}
    command = told.get("command")
    if isinstance(command, str):
        command = ["bash", "-lc", command]
    return {
        "type": "exec",
        "command": [str(each) for each in command] if isinstance(command, list) else [],
        "env": {},
        "working_directory": told.get("working_directory"),
        "timeout_ms": told.get("timeout_ms"),
    }
