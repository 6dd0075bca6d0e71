"""Ephemeral tokens: what they may open, and where it is found whose they are.

Whoever bears one need not have a token of ours, so it must be told without one which pool it
belongs to.
"""

from collections.abc import Iterator
from typing import Any

from services.edge.clients import check_model_allowed
from services.edge.errors import bad_request
from services.edge.keypool import Client
from services.edge.paths import check_model
from services.edge.resources.spelling import spelled

DIRECTORY = "auth_tokens"
"""The pool of bindings in which each token stands with its pool in the place of a project."""

_MASKS = spelled("fieldMask")


def check_ephemeral(client: Client, request: dict[str, Any]) -> None:
    """Refuse a token that opens more models than its maker may use.

    Args:
        client: Who asks for it.
        request: The token that is wanted, parsed.

    Raises:
        ApiError: 403 when it names a model that the client may not use, 400 when it
            leaves open which models it is for, and the client may not use all.
    """
    models = list(_models_in(request))
    for model in models:
        check_model_allowed(client, check_model(model.rpartition("/")[2]))
    if not client.allowed_models:
        return
    is_fixed = all(_fixes_model(request[mask]) for mask in _MASKS if request.get(mask))
    if not models or not is_fixed:
        raise bad_request(
            "Your token may use some models only: an ephemeral token must name its model in "
            "'bidiGenerateContentSetup.model', and a 'fieldMask' must hold 'model'.",
            param="bidiGenerateContentSetup.model",
        )


def _models_in(request: dict[str, Any]) -> Iterator[str]:
    """Yield the models that the setups in a token name."""
    for holder in (request, *request.values()):
        model = holder.get("model") if isinstance(holder, dict) else None
        if isinstance(model, str) and model:
            yield model


def _fixes_model(mask: Any) -> bool:
    paths = mask.split(",") if isinstance(mask, str) else []
    return any(path.strip().rpartition(".")[2] == "model" for path in paths)
