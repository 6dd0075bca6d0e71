"""The operations of Vertex AI in express mode: some of Gemini's, under a prefix of their own."""

from dataclasses import replace

from services.edge.openapi.gemini_operations import OPERATIONS as GEMINIS

_TAG = "Gemini: models over Vertex AI in express mode"
_MODELS = "/v1beta/models"
_ABOUT = {
    _MODELS: "Those of `VERTEX_EXPRESS_MODELS`, else of Gemini's own list: Vertex has none.",
}
_ROUTES = {
    f"{_MODELS}/{{model}}:generateContent": "vertex_method",
    f"{_MODELS}/{{model}}:streamGenerateContent": "vertex_method",
    f"{_MODELS}/{{model}}:countTokens": "vertex_method",
    _MODELS: "vertex_models",
    f"{_MODELS}/{{model}}": "vertex_models",
}

OPERATIONS = tuple(
    replace(
        each,
        path=f"/vertex-express{each.path}",
        route=_ROUTES[each.path],
        tag=_TAG,
        about=_ABOUT.get(each.path, each.about),
        # Where there are no keys of Vertex express.
        failures=(*each.failures, 501),
    )
    for each in GEMINIS
    if each.path in _ROUTES
)
