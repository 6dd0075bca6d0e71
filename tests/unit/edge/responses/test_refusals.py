"""Requests that cannot be said to Gemini, and what their clients are told."""

from typing import Any

import pytest

from services.edge.openai.errors import BadRequestError
from tests.unit.edge.responses.client import plan
from tests.unit.edge.responses.test_requests import CALL, PATCH, RESULT, F, message

SEARCH = {"type": "web_search", "filters": {"allowed_domains": ["a.example"]}}


@pytest.mark.parametrize(
    ("changes", "param", "words"),
    [
        ({"model": None}, "model", "model parameter"),
        ({"input": None}, "input", "Missing"),
        ({"input": []}, "input", "empty array"),
        ({"input": 7}, "input", "string or array"),
        ({"input": [7]}, "input[0]", "an object"),
        ({"input": [{}]}, "input[0].type", "Missing"),
        ({"input": [{"type": "odd"}]}, "input[0].type", "'odd'"),
        ({"input": [message("hi", "odd")]}, "input[0].role", "'odd'"),
        ({"input": [message([{"type": "odd"}])]}, "input[0].content[0].type", "'odd'"),
        (
            {"input": [message([{"type": "output_text", "text": "a"}], "system")]},
            "input[0].content[0].type",
            "input_text",
        ),
        (
            {"input": [message([{"type": "input_image"}])]},
            "input[0].content[0].image_url",
            "Missing",
        ),
        (
            {"input": [message([{"type": "input_image", "file_id": "../x"}])]},
            "input[0].content[0].file_id",
            "uploaded file",
        ),
        (
            {"input": [message([{"type": "input_image", "image_url": "https://a.example/b"}])]},
            "input[0].content[0].image_url",
            "not fetched",
        ),
        ({"input": [CALL]}, "input[0]", "No tool output found for function call c1"),
        ({"input": [RESULT]}, "input[0].call_id", "No tool call found"),
        ({"input": [RESULT | {"call_id": None}]}, "input[0].call_id", "Missing"),
        ({"input": [CALL, RESULT, RESULT]}, "input[2].call_id", "No tool call found"),
        ({"input": [CALL | {"arguments": "["}, RESULT]}, "input[0].arguments", "JSON object"),
        ({"input": [{"type": "item_reference", "id": "msg_x"}]}, "input[0].id", "not found"),
        ({"tools": [{"type": "mcp"}]}, "tools[0].type", "'mcp'"),
        ({"tools": [F, F]}, "tools[1].name", "twice"),
        ({"tools": [{"type": "function", "name": "1 2"}]}, "tools[0].name", "letter"),
        ({"tools": [SEARCH]}, "tools[0].filters", "domains"),
        (
            {"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "local_shell"}]}]},
            "tools[0].tools[0].type",
            "function",
        ),
        (
            {"tools": [PATCH | {"format": {"type": "grammar", "syntax": "ebnf"}}]},
            "tools[0].format.syntax",
            "lark",
        ),
        ({"tool_choice": "required"}, "tool_choice", "specified"),
        ({"tool_choice": "odd"}, "tool_choice", "'odd'"),
        ({"tool_choice": {"type": "mcp"}}, "tool_choice.type", "'mcp'"),
        ({"tools": [F], "tool_choice": {"type": "custom", "name": "f"}}, "tool_choice", "'f'"),
        ({"max_output_tokens": 0}, "max_output_tokens", "below minimum"),
        ({"temperature": 3}, "temperature", "above maximum"),
        ({"reasoning": {"effort": "odd"}}, "reasoning.effort", "'odd'"),
        ({"reasoning": {"summary": "odd"}}, "reasoning.summary", "'odd'"),
        ({"text": {"format": {"type": "odd"}}}, "text.format.type", "'odd'"),
        ({"text": {"verbosity": "odd"}}, "text.verbosity", "'odd'"),
        ({"truncation": "odd"}, "truncation", "'odd'"),
        ({"metadata": {"a": 1}}, "metadata.a", "a string"),
        ({"store": "yes"}, "store", "a boolean"),
        ({"background": True}, "background", "not possible"),
        ({"conversation": "conv_1"}, "conversation", "previous_response_id"),
        ({"prompt": {"id": "p"}}, "prompt", "instructions"),
    ],
)
def test_refusals(changes: dict[str, Any], param: str, words: str) -> None:
    with pytest.raises(BadRequestError) as told:
        plan(**changes)

    assert told.value.param == param
    assert words in told.value.message
