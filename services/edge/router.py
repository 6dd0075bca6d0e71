"""From a path to its handler."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from services.edge.dialects import Dialect
from services.edge.errors import method_not_allowed, not_found, not_possible
from services.edge.handlers import Handlers
from services.edge.http import Exchange
from services.edge.not_served import not_served
from services.edge.paths import method_of
from services.edge.resources.targets import target_of
from services.edge.uploads.collections import upload_id_of, upstream_path

_GEMINI_VERSIONS = frozenset({"v1beta", "v1", "v1alpha"})


@dataclass(frozen=True, slots=True)
class Route:
    """What serves a request.

    Attributes:
        name: For metrics; one of a fixed few.
        handle: Answers the exchange.
    """

    name: str
    handle: Callable[[Exchange], Awaitable[None]]


class Router:
    """Finds the route of a request."""

    def __init__(self, handlers: Handlers) -> None:
        """Take the handlers of all dialects."""
        self._resources = handlers.resources
        self._interactions = handlers.interactions
        self._files = handlers.files
        self._uploads = handlers.uploads
        self._gemini = handlers.gemini
        self._openai = handlers.openai
        self._openai_files = handlers.openai_files
        self._media = handlers.media
        self._images = {
            "generations": Route("images", handlers.images.generate),
            "edits": Route("image_edits", handlers.images.edit),
        }
        self._anthropic = handlers.messages
        self._messages = {
            "messages": Route("messages", handlers.messages.create),
            "messages/count_tokens": Route("count_tokens", handlers.messages.count_tokens),
        }
        self._responses = handlers.responses
        self._models = Route("models", self._openai.models)
        self._posted = {
            "/v1/chat/completions": Route("chat", handlers.chat.chat),
            "/v1/completions": Route("completions", handlers.chat.completions),
            "/v1/responses": Route("responses", handlers.responses.create),
            "/v1/responses/input_tokens": Route("input_tokens", handlers.responses.count_tokens),
            "/v1/embeddings": Route("embeddings", self._openai.embeddings),
            "/v1/audio/speech": Route("speech", handlers.speech.serve),
            "/v1/audio/transcriptions": Route("transcriptions", handlers.transcriptions.serve),
            "/v1/audio/translations": Route("translations", handlers.translations.serve),
        }

    def find(self, exchange: Exchange) -> Route | None:
        """Return the route of a request, None when it is not for the API.

        Raises:
            ApiError: 404, 405 or 501 when there is none, 400 for impossible names.
        """
        if upload_id := upload_id_of(exchange):
            exchange.dialect = Dialect.GEMINI
            return Route("upload", partial(self._uploads.go_on, upload_id=upload_id))
        if exchange.dialect is Dialect.OPENAI:
            return self._find_openai(exchange)
        if exchange.dialect is Dialect.ANTHROPIC:
            return self._find_anthropic(exchange)
        return self._find_gemini(exchange)

    def _find_openai(self, exchange: Exchange) -> Route | None:
        method, path = exchange.method, exchange.path
        if (posted := self._posted.get(path)) is not None:
            return _only("POST", method, posted)
        if path.startswith("/v1/responses/"):
            return self._find_response(method, path)
        if path == "/v1/models":
            return _only("GET", method, self._models)
        if path.startswith("/v1/models/") and path.count("/") == 3:
            model_id = path.rpartition("/")[2]
            return _only(
                "GET", method, Route("model", partial(self._openai.model, encoded_id=model_id))
            )
        if path == "/v1/files" or path.startswith("/v1/files/"):
            resource = path[len("/v1/files/") :]
            return Route("openai_files", partial(self._openai_files.serve, resource=resource))
        if (refusal := not_served(path)) is not None:
            raise refusal
        if path.startswith("/v1/images/"):
            return self._find_images(method, path)
        if path.startswith("/media/"):
            media_id = path.removeprefix("/media/")
            return Route("media", partial(self._media.serve, media_id=media_id))
        if path.startswith(("/v1/", "/openai/", "/hf/", "/vertex-express/")):
            raise not_found(method, path)
        return None

    def _find_response(self, method: str, path: str) -> Route:
        response_id, _, what = path.removeprefix("/v1/responses/").partition("/")
        if not what:
            return Route("response", partial(self._responses.serve, response_id=response_id))
        if what == "input_items":
            handle = partial(self._responses.input_items, response_id=response_id)
            return _only("GET", method, Route("input_items", handle))
        raise not_found(method, path)

    def _find_images(self, method: str, path: str) -> Route:
        what = path.removeprefix("/v1/images/")
        if what == "variations":
            raise not_possible(
                "/v1/images/variations",
                "Google's models draw by a prompt. Send the picture with one to /v1/images/edits.",
            )
        if what not in self._images:
            raise not_found(method, path)
        return _only("POST", method, self._images[what])

    def _find_anthropic(self, exchange: Exchange) -> Route:
        method, path = exchange.method, exchange.path.removeprefix("/anthropic")
        what = path.removeprefix("/v1/") if path.startswith("/v1/") else ""
        if what in self._messages:
            return _only("POST", method, self._messages[what])
        if what == "models":
            return _only("GET", method, Route("models", self._anthropic.models))
        if what.startswith("models/") and what.count("/") == 1:
            handle = partial(self._anthropic.model, encoded_id=what.removeprefix("models/"))
            return _only("GET", method, Route("model", handle))
        if (refusal := not_served(path, is_anthropic=True)) is not None:
            raise refusal
        raise not_found(method, exchange.path)

    def _find_gemini(self, exchange: Exchange) -> Route:
        _, root, rest = [*exchange.path.split("/", 2), "", ""][:3]
        if root in _GEMINI_VERSIONS and rest:
            return self._below_version(exchange, root, rest)
        if (path := upstream_path(exchange.path)) is not None:
            return Route("upload_start", partial(self._uploads.begin, path=path))
        if root == "download" and (file := rest.partition("/")[2]).startswith("files/"):
            return Route("files", partial(self._files.serve, resource=file))
        if root in {"upload", "download"} and rest:
            return self._collection(rest.split("/")[-1])
        raise not_found(exchange.method, exchange.path)

    def _below_version(self, exchange: Exchange, version: str, rest: str) -> Route:
        collection = rest.partition("/")[0].partition(":")[0]
        called = method_of(rest)
        if called is not None and "/" not in called.verb:
            route = Route("method", partial(self._gemini.method, version=version, method=called))
            return _only("POST", exchange.method, route)
        if rest == "files" or rest.startswith("files/"):
            return Route("files", partial(self._files.serve, resource=rest))
        if rest == "files:register":
            raise not_possible(
                "files:register",
                "it needs a Google account that owns the bucket, and keys have none. Upload the "
                "file instead.",
            )
        if rest == "interactions":
            route = Route("interactions", partial(self._interactions.create, version=version))
            return _only("POST", exchange.method, route)
        if (target := target_of(rest)) is not None:
            return Route(
                "resources", partial(self._resources.serve, version=version, target=target)
            )
        if collection == "models" and rest.count("/") <= 1:
            model = rest.partition("/")[2]
            route = Route(
                "gemini_models", partial(self._gemini.read_models, version=version, model=model)
            )
            return _only("GET", exchange.method, route)
        return self._collection(collection)

    def _collection(self, name: str) -> Route:
        return Route("collection", partial(self._gemini.collection, what=name[:64]))


def _only(allowed: str, method: str, route: Route) -> Route:
    if method != allowed:
        raise method_not_allowed(method, allowed)
    return route
