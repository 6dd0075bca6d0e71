"""Tools, the choice among them, and what they exclude."""

from typing import Any, ClassVar

import pytest

from services.edge.openai.chat_request import ChatPlan, translate_chat
from services.edge.openai.errors import BadRequestError

# Keywords that the older field refuses the whole request for.
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "at": {"anyOf": [{"$ref": "#/$defs/Place"}, {"type": "null"}], "default": None},
        "size": {"exclusiveMinimum": 0, "type": "number"},
    },
    "$defs": {"Place": {"type": "object", "additionalProperties": False}},
    "additionalProperties": False,
}


def plan_of(model: str = "gemini-2.5-flash", **fields: Any) -> ChatPlan:
    return translate_chat(
        {"model": model, "messages": [{"role": "user", "content": "hi"}], **fields}
    )


def refused(**fields: Any) -> BadRequestError:
    with pytest.raises(BadRequestError) as caught:
        plan_of(**fields)
    return caught.value


def tool(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


def named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def allowed(mode: str, *names: str) -> dict[str, Any]:
    tools = [named(name) for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


class TestDeclarations:
    def test_schemas_pass_untouched_in_the_field_for_json_schema(self) -> None:
        tools = [tool("f", description="does", parameters=SCHEMA, strict=True)]

        body = plan_of(tools=tools).gemini_body

        assert body["tools"] == [
            {
                "functionDeclarations": [
                    {"name": "f", "description": "does", "parametersJsonSchema": SCHEMA}
                ]
            }
        ]

    def test_functions_of_the_old_kind_are_declared_and_remembered(self) -> None:
        plan = plan_of(functions=[{"name": "f", "parameters": {}}], function_call={"name": "f"})

        assert plan.legacy_functions
        assert plan.gemini_body["tools"] == [{"functionDeclarations": [{"name": "f"}]}]
        assert plan.gemini_body["toolConfig"]["functionCallingConfig"] == {
            "mode": "ANY",
            "allowedFunctionNames": ["f"],
        }

    def test_empty_lists_count_as_absent(self) -> None:
        plan = plan_of(functions=[], function_call="auto", tools=[], tool_choice="auto")

        assert not plan.legacy_functions
        assert set(plan.gemini_body) == {"contents"}
        assert plan.ignored == ()

    @pytest.mark.parametrize(
        ("fields", "param"),
        [
            ({"tools": {}}, "tools"),
            ({"tools": [{"type": "custom", "custom": {}}]}, "tools[0].type"),
            ({"tools": [{"type": "function"}]}, "tools[0].function"),
            ({"tools": [tool("2fast")]}, "tools[0].function.name"),
            ({"tools": [tool("a b")]}, "tools[0].function.name"),
            ({"tools": [tool("f"), tool("f")]}, "tools"),
            ({"tools": [tool("f", parameters=[])]}, "tools[0].function.parameters"),
            ({"tools": [tool("f")], "functions": [{"name": "g"}]}, "functions"),
            ({"functions": [{}]}, "functions[0].name"),
        ],
    )
    def test_wrong_declarations_are_refused(self, fields: dict[str, Any], param: str) -> None:
        assert refused(**fields).param == param

    def test_a_schema_that_google_could_not_parse_is_refused(self) -> None:
        schema: dict[str, Any] = {}
        for _ in range(100):
            schema = {"items": schema}

        assert refused(tools=[tool("f", parameters=schema)]).code == "invalid_value"


class TestChoice:
    @pytest.mark.parametrize(
        ("choice", "config"),
        [
            ("none", {"mode": "NONE"}),
            ("auto", {"mode": "AUTO"}),
            ("required", {"mode": "ANY"}),
            (named("f"), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
            (allowed("required", "f", "g"), {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}),
        ],
    )
    def test_modes(self, choice: Any, config: dict[str, Any]) -> None:
        body = plan_of(tools=[tool("f"), tool("g"), tool("h")], tool_choice=choice).gemini_body

        assert body["toolConfig"] == {"functionCallingConfig": config}
        assert len(body["tools"][0]["functionDeclarations"]) == 3

    def test_tools_that_are_merely_allowed_are_the_only_ones_declared(self) -> None:
        body = plan_of(tools=[tool("f"), tool("g")], tool_choice=allowed("auto", "g")).gemini_body

        assert body["tools"] == [{"functionDeclarations": [{"name": "g"}]}]
        assert body["toolConfig"] == {"functionCallingConfig": {"mode": "AUTO"}}

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"tool_choice": "maybe"}, "invalid_value"),
            ({"tool_choice": 1}, "invalid_type"),
            ({"tool_choice": "required"}, "invalid_value"),
            ({"tool_choice": named("f")}, "invalid_value"),
            ({"tools": [tool("f")], "tool_choice": named("g")}, "invalid_value"),
            ({"tools": [tool("f")], "tool_choice": allowed("required")}, "invalid_value"),
            ({"tools": [tool("f")], "tool_choice": allowed("perhaps", "f")}, "invalid_value"),
            ({"tools": [tool("f")], "tool_choice": {"type": "custom"}}, "invalid_value"),
        ],
    )
    def test_wrong_choices_are_refused(self, fields: dict[str, Any], code: str) -> None:
        assert refused(**fields).code == code

    def test_calls_one_by_one_have_no_counterpart(self) -> None:
        assert plan_of(tools=[tool("f")], parallel_tool_calls=False).ignored == (
            "parallel_tool_calls",
        )
        assert plan_of(tools=[tool("f")], parallel_tool_calls=True).ignored == ()


class TestExclusions:
    FORMAT: ClassVar[dict[str, Any]] = {
        "type": "json_schema",
        "json_schema": {"name": "x", "schema": {"type": "object"}},
    }

    def test_json_and_tools_go_together_from_gemini_3_on(self) -> None:
        plan = plan_of("gemini-3-flash", tools=[tool("f")], response_format=self.FORMAT)

        assert plan.gemini_body["generationConfig"] == {
            "responseMimeType": "application/json",
            "responseJsonSchema": {"title": "x", "type": "object"},
        }
        assert plan.ignored == ()

    def test_before_json_becomes_an_instruction_and_is_reported(self) -> None:
        plan = plan_of(tools=[tool("f")], response_format=self.FORMAT)

        assert "generationConfig" not in plan.gemini_body
        (instruction,) = plan.gemini_body["systemInstruction"]["parts"]
        assert '{"type":"object","title":"x"}' in instruction["text"]
        assert plan.ignored == ("response_format",)

    def test_tools_that_must_not_be_called_give_way_to_json(self) -> None:
        plan = plan_of(tools=[tool("f")], tool_choice="none", response_format=self.FORMAT)

        assert set(plan.gemini_body) == {"contents", "generationConfig"}
        assert plan.ignored == ("tools",)

    def test_search_is_offered_alone(self) -> None:
        alone = plan_of(web_search_options={"search_context_size": "low"})
        beside = plan_of(web_search_options={}, tools=[tool("f")])

        assert alone.gemini_body["tools"] == [{"googleSearch": {}}]
        assert alone.ignored == ("web_search_options.search_context_size",)
        assert beside.ignored == ("web_search_options",)

    def test_cached_content_excludes_what_it_holds(self) -> None:
        google = {"cached_content": "cachedContents/c1"}

        assert plan_of(google=google).gemini_body["cachedContent"] == "cachedContents/c1"
        error = refused(google=google, tools=[tool("f")])
        assert error.param == "extra_body.google.cached_content"
