"""What a request asks for, read from its method and path."""

import re
from dataclasses import dataclass

from services.simulator.world import World

_PATH = re.compile(
    r"/(?P<upload>upload/)?(?P<version>v1|v1beta|v1alpha)/"
    r"(?P<collection>models|tunedModels|files|cachedContents)"
    r"(?:/(?P<name>[^:]+))?(?::(?P<verb>[A-Za-z]+))?"
)

_ON_MODELS = frozenset(
    {
        "generateContent",
        "streamGenerateContent",
        "countTokens",
        "embedContent",
        "batchEmbedContents",
    }
)
_REST = {
    ("GET", False): "list",
    ("POST", False): "create",
    ("GET", True): "get",
    ("DELETE", True): "delete",
    ("PATCH", True): "update",
}
_OFFERED = frozenset(
    {
        "models.list",
        "models.get",
        "files.list",
        "files.get",
        "files.delete",
        "cachedContents.list",
        "cachedContents.create",
        "cachedContents.get",
        "cachedContents.update",
        "cachedContents.delete",
    }
)


@dataclass(frozen=True, slots=True)
class Route:
    """A method of the API.

    Attributes:
        version: Such as `v1beta`.
        verb: Such as `generateContent`, `files.get` or `upload`.
        name: The model or the id of the resource, empty for a whole collection.
    """

    version: str
    verb: str
    name: str = ""

    @property
    def model(self) -> str:
        """The model that is called, if one is."""
        return self.name if self.verb in _ON_MODELS else ""


@dataclass(frozen=True, slots=True)
class Call:
    """A routed request of a known caller."""

    world: World
    route: Route
    project: str


def find_route(method: str, path: str) -> Route | None:
    """Return the method of the API that a request names, or None."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    version, name, verb = match["version"], match["name"] or "", match["verb"] or ""
    collection = match["collection"]
    if match["upload"]:
        is_upload = collection == "files" and not name and not verb and method in {"POST", "PUT"}
        return Route(version, "upload") if is_upload else None
    if verb:
        is_offered = method == "POST" and verb in _ON_MODELS and name
        if not is_offered or collection not in {"models", "tunedModels"}:
            return None
        # No tuned model exists here; their prefix keeps them from being taken for a base model.
        return Route(version, verb, name if collection == "models" else f"{collection}/{name}")
    rest = f"{collection}.{_REST.get((method, bool(name)), '')}"
    return Route(version, rest, name) if rest in _OFFERED else None
