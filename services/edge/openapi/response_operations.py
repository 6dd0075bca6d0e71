"""The operations of OpenAI's responses, and their bodies."""

from typing import Any

from services.edge.openapi.operation import (
    EVENTS,
    JSON,
    MODEL_PATTERN,
    SSE,
    Operation,
    Parameter,
    Schema,
    ref,
)

_TAG = "Responses"
_STRING: Schema = {"type": "string"}
_OBJECT: Schema = {"type": "object"}
_BOOLEAN: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_ITEMS: Schema = {"type": "array", "items": _OBJECT}
_COUNTED: dict[str, Schema] = {
    "model": {"type": "string", "pattern": MODEL_PATTERN, "examples": ["gemini-2.5-flash"]},
    "input": {
        "anyOf": [_STRING, {"type": "array", "minItems": 1, "items": _OBJECT}],
        "examples": ["你好"],
    },
    "instructions": _STRING,
    "previous_response_id": _STRING,
    "tools": _ITEMS,
    "tool_choice": {"anyOf": [{"enum": ["none", "auto", "required"]}, _OBJECT]},
    "parallel_tool_calls": _BOOLEAN,
    "reasoning": _OBJECT,
    "text": _OBJECT,
    "truncation": {"enum": ["auto", "disabled"]},
}


def _object(properties: dict[str, Any], *required: str) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    return schema | {"required": [*required]} if required else schema


SCHEMAS: dict[str, Schema] = {
    "ResponseRequest": _object(
        {
            **_COUNTED,
            "stream": _BOOLEAN,
            "stream_options": _OBJECT,
            "store": _BOOLEAN,
            "include": {"type": "array", "items": {"type": "string", "minLength": 1}},
            "max_output_tokens": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
            "temperature": {"type": "number", "minimum": 0, "maximum": 2},
            "top_p": {"type": "number", "minimum": 0, "maximum": 1},
            "metadata": {"type": "object", "additionalProperties": _STRING},
            "service_tier": _STRING,
        },
        "model",
        "input",
    ),
    "ResponseCountRequest": _object(_COUNTED, "model", "input"),
    "Response": _object(
        {
            "id": _STRING,
            "object": {"const": "response"},
            "created_at": {"type": "integer"},
            "status": {"enum": ["completed", "incomplete"]},
            "incomplete_details": {"anyOf": [_object({"reason": _STRING}), {"type": "null"}]},
            "model": _STRING,
            "output": _ITEMS,
            "store": _BOOLEAN,
            "usage": {
                "anyOf": [
                    _object(
                        {
                            "input_tokens": _COUNT,
                            "output_tokens": _COUNT,
                            "total_tokens": _COUNT,
                        },
                        *("input_tokens", "output_tokens", "total_tokens"),
                    ),
                    {"type": "null"},
                ]
            },
        },
        *("id", "object", "created_at", "status", "model", "output", "store", "usage"),
    ),
    "ResponseCount": _object(
        {"object": {"const": "response.input_tokens"}, "input_tokens": _COUNT},
        *("object", "input_tokens"),
    ),
    "ResponseItems": _object(
        {
            "object": {"const": "list"},
            "data": _ITEMS,
            "first_id": {"anyOf": [_STRING, {"type": "null"}]},
            "last_id": {"anyOf": [_STRING, {"type": "null"}]},
            "has_more": _BOOLEAN,
        },
        *("object", "data", "first_id", "last_id", "has_more"),
    ),
    "DeletedResponse": _object(
        {"id": _STRING, "object": {"const": "response"}, "deleted": {"const": True}},
        *("id", "object", "deleted"),
    ),
}

_OPENAI = ("openai",)

OPERATIONS = (
    Operation(
        "post",
        "/v1/responses",
        "responses",
        _TAG,
        "Respond",
        "Plain, or with `stream: true` as named server-sent events that end with "
        "`response.completed`. What has no counterpart at Gemini is named in the header "
        "`x-gemini-balance-ignored`.",
        request={JSON: ref("ResponseRequest")},
        answer={JSON: ref("Response"), SSE: EVENTS},
        headers={"x-gemini-balance-ignored": "Parameters that were ignored, separated by commas."},
        dialects=_OPENAI,
    ),
    Operation(
        "post",
        "/v1/responses/input_tokens",
        "input_tokens",
        _TAG,
        "Count the tokens of an input",
        "Google counts them, for nothing.",
        request={JSON: ref("ResponseCountRequest")},
        answer={JSON: ref("ResponseCount")},
        dialects=_OPENAI,
    ),
    Operation(
        "get",
        "/v1/responses/{response_id}",
        "response",
        _TAG,
        "Get a response",
        "Of this client's, while it is kept.",
        answer={JSON: ref("Response")},
        dialects=_OPENAI,
    ),
    Operation(
        "delete",
        "/v1/responses/{response_id}",
        "response",
        _TAG,
        "Delete a response",
        answer={JSON: ref("DeletedResponse")},
        dialects=_OPENAI,
    ),
    Operation(
        "get",
        "/v1/responses/{response_id}/input_items",
        "input_items",
        _TAG,
        "List what led to a response",
        answer={JSON: ref("ResponseItems")},
        parameters=(
            Parameter(
                "limit", "How many at most.", {"type": "integer", "minimum": 1, "maximum": 100}
            ),
            Parameter("order", "`desc` unless asked for `asc`.", {"enum": ["asc", "desc"]}),
            Parameter("after", "The item after which to begin."),
        ),
        dialects=_OPENAI,
    ),
)
