"""Tools, the choice among them, and how much to think."""

from typing import Any

import pytest

from services.edge.openai.errors import BadRequestError
from tests.unit.edge.anthropic.client import plan, sent

TOOL = {"name": "f", "input_schema": {"type": "object"}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
CODE = {"type": "code_execution_20250522", "name": "code_execution"}


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        ({"type": "auto"}, {"mode": "AUTO"}),
        ({"type": "any"}, {"mode": "ANY"}),
        ({"type": "none"}, {"mode": "NONE"}),
        ({"type": "tool", "name": "f"}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    ],
)
def test_the_choice_of_tools(choice: dict[str, Any], config: dict[str, Any]) -> None:
    body = sent(tools=[TOOL], tool_choice=choice)

    assert body["toolConfig"] == {"functionCallingConfig": config}


@pytest.mark.parametrize(
    ("tool", "native"),
    [(SEARCH, "googleSearch"), (CODE, "codeExecution"), (SEARCH | {"max_uses": 3}, "googleSearch")],
)
def test_tools_that_run_at_google(tool: dict[str, Any], native: str) -> None:
    made = plan(tools=[tool], tool_choice={"type": "tool", "name": tool["name"]})

    assert made.gemini_body["tools"] == [{native: {}}]
    assert "toolConfig" not in made.gemini_body
    assert "tool_choice" in made.ignored
    assert ("tools[].max_uses" in made.ignored) == ("max_uses" in tool)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"tools": {}}, "tools"),
        ({"tools": [{}]}, "tools[0].name"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tools": [{"name": "1f", "input_schema": {}}]}, "tools[0].name"),
        ({"tools": [TOOL, TOOL]}, "tools[1].name"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[0].type"),
        ({"tools": [CODE | {"type": "code_execution_20250825"}]}, "tools[0].type"),
        ({"tools": [SEARCH | {"blocked_domains": ["a.b"]}]}, "tools[0].blocked_domains"),
        ({"tools": [SEARCH, TOOL]}, "tools"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": "any"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "all"}}, "tool_choice.type"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "g"}}, "tool_choice.name"),
        ({"thinking": True}, "thinking"),
        ({"thinking": {"type": "deep"}}, "thinking.type"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "adaptive", "display": "all"}}, "thinking.display"),
    ],
)
def test_what_is_refused_is_named(changes: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as refusal:
        plan(**changes)

    assert refusal.value.param == param


FLASH, PRO, THREE = "gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-flash-preview"
SHOWN = {"includeThoughts": True}


def enabled(tokens: int, **more: Any) -> dict[str, Any]:
    return {"type": "enabled", "budget_tokens": tokens} | more


@pytest.mark.parametrize(
    ("model", "thinking", "effort", "config"),
    [
        (FLASH, None, None, None),
        (FLASH, enabled(2048), None, {"thinkingBudget": 2048} | SHOWN),
        (FLASH, enabled(90_000), None, {"thinkingBudget": 24576} | SHOWN),
        (PRO, enabled(90_000), "low", {"thinkingBudget": 32768} | SHOWN),
        (FLASH, enabled(2048, display="omitted"), None, {"thinkingBudget": 2048}),
        (FLASH, {"type": "disabled"}, "high", {"thinkingBudget": 0}),
        (PRO, {"type": "disabled"}, None, {"thinkingBudget": 128}),
        (FLASH, {"type": "adaptive"}, None, {"thinkingBudget": -1} | SHOWN),
        (FLASH, {"type": "adaptive"}, "low", {"thinkingBudget": 1024} | SHOWN),
        (FLASH, None, "medium", {"thinkingBudget": 8192}),
        (THREE, enabled(2048), None, {"thinkingLevel": "LOW"} | SHOWN),
        (THREE, enabled(8192), None, {"thinkingLevel": "MEDIUM"} | SHOWN),
        (THREE, enabled(32_000), None, {"thinkingLevel": "HIGH"} | SHOWN),
        (THREE, {"type": "adaptive"}, None, SHOWN),
        (THREE, {"type": "adaptive"}, "max", {"thinkingLevel": "HIGH"} | SHOWN),
        (THREE, {"type": "disabled"}, None, {"thinkingLevel": "MINIMAL"}),
        ("gemini-2.0-flash", enabled(2048), "low", None),
    ],
)
def test_how_much_to_think(model: str, thinking: Any, effort: Any, config: Any) -> None:
    made = plan(model=model, thinking=thinking, output_config={"effort": effort})

    assert made.gemini_body["generationConfig"].get("thinkingConfig") == config
    assert made.shows_thinking == bool(config and config.get("includeThoughts"))
    if model == "gemini-2.0-flash":
        assert {"thinking", "output_config.effort"} <= {*made.ignored}
