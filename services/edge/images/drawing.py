"""All upstream calls of one request for pictures: side by side, and each may fail alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from services.edge.calls import Call
from services.edge.concurrently import concurrently
from services.edge.envelopes import Headers
from services.edge.errors import ApiError
from services.edge.openai.image_answer import (
    Drawn,
    Picture,
    Problem,
    read_drawing,
    read_predictions,
)
from services.edge.plain import fetch
from services.edge.refusals import FailedError
from services.edge.runtime import Runtime

_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a request has brought.

    Attributes:
        pictures: All of them, at least one.
        problems: Why others are missing.
        usages: Google's usageMetadata of each call.
        told: Our own headers about the last call that was answered.
    """

    pictures: tuple[Picture, ...]
    problems: tuple[Problem, ...]
    usages: list[dict[str, Any]]
    told: Headers


class _Round:
    """The calls of one request, and what they have brought so far."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.drawn: list[Drawn] = []
        self.told: Headers = []
        self.failures: list[FailedError | ApiError] = []
        self._is_hopeless = False

    async def ask(self, call: Call, wanted: int) -> Drawn | None:
        if self._is_hopeless:
            return None
        try:
            whole = await fetch(self._runtime, call)
            answer = _parsed(whole.body)
        except (FailedError, ApiError) as error:
            self.failures.append(error)
            # What is wrong with the request is wrong with all of its calls.
            self._is_hopeless = 400 <= error.status < 500
            return None
        self.told = whole.told
        if "predictions" in answer or call.target.endswith(":predict"):
            return read_predictions(answer, wanted)
        return read_drawing(answer)


async def draw(runtime: Runtime, calls: Sequence[tuple[Call, int]]) -> Drawing:
    """Make the calls of a request, and return the pictures of those that were answered.

    Args:
        runtime: The shared parts.
        calls: Each with the number of pictures that it asks for.

    Raises:
        FailedError: None was answered.
        ApiError: None has brought a picture: 400 with the reason of the first.
    """
    rounds = _Round(runtime)
    jobs = [partial(rounds.ask, call, wanted) for call, wanted in calls]
    drawn = [each for each in await concurrently(_AT_ONCE, jobs) if each is not None]
    pictures = tuple(picture for each in drawn for picture in each.pictures)
    problems = [problem for each in drawn for problem in each.problems]
    if not pictures:
        if problems:
            raise ApiError(400, problems[0].message, code=problems[0].code, param="prompt")
        raise rounds.failures[0]
    problems += [_problem(failure) for failure in rounds.failures]
    return Drawing(pictures, tuple(problems), [each.usage for each in drawn], rounds.told)


def _problem(failure: FailedError | ApiError) -> Problem:
    """Return what a client is told of a call that failed beside others that did not."""
    if isinstance(failure, ApiError):
        return Problem(failure.code or "failed", failure.message)
    error = orjson.loads(failure.body)["error"]
    return Problem(error.get("code") or "failed", error["message"])


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        answer = orjson.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ApiError(502, "The upstream sent something that is not JSON.", code="bad_upstream")
    return answer
