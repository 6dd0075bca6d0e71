"""Which of its tools the model may or must use."""

from typing import Any

from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import read_list, read_name, read_object, wrong_type, wrong_value
from services.edge.responses.tool_names import CUSTOM, FUNCTION, SHELL
from services.edge.responses.tools import ToolPlan

_MODES = {"none": "NONE", "auto": "AUTO", "required": "ANY"}
_KINDS = (FUNCTION, CUSTOM, SHELL, "allowed_tools", "web_search", "web_search_preview")


def read_choice(choice: object, plan: ToolPlan, ignored: list[str]) -> None:
    """Read `tool_choice` into a plan.

    Raises:
        BadRequestError: It names a tool that is not there, or must be used and is not.
    """
    if choice is None:
        return
    if isinstance(choice, str):
        if choice not in _MODES:
            raise wrong_value(choice, "tool_choice", tuple(_MODES))
        if choice == "required" and not plan.declarations:
            if not plan.searches:
                raise _none_given()
            # Gemini searches as it sees fit.
            ignored.append("tool_choice")
        plan.searches = plan.searches and choice != "none"
        plan.config = {"mode": _MODES[choice]}
        return
    if not isinstance(choice, dict):
        raise wrong_type(choice, "tool_choice", "one of a string or object")
    kind = read_name(choice.get("type"), "tool_choice.type")
    if kind == "allowed_tools":
        _read_allowed(choice, plan)
    elif kind in {FUNCTION, CUSTOM, SHELL}:
        names = _names(choice, kind, "tool_choice", plan)
        plan.config = {"mode": "ANY", "allowedFunctionNames": names}
    elif kind.startswith("web_search"):
        ignored.append("tool_choice")
    else:
        raise wrong_value(kind, "tool_choice.type", _KINDS)


def _read_allowed(choice: dict[str, Any], plan: ToolPlan) -> None:
    mode = read_name(choice.get("mode"), "tool_choice.mode")
    if mode not in {"auto", "required"}:
        raise wrong_value(mode, "tool_choice.mode", ("auto", "required"))
    names: list[str] = []
    is_search_allowed = False
    for place, item in enumerate(read_list(choice.get("tools"), "tool_choice.tools")):
        where = f"tool_choice.tools[{place}]"
        holder = read_object(item, where)
        kind = read_name(holder.get("type"), f"{where}.type")
        if kind.startswith("web_search"):
            is_search_allowed = True
        elif kind in {FUNCTION, CUSTOM, SHELL}:
            names += _names(holder, kind, where, plan)
        else:
            raise wrong_value(kind, f"{where}.type", (FUNCTION, CUSTOM, SHELL, "web_search"))
    plan.searches = plan.searches and is_search_allowed
    if mode == "required" and names:
        plan.config = {"mode": "ANY", "allowedFunctionNames": names}
        return
    # Gemini restricts by name only where it must call; elsewhere the others stay unsaid.
    plan.declarations = [each for each in plan.declarations if each["name"] in names]
    plan.config = {"mode": "AUTO"}


def _names(holder: dict[str, Any], kind: str, param: str, plan: ToolPlan) -> list[str]:
    """Return Gemini's names of the tools that are meant: one, or some of one namespace each."""
    name = SHELL if kind == SHELL else read_name(holder.get("name"), f"{param}.name")
    found = [
        gemini_name
        for gemini_name, tool in plan.tools.items()
        if tool.kind == kind
        and tool.name == name
        and holder.get("namespace") in (None, tool.namespace)
    ]
    if not found:
        raise BadRequestError(
            f"Tool choice '{name[:64]}' not found in 'tools' parameter.", param, "invalid_value"
        )
    return found


def _none_given() -> BadRequestError:
    return BadRequestError(
        "'tool_choice' may be 'required' only when 'tools' are specified.",
        "tool_choice",
        "invalid_value",
    )
