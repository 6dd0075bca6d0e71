"""What is refused of a request names the wrong field."""

from typing import Any

import pytest

from services.edge.anthropic.errors import with_param
from services.edge.openai.errors import BadRequestError
from tests.unit.edge.anthropic.client import plan
from tests.unit.edge.anthropic.test_requests import call, called, result, user


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"model": None}, "model"),
        ({"model": "../x"}, "model"),
        ({"thread": {"type": "create"}}, "thread"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": user("a")}, "messages[0].content[0]"),
        ({"messages": user({"text": "a"})}, "messages[0].content[0].type"),
        ({"messages": user({"type": "video"})}, "messages[0].content[0].type"),
        ({"messages": user({"type": "text"})}, "messages[0].content[0].text"),
        ({"messages": user({"type": "image"})}, "messages[0].content[0].source"),
        (
            {"messages": user({"type": "image", "source": {"type": "text", "data": "a"}})},
            "messages[0].content[0].source.type",
        ),
        (
            {
                "messages": user(
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": "?"},
                    }
                )
            },
            "messages[0].content[0].source.data",
        ),
        (
            {"messages": user({"type": "document", "source": {"type": "file", "file_id": "?"}})},
            "messages[0].content[0].source.file_id",
        ),
        ({"messages": user(result("c1", "a"))}, "messages[0].content[0].tool_use_id"),
        ({"messages": [called(call("c1"))]}, "messages[0]"),
        ({"messages": [called(call("c1")), *user({"type": "text", "text": "a"})]}, "messages[0]"),
        (
            {"messages": [called(call("c1")), *user(result("c1", "a"), result("c1", "b"))]},
            "messages[1].content[1].tool_use_id",
        ),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "a"}]}]},
            "messages[0].content[0].name",
        ),
        ({"system": 7}, "system"),
        ({"system": [{"type": "image"}]}, "system[0].type"),
        ({"temperature": 1.5}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"top_k": 1.5}, "top_k"),
        ({"stop_sequences": "END"}, "stop_sequences"),
        ({"stop_sequences": [""]}, "stop_sequences[0]"),
        ({"stop_sequences": [*"abcdef"]}, "stop_sequences"),
        ({"service_tier": "fast"}, "service_tier"),
        ({"stream": "yes"}, "stream"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
    ],
)
def test_what_is_refused_is_named(changes: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as told:
        plan(**changes)

    refusal = told.value
    assert refusal.param == param
    assert param in with_param(refusal.message, refusal.param)
