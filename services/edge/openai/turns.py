"""The turns of a conversation in the order and shape that Gemini insists on.

Roles are `user` and `model`, in turn, beginning with `user`. Right after a turn with N
calls comes one turn with exactly N results, in the order of the calls.
"""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from services.edge.openai.errors import BadRequestError
from services.edge.openai.media import Part
from services.edge.openai.signatures import SKIP_SIGNATURE, split_call_id
from services.edge.openai.thinking import ModelFamily

# Gemini refuses an empty part, and a conversation that does not begin with its user.
BLANK: Part = {"text": " "}
OPENING: Part = {"text": "."}

_MOST_NAMED = 16


@dataclass(slots=True)
class Call:
    """A function call in the history, and its result once it is read.

    Attributes:
        call_id: As the client knows it; may be empty.
        name: The function.
        result: The functionResponse part.
        media: Pictures and the like that came with the result.
    """

    call_id: str
    name: str
    result: Part | None = None
    media: list[Part] = field(default_factory=list)


# Calls by id or name, the turns in their order, and the calls of each in theirs.
_Waiting = defaultdict[str, list[deque[Call]]]


@dataclass(slots=True)
class _Turn:
    role: str
    parts: list[Part] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)


class Turns:
    """Collects the turns of one conversation."""

    def __init__(self, family: ModelFamily) -> None:
        self._family = family
        self._turns: list[_Turn] = []
        self._by_id: _Waiting = defaultdict(list)
        self._by_name: _Waiting = defaultdict(list)

    def add(self, role: str, parts: list[Part]) -> None:
        """Add parts to the conversation, to the last turn when that has the same role."""
        if not parts:
            return
        if not self._turns or self._turns[-1].role != role:
            self._turns.append(_Turn(role))
        self._turns[-1].parts.extend(parts)

    def add_calls(self, parts: list[Part], calls: list[Call]) -> None:
        """Add a model turn that ends with calls, and keep the place of their results."""
        self.add("model", parts)
        self._turns.append(_Turn("user", calls=calls))
        _await(self._by_id, [(call.call_id, call) for call in calls])
        _await(self._by_name, [(call.name, call) for call in calls])

    def find_call(self, call_id: str) -> Call | None:
        """Return the call with this id that waits for its result.

        Ids may repeat: the latest turn with such a call comes first, its calls in order.
        """
        return _next_waiting(self._by_id[call_id])

    def find_named_call(self, name: str) -> Call | None:
        """Return the call of this function that waits for its result."""
        return _next_waiting(self._by_name[name])

    def settle(self, call: Call, response: dict[str, Any], media: list[Part]) -> None:
        """Give a call its result."""
        body: dict[str, Any] = {"name": call.name, "response": response}
        native_id = native_call_id(call.call_id, self._family)
        if native_id:
            body["id"] = native_id
        call.result = {"functionResponse": body}
        call.media = media

    def contents(self) -> list[dict[str, Any]]:
        """Return the whole conversation.

        Raises:
            BadRequestError: A call has no result.
        """
        contents: list[dict[str, Any]] = [
            {"role": turn.role, "parts": _finished(turn)} for turn in self._turns
        ]
        if not contents or contents[0]["role"] != "user":
            contents.insert(0, {"role": "user", "parts": [dict(OPENING)]})
        if self._family.is_modern:
            for content in contents:
                _sign(content["parts"])
        return contents


def native_call_id(call_id: str, family: ModelFamily) -> str | None:
    """Return the id to send upstream: only Gemini 3 and later accept one."""
    return (split_call_id(call_id)[0] or None) if family.is_modern else None


def _await(waiting: _Waiting, calls: list[tuple[str, Call]]) -> None:
    of_turn: dict[str, deque[Call]] = {}
    for key, call in calls:
        of_turn.setdefault(key, deque()).append(call)
    for key, queue in of_turn.items():
        waiting[key].append(queue)


def _next_waiting(queues: list[deque[Call]]) -> Call | None:
    while queues:
        queue = queues[-1]
        while queue and queue[0].result is not None:
            queue.popleft()
        if queue:
            return queue[0]
        queues.pop()
    return None


def _finished(turn: _Turn) -> list[Part]:
    missing = [call.call_id for call in turn.calls if call.result is None]
    if missing:
        raise BadRequestError(
            "An assistant message with 'tool_calls' must be followed by tool messages responding "
            "to each 'tool_call_id'. The following tool_call_ids did not have response messages: "
            + ", ".join(call_id[:80] for call_id in missing[:_MOST_NAMED]),
            "messages",
        )
    results = [call.result for call in turn.calls if call.result is not None]
    return results + [part for call in turn.calls for part in call.media] + turn.parts


def _sign(parts: list[Part]) -> None:
    """Mark the first call of a turn as not to be checked when its signature is lost."""
    for part in parts:
        if "functionCall" in part:
            part.setdefault("thoughtSignature", SKIP_SIGNATURE)
            return
