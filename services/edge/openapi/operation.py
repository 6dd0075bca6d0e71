"""What is told of one operation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]

JSON = "application/json"
SSE = "text/event-stream"
TEXT = "text/plain"
HTML = "text/html"
FORM = "multipart/form-data"
BYTES = "application/octet-stream"
ANY = "*/*"

MODEL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,127}$"
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,127}$"
FILE_ID_PATTERN = r"^file-[a-z0-9]([a-z0-9\-]{0,38}[a-z0-9])?$"
FILE_PATTERN = r"^[a-z0-9]([a-z0-9\-]{0,38}[a-z0-9])?$"


EVENTS: Schema = {"description": "Events, whose `data` is one piece of the answer each."}
"""What is told of a stream."""


def ref(name: str) -> Schema:
    """Return a reference to a named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query or the header; those of the path are read off the path.

    Attributes:
        name: As it is sent.
        about: One sentence.
        schema: Of its value.
        place: `query` or `header`.
    """

    name: str
    about: str
    schema: Schema = field(default_factory=lambda: {"type": "string"})
    place: str = "query"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    Attributes:
        method: In lower case.
        path: With its variables in braces.
        route: The name of the router's route that serves it; `page` for what is no API.
        tag: Under which heading it stands.
        summary: A few words.
        about: What else is worth knowing.
        request: The schemas of bodies by media type; empty for none.
        needs_body: Whether the body must be there.
        answer: The schemas of the good answer by media type; empty for an empty answer.
        headers: Of the good answer, with a sentence each.
        parameters: Of query and header.
        dialects: Whose errors it answers.
        failures: Statuses beyond those that every route may answer.
        lists_errors: Whether an error may come as the one element of a list.
        is_open: Whether it needs no token.
    """

    method: str
    path: str
    route: str
    tag: str
    summary: str
    about: str = ""
    request: Mapping[str, Schema] = field(default_factory=dict)
    needs_body: bool = True
    answer: Mapping[str, Schema] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    dialects: tuple[str, ...] = ("gemini",)
    failures: tuple[int, ...] = ()
    lists_errors: bool = False
    is_open: bool = False
