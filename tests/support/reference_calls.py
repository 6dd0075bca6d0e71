"""The requests of the API reference that are written as plain HTTP: read, sent, compared."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.client_programs import CLIENTS


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the reference and the answer that it shows.

    Attributes:
        method: Such as `POST`.
        target: With its query; what a reader fills in is filled in.
        headers: As they are written.
        body: The JSON; None for none, or where it is no JSON.
        answer: The JSON of the answer; None where it is no JSON.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: Any
    answer: Any


def reference_text(name: str) -> str:
    """Return the copy of a block of the reference."""
    return (CLIENTS / "reference" / name).read_text("utf-8")


def reference_json(name: str) -> Any:
    """Return the JSON of a block of the reference."""
    return json.loads(reference_text(name))


def reference_call(name: str, filled: Mapping[str, str]) -> Call:
    """Return a request of the reference.

    Args:
        name: Of the copy.
        filled: What a reader fills in, by the text that stands for it.
    """
    text = reference_text(name)
    for gap, value in filled.items():
        text = text.replace(gap, value)
    # Where the text breaks off, the answer may hold more.
    text = re.sub(r",\s*\.\.\.", "", text)
    first, _, rest = text.partition("\n")
    method, target = first.split(" ", 1)
    parts = re.split(r"^(Headers|Body|Response Headers|Response):$", rest, flags=re.MULTILINE)
    sections = {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}
    head = sections[""] + sections.get("Headers", "")
    headers = {
        name.strip(): value.strip()
        for name, _, value in (line.partition(": ") for line in head.strip().splitlines())
    }
    return Call(
        method, target, headers, _json(sections.get("Body")), _json(sections.get("Response"))
    )


def missing_parts(shown: Any, found: Any, where: str = "$") -> list[str]:
    """Return the paths at which an answer lacks what the reference shows, or has another type."""
    if isinstance(shown, dict):
        if not isinstance(found, dict):
            return [where]
        return [
            problem
            for name, value in shown.items()
            for problem in (
                missing_parts(value, found[name], f"{where}.{name}")
                if name in found
                else [f"{where}.{name}"]
            )
        ]
    if isinstance(shown, list):
        if not isinstance(found, list) or (shown and not found):
            return [where]
        return [
            problem
            for place, each in enumerate(found)
            for problem in missing_parts(shown[0], each, f"{where}[{place}]")
        ]
    if isinstance(shown, bool) or not isinstance(shown, int | float):
        return [] if type(shown) is type(found) else [where]
    return [] if isinstance(found, int | float) else [where]


def _json(text: str | None) -> Any:
    text = (text or "").strip()
    return json.loads(text) if text.startswith("{") else None
