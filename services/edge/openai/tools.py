"""Tools and the choice among them, in both of OpenAI's generations, as Gemini's."""

import re
from dataclasses import dataclass
from typing import Any

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

_FUNCTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:\-]{0,127}")
_CHOICES = ("none", "auto", "required")
_MODES = {"none": "NONE", "auto": "AUTO", "required": "ANY"}


@dataclass(frozen=True, slots=True)
class ToolPlan:
    """What the model may use.

    Attributes:
        declarations: Gemini's functionDeclarations.
        config: Gemini's functionCallingConfig; None leaves the choice to the model.
        searches: Whether Google Search is offered.
        is_legacy: Whether the client speaks of functions rather than tools.
    """

    declarations: list[dict[str, Any]]
    config: dict[str, Any] | None
    searches: bool
    is_legacy: bool

    @property
    def is_off(self) -> bool:
        """Whether the functions are declared but must not be called."""
        return self.config is not None and self.config["mode"] == "NONE"

    def write_to(self, body: dict[str, Any]) -> None:
        """Put the tools into a Gemini request."""
        tools: list[dict[str, Any]] = []
        if self.declarations:
            tools.append({"functionDeclarations": self.declarations})
        if self.searches:
            tools.append({"googleSearch": {}})
        if tools:
            body["tools"] = tools
        if self.config and self.declarations:
            body["toolConfig"] = {"functionCallingConfig": self.config}


def read_tools(body: dict[str, Any], ignored: list[str]) -> ToolPlan:
    """Return the tools of a chat request; empty lists count as absent.

    Google Search (`web_search_options`) cannot stand beside functions on every model, so
    it gives way to them.
    """
    declarations, is_legacy = _read_declarations(body, ignored)
    params = ["tool_choice", "function_call"]
    if is_legacy or (body.get("tool_choice") is None and not declarations):
        params.reverse()
    param, other = params
    choice = body.get(param)
    if body.get(other) not in (None, "auto"):
        ignored.append(other)
    declarations, config = _read_choice(choice, param, declarations)
    if declarations and body.get("parallel_tool_calls") is False:
        ignored.append("parallel_tool_calls")
    searches = False
    if body.get("web_search_options") is not None:
        options = read_object(body["web_search_options"], "web_search_options")
        searches = not declarations
        if not searches:
            ignored.append("web_search_options")
        elif options:
            ignored.extend(f"web_search_options.{name}" for name in options)
    return ToolPlan(declarations, config, searches, is_legacy)


def check_function_name(name: str, param: str) -> None:
    """Raise BadRequestError for a name that Gemini takes for no function."""
    if not _FUNCTION_NAME.fullmatch(name):
        raise BadRequestError(
            f"Invalid '{param}': Gemini wants a letter or an underscore first, then "
            "letters, digits, underscores, dots, colons or dashes, at most 128 in all.",
            param,
            "invalid_value",
        )


def _read_declarations(
    body: dict[str, Any], ignored: list[str]
) -> tuple[list[dict[str, Any]], bool]:
    tools = [] if body.get("tools") is None else read_list(body["tools"], "tools")
    functions = [] if body.get("functions") is None else read_list(body["functions"], "functions")
    if tools and functions:
        raise BadRequestError(
            "'tools' and 'functions' cannot be used together.", "functions", "invalid_value"
        )
    if functions:
        declared = [
            _declaration(item, f"functions[{place}]", ignored)
            for place, item in enumerate(functions)
        ]
    else:
        declared = [_tool(item, f"tools[{place}]", ignored) for place, item in enumerate(tools)]
    names = set()
    for declaration in declared:
        if declaration["name"] in names:
            where = "functions" if functions else "tools"
            raise BadRequestError(
                f"Invalid '{where}': the function '{declaration['name']}' is declared twice.",
                where,
                "invalid_value",
            )
        names.add(declaration["name"])
    return declared, bool(functions)


def _tool(item: object, param: str, ignored: list[str]) -> dict[str, Any]:
    holder = read_object(item, param)
    note_others(holder, ("type", "function"), param, ignored)
    kind = read_name(holder.get("type"), f"{param}.type")
    if kind != "function":
        raise wrong_value(kind, f"{param}.type", ("function",))
    return _declaration(holder.get("function"), f"{param}.function", ignored)


def _declaration(item: object, param: str, ignored: list[str]) -> dict[str, Any]:
    function = read_object(item, param)
    known = ["name", "description", "parameters"]
    if function.get("strict") is False:
        # The default.
        known.append("strict")
    note_others(function, known, param, ignored)
    name = read_name(function.get("name"), f"{param}.name")
    check_function_name(name, f"{param}.name")
    declaration: dict[str, Any] = {"name": name}
    if function.get("description") is not None:
        declaration["description"] = read_string(function["description"], f"{param}.description")
    if function.get("parameters") is not None:
        schema = read_object(function["parameters"], f"{param}.parameters")
        check_nesting(schema, f"{param}.parameters")
        if schema:
            # The older field `parameters` refuses a request for one keyword it does not know.
            declaration["parametersJsonSchema"] = schema
    return declaration


def _read_choice(
    choice: object, param: str, declarations: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    if choice is None:
        return declarations, None
    if isinstance(choice, str):
        if choice not in _CHOICES:
            raise wrong_value(choice, param, _CHOICES)
        if choice == "required":
            _check_some(declarations, param)
        return declarations, {"mode": _MODES[choice]}
    if not isinstance(choice, dict):
        raise wrong_type(choice, param, "one of a string or object")
    if param == "function_call":
        name = read_name(choice.get("name"), f"{param}.name")
        return declarations, _only([name], declarations, param)
    kind = read_name(choice.get("type"), f"{param}.type")
    if kind == "function":
        return declarations, _only([_function_name(choice, param)], declarations, param)
    if kind == "allowed_tools":
        return _read_allowed(choice.get("allowed_tools"), f"{param}.allowed_tools", declarations)
    raise wrong_value(kind, f"{param}.type", ("function", "allowed_tools"))


def _read_allowed(
    value: object, param: str, declarations: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    allowed = read_object(value, param)
    mode = read_name(allowed.get("mode"), f"{param}.mode")
    if mode not in {"auto", "required"}:
        raise wrong_value(mode, f"{param}.mode", ("auto", "required"))
    names = []
    for place, item in enumerate(read_list(allowed.get("tools"), f"{param}.tools")):
        where = f"{param}.tools[{place}]"
        names.append(_function_name(read_object(item, where), where))
    config = _only(names, declarations, param)
    if mode == "required":
        return declarations, config
    # Gemini restricts by name only where it must call; elsewhere the others stay unsaid.
    wanted = set(names)
    return [item for item in declarations if item["name"] in wanted], {"mode": "AUTO"}


def _function_name(holder: dict[str, Any], param: str) -> str:
    function = read_object(holder.get("function"), f"{param}.function")
    return read_name(function.get("name"), f"{param}.function.name")


def _only(names: list[str], declarations: list[dict[str, Any]], param: str) -> dict[str, Any]:
    _check_some(declarations, param)
    known = {item["name"] for item in declarations}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        shown = unknown[0][:64] if unknown else ""
        raise BadRequestError(
            f"Tool choice '{shown}' not found in 'tools' parameter.",
            param,
            "invalid_value",
        )
    return {"mode": "ANY", "allowedFunctionNames": names}


def _check_some(declarations: list[dict[str, Any]], param: str) -> None:
    if not declarations:
        raise BadRequestError(
            f"'{param}' is only allowed when 'tools' are specified.", param, "invalid_value"
        )
