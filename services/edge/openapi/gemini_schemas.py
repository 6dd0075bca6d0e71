"""The bodies of Gemini's dialect, as far as they are looked at; the rest passes as it is."""

from typing import Any

from services.edge.openapi.operation import Schema, ref

_STRING: Schema = {"type": "string"}
_OBJECT: Schema = {"type": "object"}
_COUNT: Schema = {"type": "integer", "minimum": 0}


def _object(required: tuple[str, ...] = (), **properties: Any) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    return schema | {"required": list(required)} if required else schema


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_CONTENTS = _list(ref("Content")) | {
    "minItems": 1,
    "examples": [[{"role": "user", "parts": [{"text": "你好"}]}]],
}
_EMBED: dict[str, Any] = {
    "content": ref("Content"),
    "outputDimensionality": {"type": "integer", "minimum": 1},
}

SCHEMAS: dict[str, Schema] = {
    "GeminiError": _object(
        ("error",),
        error=_object(
            ("code", "message", "status"),
            code={"type": "integer"},
            message=_STRING,
            status=_STRING,
            details=_list(_OBJECT),
        ),
    ),
    "Part": {
        **_object(
            text=_STRING,
            inlineData=_object(("mimeType", "data"), mimeType=_STRING, data=_STRING),
            fileData=_object(("fileUri",), fileUri=_STRING, mimeType=_STRING),
            functionCall=_object(("name",), name=_STRING, args=_OBJECT),
            functionResponse=_object(("name", "response"), name=_STRING, response=_OBJECT),
        ),
        "minProperties": 1,
    },
    "Content": _object(
        ("parts",),
        role={"enum": ["user", "model"]},
        parts=_list(ref("Part")) | {"minItems": 1},
    ),
    "GenerateRequest": _object(
        ("contents",),
        contents=_CONTENTS,
        systemInstruction=_OBJECT,
        generationConfig=_OBJECT,
        tools=_list(_OBJECT),
        toolConfig=_OBJECT,
        safetySettings=_list(_OBJECT),
        cachedContent=_STRING,
    ),
    "GenerateAnswer": _object(
        candidates=_list(
            _object(
                content=_OBJECT, finishReason=_STRING, index=_COUNT, safetyRatings=_list(_OBJECT)
            )
        ),
        promptFeedback=_OBJECT,
        usageMetadata=_object(
            promptTokenCount=_COUNT, candidatesTokenCount=_COUNT, totalTokenCount=_COUNT
        ),
        modelVersion=_STRING,
        responseId=_STRING,
    ),
    "CountRequest": _object(
        ("contents",), contents=_CONTENTS, generateContentRequest=ref("GenerateRequest")
    ),
    "CountAnswer": _object(("totalTokens",), totalTokens=_COUNT),
    "EmbedRequest": _object(("content",), **_EMBED),
    "EmbedAnswer": _object(
        ("embedding",), embedding=_object(("values",), values=_list({"type": "number"}))
    ),
    "BatchEmbedRequest": _object(
        ("requests",), requests=_list(_object(("model", "content"), model=_STRING, **_EMBED))
    ),
    "BatchEmbedAnswer": _object(
        ("embeddings",), embeddings=_list(_object(("values",), values=_list({"type": "number"})))
    ),
    "GeminiModel": _object(
        ("name",),
        name=_STRING,
        displayName=_STRING,
        inputTokenLimit=_COUNT,
        outputTokenLimit=_COUNT,
        supportedGenerationMethods=_list(_STRING),
    ),
    "GeminiModels": _object(("models",), models=_list(ref("GeminiModel")), nextPageToken=_STRING),
    "File": _object(
        ("name", "uri"),
        name={"type": "string", "examples": ["files/abc123"]},
        uri=_STRING,
        displayName=_STRING,
        mimeType=_STRING,
        sizeBytes={"type": "string", "pattern": "^[0-9]+$"},
        state={"enum": ["STATE_UNSPECIFIED", "PROCESSING", "ACTIVE", "FAILED"]},
        createTime=_STRING,
        expirationTime=_STRING,
        sha256Hash=_STRING,
    ),
    "Files": _object(("files",), files=_list(ref("File")), nextPageToken=_STRING),
    "FileDeleted": _object(
        ("success", "message"),
        success={"const": True},
        message={"const": "File deleted successfully"},
    ),
    "UploadStart": _object(file=_object(displayName=_STRING, mimeType=_STRING, name=_STRING)),
    "Uploaded": _object(("file",), file=ref("File")),
    "Resource": _object(name=_STRING),
}
