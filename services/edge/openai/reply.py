"""Replies of answers that are one thing, such as a speech or a transcript: whole, or none."""

from typing import Any

from services.edge.openai.errors import AnswerError, BadRequestError, SpoiltAnswerError

# Ends that are the model's own failure.
_FAILED = frozenset({"OTHER", "FINISH_REASON_UNSPECIFIED", "MALFORMED_RESPONSE"})


def read_reply(reply: dict[str, Any], param: str) -> tuple[list[dict[str, Any]], bool]:
    """Return the parts of a reply without thoughts, and whether the answer ends with it.

    Args:
        reply: A whole answer, or one of a stream.
        param: The client's field that the answer is about.

    Raises:
        BadRequestError: The model does not do it.
        AnswerError: The answer is not whole; `SpoiltAnswerError` where that is a whim.
    """
    feedback = reply.get("promptFeedback")
    if isinstance(feedback, dict) and feedback.get("blockReason"):
        raise _blocked(str(feedback["blockReason"]), param)
    candidates = reply.get("candidates")
    candidate = candidates[0] if isinstance(candidates, list) and candidates else {}
    if not isinstance(candidate, dict):
        raise AnswerError("The model's answer cannot be read.")
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    reason = candidate.get("finishReason")
    if reason:
        _check_end(str(reason), param)
    found = [
        part
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and not part.get("thought")
    ]
    return found, bool(reason)


def _check_end(reason: str, param: str) -> None:
    if reason == "STOP":
        return
    if reason == "MAX_TOKENS":
        raise AnswerError(f"The answer is longer than the model can make it. Send less '{param}'.")
    if reason in _FAILED:
        raise SpoiltAnswerError(f"The model ended its answer with {reason}.")
    raise _blocked(reason, param)


def _blocked(reason: str, param: str) -> BadRequestError:
    return BadRequestError(
        f"The model refuses this '{param}': {reason}.", param, "content_policy_violation"
    )
