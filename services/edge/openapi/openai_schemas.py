"""The bodies of OpenAI's dialect. Fields that are not listed are allowed everywhere."""

from typing import Any

from services.edge.openapi.operation import MODEL_PATTERN, Schema, ref

_STRING: Schema = {"type": "string"}
_NAME: Schema = {"type": "string", "minLength": 1}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_OBJECT: Schema = {"type": "object"}


def _object(required: tuple[str, ...] = (), **properties: Any) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    return schema | {"required": list(required)} if required else schema


def _optional(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _number(low: float, high: float) -> Schema:
    return _optional({"type": "number", "minimum": low, "maximum": high})


def _integer(low: int, high: int) -> Schema:
    return _optional({"type": "integer", "minimum": low, "maximum": high})


_TEXT_PART = _object(("type", "text"), type={"const": "text"}, text=_STRING)
_IMAGE_PART = _object(
    ("type", "image_url"),
    type={"const": "image_url"},
    image_url=_object(
        ("url",),
        url={"type": "string", "description": "A data URL, or the URI of an uploaded file."},
        detail={"enum": ["auto", "low", "high"]},
    ),
)
_SOUND_PART = _object(
    ("type", "input_audio"),
    type={"const": "input_audio"},
    input_audio=_object(("data", "format"), data=_STRING, format=_STRING),
)
_FILE_PART = _object(
    ("type", "file"),
    type={"const": "file"},
    file=_object(file_data=_STRING, file_id=_STRING, filename=_STRING),
)
_CALL = _object(
    ("id", "type", "function"),
    id=_STRING,
    type={"const": "function"},
    function=_object(("name", "arguments"), name=_NAME, arguments=_STRING),
)
_FUNCTION = _object(("name",), name=_NAME, description=_STRING, parameters=_OBJECT)

SCHEMAS: dict[str, Schema] = {
    "OpenAiError": _object(
        ("error",),
        error=_object(
            ("message", "type", "param", "code"),
            message=_STRING,
            type=_STRING,
            param=_optional(_STRING),
            code=_optional(_STRING),
        ),
    ),
    "ChatMessage": _object(
        ("role",),
        role={"enum": ["system", "developer", "user", "assistant", "tool", "function"]},
        content={
            "anyOf": [
                _STRING,
                {
                    "type": "array",
                    "items": {"anyOf": [_TEXT_PART, _IMAGE_PART, _SOUND_PART, _FILE_PART]},
                },
                {"type": "null"},
            ]
        },
        tool_calls={"type": "array", "items": _CALL},
        tool_call_id={"type": "string", "description": "Which call a tool answers."},
        name=_STRING,
    ),
    "ChatRequest": _object(
        ("model", "messages"),
        model={"type": "string", "pattern": MODEL_PATTERN, "examples": ["gemini-2.5-flash"]},
        messages={
            "type": "array",
            "minItems": 1,
            "items": ref("ChatMessage"),
            "examples": [[{"role": "user", "content": "你好"}]],
        },
        stream=_optional({"type": "boolean"}),
        stream_options=_optional(_object(include_usage={"type": "boolean"})),
        temperature=_number(0, 2),
        top_p=_number(0, 1),
        top_k=_integer(1, 2**31 - 1),
        max_tokens=_integer(1, 2**31 - 1),
        max_completion_tokens=_integer(1, 2**31 - 1),
        n=_integer(1, 8),
        stop={
            "anyOf": [
                _STRING,
                {"type": "array", "maxItems": 5, "items": _STRING},
                {"type": "null"},
            ]
        },
        seed=_optional({"type": "integer"}),
        presence_penalty=_number(-2, 2),
        frequency_penalty=_number(-2, 2),
        logprobs=_optional({"type": "boolean"}),
        top_logprobs=_integer(0, 20),
        reasoning_effort=_optional(_STRING),
        response_format=_optional(
            _object(
                ("type",),
                type={"enum": ["text", "json_object", "json_schema"]},
                json_schema=_object(("name",), name=_STRING, schema=_OBJECT),
            )
        ),
        tools=_optional(
            {
                "type": "array",
                "items": _object(
                    ("type", "function"), type={"const": "function"}, function=_FUNCTION
                ),
            }
        ),
        tool_choice=_optional({"anyOf": [{"enum": ["none", "auto", "required"]}, _OBJECT]}),
        parallel_tool_calls=_optional({"type": "boolean"}),
        functions=_optional({"type": "array", "items": _FUNCTION, "deprecated": True}),
        function_call=_optional(
            {"anyOf": [{"enum": ["none", "auto"]}, _object(("name",), name=_NAME)]}
        ),
    ),
    "Usage": _object(
        ("prompt_tokens", "completion_tokens", "total_tokens"),
        prompt_tokens=_COUNT,
        completion_tokens=_COUNT,
        total_tokens=_COUNT,
    ),
    "ChatCompletion": _object(
        ("id", "object", "created", "model", "choices"),
        id=_STRING,
        object={"const": "chat.completion"},
        created=_COUNT,
        model=_STRING,
        choices={
            "type": "array",
            "minItems": 1,
            "items": _object(
                ("index", "message", "finish_reason"),
                index=_COUNT,
                message=_object(
                    ("role", "content"),
                    role={"const": "assistant"},
                    content=_optional(_STRING),
                    reasoning_content=_STRING,
                    tool_calls={"type": "array", "items": _CALL},
                ),
                finish_reason={
                    "enum": ["stop", "length", "tool_calls", "function_call", "content_filter"]
                },
            ),
        },
        usage=_optional(ref("Usage")),
    ),
    "EmbeddingsRequest": _object(
        ("model", "input"),
        model={"type": "string", "pattern": MODEL_PATTERN, "examples": ["gemini-embedding-001"]},
        input={
            "anyOf": [
                _NAME,
                {"type": "array", "minItems": 1, "maxItems": 2048, "items": _NAME},
            ],
            "examples": ["这是一段文本"],
        },
        dimensions=_integer(1, 65536),
        encoding_format=_optional({"enum": ["float", "base64"]}),
    ),
    "Embeddings": _object(
        ("object", "data", "model", "usage"),
        object={"const": "list"},
        data={
            "type": "array",
            "items": _object(
                ("object", "index", "embedding"),
                object={"const": "embedding"},
                index=_COUNT,
                embedding={"anyOf": [{"type": "array", "items": {"type": "number"}}, _STRING]},
            ),
        },
        model=_STRING,
        usage=_object(("prompt_tokens", "total_tokens"), prompt_tokens=_COUNT, total_tokens=_COUNT),
    ),
    "OpenAiModel": _object(
        ("id", "object", "created", "owned_by"),
        id=_STRING,
        object={"const": "model"},
        created=_COUNT,
        owned_by=_STRING,
    ),
    "OpenAiModels": _object(
        ("object", "data"),
        object={"const": "list"},
        data={"type": "array", "items": ref("OpenAiModel")},
    ),
}
