"""The OpenAPI document, built from the tables of operations."""

import re
from typing import Any

from services.edge.openapi import (
    anthropic_operations,
    audio_operations,
    completion_operations,
    gemini_operations,
    gemini_schemas,
    image_operations,
    openai_file_operations,
    openai_operations,
    openai_schemas,
    resource_operations,
    response_operations,
)
from services.edge.openapi.operation import (
    FILE_ID_PATTERN,
    FILE_PATTERN,
    JSON,
    MODEL_PATTERN,
    NAME_PATTERN,
    Operation,
    Schema,
    ref,
)

OPERATIONS: tuple[Operation, ...] = (
    *openai_operations.OPERATIONS,
    *response_operations.OPERATIONS,
    *completion_operations.OPERATIONS,
    *anthropic_operations.OPERATIONS,
    *image_operations.OPERATIONS,
    *audio_operations.OPERATIONS,
    *openai_file_operations.OPERATIONS,
    *gemini_operations.OPERATIONS,
    *resource_operations.OPERATIONS,
)

_ABOUT = """\
One front door to Google's Gemini API: OpenAI's dialect, Anthropic's and Gemini's own on one port.

A token goes into any of four places on every route: `Authorization: Bearer`, `x-goog-api-key`,
`x-api-key` or `?key=`. Gemini's routes stand under `/v1beta` here; they are served under `/v1`,
`/v1alpha` and `/gemini/v1beta` too, OpenAI's under `/hf/v1`, `/openai/v1` and `/v1beta/openai` too,
Anthropic's under `/anthropic/v1` too.

Every answer carries `x-request-id`; one that an upstream key has served tells the key's alias in
`x-gemini-balance-key`, and in `x-gemini-balance-model` the model, where one that the operator has
declared stood in for the one asked for. A 429 and a 503 tell in `Retry-After` when trying again can
help.
"""
_FAILURES = {
    206: "The bytes that `Range` names.",
    308: "The upload goes on; `Range` tells what has been received.",
    400: "The request cannot be understood, or the upstream refuses it.",
    401: "The token is missing or unknown.",
    403: "The token does not open this, or the thing is somebody else's.",
    404: "There is no such model, thing or route.",
    405: "The route does not know this method.",
    408: "The client was silent for too long.",
    409: "The name is taken, or another request has won.",
    410: "The upload was cancelled.",
    413: "The body is too long.",
    415: "The body is encoded.",
    416: "The bytes do not belong where the request puts them.",
    429: "Every key that could serve this is at its limit, or the token is.",
    500: "An error of ours.",
    501: "Known, but not served by this version.",
    502: "The upstream's answer was lost or broken.",
    503: "Nothing can serve this at the moment.",
    504: "The upstream did not answer in time.",
    529: "The model is overloaded.",
}
_EVERYWHERE = (400, 401, 403, 404, 405, 408, 413, 429, 500, 502, 503, 504)
_ENVELOPES = {"openai": "OpenAiError", "gemini": "GeminiError", "anthropic": "AnthropicError"}
_PATTERNS = {
    "model": MODEL_PATTERN,
    "file": FILE_PATTERN,
    "file_id": FILE_ID_PATTERN,
    "verb": "^[A-Za-z][A-Za-z0-9]{0,63}$",
}
_TOKENS = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "googKey": {"type": "apiKey", "in": "header", "name": "x-goog-api-key"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "queryKey": {"type": "apiKey", "in": "query", "name": "key"},
}


def build_document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the public port."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Gemini Balance", "version": "v1", "description": _ABOUT},
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in OPERATIONS)],
        "paths": paths,
        "components": {
            "schemas": openai_schemas.SCHEMAS
            | response_operations.SCHEMAS
            | completion_operations.SCHEMAS
            | anthropic_operations.SCHEMAS
            | image_operations.SCHEMAS
            | audio_operations.SCHEMAS
            | openai_file_operations.SCHEMAS
            | gemini_schemas.SCHEMAS,
            "securitySchemes": _TOKENS,
        },
        "security": [{name: []} for name in _TOKENS],
    }


def _describe(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": _id_of(operation),
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": _responses(operation),
    }
    if operation.about:
        described["description"] = operation.about
    if operation.request:
        described["requestBody"] = {
            "required": operation.needs_body,
            "content": _content(operation.request),
        }
    if operation.is_open:
        described["security"] = []
    return described


def _id_of(operation: Operation) -> str:
    words = re.findall(r"[A-Za-z0-9]+", operation.path)
    return "_".join([operation.method, *words])


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": _PATTERNS.get(name, NAME_PATTERN)},
        }
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    parameters += [
        {
            "name": each.name,
            "in": each.place,
            "description": each.about,
            "schema": each.schema,
        }
        for each in operation.parameters
    ]
    return parameters


def _responses(operation: Operation) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done.", "content": _content(operation.answer)}
    if operation.headers:
        good["headers"] = {
            name: {"description": about, "schema": {"type": "string"}}
            for name, about in operation.headers.items()
        }
    responses: dict[str, Any] = {"200": good}
    usual = () if operation.is_open else _EVERYWHERE
    for status in sorted({*usual, *operation.failures}):
        responses[str(status)] = {"description": _FAILURES[status]}
        if status >= 400:
            schema = {"type": "object"} if operation.is_open else _envelope(operation)
            responses[str(status)]["content"] = {JSON: {"schema": schema}}
    return responses


def _envelope(operation: Operation) -> Schema:
    kinds = [ref(_ENVELOPES[dialect]) for dialect in operation.dialects]
    if operation.lists_errors:
        kinds += [{"type": "array", "items": kind} for kind in kinds]
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def _content(schemas: Any) -> dict[str, Any]:
    return {media_type: {"schema": schema} for media_type, schema in schemas.items()}
