"""The operations of Anthropic's dialect, and its bodies."""

from typing import Any

from services.edge.openapi.operation import EVENTS, JSON, MODEL_PATTERN, SSE, Operation, Schema, ref

_TAG = "Anthropic's messages"
_STRING: Schema = {"type": "string"}
_OBJECT: Schema = {"type": "object"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_BLOCKS: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"type": _STRING},
        "required": ["type"],
    },
}
_COUNTED: dict[str, Schema] = {
    "model": {"type": "string", "pattern": MODEL_PATTERN, "examples": ["gemini-2.5-flash"]},
    "messages": {
        "type": "array",
        "minItems": 1,
        "items": ref("Message"),
        "examples": [[{"role": "user", "content": "你好"}]],
    },
    "system": {"anyOf": [_STRING, {"type": "array", "items": ref("TextBlock")}]},
    "tools": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "type": _STRING,
                "name": {"type": "string", "minLength": 1},
                "description": _STRING,
                "input_schema": _OBJECT,
            },
            "required": ["name"],
        },
    },
    "tool_choice": _OBJECT,
    "thinking": _OBJECT,
    "output_config": _OBJECT,
}


def _object(properties: dict[str, Any], *required: str) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    return schema | {"required": [*required]} if required else schema


SCHEMAS: dict[str, Schema] = {
    "AnthropicError": _object(
        {
            "type": {"const": "error"},
            "error": _object({"type": _STRING, "message": _STRING}, "type", "message"),
            "request_id": _STRING,
        },
        "type",
        "error",
        "request_id",
    ),
    "TextBlock": _object({"type": {"const": "text"}, "text": _STRING}, "type", "text"),
    "Message": _object(
        {
            "role": {"enum": ["user", "assistant", "system"]},
            "content": {"anyOf": [_STRING, _BLOCKS]},
        },
        "role",
        "content",
    ),
    "MessageRequest": _object(
        {
            "model": _COUNTED["model"],
            "max_tokens": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
            **_COUNTED,
            "stream": {"type": "boolean"},
            "temperature": {"type": "number", "minimum": 0, "maximum": 1},
            "top_p": {"type": "number", "minimum": 0, "maximum": 1},
            "top_k": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
            "stop_sequences": {
                "type": "array",
                "maxItems": 5,
                "items": {"type": "string", "minLength": 1},
            },
            "service_tier": {"enum": ["auto", "standard_only"]},
            "metadata": _OBJECT,
        },
        "model",
        "max_tokens",
        "messages",
    ),
    "MessageCountRequest": _object(_COUNTED, "model", "messages"),
    "MessageAnswer": _object(
        {
            "id": _STRING,
            "type": {"const": "message"},
            "role": {"const": "assistant"},
            "model": _STRING,
            "content": _BLOCKS,
            "stop_reason": {
                "enum": ["end_turn", "max_tokens", "tool_use", "pause_turn", "refusal"]
            },
            "stop_sequence": {"type": "null"},
            "usage": _object(
                {
                    "input_tokens": _COUNT,
                    "cache_read_input_tokens": _COUNT,
                    "output_tokens": _COUNT,
                },
                "input_tokens",
                "output_tokens",
            ),
        },
        *("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"),
    ),
    "MessageCount": _object({"input_tokens": _COUNT}, "input_tokens"),
    "AnthropicModel": _object(
        {
            "type": {"const": "model"},
            "id": _STRING,
            "display_name": _STRING,
            "created_at": _STRING,
        },
        *("type", "id", "display_name", "created_at"),
    ),
    "AnthropicModels": _object(
        {
            "data": {"type": "array", "items": ref("AnthropicModel")},
            "has_more": {"type": "boolean"},
            "first_id": {"anyOf": [_STRING, {"type": "null"}]},
            "last_id": {"anyOf": [_STRING, {"type": "null"}]},
        },
        *("data", "has_more", "first_id", "last_id"),
    ),
}

OPERATIONS = (
    Operation(
        "post",
        "/v1/messages",
        "messages",
        _TAG,
        "Answer a conversation",
        "Plain, or with `stream: true` as server-sent events that end with `message_stop`. What "
        "has no counterpart at Gemini is named in the header `x-gemini-balance-ignored`.",
        request={JSON: ref("MessageRequest")},
        answer={JSON: ref("MessageAnswer"), SSE: EVENTS},
        headers={"x-gemini-balance-ignored": "Fields that were ignored, separated by commas."},
        dialects=("anthropic",),
        failures=(529,),
    ),
    Operation(
        "post",
        "/v1/messages/count_tokens",
        "count_tokens",
        _TAG,
        "Count the tokens of a conversation",
        "Google counts them, for nothing.",
        request={JSON: ref("MessageCountRequest")},
        answer={JSON: ref("MessageCount")},
        dialects=("anthropic",),
        failures=(529,),
    ),
)
