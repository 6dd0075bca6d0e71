"""The names that a request cites, found by value, and the same request with other names.

Google's fields come in two spellings and new ones appear every month, so any
string is looked at, except where a client writes freely: texts, data, and the
arguments, results and schemas of functions.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from services.edge.errors import bad_request
from services.edge.resources.names import root_of
from services.edge.resources.spelling import find_name, is_address, spelled

_TEXTS = spelled(
    *("code", "content", "contents", "data", "description", "displayName", "input"),
    *(
        "instructions",
        "metadataFilter",
        "negativePrompt",
        "output",
        "parts",
        "prompt",
        "query",
    ),
    *("result", "stopSequences", "systemInstruction", "text", "thoughtSignature", "title", "url"),
)
_FREE = spelled(
    *("args", "arguments", "customMetadata", "functionDeclarations", "headers", "labels"),
    *("mcpServers", "metadata", "parameters", "parametersJsonSchema", "partMetadata"),
    *("response", "responseFormat", "responseJsonSchema", "responseSchema"),
)
# In answers: where files that were made are told of, and what merely repeats the request.
_MADE = spelled("uri", "fileUri", "downloadUri", "responsesFile")
_ECHOED = (_FREE - {"metadata", "response"}) | spelled(
    "environment", "inlinedResponses", "inlinedEmbedContentResponses", "input", "inputConfig"
)

_MARKS = (
    b"files/",
    b"files\\",
    b"cachedContent",
    b"cached_content",
    b"ileSearchStore",
    b"ile_search_store",
    b"tunedModels",
    b"corpora",
)
_LONGEST_ADDRESS = 2048
# Letters written as numbers, which nobody needs and which would hide a name.
_ESCAPED = re.compile(rb"\\u00[2-7]")
_PERCENT = re.compile(rb"%(?:2[fF]|[4-7][0-9a-fA-F])")


@dataclass(frozen=True, slots=True)
class Citations:
    """What a request cites.

    Attributes:
        names: Under which the things are bound, in the order of their first mention.
        body: The request as it is to be sent: as it was read, because of a field that
            comes twice one parser sees the first and another the last.
    """

    names: tuple[str, ...]
    body: bytes


def may_cite(body: bytes) -> bool:
    """Whether a request needs a closer look; cheap, and never wrong about one that cites."""
    return (
        any(mark in body for mark in _MARKS)
        or (b"\\u00" in body and _ESCAPED.search(body) is not None)
        or (b"%" in body and _PERCENT.search(body) is not None)
    )


def read_citations(body: bytes, request: dict[str, Any]) -> Citations:
    """Return what a request cites.

    Args:
        body: The request.
        request: The same, parsed. It may be changed.

    Raises:
        ApiError: 400 when it is nested deeper than Google reads, or an address is longer
            than any.
    """
    names: dict[str, None] = {}

    def note(field: str, text: str) -> str:
        if len(text) > _LONGEST_ADDRESS and is_address(field):
            raise bad_request(
                f"'{field}' is longer than {_LONGEST_ADDRESS} characters.", param=field
            )
        found = find_name(field, text)
        if found is None:
            return text
        if (root := root_of(found.name)) is not None:
            names[root] = None
        return found.text

    _replace(request, note)
    return Citations(tuple(names), _written(request) if body.strip() else body)


def rename(body: bytes, names: Mapping[str, str]) -> bytes:
    """Return a request that cites other names.

    Args:
        body: The request, as `read_citations` returned it.
        names: The new name of each old one.
    """
    request = orjson.loads(body)

    def change(field: str, text: str) -> str:
        found = find_name(field, text)
        new = names.get(found.name) if found is not None else None
        return text if found is None or new is None else found.renamed(new)

    _replace(request, change)
    return _written(request)


def files_in(answer: dict[str, Any]) -> tuple[str, ...]:
    """Return the files that an answer says were made.

    What the client has written itself, and is told again, does not count.
    """
    names: dict[str, None] = {}

    def note(field: str, text: str) -> str:
        found = find_name(field, text) if field in _MADE else None
        if found is not None and found.name.startswith("files/"):
            names[found.name] = None
        return text

    _replace(answer, note, _ECHOED)
    return tuple(names)


def _replace(
    request: dict[str, Any],
    change: Callable[[str, str], str],
    free: frozenset[str] = _FREE,
) -> None:
    """Put `change(field, text)` in the place of every string that may be a name."""
    levels: list[Iterator[tuple[Any, Any, str]]] = [_entries(request, "")]
    while levels:
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
            continue
        holder, key, field = entry
        value = holder[key]
        if isinstance(value, str):
            # At the top it is what the thing itself is to be called.
            is_own_name = field == "name" and len(levels) == 1
            if field not in _TEXTS and field not in free and not is_own_name:
                holder[key] = change(field, value)
        elif field not in free and isinstance(value, _holders(field)):
            levels.append(_entries(value, field))


def _holders(field: str) -> type | tuple[type, ...]:
    # A function's result may be content, in a list; as an object it is the function's own.
    return list if field == "result" else (dict, list)


def _entries(holder: Any, field: str) -> Iterator[tuple[Any, Any, str]]:
    """Yield where each value stands, and the name of the field that holds it."""
    if isinstance(holder, dict):
        for key in list(holder):
            yield holder, key, key
    else:
        inner = "content" if field == "result" else field
        for place in range(len(holder)):
            yield holder, place, inner


def _written(request: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(request)
    except orjson.JSONEncodeError:
        # It reads deeper nests than it writes; Google reads 100 levels.
        raise bad_request("The request is nested too deeply.", code="invalid_json") from None
