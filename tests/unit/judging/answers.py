"""Answers of Google with the verdicts that they get, one of each rule at least."""

from datetime import timedelta
from typing import NamedTuple

from services.judging import Effect, Fault, Retry
from tests.unit.judging import bodies
from tests.unit.judging.bodies import error, info, quota, violation

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class Row(NamedTuple):
    status: int
    body: bytes
    rule_id: str
    fault: Fault
    retry: Retry
    effect: Effect = Effect.NONE
    cool_for: timedelta | None = None


def dead(status: int, body: bytes, rule_id: str) -> Row:
    return Row(status, body, rule_id, Fault.KEY, Retry.OTHER_KEY, Effect.KILL_KEY)


def spent(body: bytes, rule_id: str, seconds: float | None) -> Row:
    return Row(
        429,
        body,
        rule_id,
        Fault.PROJECT_MODEL,
        Retry.OTHER_PROJECT,
        Effect.COOL_MODEL,
        None if seconds is None else timedelta(seconds=seconds),
    )


def refused(status: int, body: bytes, rule_id: str) -> Row:
    return Row(status, body, rule_id, Fault.REQUEST, Retry.NEVER)


def google(status: int, body: bytes, rule_id: str, fault: Fault = Fault.UPSTREAM) -> Row:
    return Row(status, body, rule_id, fault, Retry.OTHER_PROJECT_ONCE)


def project(body: bytes, rule_id: str, cool_for: timedelta, fault: Fault = Fault.PROJECT) -> Row:
    return Row(403, body, rule_id, fault, Retry.OTHER_PROJECT, Effect.COOL_PROJECT, cool_for)


ZERO = ":\n* Quota exceeded for metric: {}, limit: 0, model: gemini-2.5-pro\nPlease retry in 8s."

