"""The tools of a request, as Gemini's."""

import re
from dataclasses import dataclass, field
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
from services.edge.responses.tool_names import CUSTOM, FUNCTION, INPUT, SHELL, Tool

_SEARCH = re.compile(r"web_search(_preview)?(_\d{4}_\d{2}_\d{2})?")
_INPUT_SCHEMA = {
    "type": "object",
    "properties": {INPUT: {"type": "string", "description": "All of the input, as it is."}},
    "required": [INPUT],
}
_SHELL_SCHEMA = {
    "type": "object",
    "properties": {
        "command": {"type": "array", "items": {"type": "string"}},
        "working_directory": {"type": "string"},
        "timeout_ms": {"type": "integer"},
    },
    "required": ["command"],
}
_SHELL_ABOUT = "Runs a command on the user's machine and returns what it prints."


@dataclass(slots=True)
class ToolPlan:
    """What the model may use.

    Attributes:
        declarations: Gemini's functionDeclarations.
        tools: The client's own by Gemini's names of them.
        searches: Whether Google Search is offered.
        config: Gemini's functionCallingConfig; None leaves the choice to the model.
        one_call: Whether the client wants one call at a time.
    """

    declarations: list[dict[str, Any]] = field(default_factory=list)
    tools: dict[str, Tool] = field(default_factory=dict)
    searches: bool = False
    config: dict[str, Any] | None = None
    one_call: bool = False

    def write_to(self, body: dict[str, Any]) -> None:
        """Put the tools into a Gemini request."""
        if self.declarations:
            body["tools"] = [{"functionDeclarations": self.declarations}]
            if self.config:
                body["toolConfig"] = {"functionCallingConfig": self.config}
        elif self.searches:
            body["tools"] = [{"googleSearch": {}}]


def read_tools(body: dict[str, Any], ignored: list[str]) -> ToolPlan:
    """Return the tools of a request.

    Google Search cannot stand beside tools of the client's on every model, so it gives way
    to them: agents offer both in each request.
    """
    plan = ToolPlan()
    if body.get("parallel_tool_calls") is not None:
        plan.one_call = not read_boolean(body["parallel_tool_calls"], "parallel_tool_calls")
    reader = _Reader(plan, ignored)
    for place, item in enumerate(
        [] if body.get("tools") is None else read_list(body["tools"], "tools")
    ):
        reader.read(read_object(item, f"tools[{place}]"), f"tools[{place}]")
    if plan.declarations:
        ignored += ["tools[].web_search"] if reader.searches else []
    else:
        for holder, param in reader.searches:
            _check_search(holder, param, ignored)
        plan.searches = bool(reader.searches)
    return plan


