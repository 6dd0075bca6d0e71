"""A whole answer of Gemini's as a response."""

from typing import Any

from services.edge.openai.errors import AnswerError
from services.edge.responses.answer_items import AnswerItems
from services.edge.responses.ends import End
from services.edge.responses.response_request import ResponsePlan
from services.edge.responses.usage import translate_usage

_TIERS = {"standard": "default", "flex": "flex", "priority": "priority"}


def translate_answer(
    plan: ResponsePlan, answer: dict[str, Any], *, response_id: str, created: int
) -> dict[str, Any]:
    """Return the response for a reply of `:generateContent`, not kept yet.

    Args:
        plan: The request's.
        answer: Google's reply.
        response_id: The id of the response; ids of items and calls are made from it.
        created: Unix time in seconds.

    Raises:
        AnswerError: The model gave no answer, or not the whole of one.
    """
    items = AnswerItems(plan, response_id)
    items.read(answer)
    end, _ = items.end()
    usage = answer.get("usageMetadata")
    return ended(
        response_head(plan, response_id, created),
        end,
        items.output,
        usage if isinstance(usage, dict) else None,
    )


def response_head(plan: ResponsePlan, response_id: str, created: int) -> dict[str, Any]:
    """Return a response that has just begun."""
    return {
        "id": response_id,
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": plan.model,
        "output": [],
        **plan.echo,
        "store": plan.is_kept,
        "usage": None,
    }


def ended(
    head: dict[str, Any],
    end: End,
    output: list[dict[str, Any]],
    usage: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return a response that has come to its end."""
    tier = _TIERS.get(str((usage or {}).get("serviceTier")).lower())
    return {
        **head,
        "status": end.status,
        "incomplete_details": {"reason": end.reason} if end.reason else None,
        "output": output,
        "usage": translate_usage(usage),
        **({"service_tier": tier} if tier else {}),
    }


def failed(
    head: dict[str, Any], code: str, message: str, output: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return a response that broke off, with the items that were whole by then."""
    return {
        **head,
        "status": "failed",
        "store": False,
        "output": output,
        "error": {"code": code, "message": message},
    }


def count_of(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the count for a reply of `:countTokens`.

    Raises:
        AnswerError: It tells none.
    """
    total = answer.get("totalTokens", 0)
    if isinstance(total, bool) or not isinstance(total, int):
        raise AnswerError("The upstream counted nothing.")
    return {"object": "response.input_tokens", "input_tokens": total}
