"""Lists of models and errors in Anthropic's shape."""

from typing import Any

import orjson
import pytest
from anthropic.types import ModelInfo

from services.edge.anthropic.errors import error_body, error_type, translate_error
from services.edge.anthropic.models import translate_model, translate_models
from services.edge.openai.errors import BadRequestError

NATIVE = {
    "name": "models/gemini-2.5-flash",
    "displayName": "Gemini 2.5 Flash",
    "inputTokenLimit": 1048576,
    "outputTokenLimit": 65536,
}
FOUR = {"models": [{"name": f"models/{name}"} for name in "abcd"]}


def test_a_model() -> None:
    model = ModelInfo.model_validate(translate_model(NATIVE))

    assert model.id == "gemini-2.5-flash"
    assert model.display_name == "Gemini 2.5 Flash"
    assert (model.max_input_tokens, model.max_tokens) == (1048576, 65536)


@pytest.mark.parametrize(
    ("query", "ids", "has_more"),
    [
        ({}, "abcd", False),
        ({"limit": "2"}, "ab", True),
        ({"limit": "2", "after_id": "b"}, "cd", False),
        ({"limit": "1", "after_id": "b"}, "c", True),
        ({"limit": "1", "before_id": "c"}, "b", True),
        ({"before_id": "c"}, "ab", False),
        ({"after_id": "d"}, "", False),
        ({"after_id": "unknown"}, "abcd", False),
    ],
)
def test_pages_of_models(query: dict[str, str], ids: str, has_more: bool) -> None:
    page = translate_models(FOUR, query)

    assert [model["id"] for model in page["data"]] == [*ids]
    assert page["has_more"] == has_more
    assert (page["first_id"], page["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1001", "9" * 40, "²"])
def test_odd_limits_are_refused(limit: str) -> None:
    with pytest.raises(BadRequestError, match="limit"):
        translate_models(FOUR, {"limit": limit})


@pytest.mark.parametrize("answer", [{}, {"models": 7}, {"models": [7, {}]}])
def test_odd_lists_do_no_harm(answer: dict[str, Any]) -> None:
    assert all(model["id"] == "" for model in translate_models(answer, {})["data"])


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (409, "invalid_request_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_the_type_of_an_error(status: int, kind: str) -> None:
    assert error_type(status) == kind


def test_googles_errors_in_anthropics_shape() -> None:
    native = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}

    told = translate_error(503, orjson.dumps([native]), request_id="r1")

    assert told == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "overloaded"},
        "request_id": "r1",
    }
    for body in (b"", b"<html>", b"{", b"[1]"):
        assert translate_error(500, body, request_id="r1")["error"]["message"]
    assert error_body("no", status=404, request_id="")["error"]["type"] == "not_found_error"
