"""The operations of OpenAI's image endpoints and of what they host, and their bodies."""

from typing import Any

from services.edge.openapi.operation import (
    ANY,
    FORM,
    JSON,
    MODEL_PATTERN,
    Operation,
    Parameter,
    Schema,
    ref,
)

_TAG = "Images"
_STRING: Schema = {"type": "string"}
_WORDS: dict[str, Any] = {
    "prompt": {
        "type": "string",
        "minLength": 1,
        "maxLength": 32000,
        "examples": ["一只可爱的猫咪"],
    },
    "model": {"type": "string", "pattern": MODEL_PATTERN},
    "n": {"type": "integer", "minimum": 1, "maximum": 10},
    "size": {"type": "string", "examples": ["1024x1024"]},
    "aspect_ratio": {"type": "string", "examples": ["16:9"]},
    "response_format": {"enum": ["url", "b64_json"]},
    "output_format": {"enum": ["png", "jpeg", "webp"]},
}

SCHEMAS: dict[str, Schema] = {
    "ImageRequest": {"type": "object", "properties": _WORDS, "required": ["prompt"]},
    "Images": {
        "type": "object",
        "properties": {
            "created": {"type": "integer"},
            "data": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "url": _STRING,
                        "b64_json": _STRING,
                        "revised_prompt": _STRING,
                    },
                },
            },
        },
        "required": ["created", "data"],
    },
}

_EDIT: dict[str, Any] = {
    **_WORDS,
    "image": {"type": "array", "items": {"type": "string", "format": "binary"}, "maxItems": 16},
}

OPERATIONS = (
    Operation(
        "post",
        "/v1/images/generations",
        "images",
        _TAG,
        "Draw",
        "The answer holds addresses below `/media/` unless `response_format` is `b64_json`.",
        request={JSON: ref("ImageRequest")},
        answer={JSON: ref("Images")},
        dialects=("openai",),
    ),
    Operation(
        "post",
        "/v1/images/edits",
        "image_edits",
        _TAG,
        "Draw by a prompt and pictures",
        "A form with the pictures as its `image`, or JSON with their addresses as its `image`.",
        request={
            FORM: {"type": "object", "properties": _EDIT, "required": ["prompt", "image"]},
            JSON: {"type": "object", "properties": _WORDS, "required": ["prompt"]},
        },
        answer={JSON: ref("Images")},
        dialects=("openai",),
        failures=(415,),
    ),
    Operation(
        "get",
        "/media/{media}",
        "media",
        _TAG,
        "Get what a model has made",
        "Whoever knows the id may; it goes when its time is over.",
        answer={ANY: {}},
        parameters=(Parameter("Range", "Some of its bytes.", place="header"),),
        dialects=("openai",),
        failures=(206, 416),
    ),
)
