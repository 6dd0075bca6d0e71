"""Gemini's models as OpenAI lists them."""

from typing import Any

# Google does not say when a model was made; OpenAI's clients want a number.
_CREATED = 0


def translate_models(answer: dict[str, Any]) -> dict[str, Any]:
    """Return OpenAI's list for a reply of `GET models`, in its order."""
    models = answer.get("models")
    return {
        "object": "list",
        "data": [
            translate_model(model)
            for model in (models if isinstance(models, list) else ())
            if isinstance(model, dict)
        ],
    }


def translate_model(answer: dict[str, Any]) -> dict[str, Any]:
    """Return OpenAI's model for a reply of `GET models/{id}`."""
    return {
        "id": str(answer.get("name") or "").removeprefix("models/"),
        "object": "model",
        "created": _CREATED,
        "owned_by": "google",
    }