ROWS = [
    # dead keys
    dead(400, bodies.KEY_INVALID, "key.invalid"),
    dead(
        400,
        error(400, "INVALID_ARGUMENT", "API Key not found. Please pass a valid API key."),
        "key.invalid",
    ),
    dead(
        400,
        error(
            400,
            "INVALID_ARGUMENT",
            "API key expired. Please renew the API key.",
            info("API_KEY_INVALID", service="generativelanguage.googleapis.com"),
        ),
        "key.expired",
    ),
    dead(
        403,
        error(
            403,
            "PERMISSION_DENIED",
            "Your API key was reported as leaked. Please use another API key.",
        ),
        "key.leaked",
    ),
    dead(403, bodies.SUSPENDED, "key.suspended"),
    dead(
        403,
        error(
            403,
            "PERMISSION_DENIED",
            "Permission denied: Consumer 'api_key:AIzaSyMadeUp' has been suspended.",
        ),
        "key.suspended",
    ),
    dead(
        403,
        error(
            403,
            "PERMISSION_DENIED",
            "Requests to this API generativelanguage.googleapis.com method "
            "google.ai.generativelanguage.v1beta.GenerativeService.GenerateContent are blocked.",
            info("API_KEY_SERVICE_BLOCKED", consumer="projects/123456789012"),
        ),
        "key.blocked",
    ),
    dead(
        401,
        error(
            401,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, "
            "login cookie or other valid authentication credential.",
            info("ACCESS_TOKEN_TYPE_UNSUPPORTED", service="generativelanguage.googleapis.com"),
        ),
        "key.unauthenticated",
    ),
    # quota
    spent(quota(bodies.PER_MINUTE), "quota.minute", 54),
    spent(quota(bodies.PER_MINUTE, delay="0.85s"), "quota.minute", 1),
    spent(quota(bodies.PER_MINUTE, delay="39.5s"), "quota.minute", 39.5),
    spent(quota(bodies.PER_MINUTE, delay="600s"), "quota.minute", 65),
    spent(quota(bodies.PER_MINUTE, delay=None), "quota.minute", 60),
    spent(
        quota(bodies.PER_MINUTE, delay=None, text="\nPlease retry in 17.2s."),
        "quota.minute",
        17.2,
    ),
    spent(quota(bodies.PER_DAY, delay="36s"), "quota.day", None),
    spent(quota(bodies.PER_DAY, delay="65205s"), "quota.day", None),
    spent(quota(bodies.PER_MINUTE, bodies.TOKENS, bodies.PER_DAY), "quota.day", None),
    spent(quota(bodies.TOKENS, delay="12s"), "quota.tokens", 12),
    spent(quota(bodies.TOKENS, bodies.PER_MINUTE, delay="12s"), "quota.minute", 12),
    spent(quota(delay="21s"), "quota.unnamed", 21),
    spent(quota(delay="65205s"), "quota.day", None),
    spent(bodies.BARE, "quota.bare", 60),
    spent(b"", "quota.bare", 60),
    spent(b"<html>Too many requests</html>", "quota.bare", 60),
    spent(
        error(
            429,
            "RESOURCE_EXHAUSTED",
            "Quota exceeded for quota metric 'Generate Content API requests per minute' and limit "
            "'GenerateContent request limit per minute for a region' of service "
            "'generativelanguage.googleapis.com' for consumer 'project_number:123456789012'.",
        ),
        "quota.minute",
        60,
    ),
    spent(
        error(
            429,
            "RESOURCE_EXHAUSTED",
            "Quota exceeded for quota metric 'Generate requests' and limit "
            "'Generate requests per day per project' of service 'generativelanguage'.",
        ),
        "quota.day",
        None,
    ),
    # The key of the type is misspelt in the wild.
    spent(
        b'{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":['
        b'{" @type":"type.googleapis.com/google.rpc.QuotaFailure","violations":['
        b'{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel","quotaValue":"10"}]},'
        b'{"@type":"type.googleapis.com/google.rpc.DebugInfo","detail":"x"}]}}',
        "quota.minute",
        60,
    ),
    Row(
        429,
        quota(
            violation("GenerateRequestsPerDayPerProjectPerModel-FreeTier", None),
            violation("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", None),
            text=ZERO.format(bodies.METRIC),
        ),
        "quota.zero",
        Fault.PROJECT_MODEL,
        Retry.OTHER_PROJECT,
        Effect.MODEL_ABSENT,
        DAY,
    ),
    google(
        429,
        error(
            429,
            "RESOURCE_EXHAUSTED",
            "No capacity available for model gemini-3-pro-preview on the server",
            info("MODEL_CAPACITY_EXHAUSTED", model="gemini-3-pro-preview"),
        ),
        "upstream.overloaded",
    ),
    # Google's own trouble
    google(503, bodies.OVERLOADED, "upstream.overloaded"),
    google(
        503, b"upstream connect error or disconnect/reset before headers", "upstream.overloaded"
    ),
    google(
        500,
        error(500, "INTERNAL", "An internal error has occurred. Please retry or report."),
        "upstream.internal",
    ),
    google(502, b"<html><title>Error 502 (Server Error)!!1</title></html>", "upstream.internal"),
    google(
        504,
        error(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
        "upstream.timeout",
    ),
    google(499, error(499, "CANCELLED", "The operation was cancelled."), "upstream.cancelled"),
    google(302, b"", "upstream.unexpected"),
    google(200, b"not json", "upstream.unexpected"),
    # the way out
    google(
        400,
        error(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
        "egress.location",
        Fault.EGRESS,
    ),
    google(
        403,
        b"<html><body>We're sorry... but your computer or network may be sending automated "
        b"queries. To protect our users, we can't process your request right now.</body></html>",
        "egress.automated",
        Fault.EGRESS,
    ),
    google(
        429,
        b"<!DOCTYPE html><html>Our systems have detected unusual traffic from your network</html>",
        "egress.automated",
        Fault.EGRESS,
    ),
    project(
        error(
            403,
            "PERMISSION_DENIED",
            "The provided API key has an IP address restriction.",
            info("API_KEY_IP_ADDRESS_BLOCKED", consumer="projects/123456789012"),
        ),
        "egress.restricted",
        timedelta(minutes=10),
        Fault.EGRESS,
    ),
    # the project
    project(
        error(
            403,
            "PERMISSION_DENIED",
            "Generative Language API has not been used in project 123456789012 before or it is "
            "disabled.",
            info("SERVICE_DISABLED", consumer="projects/123456789012"),
        ),
        "project.service-disabled",
        HOUR,
    ),
    project(
        error(
            403, "PERMISSION_DENIED", "This API method requires billing.", info("BILLING_DISABLED")
        ),
        "project.billing-disabled",
        HOUR,
    ),
    project(
        error(
            403,
            "PERMISSION_DENIED",
            "Your project has been denied access. Please contact support.",
        ),
        "project.denied",
        DAY,
    ),
    google(
        403,
        error(403, "PERMISSION_DENIED", "The caller does not have permission"),
        "project.forbidden",
        Fault.PROJECT,
    ),
    # ours
    Row(
        400,
        error(
            400,
            "INVALID_ARGUMENT",
            "Multiple authentication credentials received. Please pass only one.",
        ),
        "ours.credentials",
        Fault.OURS,
        Retry.NEVER,
    ),
    Row(
        401,
        error(401, "UNAUTHENTICATED", "Two credentials.", info("OVERLOADED_CREDENTIALS")),
        "ours.credentials",
        Fault.OURS,
        Retry.NEVER,
    ),
    Row(401, b"<html>somebody's proxy</html>", "ours.credentials", Fault.OURS, Retry.NEVER),
    google(
        403,
        error(
            403,
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity). "
            "Please use API Key or other form of API consumer identity to call this API.",
        ),
        "ours.unregistered",
        Fault.OURS,
    ),
    # the request
    refused(
        400,
        error(
            400,
            "INVALID_ARGUMENT",
            'Invalid JSON payload received. Unknown name "foo": Cannot find field.',
            {"@type": bodies.TYPE + "BadRequest", "fieldViolations": [{"description": "x"}]},
        ),
        "request.invalid",
    ),
    Row(
        400,
        error(400, "INVALID_ARGUMENT", "Corrupted thought signature."),
        "request.signature",
        Fault.REQUEST,
        Retry.REPAIRED,
    ),
    refused(400, b"", "request.invalid"),
    refused(413, b"<html>Request Entity Too Large</html>", "request.invalid"),
    refused(
        404,
        error(
            404,
            "NOT_FOUND",
            "models/gemini-9 is not found for API version v1beta, or is not supported for "
            "generateContent. Call ListModels to see the list of available models.",
        ),
        "request.not-found",
    ),
    refused(
        403,
        error(
            403,
            "PERMISSION_DENIED",
            "You do not have permission to access the File abc or it may not exist.",
        ),
        "resource.forbidden",
    ),
    refused(
        403,
        error(403, "PERMISSION_DENIED", "CachedContent not found (or permission denied)"),
        "resource.forbidden",
    ),
    # What a client wrote, quoted by Google, harms no key.
    refused(
        400,
        error(
            400,
            "INVALID_ARGUMENT",
            "Invalid value at 'contents[0].role': \"API key not valid. API_KEY_INVALID\"",
        ),
        "request.invalid",
    ),
    refused(
        400,
        error(
            400,
            "INVALID_ARGUMENT",
            "Bad value: Your API key was reported as leaked. User location is not supported",
        ),
        "request.invalid",
    ),
]
