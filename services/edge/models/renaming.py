"""Requests that repeat the name of their model, which then must be the upstream's."""

from collections.abc import Iterator
from typing import Any

from services.edge.models.choosing import Chosen

_HOLDERS = ("generateContentRequest", "generate_content_request")


def rename_model(request: dict[str, Any], chosen: Chosen) -> bool:
    """Tell a request the upstream's name of its model; return whether it was changed."""
    if chosen.asked == chosen.model:
        return False
    is_changed = False
    for holder in _holders(request):
        said = holder.get("model")
        if isinstance(said, str) and said.removeprefix("models/") == chosen.asked:
            holder["model"] = f"models/{chosen.model}"
            is_changed = True
    return is_changed


def _holders(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield request
    inner = [request.get(name) for name in _HOLDERS]
    listed = request.get("requests")
    for each in [*inner, *(listed if isinstance(listed, list) else ())]:
        if isinstance(each, dict):
            yield each
