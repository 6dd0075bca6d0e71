"""Scripts that the simulated model plays, so that a real agent can do a real task with it.

A script begins where its cue stands in a conversation, and each turn of calls takes it one step
further: what is played next is told by the request alone, so it may be sent again, or with
another key.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.simulator.turns import count_parts


class _Order(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScriptedCall(_Order):
    """A call of one of the client's functions."""

    name: str = Field(min_length=1)
    """The function, as the client declares it."""

    args: dict[str, Any] = {}
    """Its arguments; `<<word>>` in their strings stands for what `find` has found."""


class Step(_Order):
    """One turn of the model: calls, or words."""

    find: str = ""
    """A regular expression that must fit the results of the calls before; its named groups are
    the words that this step may use."""

    calls: tuple[ScriptedCall, ...] = ()
    """What to call."""

    text: str = ""
    """What to say instead; `<<word>>` stands for what `find` has found."""

    @model_validator(mode="after")
    def _is_playable(self) -> Self:
        try:
            re.compile(self.find)
        except re.error as error:
            raise ValueError(f"find is no regular expression: {error}") from error
        if bool(self.calls) == bool(self.text):
            raise ValueError("a step has either calls or a text")
        return self


class Script(_Order):
    """What the model does in the conversations that hold a cue."""

    cue: str = Field(min_length=1)
    """Words of the user that begin it."""

    steps: tuple[Step, ...] = Field(min_length=1)
    """Turn by turn; only the last may be without calls."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is played in one turn.

    Attributes:
        calls: Names of functions with their arguments.
        text: What is said when nothing is called.
    """

    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    text: str = ""


class ScriptBook:
    """All scripts, by their cues."""

    def __init__(self) -> None:
        """Begin with none."""
        self._scripts: dict[str, Script] = {}

    def put(self, script: Script) -> None:
        """Add a script, or replace the one with its cue."""
        self._scripts[script.cue] = script

    def line(self, request: dict[str, Any]) -> Line | None:
        """Return what a script has for this turn, or None where the model speaks for itself.

        Agents ask for titles and summaries of the same conversation: a script is played only
        where all functions that it calls are declared.
        """
        contents = request.get("contents", [])
        for script in self._scripts.values():
            begin = _begin(contents, script.cue)
            if begin is not None and _called_by(script) <= _declared_in(request):
                turn = sum(bool(count_parts(each, "functionCall")) for each in contents[begin:])
                return _play(script.steps[turn], contents[-1]) if turn < len(script.steps) else None
        return None


def _begin(contents: list[dict[str, Any]], cue: str) -> int | None:
    for index, content in enumerate(contents):
        if content.get("role", "user") == "user" and any(
            cue in part.get("text", "") for part in content.get("parts", [])
        ):
            return index
    return None


def _called_by(script: Script) -> set[str]:
    return {call.name for step in script.steps for call in step.calls}


def _declared_in(request: dict[str, Any]) -> set[str]:
    return {
        declaration["name"]
        for tool in request.get("tools", [])
        for declaration in tool.get("functionDeclarations", [])
    }


def _play(step: Step, last: dict[str, Any]) -> Line:
    results = "\n".join(
        text
        for part in last.get("parts", [])
        for text in _strings(part.get("functionResponse", {}).get("response"))
    )
    found = re.search(step.find, results)
    if found is None:
        return Line(text=f"I looked for {step.find!r} and found {results!r}.")
    words = {name: word or "" for name, word in found.groupdict().items()}
    calls = tuple((call.name, _filled(call.args, words)) for call in step.calls)
    return Line(calls, _filled(step.text, words))


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from _strings(each)
        case list():
            for each in value:
                yield from _strings(each)


def _filled(value: Any, words: dict[str, str]) -> Any:
    match value:
        case str():
            for name, word in words.items():
                value = value.replace(f"<<{name}>>", word)
            return value
        case dict():
            return {name: _filled(each, words) for name, each in value.items()}
        case list():
            return [_filled(each, words) for each in value]
    return value
