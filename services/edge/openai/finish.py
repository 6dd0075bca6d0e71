"""Why an answer ended, in OpenAI's words."""

_LENGTH = frozenset({"MAX_TOKENS", "CONTINUATION"})


def finish_reason(native: str | None, *, has_calls: bool, is_legacy: bool) -> str:
    """Return OpenAI's finish_reason.

    Only a clean end is told as one. Everything that Gemini reports as blocked, malformed or
    in words not known here is `content_filter`, the one word of OpenAI's that says that
    the answer is not what the model meant to give; an answer without a reason is cut off.

    Args:
        native: Gemini's finishReason.
        has_calls: Whether the answer holds function calls; Gemini ends those with STOP.
        is_legacy: Whether the client speaks of functions rather than tools.
    """
    if native == "STOP":
        if not has_calls:
            return "stop"
        return "function_call" if is_legacy else "tool_calls"
    if native is None or native in _LENGTH:
        return "length"
    return "content_filter"


def native_reason(value: object) -> str | None:
    """Return Gemini's finishReason when it says anything."""
    if isinstance(value, str) and value and value != "FINISH_REASON_UNSPECIFIED":
        return value
    return None


def failure_text(native: str, message: object) -> str | None:
    """Return what to tell people about an answer that failed; None for one that did not."""
    if native == "STOP" or native in _LENGTH:
        return None
    if isinstance(message, str) and message:
        return f"{native}: {message}"
    return f"The model ended its answer with {native}."
