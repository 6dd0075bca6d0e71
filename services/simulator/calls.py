"""What a request asks for, read from its method and path."""

import re
from dataclasses import dataclass

from services.simulator.world import World

_ID = r"[^/:]+"
_PATH = re.compile(r"/(?P<upload>upload/)?(?P<version>v1|v1beta|v1alpha)/(?P<rest>.+)")
# Vertex AI in express mode. It has no list of models, and describes none.
_VERTEX = "/v1beta1/publishers/google/"
_ON_VERTEX = frozenset({"generateContent", "streamGenerateContent", "countTokens"})
_ON_MODELS = (
    "generateContent",
    "streamGenerateContent",
    "countTokens",
    "embedContent",
    "batchEmbedContents",
    "batchGenerateContent",
    "asyncBatchEmbedContent",
    "predict",
    "predictLongRunning",
)
_COLLECTIONS = {
    # Name: what may be done with the collection and its members.
    "models": ("list", "get"),
    "files": ("list", "get", "delete"),
    "cachedContents": ("list", "create", "get", "update", "delete"),
    "batches": ("list", "get", "delete"),
    "fileSearchStores": ("list", "create", "get", "delete"),
    "tunedModels": ("list", "create", "get", "delete"),
    "interactions": ("create", "get", "delete"),
    "auth_tokens": ("create",),
}
_REST = {
    "list": ("GET", ""),
    "create": ("POST", ""),
    "get": ("GET", f"/(?P<name>{_ID})"),
    "update": ("PATCH", f"/(?P<name>{_ID})"),
    "delete": ("DELETE", f"/(?P<name>{_ID})"),
}
_STORE = rf"fileSearchStores/{_ID}"
_OTHERS = (
    ("GET", rf"files/(?P<name>{_ID}):download", "files.download"),
    ("POST", rf"batches/(?P<name>{_ID}):cancel", "batches.cancel"),
    ("GET", rf"models/(?P<name>{_ID})/operations", "operations.list"),
    ("GET", rf"(?P<name>models/{_ID}/operations/{_ID})", "operations.get"),
    ("POST", rf"(?P<name>{_STORE}):importFile", "documents.import"),
    ("GET", rf"(?P<name>{_STORE})/documents", "documents.list"),
    ("GET", rf"(?P<name>{_STORE}/documents/{_ID})", "documents.get"),
    ("DELETE", rf"(?P<name>{_STORE}/documents/{_ID})", "documents.delete"),
    ("GET", rf"(?P<name>{_STORE}/(?:upload/)?operations/{_ID})", "documents.operation"),
    ("POST", rf"interactions/(?P<name>{_ID})/cancel", "interactions.cancel"),
)


@dataclass(frozen=True, slots=True)
class Route:
    """A method of the API.

    Attributes:
        version: Such as `v1beta`.
        verb: Such as `generateContent`, `files.get` or `upload`.
        name: The model, the id of the resource, or the full name of what lies deeper;
            empty for a whole collection.
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


def _table() -> list[tuple[str, re.Pattern[str], str]]:
    rows = [
        (_REST[what][0], f"{collection}{_REST[what][1]}", f"{collection}.{what}")
        for collection, offered in _COLLECTIONS.items()
        for what in offered
    ]
    # Tuned models keep their prefix, so that they are not taken for base models.
    named = rf"(?:models/(?P<name>{_ID})|(?P<tuned>tunedModels/{_ID}))"
    rows += [("POST", f"{named}:{verb}", verb) for verb in _ON_MODELS]
    return [(method, re.compile(path), verb) for method, path, verb in (*rows, *_OTHERS)]


_TABLE = _table()
_UPLOADS = re.compile(rf"files|(?P<name>{_STORE}):uploadToFileSearchStore")


def find_route(method: str, path: str) -> Route | None:
    """Return the method of the API that a request names, or None."""
    if path.startswith(_VERTEX):
        route = find_route(method, f"/v1beta/{path.removeprefix(_VERTEX)}")
        return route if route and route.verb in _ON_VERTEX else None
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    version, rest = match["version"], match["rest"]
    if match["upload"]:
        target = _UPLOADS.fullmatch(rest) if method in {"POST", "PUT"} else None
        return Route(version, "upload", target["name"] or "") if target else None
    for offered, pattern, verb in _TABLE:
        if offered == method and (found := pattern.fullmatch(rest)):
            names = found.groupdict()
            return Route(version, verb, names.get("name") or names.get("tuned") or "")
    return None