class _Reader:
    def __init__(self, plan: ToolPlan, ignored: list[str]) -> None:
        self.searches: list[tuple[dict[str, Any], str]] = []
        self._plan = plan
        self._ignored = ignored

    def read(self, holder: dict[str, Any], param: str) -> None:
        kind = read_name(holder.get("type"), f"{param}.type")
        if kind == "namespace":
            self._namespace(holder, param)
        elif _SEARCH.fullmatch(kind):
            self.searches.append((holder, param))
        elif kind == SHELL:
            note_others(holder, ("type",), param, self._ignored)
            declaration = {"description": _SHELL_ABOUT, "parametersJsonSchema": _SHELL_SCHEMA}
            self._declare(Tool(SHELL, SHELL), declaration, param)
        elif kind in {FUNCTION, CUSTOM}:
            self._own(holder, kind, param, None, "")
        else:
            raise BadRequestError(
                f"Invalid '{param}.type': Gemini has no counterpart of '{kind[:64]}'. There are "
                "'function', 'custom', 'namespace', 'web_search' and 'local_shell'.",
                f"{param}.type",
                "unsupported_value",
            )

    def _namespace(self, holder: dict[str, Any], param: str) -> None:
        note_others(holder, ("type", "name", "description", "tools"), param, self._ignored)
        space = read_name(holder.get("name"), f"{param}.name")
        about = ""
        if holder.get("description") is not None:
            about = read_string(holder["description"], f"{param}.description")
        for place, item in enumerate(read_list(holder.get("tools"), f"{param}.tools")):
            where = f"{param}.tools[{place}]"
            inner = read_object(item, where)
            kind = read_name(inner.get("type"), f"{where}.type")
            if kind not in {FUNCTION, CUSTOM}:
                raise wrong_value(kind, f"{where}.type", (FUNCTION, CUSTOM))
            # What all of a namespace share is said with each: Gemini has no place for it.
            self._own(inner, kind, where, space, about)

    def _own(
        self, holder: dict[str, Any], kind: str, param: str, space: str | None, about: str
    ) -> None:
        """Add a tool of the client's own."""
        said = [about]
        if holder.get("description") is not None:
            said.append(read_string(holder["description"], f"{param}.description"))
        if kind == CUSTOM:
            known = ("type", "name", "description", "format")
            note_others(holder, known, param, self._ignored)
            said.append(_grammar(holder.get("format"), f"{param}.format", self._ignored))
            schema: dict[str, Any] = _INPUT_SCHEMA
        else:
            schema = _schema(holder, param, self._ignored)
        declaration: dict[str, Any] = {}
        if any(said):
            declaration["description"] = "\n\n".join(filter(None, said))
        if schema:
            declaration["parametersJsonSchema"] = schema
        tool = Tool(kind, read_name(holder.get("name"), f"{param}.name"), space)
        self._declare(tool, declaration, param)

    def _declare(self, tool: Tool, declaration: dict[str, Any], param: str) -> None:
        check_function_name(tool.gemini_name, f"{param}.name")
        if tool.gemini_name in self._plan.tools:
            raise BadRequestError(
                f"Invalid '{param}.name': the tool '{tool.name[:64]}' is declared twice.",
                f"{param}.name",
                "invalid_value",
            )
        self._plan.tools[tool.gemini_name] = tool
        self._plan.declarations.append({"name": tool.gemini_name, **declaration})


def _schema(holder: dict[str, Any], param: str, ignored: list[str]) -> dict[str, Any]:
    known = ["type", "name", "description", "parameters"]
    if holder.get("strict") is False:
        # What Gemini does.
        known.append("strict")
    note_others(holder, known, param, ignored)
    if holder.get("parameters") is None:
        return {}
    schema = read_object(holder["parameters"], f"{param}.parameters")
    check_nesting(schema, f"{param}.parameters")
    return schema


def _grammar(value: object, param: str, ignored: list[str]) -> str:
    """Return in words what the input of a tool must look like: Gemini cannot be bound to it."""
    if value is None:
        return ""
    form = read_object(value, param)
    kind = read_name(form.get("type"), f"{param}.type")
    if kind == "text":
        note_others(form, ("type",), param, ignored)
        return ""
    if kind != "grammar":
        raise wrong_value(kind, f"{param}.type", ("text", "grammar"))
    note_others(form, ("type", "syntax", "definition"), param, ignored)
    syntax = read_name(form.get("syntax"), f"{param}.syntax")
    if syntax not in {"lark", "regex"}:
        raise wrong_value(syntax, f"{param}.syntax", ("lark", "regex"))
    definition = read_name(form.get("definition"), f"{param}.definition")
    ignored.append("tools[].format")
    return f"The input must match this {syntax} grammar, and is nothing else:\n{definition}"


def _check_search(holder: dict[str, Any], param: str, ignored: list[str]) -> None:
    filters = holder.get("filters")
    if isinstance(filters, dict) and any(filters.values()):
        # Left out, it would search where it must not.
        raise BadRequestError(
            f"Invalid '{param}.filters': Google Search cannot be kept to domains.",
            f"{param}.filters",
            "unsupported_value",
        )
    known = ["type", "filters"]
    if holder.get("external_web_access") is True:
        # The default.
        known.append("external_web_access")
    note_others(holder, known, param, ignored)
