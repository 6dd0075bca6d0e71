"""The operation of OpenAI's older completions, and its bodies."""

from services.edge.openapi.operation import (
    EVENTS,
    JSON,
    MODEL_PATTERN,
    SSE,
    Operation,
    Schema,
    ref,
)

_STRING: Schema = {"type": "string"}
_TEXT: Schema = {"type": "string", "minLength": 1}

SCHEMAS: dict[str, Schema] = {
    "CompletionRequest": {
        "type": "object",
        "properties": {
            "model": {"type": "string", "pattern": MODEL_PATTERN, "examples": ["gemini-2.5-flash"]},
            "prompt": {
                "anyOf": [_TEXT, {"type": "array", "maxItems": 32, "items": _TEXT}],
                "examples": ["Say hello."],
            },
            "stream": {"type": "boolean"},
            "suffix": _STRING,
            "echo": {"type": "boolean"},
            "max_tokens": {"type": "integer", "minimum": 1},
            "temperature": {"type": "number", "minimum": 0, "maximum": 2},
            "top_p": {"type": "number", "minimum": 0, "maximum": 1},
            "n": {"type": "integer", "minimum": 1, "maximum": 8},
            "stop": {"anyOf": [_STRING, {"type": "array", "items": _STRING, "maxItems": 5}]},
        },
        "required": ["model"],
    },
    "Completion": {
        "type": "object",
        "properties": {
            "id": _STRING,
            "object": {"const": "text_completion"},
            "created": {"type": "integer"},
            "model": _STRING,
            "choices": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "text": _STRING,
                        "index": {"type": "integer"},
                        "finish_reason": _STRING,
                    },
                    "required": ["text", "index", "finish_reason"],
                },
            },
            "usage": {"anyOf": [ref("Usage"), {"type": "null"}]},
        },
        "required": ["id", "object", "created", "model", "choices"],
    },
}

OPERATIONS = (
    Operation(
        "post",
        "/v1/completions",
        "completions",
        "Chat and embeddings",
        "Complete a text, the older form",
        "Each prompt is asked as a chat of its own.",
        request={JSON: ref("CompletionRequest")},
        answer={JSON: ref("Completion"), SSE: EVENTS},
        dialects=("openai",),
    ),
)
