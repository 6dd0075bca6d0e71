"""Names of models that the operator lets stand for others."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

_MODEL_FIELDS = ("generateContentRequest", "generate_content_request")


def model_for(aliases: Mapping[str, str], name: str) -> str:
    """Return the model that a name stands for: that of the first pattern that fits, else itself.

    Args:
        aliases: Models by patterns such as `claude-*`, in the order of their precedence.
        name: With or without `models/`, which stays; an empty one stands for itself.
    """
    if not aliases or not name:
        return name
    prefix = "models/" if name.startswith("models/") else ""
    bare = name.removeprefix(prefix)
    for pattern, model in aliases.items():
        if fnmatchcase(bare, pattern):
            return prefix + model
    return name


def rename_models(request: dict[str, Any], model: str) -> bool:
    """Name the model of the path within a Gemini request, where Google wants both alike.

    Returns:
        Whether the request names a model at all.
    """
    holders = [request.get(name) for name in _MODEL_FIELDS]
    requests = request.get("requests")
    holders += requests if isinstance(requests, list) else []
    named = [each for each in holders if isinstance(each, dict) and "model" in each]
    for holder in named:
        holder["model"] = f"models/{model}"
    if "model" in request:
        request["model"] = f"models/{model}"
    return bool(named) or "model" in request
