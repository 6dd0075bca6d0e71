"""Why an answer ended, in Anthropic's words."""

from typing import Any

from services.edge.openai.errors import AnswerError

# The model has failed at what it wanted to say: asked again it may do better.
_FAILED = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "NO_IMAGE",
        "OTHER",
        "TOO_MANY_TOOL_CALLS",
        "UNEXPECTED_TOOL_CALL",
    }
)


def tell_stop(native: str | None, message: object, *, has_calls: bool) -> dict[str, Any]:
    """Return stop_reason and its companions.

    Only a clean end is told as one. Gemini keeps to itself which stop sequence was met, so
    that is an `end_turn` too. What was held back is a `refusal` with Gemini's own reason.

    Args:
        native: Gemini's finishReason; None when the answer was cut off.
        message: Its finishMessage, if any.
        has_calls: Whether the answer holds calls; Gemini ends those with STOP.

    Raises:
        AnswerError: The model failed: an answer that looks whole would be a lie.
    """
    if native is None:
        raise AnswerError("The upstream ended the answer before it was complete.")
    match native:
        case "STOP":
            return {"stop_reason": "tool_use" if has_calls else "end_turn", "stop_sequence": None}
        case "MAX_TOKENS":
            return {"stop_reason": "max_tokens", "stop_sequence": None}
        case "CONTINUATION":
            # Sent back as it is, the model goes on.
            return {"stop_reason": "pause_turn", "stop_sequence": None}
    detail = f"{native}: {message}" if isinstance(message, str) and message else native
    if native in _FAILED:
        raise AnswerError(f"The model failed to answer: {detail}")
    return refusal(detail)


def refusal(explanation: str) -> dict[str, Any]:
    """Return stop_reason and its companions of an answer that was held back."""
    details = {"type": "refusal", "category": None, "explanation": explanation}
    return {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}
