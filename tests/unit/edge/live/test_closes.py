"""What closes mean, and what clients are told."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.edge.envelopes import google_error
from services.edge.errors import ApiError
from services.edge.live.closes import (
    MOST_REASON_BYTES,
    Side,
    blame_of,
    close_of_answer,
    close_of_error,
    passed_on,
    refusal_of,
    shortened,
)
from services.judging import Effect, Evidence, Fault, Operation, Phase, Retry, judge

# As seen on Google's closes; each is cut after 123 bytes, as a close frame cuts it.
INVALID = "API key not valid. Please pass a valid API key."
LEAKED = "Your API key was reported as leaked. Please use another API key."
QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. For more "
    "information on this error, head to: h"
)
SERVICE = (
    "Generative Language API has not been used in project 123456789012 before or it is disabled. "
    "Enable it by visiting http"
)
NO_MODEL = (
    "models/gemini-9 is not found for API version v1beta, or is not supported for "
    "bidiGenerateContent. Call ListModels to see t"
)
TABLE = [
    (1007, INVALID, "key.invalid", Retry.OTHER_KEY, Effect.KILL_KEY),
    (1008, INVALID, "key.invalid", Retry.OTHER_KEY, Effect.KILL_KEY),
    (1007, "API key expired. Please renew", "key.expired", Retry.OTHER_KEY, Effect.KILL_KEY),
    (1008, LEAKED, "key.leaked", Retry.OTHER_KEY, Effect.KILL_KEY),
    (
        1008,
        "Permission denied: Consumer 'api_key:AIza' has been suspended.",
        "key.suspended",
        Retry.OTHER_KEY,
        Effect.KILL_KEY,
    ),
    (1011, QUOTA, "quota.bare", Retry.OTHER_PROJECT, Effect.COOL_MODEL),
    (
        1011,
        "Resource has been exhausted (e.g. check quota).",
        "quota.bare",
        Retry.OTHER_PROJECT,
        Effect.COOL_MODEL,
    ),
    (1008, SERVICE, "project.service-disabled", Retry.OTHER_PROJECT, Effect.COOL_PROJECT),
    (
        1008,
        "Your project has been denied access. Please contact support.",
        "project.denied",
        Retry.OTHER_PROJECT,
        Effect.COOL_PROJECT,
    ),
    (
        1007,
        "User location is not supported for the API use.",
        "egress.location",
        Retry.OTHER_PROJECT_ONCE,
        Effect.NONE,
    ),
    (
        1008,
        "Method doesn't allow unregistered callers (callers without established identity).",
        "ours.unregistered",
        Retry.OTHER_PROJECT_ONCE,
        Effect.NONE,
    ),
    (
        1011,
        "The service is currently unavailable.",
        "upstream.overloaded",
        Retry.OTHER_PROJECT_ONCE,
        Effect.NONE,
    ),
    (
        1011,
        "Internal error encountered.",
        "upstream.overloaded",
        Retry.OTHER_PROJECT_ONCE,
        Effect.NONE,
    ),
    (1006, "", "upstream.overloaded", Retry.OTHER_PROJECT_ONCE, Effect.NONE),
    (1005, "", "upstream.overloaded", Retry.OTHER_PROJECT_ONCE, Effect.NONE),
    (1000, "", "upstream.overloaded", Retry.OTHER_PROJECT_ONCE, Effect.NONE),
    (1012, "", "upstream.overloaded", Retry.OTHER_PROJECT_ONCE, Effect.NONE),
    (1008, NO_MODEL, "request.not-found", Retry.NEVER, Effect.NONE),
    (
        1008,
        "BidiGenerateContent session not found",
        "request.not-found",
        Retry.NEVER,
        Effect.NONE,
    ),
    (
        1008,
        "You do not have permission to access the File a or it may not exist.",
        "resource.forbidden",
        Retry.NEVER,
        Effect.NONE,
    ),
    (
        1007,
        "Request contains an invalid argument.",
        "request.invalid",
        Retry.NEVER,
        Effect.NONE,
    ),
    (
        1008,
        "Operation is not implemented, or supported, or enabled.",
        "request.invalid",
        Retry.NEVER,
        Effect.NONE,
    ),
    (4000, "something new", "request.invalid", Retry.NEVER, Effect.NONE),
    # A reason that quotes what a client has written.
    (
        1007,
        "Invalid value at 'setup': API key not valid. Please pass a valid API key.",
        "request.invalid",
        Retry.NEVER,
        Effect.NONE,
    ),
]


@pytest.mark.parametrize(("code", "reason", "rule", "retry", "effect"), TABLE)
def test_a_refusal_is_judged_as_over_http(
    code: int, reason: str, rule: str, retry: Retry, effect: Effect
) -> None:
    refusal = refusal_of(code, reason)

    verdict = judge(Evidence(Phase.ANSWERED, Operation.SESSION, refusal.status, refusal.body))

    assert (verdict.rule_id, verdict.retry, verdict.effect) == (rule, retry, effect)
    assert len(reason.encode()) <= MOST_REASON_BYTES


@pytest.mark.parametrize(
    ("code", "reason", "fault"),
    [
        (1008, LEAKED, Fault.KEY),
        (1007, INVALID, Fault.KEY),
        (1011, QUOTA, Fault.PROJECT_MODEL),
        (1008, SERVICE, Fault.PROJECT),
        (1011, "Internal error encountered.", None),
        (1011, "Deadline expired before operation could complete.", None),
        (1008, "Requested entity was not found.", None),
        (1000, LEAKED, None),
        (1001, "", None),
        (1006, "", None),
    ],
)
def test_an_end_in_the_middle_blames_whom_google_names(
    code: int, reason: str, fault: Fault | None
) -> None:
    blame = blame_of(code, reason)

    verdict = blame and judge(Evidence(Phase.STREAM, Operation.SESSION, blame.status, blame.body))
    assert (verdict and verdict.fault) == fault


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [
        (1000, "", (1000, "")),
        (1001, "bye", (1001, "bye")),
        (1011, "Deadline expired.", (1011, "Deadline expired.")),
        (1012, "", (1012, "")),
        (4321, "own", (4321, "own")),
        (1005, "", (1000, "")),
        (1006, "", (1011, "The connection to the upstream was lost.")),
        (1015, "", (1011, "The connection to the upstream was lost.")),
        (1008, "key s3cret is bad", (1008, "key [redacted] is bad")),
        (1008, "of project_number:123456", (1008, "of project_number:[redacted]")),
    ],
)
def test_a_close_is_passed_on(code: int, reason: str, told: tuple[int, str]) -> None:
    close = passed_on(code, reason, "s3cret")

    assert (close.code, close.reason, close.side) == (*told, Side.UPSTREAM)


def test_what_is_about_our_key_is_not_passed_on() -> None:
    close = passed_on(1008, LEAKED, is_hidden=True)

    assert close.code == 1011
    assert "leaked" not in close.reason


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, 1007),
        (401, 1008),
        (403, 1008),
        (404, 1008),
        (408, 1013),
        (409, 1008),
        (413, 1009),
        (429, 1013),
        (500, 1011),
        (502, 1011),
        (503, 1013),
        (504, 1011),
    ],
)
def test_errors_of_our_own(status: int, code: int) -> None:
    error = ApiError(status, "So it is.", code="so")

    body = orjson.dumps(google_error(error))

    assert close_of_error(error).code == code
    assert close_of_answer(status, body) == close_of_error(error)


def test_googles_trouble_is_not_ours() -> None:
    body = b'{"error": {"code": 503, "message": "The model is overloaded."}}'

    close = close_of_answer(503, body)

    assert (close.code, close.reason) == (1011, "The model is overloaded.")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 1}', b'{"error": {}}'])
def test_an_answer_that_tells_nothing(body: bytes) -> None:
    assert close_of_answer(502, body).reason == "The upstream answered with status 502."


@given(st.text())
def test_a_reason_fits_into_its_frame(text: str) -> None:
    reason = shortened(text)

    assert len(reason.encode()) <= MOST_REASON_BYTES
    assert "\n" not in reason
    assert reason == " ".join(text.split()) or reason.endswith("...")


@given(st.integers(1000, 4999), st.text(max_size=123))
def test_any_refusal_is_an_error(code: int, reason: str) -> None:
    assert 400 <= refusal_of(code, reason).status < 600
