"""The operations of OpenAI's dialect, and the pages beside the API."""

from services.edge.openapi.operation import EVENTS, HTML, JSON, SSE, Operation, ref

_CHAT = "Chat and embeddings"
_MODELS = "Models"
_PAGES = "Health and documentation"
_ALL = ("openai", "gemini", "anthropic")
_SHARED = (
    "All dialects own this path. A request with `anthropic-version` is answered as Anthropic does; "
    "one with `x-goog-api-key` or `x-goog-api-client`, or with `?key=` and no `Authorization`, as "
    "Gemini does; every other as OpenAI does."
)

OPERATIONS = (
    Operation(
        "post",
        "/v1/chat/completions",
        "chat",
        _CHAT,
        "Chat",
        "Plain, or with `stream: true` as server-sent events that end with `[DONE]`. What has no "
        "counterpart at Gemini is named in the header `x-gemini-balance-ignored`.",
        request={JSON: ref("ChatRequest")},
        answer={JSON: ref("ChatCompletion"), SSE: EVENTS},
        headers={"x-gemini-balance-ignored": "Parameters that were ignored, separated by commas."},
        dialects=("openai",),
    ),
    Operation(
        "post",
        "/v1/embeddings",
        "embeddings",
        _CHAT,
        "Embed texts",
        request={JSON: ref("EmbeddingsRequest")},
        answer={JSON: ref("Embeddings")},
        dialects=("openai",),
    ),
    Operation(
        "get",
        "/v1/models",
        "models",
        _MODELS,
        "List models",
        _SHARED,
        answer={
            JSON: {"anyOf": [ref("OpenAiModels"), ref("GeminiModels"), ref("AnthropicModels")]}
        },
        dialects=_ALL,
    ),
    Operation(
        "get",
        "/v1/models/{model}",
        "model",
        _MODELS,
        "Get a model",
        _SHARED,
        answer={JSON: {"anyOf": [ref("OpenAiModel"), ref("GeminiModel"), ref("AnthropicModel")]}},
        dialects=_ALL,
    ),
    Operation(
        "get",
        "/livez",
        "page",
        _PAGES,
        "Whether the process lives",
        answer={JSON: {"type": "object"}},
        is_open=True,
    ),
    *(
        Operation(
            "get",
            path,
            "page",
            _PAGES,
            "Whether requests can be served",
            answer={JSON: {"type": "object"}},
            failures=(503,),
            is_open=True,
        )
        for path in ("/readyz", "/health")
    ),
    Operation(
        "get",
        "/openapi.json",
        "page",
        _PAGES,
        "This document",
        answer={JSON: {"type": "object"}},
        is_open=True,
    ),
    Operation(
        "get",
        "/docs",
        "page",
        _PAGES,
        "This document for people",
        answer={HTML: {"type": "string"}},
        is_open=True,
    ),
)
