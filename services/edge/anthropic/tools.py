"""Tools and the choice among them, as Gemini's."""

import re
from dataclasses import dataclass
from typing import Any

from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import (
    check_nesting,
    note_others,
    read_boolean,
    read_list,
    read_name,
    read_object,
    read_string,
    wrong_value,
)
from services.edge.openai.tools import check_function_name

_CHOICES = ("auto", "any", "tool", "none")
_MODES = {"auto": "AUTO", "any": "ANY", "none": "NONE"}
_SEARCH = re.compile(r"web_search_\d{8}")
# Later ones run a shell and edit files, which Gemini's does not.
_CODE = "code_execution_20250522"


@dataclass(frozen=True, slots=True)
class ToolPlan:
    """What the model may use.

    Attributes:
        declarations: Gemini's functionDeclarations.
        built_in: Gemini's own tools, such as `googleSearch`.
        config: Gemini's functionCallingConfig; None leaves the choice to the model.
        one_call: Whether the client wants one call at a time.
    """

    declarations: list[dict[str, Any]]
    built_in: tuple[str, ...]
    config: dict[str, Any] | None
    one_call: bool

    def write_to(self, body: dict[str, Any]) -> None:
        """Put the tools into a Gemini request."""
        if self.declarations:
            body["tools"] = [{"functionDeclarations": self.declarations}]
            if self.config:
                body["toolConfig"] = {"functionCallingConfig": self.config}
        elif self.built_in:
            body["tools"] = [{name: {}} for name in self.built_in]


def read_tools(body: dict[str, Any], ignored: list[str]) -> ToolPlan:
    """Return the tools of a request.

    Tools that run at the provider are Gemini's own where they do the same; they cannot
    stand beside the client's.
    """
    declarations: list[dict[str, Any]] = []
    built_in: list[str] = []
    names: set[str] = set()
    tools = [] if body.get("tools") is None else read_list(body["tools"], "tools")
    for place, item in enumerate(tools):
        param = f"tools[{place}]"
        tool = read_object(item, param)
        name = read_name(tool.get("name"), f"{param}.name")
        if name in names:
            raise BadRequestError(
                f"Invalid '{param}.name': tool names must be unique, and there is another "
                f"'{name[:64]}'.",
                f"{param}.name",
                "invalid_value",
            )
        names.add(name)
        kind = tool.get("type")
        if kind is None or kind == "custom":
            declarations.append(_declaration(tool, name, param, ignored))
        else:
            built_in.append(_built_in(tool, read_string(kind, f"{param}.type"), param, ignored))
    if declarations and built_in:
        raise BadRequestError(
            "Invalid 'tools': with Gemini, 'web_search' and 'code_execution' cannot stand beside "
            "tools of your own. Send them in requests of their own.",
            "tools",
            "invalid_value",
        )
    config, one_call = _read_choice(body.get("tool_choice"), declarations, names, ignored)
    return ToolPlan(declarations, tuple(dict.fromkeys(built_in)), config, one_call)


def _declaration(tool: dict[str, Any], name: str, param: str, ignored: list[str]) -> dict[str, Any]:
    note_others(tool, ("type", "name", "description", "input_schema"), param, ignored)
    check_function_name(name, f"{param}.name")
    declaration: dict[str, Any] = {"name": name}
    if tool.get("description") is not None:
        declaration["description"] = read_string(tool["description"], f"{param}.description")
    schema = read_object(tool.get("input_schema"), f"{param}.input_schema")
    check_nesting(schema, f"{param}.input_schema")
    if schema:
        declaration["parametersJsonSchema"] = schema
    return declaration


def _built_in(tool: dict[str, Any], kind: str, param: str, ignored: list[str]) -> str:
    if kind == _CODE:
        note_others(tool, ("type", "name"), param, ignored)
        return "codeExecution"
    if not _SEARCH.fullmatch(kind):
        raise BadRequestError(
            f"Invalid '{param}.type': Gemini has no counterpart of '{kind[:64]}'. There are "
            f"'web_search_20250305' and '{_CODE}', and tools of your own with an 'input_schema'.",
            f"{param}.type",
            "unsupported_value",
        )
    for name in ("allowed_domains", "blocked_domains"):
        if tool.get(name):
            # Left out, it would search where it must not.
            raise BadRequestError(
                f"Invalid '{param}.{name}': Google Search cannot be kept to domains.",
                f"{param}.{name}",
                "unsupported_value",
            )
    note_others(tool, ("type", "name"), param, ignored)
    return "googleSearch"


def _read_choice(
    value: object, declarations: list[dict[str, Any]], names: set[str], ignored: list[str]
) -> tuple[dict[str, Any] | None, bool]:
    """Return the functionCallingConfig, and whether one call at a time is wanted."""
    if value is None:
        return None, False
    choice = read_object(value, "tool_choice")
    kind = read_name(choice.get("type"), "tool_choice.type")
    if kind not in _CHOICES:
        raise wrong_value(kind, "tool_choice.type", _CHOICES)
    known = ["type", "disable_parallel_tool_use", *(["name"] if kind == "tool" else [])]
    note_others(choice, known, "tool_choice", ignored)
    only = choice.get("disable_parallel_tool_use")
    one_call = only is not None and read_boolean(only, "tool_choice.disable_parallel_tool_use")
    name = read_name(choice.get("name"), "tool_choice.name") if kind == "tool" else None
    if name is not None and name not in names:
        raise BadRequestError(
            f"Invalid 'tool_choice.name': there is no tool '{name[:64]}' in 'tools'.",
            "tool_choice.name",
            "invalid_value",
        )
    if kind == "any" and not names:
        raise BadRequestError(
            "Invalid 'tool_choice': it may be 'any' only when 'tools' are given.",
            "tool_choice",
            "invalid_value",
        )
    if not declarations:
        # Gemini uses its own tools as it sees fit.
        ignored += ["tool_choice"] if kind in {"any", "tool"} else []
        return None, one_call
    if name is not None:
        return {"mode": "ANY", "allowedFunctionNames": [name]}, one_call
    return {"mode": _MODES[kind]}, one_call
