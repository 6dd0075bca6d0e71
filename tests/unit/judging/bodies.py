"""Error bodies as Google sends them, shared by the tests of the rules."""

import json
from typing import Any

TYPE = "type.googleapis.com/google.rpc."
METRIC = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
PROSE = (
    "You exceeded your current quota, please check your plan and billing details. For more "
    "information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits."
)


def error(code: int, status: str, message: str, *details: dict[str, Any]) -> bytes:
    body: dict[str, Any] = {"code": code, "message": message, "status": status}
    if details:
        body["details"] = list(details)
    return json.dumps({"error": body}, indent=2).encode()


def info(reason: str, **metadata: str) -> dict[str, Any]:
    return {
        "@type": TYPE + "ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": metadata,
    }


def violation(quota_id: str, value: str | None, metric: str = METRIC) -> dict[str, Any]:
    row: dict[str, Any] = {
        "quotaMetric": metric,
        "quotaId": quota_id,
        "quotaDimensions": {"location": "global", "model": "gemini-2.5-flash"},
    }
    return row if value is None else row | {"quotaValue": value}


def quota(*violations: dict[str, Any], delay: str | None = "54s", text: str = "") -> bytes:
    details: list[dict[str, Any]] = [
        {"@type": TYPE + "Help", "links": [{"description": "Learn more", "url": "https://x"}]}
    ]
    if violations:
        details.append({"@type": TYPE + "QuotaFailure", "violations": list(violations)})
    if delay is not None:
        details.append({"@type": TYPE + "RetryInfo", "retryDelay": delay})
    return error(429, "RESOURCE_EXHAUSTED", PROSE + text, *details)


PER_MINUTE = violation("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "10")
PER_DAY = violation("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "250")
TOKENS = violation(
    "GenerateContentPaidTierInputTokensPerModelPerMinute",
    "4000000",
    "generativelanguage.googleapis.com/generate_content_paid_tier_input_token_count",
)
KEY_INVALID = error(
    400,
    "INVALID_ARGUMENT",
    "API key not valid. Please pass a valid API key.",
    info("API_KEY_INVALID", service="generativelanguage.googleapis.com"),
)
SUSPENDED = error(
    403,
    "PERMISSION_DENIED",
    "Permission denied: Consumer 'api_key:AIzaSyA-made-up-key-of-no-one-000000000' has been "
    "suspended.",
    info("CONSUMER_SUSPENDED", consumer="projects/123456789012"),
)
BARE = error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")
OVERLOADED = error(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
