"""The list of models, and Google's errors in OpenAI's words."""

from typing import Any

import orjson
import pytest
from openai.types import Model

from services.edge.openai.errors import translate_error
from services.edge.openai.models import translate_model, translate_models

MODEL = {"id": "gemini-2.5-pro", "object": "model", "created": 0, "owned_by": "google"}


def test_models_are_listed_without_their_prefix() -> None:
    answer = {
        "models": [
            {"name": "models/gemini-2.5-pro", "displayName": "Gemini 2.5 Pro"},
            {"name": "models/gemma-3"},
        ],
        "nextPageToken": "x",
    }

    told = translate_models(answer)

    assert told == {"object": "list", "data": [MODEL, MODEL | {"id": "gemma-3"}]}
    assert [Model.model_validate(item).id for item in told["data"]]


def test_one_model() -> None:
    assert translate_model({"name": "models/gemini-2.5-pro"}) == MODEL


@pytest.mark.parametrize("answer", [{}, {"models": None}, {"models": [1]}])
def test_no_models(answer: dict[str, Any]) -> None:
    assert translate_models(answer) == {"object": "list", "data": []}


def google(code: int, message: str, status: str, *details: Any) -> bytes:
    error = {"code": code, "message": message, "status": status, "details": list(details)}
    return orjson.dumps({"error": error})


def quota(quota_id: str) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"quotaId": quota_id, "quotaValue": "5"}],
    }


MINUTE = quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")
DAY = quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")
NO_MODEL = "models/x is not found for API version v1beta, or is not supported for countTokens."


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "param"),
    [
        (
            400,
            google(400, "Invalid JSON payload received.", "INVALID_ARGUMENT"),
            "invalid_request_error",
            "invalid_argument",
            None,
        ),
        (401, google(401, "x", "UNAUTHENTICATED"), "authentication_error", "unauthenticated", None),
        (403, google(403, "x", "PERMISSION_DENIED"), "permission_error", "permission_denied", None),
        (404, google(404, NO_MODEL, "NOT_FOUND"), "not_found_error", "model_not_found", "model"),
        (404, google(404, "x", "NOT_FOUND"), "not_found_error", "not_found", None),
        (
            429,
            google(429, "x", "RESOURCE_EXHAUSTED", MINUTE),
            "rate_limit_error",
            "rate_limit_exceeded",
            None,
        ),
        (
            429,
            google(429, "x", "RESOURCE_EXHAUSTED", MINUTE, DAY),
            "rate_limit_error",
            "insufficient_quota",
            None,
        ),
        (
            429,
            google(429, "Quota exceeded for metric: a, limit: 0, model: b", "RESOURCE_EXHAUSTED"),
            "rate_limit_error",
            "insufficient_quota",
            None,
        ),
        (500, google(500, "x", "INTERNAL"), "api_error", "internal", None),
        (503, google(503, "overloaded", "UNAVAILABLE"), "api_error", "overloaded", None),
        (502, b"", "api_error", None, None),
    ],
)
def test_errors_keep_their_meaning(
    status: int, body: bytes, kind: str, code: str | None, param: str | None
) -> None:
    error = translate_error(status, body)["error"]

    assert (error["type"], error["code"], error["param"]) == (kind, code, param)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (google(400, "told", "X"), "told"),
        (b"[" + google(400, "told", "X") + b"]", "told"),
        (b'{"error": "told"}', "told"),
        (b"upstream connect error", "upstream connect error"),
        (b"<html>sorry</html>", "The upstream answered with status 400."),
        (b"{}", "The upstream answered with status 400."),
        (b"\xff", "�"),
        (b"", "The upstream answered with status 400."),
    ],
)
def test_the_message_is_found_wherever_it_is(body: bytes, message: str) -> None:
    assert translate_error(400, body)["error"]["message"] == message
