"""Why an answer ended, in the words of responses."""

from dataclasses import dataclass

from services.edge.openai.errors import AnswerError
from services.edge.openai.finish import failure_text

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
_LENGTH = frozenset({"MAX_TOKENS", "CONTINUATION"})


@dataclass(frozen=True, slots=True)
class End:
    """How an answer ended.

    Attributes:
        reason: Why it is incomplete; None for one that is whole.
        refusal: What people are told where something was held back.
    """

    reason: str | None = None
    refusal: str | None = None

    @property
    def status(self) -> str:
        """The `status` of the response and of its last item."""
        return "completed" if self.reason is None else "incomplete"


def tell_end(native: str | None, message: object) -> End:
    """Return how an answer ended. Only a clean end is told as one.

    Args:
        native: Gemini's finishReason; None when the answer was cut off.
        message: Its finishMessage, if any.

    Raises:
        AnswerError: The model failed, or the answer was cut: it must not look whole.
    """
    if native is None:
        raise AnswerError("The upstream ended the answer before it was complete.")
    if native == "STOP":
        return End()
    if native in _LENGTH:
        return End("max_output_tokens")
    text = failure_text(native, message)
    if native in _FAILED:
        raise AnswerError(f"The model failed to answer. {text}")
    return End("content_filter", text)
