"""Interactions: answers that are kept, and conversations that go on from them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from services.simulator.answers import compose
from services.simulator.catalog import MODELS
from services.simulator.clock import timestamp
from services.simulator.errors import ApiError, invalid, model_not_found
from services.simulator.owned.shelf import Shelf, new_id
from services.simulator.tokens import count_request, count_text

Event = dict[str, Any]
_PIECE = 80


@dataclass(frozen=True, slots=True)
class Interaction:
    """One turn of a conversation.

    Attributes:
        contents: All turns up to this one, its answer included.
        ends: When the answer is there.
    """

    interaction_id: str
    project: str
    model: str
    previous: str
    contents: tuple[dict[str, Any], ...]
    text: str
    usage: dict[str, int]
    created: float
    ends: float
    is_cancelled: bool = False

    @property
    def name(self) -> str:
        """Its name on the shelf."""
        return self.interaction_id

    def status(self, now: float) -> str:
        """Return how it stands."""
        if self.is_cancelled:
            return "cancelled"
        return "completed" if now >= self.ends else "in_progress"

    def describe(self, now: float) -> dict[str, Any]:
        """Return it as the API shows it."""
        status = self.status(now)
        described: dict[str, Any] = {
            "id": self.interaction_id,
            "object": "interaction",
            "model": self.model,
            "status": status,
            "created": timestamp(self.created),
            "updated": timestamp(min(now, self.ends)),
        }
        if self.previous:
            described["previous_interaction_id"] = self.previous
        if status == "completed":
            content = [{"type": "text", "text": self.text}]
            described["steps"] = [{"type": "model_output", "content": content}]
            described["usage"] = self.usage
        return described

    def events(self, now: float) -> Iterator[Event]:
        """Yield the events of its answer, each with its kind in `event_type`."""
        begun = self.describe(now) | {"status": "in_progress"}
        begun.pop("steps", None)
        begun.pop("usage", None)
        yield {"event_type": "interaction.created", "interaction": begun}
        yield {"event_type": "step.start", "index": 0, "step": {"type": "model_output"}}
        for start in range(0, len(self.text), _PIECE):
            delta = {"type": "text", "text": self.text[start : start + _PIECE]}
            yield {"event_type": "step.delta", "index": 0, "delta": delta}
        yield {"event_type": "step.stop", "index": 0}
        yield {"event_type": "interaction.completed", "interaction": self.describe(self.ends)}


class InteractionDesk:
    """The interactions of all projects."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Start empty; `now` returns seconds since the epoch."""
        self._now = now
        self._shelf: Shelf[Interaction] = Shelf()

    def create(self, request: dict[str, Any], project: str, *, seconds: float) -> Interaction:
        """Answer a turn; one that runs in the background takes so many seconds.

        Raises:
            ApiError: It goes on from one that the project does not have, or names no model.
        """
        name = request.get("model", request.get("agent", ""))
        model = MODELS.get(name.removeprefix("models/"))
        if model is None:
            raise model_not_found(name, "v1beta", "createInteraction")
        previous = request.get("previous_interaction_id", "")
        before = self._shelf.get(previous, project).contents if previous else ()
        contents = [*before, {"role": "user", "parts": [{"text": _text_of(request.get("input"))}]}]
        prompt = {"contents": contents}
        answer = compose(prompt, model, project)
        text = "".join(part.get("text", "") for part in answer.parts)
        told, said = count_request(prompt).total(), count_text(text)
        now = self._now()
        interaction = Interaction(
            interaction_id=f"v1_{new_id(40)}",
            project=project,
            model=model.name,
            previous=previous,
            contents=(*contents, {"role": "model", "parts": [{"text": text}]}),
            text=text,
            usage={
                "total_input_tokens": told,
                "total_output_tokens": said,
                "total_tokens": told + said,
            },
            created=now,
            ends=now + (seconds if request.get("background") else 0),
        )
        return interaction if request.get("store") is False else self._shelf.put(interaction)

    def get(self, interaction_id: str, project: str) -> Interaction:
        """Return an interaction of the project; ApiError when there is none."""
        return self._shelf.get(interaction_id, project)

    def cancel(self, interaction_id: str, project: str) -> Interaction:
        """Stop one that runs; ApiError when there is none, or when it has ended."""
        interaction = self._shelf.get(interaction_id, project)
        if interaction.status(self._now()) != "in_progress":
            raise ApiError(400, "The interaction has ended.", status="FAILED_PRECONDITION")
        return self._shelf.put(replace(interaction, is_cancelled=True))

    def delete(self, interaction_id: str, project: str) -> None:
        """Remove one; ApiError when there is none."""
        self._shelf.delete(interaction_id, project)


def _text_of(value: Any) -> str:
    """Return the words of an input: a text, a content, or a list of contents or steps."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return _text_of(value.get("text", value.get("content", "")))
    if isinstance(value, list):
        return "\n".join(filter(None, map(_text_of, value)))
    raise invalid("input: the interaction has no input")
