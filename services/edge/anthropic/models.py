"""Gemini's models as Anthropic lists them."""

from typing import Any

from services.edge.openai.errors import BadRequestError

# Google does not say when a model was made; Anthropic's clients want a time.
_CREATED = "1970-01-01T00:00:00Z"
_MOST = 1000


def translate_models(answer: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    """Return a page of Anthropic's list for a reply of `GET models`, in its order.

    Args:
        answer: Google's, with all models.
        query: The client's `limit`, `after_id` and `before_id`, as far as it sent them.

    Raises:
        BadRequestError: The limit is no number from 1 to 1000.
    """
    models = answer.get("models")
    listed = [
        translate_model(model)
        for model in (models if isinstance(models, list) else ())
        if isinstance(model, dict)
    ]
    limit = _limit(query.get("limit", ""))
    ids = [model["id"] for model in listed]
    if (after := query.get("after_id")) in ids:
        rest = listed[ids.index(after) + 1 :]
        page, has_more = rest[:limit], len(rest) > limit
    elif (before := query.get("before_id")) in ids:
        rest = listed[: ids.index(before)]
        page, has_more = rest[-limit:], len(rest) > limit
    else:
        page, has_more = listed[:limit], len(listed) > limit
    return {
        "data": page,
        "has_more": has_more,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }


def translate_model(answer: dict[str, Any]) -> dict[str, Any]:
    """Return Anthropic's model for a reply of `GET models/{id}`."""
    model_id = str(answer.get("name") or "").removeprefix("models/")
    return {
        "type": "model",
        "id": model_id,
        "display_name": str(answer.get("displayName") or model_id),
        "created_at": _CREATED,
        "lifecycle": "active",
        "max_input_tokens": answer.get("inputTokenLimit"),
        "max_tokens": answer.get("outputTokenLimit"),
    }


def _limit(text: str) -> int:
    if not text:
        return _MOST
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _MOST:
        raise BadRequestError(
            f"Invalid 'limit': expected a number from 1 to {_MOST}.", "limit", "invalid_value"
        )
    return int(text)
