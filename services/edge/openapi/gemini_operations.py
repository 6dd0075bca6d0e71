"""The operations of Gemini's dialect: models, their verbs, files and uploads."""

from services.edge.openapi.operation import (
    ANY,
    BYTES,
    EVENTS,
    JSON,
    SSE,
    TEXT,
    Operation,
    Parameter,
    Schema,
    ref,
)

_METHODS = "Gemini: models and their methods"
_FILES = "Gemini: files"
_ARRAY: Schema = {"type": "array", "items": ref("GenerateAnswer")}
_PAGING = (
    Parameter("pageSize", "How many on a page.", {"type": "integer", "minimum": 1, "maximum": 100}),
    Parameter("pageToken", "Where to go on, as the page before has told it."),
)
_UPLOAD_PARAMETERS = (
    Parameter("upload_id", "Which upload goes on; part of the address that its start answers."),
    Parameter("uploadType", "The older way to name the protocol."),
    Parameter(
        "X-Goog-Upload-Protocol",
        "How to upload. Without it, and without a multipart body: resumable.",
        {"type": "string", "examples": ["resumable", "multipart", "raw"]},
        "header",
    ),
    Parameter(
        "X-Goog-Upload-Command",
        "What to do.",
        {"type": "string", "examples": ["start", "upload", "upload, finalize", "query", "cancel"]},
        "header",
    ),
    Parameter("X-Goog-Upload-Offset", "Where the bytes of this request belong.", place="header"),
    Parameter(
        "X-Goog-Upload-Header-Content-Length", "The size of the file, if known.", place="header"
    ),
    Parameter("X-Goog-Upload-Header-Content-Type", "The type of the file.", place="header"),
)
_UPLOAD_HEADERS = {
    "X-Goog-Upload-URL": "Where the bytes go; it needs no token. Answered to a start.",
    "X-Goog-Upload-Status": "`active`, `final` or `cancelled`.",
    "X-Goog-Upload-Size-Received": "How many bytes are safe.",
    "X-Goog-Upload-Chunk-Granularity": "Chunks but the last are multiples of it.",
}


def _method(verb: str, summary: str, request: str, answer: str, about: str = "") -> Operation:
    return Operation(
        "post",
        f"/v1beta/models/{{model}}:{verb}",
        "method",
        _METHODS,
        summary,
        about,
        request={JSON: ref(request)},
        answer={JSON: ref(answer)},
    )


def _upload(method: str, route: str, summary: str, about: str = "") -> Operation:
    return Operation(
        method,
        "/upload/v1beta/files",
        route,
        _FILES,
        summary,
        about,
        request={JSON: ref("UploadStart"), BYTES: {}},
        needs_body=False,
        answer={JSON: ref("Uploaded"), TEXT: {"type": "string"}},
        headers=_UPLOAD_HEADERS,
        parameters=_UPLOAD_PARAMETERS,
        failures=(308, 409, 410, 415, 416),
    )


OPERATIONS = (
    _method("generateContent", "Generate an answer", "GenerateRequest", "GenerateAnswer"),
    Operation(
        "post",
        "/v1beta/models/{model}:streamGenerateContent",
        "method",
        _METHODS,
        "Generate an answer as a stream",
        "Server-sent events, with or without `alt=sse`; one JSON array for `alt=json`.",
        request={JSON: ref("GenerateRequest")},
        answer={SSE: EVENTS, JSON: _ARRAY},
        parameters=(Parameter("alt", "The form of the answer.", {"enum": ["sse", "json"]}),),
        lists_errors=True,
    ),
    _method("countTokens", "Count tokens", "CountRequest", "CountAnswer"),
    _method("embedContent", "Embed a text", "EmbedRequest", "EmbedAnswer"),
    _method("batchEmbedContents", "Embed texts", "BatchEmbedRequest", "BatchEmbedAnswer"),
    *(
        Operation(
            "post",
            f"/v1beta/{collection}/{{model}}:{{verb}}",
            "method",
            _METHODS,
            "Any other method",
            "Every verb is passed on as it is.",
            request={JSON: {"type": "object"}},
            needs_body=False,
            answer={JSON: {}},
            failures=(409,),
        )
        for collection in ("models", "tunedModels", "dynamic")
    ),
    Operation(
        "get",
        "/v1beta/models",
        "gemini_models",
        _METHODS,
        "List models",
        answer={JSON: ref("GeminiModels")},
        parameters=(
            Parameter("pageSize", "How many on a page.", {"type": "integer", "minimum": 1}),
            _PAGING[1],
        ),
    ),
    Operation(
        "get",
        "/v1beta/models/{model}",
        "gemini_models",
        _METHODS,
        "Get a model",
        answer={JSON: ref("GeminiModel")},
    ),
    Operation(
        "get",
        "/v1beta/files",
        "files",
        _FILES,
        "List files",
        "The newest first; only those of the token's client.",
        answer={JSON: ref("Files")},
        parameters=_PAGING,
    ),
    Operation(
        "get", "/v1beta/files/{file}", "files", _FILES, "Get a file", answer={JSON: ref("File")}
    ),
    Operation(
        "delete",
        "/v1beta/files/{file}",
        "files",
        _FILES,
        "Delete a file",
        answer={JSON: ref("FileDeleted")},
    ),
    *(
        Operation(
            "get",
            path,
            "files",
            _FILES,
            "Download a file that a model or a batch has made",
            answer={ANY: {}},
        )
        for path in ("/v1beta/files/{file}:download", "/download/v1beta/files/{file}:download")
    ),
    _upload(
        "post",
        "upload_start",
        "Start an upload, or go on with it",
        "The start answers `X-Goog-Upload-URL`. Commands go to that address: `upload`, "
        "`upload, finalize`, `finalize`, `query`, `cancel`. A multipart or raw body is a whole "
        "upload in one request.",
    ),
    _upload("put", "upload_start", "Go on with an upload by `Content-Range`"),
    Operation(
        "post",
        "/upload/v1beta/fileSearchStores/{store}:uploadToFileSearchStore",
        "upload_start",
        _FILES,
        "Start an upload into a file search store",
        "As an upload of a file; its last answer is an operation.",
        request={JSON: ref("UploadStart"), BYTES: {}},
        needs_body=False,
        answer={JSON: ref("Resource"), TEXT: {"type": "string"}},
        headers=_UPLOAD_HEADERS,
        parameters=_UPLOAD_PARAMETERS,
        failures=(308, 409, 410, 415, 416),
    ),
)
