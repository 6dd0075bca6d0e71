"""What goes wrong within a response, once it has begun."""

_CODES = {
    "rate_limit_error": "rate_limit_exceeded",
    "invalid_request_error": "invalid_prompt",
    "not_found_error": "invalid_prompt",
}
BROKEN = "server_error"


def failure_code(error_type: str) -> str:
    """Return the `code` of a failed response's error for the type of OpenAI's errors."""
    return _CODES.get(error_type, BROKEN)
