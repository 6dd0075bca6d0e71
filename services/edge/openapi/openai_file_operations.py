"""The operations of OpenAI's files, and their bodies."""

from services.edge.openapi.operation import ANY, FORM, JSON, Operation, Parameter, Schema, ref

_TAG = "Files in OpenAI's dialect"
_STRING: Schema = {"type": "string"}
_PURPOSE: Schema = {"enum": ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]}
_ONE = "/v1/files/{file_id}"
_ABOUT = (
    "Both dialects own this path: a request with `x-goog-api-key` or `x-goog-api-client`, or with "
    "`?key=` and no `Authorization`, gets Gemini's form."
)

SCHEMAS: dict[str, Schema] = {
    "OpenAiFile": {
        "type": "object",
        "properties": {
            "id": {"type": "string", "examples": ["file-abc123"]},
            "object": {"const": "file"},
            "bytes": {"type": "integer", "minimum": 0},
            "created_at": {"type": "integer"},
            "expires_at": {"type": "integer"},
            "filename": _STRING,
            "purpose": _STRING,
            "status": {"enum": ["uploaded", "processed", "error"]},
        },
        "required": ["id", "object", "bytes", "created_at", "filename", "purpose"],
    },
    "OpenAiFiles": {
        "type": "object",
        "properties": {
            "object": {"const": "list"},
            "data": {"type": "array", "items": ref("OpenAiFile")},
            "has_more": {"type": "boolean"},
        },
        "required": ["object", "data", "has_more"],
    },
    "OpenAiFileDeleted": {
        "type": "object",
        "properties": {"id": _STRING, "object": {"const": "file"}, "deleted": {"const": True}},
        "required": ["id", "object", "deleted"],
    },
}

_FORM: Schema = {
    "type": "object",
    "properties": {"purpose": _PURPOSE, "file": {"type": "string", "format": "binary"}},
    "required": ["purpose", "file"],
}
_BOTH = ("openai", "gemini")

OPERATIONS = (
    Operation(
        "post",
        "/v1/files",
        "openai_files",
        _TAG,
        "Upload a file",
        "The body is a form; a file may be as large as in Gemini's dialect.",
        request={FORM: _FORM},
        answer={JSON: ref("OpenAiFile")},
        dialects=_BOTH,
        failures=(409, 415),
    ),
    Operation(
        "get",
        "/v1/files",
        "openai_files",
        _TAG,
        "List files",
        _ABOUT,
        answer={JSON: {"anyOf": [ref("OpenAiFiles"), ref("Files")]}},
        parameters=(
            Parameter("limit", "How many.", {"type": "integer", "minimum": 1, "maximum": 10000}),
            Parameter("order", "By their age.", {"enum": ["asc", "desc"]}),
            Parameter("after", "The id after which the list goes on."),
            Parameter("purpose", "Only files for it."),
        ),
        dialects=_BOTH,
    ),
    Operation(
        "get",
        _ONE,
        "openai_files",
        _TAG,
        "Get a file",
        _ABOUT,
        answer={JSON: {"anyOf": [ref("OpenAiFile"), ref("File")]}},
        dialects=_BOTH,
    ),
    Operation(
        "delete",
        _ONE,
        "openai_files",
        _TAG,
        "Delete a file",
        _ABOUT,
        answer={JSON: {"anyOf": [ref("OpenAiFileDeleted"), ref("FileDeleted")]}},
        dialects=_BOTH,
    ),
    Operation(
        "get",
        f"{_ONE}/content",
        "openai_files",
        _TAG,
        "Get the bytes of a file",
        "Of kept files, and of those that models have made.",
        answer={ANY: {}},
        dialects=_BOTH,
    ),
)
