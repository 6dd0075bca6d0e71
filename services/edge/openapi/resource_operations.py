"""The operations of the collections that belong to a project, by how each is served."""

from collections.abc import Iterator

from services.edge.openapi.operation import (
    ANY,
    EVENTS,
    JSON,
    SSE,
    Operation,
    Parameter,
    Schema,
    ref,
)
from services.edge.resources.rules import COLLECTIONS

_TAG = "Gemini: {}"
_RESOURCE: dict[str, Schema] = {JSON: ref("Resource")}
_OBJECT: dict[str, Schema] = {JSON: {"type": "object"}}

_CHANGEABLE = frozenset({"cachedContents", "batches", "tunedModels", "fileSearchStores", "corpora"})
_ABOUT = {
    "cachedContents": "cached content",
    "batches": "batches",
    "operations": "operations",
    "tunedModels": "tuned models",
    "fileSearchStores": "file search stores",
    "corpora": "corpora",
    "interactions": "interactions",
    "auth_tokens": "ephemeral tokens",
}
_PAGING = (
    Parameter("pageSize", "How many on a page.", {"type": "integer", "minimum": 1}),
    Parameter("pageToken", "Where to go on, as the page before has told it."),
)


def _of_collection(name: str) -> Iterator[Operation]:
    collection = COLLECTIONS[name]
    tag, path = _TAG.format(_ABOUT[name]), f"/v1beta/{name}"
    if collection.listed_as:
        page: Schema = {
            "type": "object",
            "properties": {
                collection.listed_as: {"type": "array", "items": ref("Resource")},
                "nextPageToken": {"type": "string"},
            },
        }
        about = "Only those of the token's client, over all projects."
        yield Operation(
            "get",
            path,
            "resources",
            tag,
            "List",
            about,
            answer={JSON: page},
            parameters=_PAGING,
        )
    if collection.is_creatable or name == "interactions":
        route = "interactions" if name == "interactions" else "resources"
        answer = _OBJECT | ({SSE: EVENTS} if name == "interactions" else {})
        yield Operation(
            "post", path, route, tag, "Make one", request=_OBJECT, answer=answer, failures=(409,)
        )
    if name != "auth_tokens":
        yield from _of_members(tag, f"{path}/{{id}}", is_changeable=name in _CHANGEABLE)
    if name == "interactions":
        yield _change("post", f"{path}/{{id}}/cancel", tag, "Cancel it")


def _of_members(tag: str, path: str, *, is_changeable: bool) -> Iterator[Operation]:
    yield _read(path, tag, "Get one")
    if is_changeable:
        yield _change("patch", path, tag, "Change it")
    yield _change("delete", path, tag, "Delete it")
    # Verbs on tuned models are methods of a model.
    if not path.startswith("/v1beta/tunedModels"):
        yield _change("post", f"{path}:{{verb}}", tag, "Call a method on it, such as `cancel`")
    yield _read(f"{path}/{{below}}", tag, "List what lies below it")
    yield _change("post", f"{path}/{{below}}", tag, "Make something below it")
    yield _read(f"{path}/{{below}}/{{name}}", tag, "Get what lies below it")
    yield _change("delete", f"{path}/{{below}}/{{name}}", tag, "Delete what lies below it")


def _read(path: str, tag: str, summary: str) -> Operation:
    parameters = (Parameter("alt", "`media` for bytes."),)
    answer: dict[str, Schema] = {JSON: {}, ANY: {}}
    return Operation("get", path, "resources", tag, summary, answer=answer, parameters=parameters)


def _change(method: str, path: str, tag: str, summary: str) -> Operation:
    request: dict[str, Schema] = {} if method == "delete" else _OBJECT
    return Operation(
        method,
        path,
        "resources",
        tag,
        summary,
        request=request,
        needs_body=False,
        answer={JSON: {}},
        failures=(409,),
    )


OPERATIONS = (
    *(operation for name in COLLECTIONS for operation in _of_collection(name)),
    Operation(
        "get",
        "/v1beta/models/{model}/operations",
        "resources",
        _TAG.format("operations"),
        "List those of a model",
        answer=_OBJECT,
        parameters=_PAGING,
    ),
    _read(
        "/v1beta/models/{model}/operations/{id}", _TAG.format("operations"), "Get one of a model"
    ),
    Operation(
        "get",
        "/v1beta/{collection}",
        "collection",
        _TAG.format("other collections"),
        "Any other collection",
        "Passed on as it is for tokens with the scope `raw`; 501 for others, because over a "
        "shared key it would show one client's objects to another.",
        answer=_OBJECT,
        failures=(501,),
    ),
)
