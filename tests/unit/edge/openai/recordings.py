"""Recorded replies of the real Gemini API, where a checkout of them is at hand."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import pytest

_ROOT = Path(__file__).parents[4]


@dataclass(frozen=True)
class Recording:
    """One exchange: the request's body, and the reply as one event or as many.

    `raw` is the reply as its bytes came.
    """

    name: str
    model: str
    request: dict[str, Any]
    events: list[dict[str, Any]]
    raw: bytes


def recordings(verb: str) -> list[Recording]:
    """Return the successful exchanges of a method; skips the test when there are none here."""
    folder = Path(os.environ.get("GB_RECORDINGS") or _ROOT / "../shared/recordings")
    path = folder / "gemini.jsonl"
    if not path.is_file():
        pytest.skip("recorded replies are not here: set GB_RECORDINGS to their folder")
    return [item for item in _load(path) if item.name.startswith(f"{verb} ")]


@lru_cache(maxsize=1)
def _load(path: Path) -> list[Recording]:
    return list(_read(path))


def _read(path: Path) -> Iterator[Recording]:
    for line in path.read_bytes().splitlines():
        recorded = orjson.loads(line)
        for place, exchange in enumerate(recorded["interactions"]):
            _, colon, verb = exchange["path"].rpartition(":")
            if not colon or exchange["status"] != 200 or not isinstance(exchange["request"], dict):
                continue
            model = exchange["path"].rpartition("models/")[2].partition(":")[0]
            reply = exchange["response"]
            if exchange["response_kind"] == "json":
                events, raw = [reply], orjson.dumps(reply)
            else:
                raw = reply.encode()
                events = [
                    orjson.loads(row.removeprefix("data: "))
                    for row in reply.splitlines()
                    if row.startswith("data: ")
                ]
            name = f"{verb} {recorded['source']}#{place}"
            yield Recording(name, model, exchange["request"], events, raw)
