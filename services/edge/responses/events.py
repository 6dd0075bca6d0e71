"""The events in which an item of an answer is told, from its beginning to its end.

Whole answers and streams are both made of these, so that they cannot differ: a whole answer
holds the items that a stream ends with.
"""

from typing import Any

from services.edge.responses.calls import Growth

Event = dict[str, Any]


class OpenItem:
    """An item that is being told.

    Attributes:
        item: As it stands.
        content_index: The place of the part that grows, in a message.
    """

    def __init__(self, item: dict[str, Any], index: int, events: list[Event]) -> None:
        """Begin an item."""
        self.item = item
        self._place = {"item_id": item["id"], "output_index": index}
        self._index = index
        events.append(_lifecycle("response.output_item.added", index, item))

    def tell(self, name: str, events: list[Event], **what: Any) -> None:
        """Tell something about the item."""
        events.append({"type": f"response.{name}", **self._place, **what})

    def done(self, status: str, events: list[Event]) -> None:
        """End the item."""
        if "status" in self.item:
            self.item["status"] = status
        events.append(_lifecycle("response.output_item.done", self._index, self.item))


class OpenReasoning:
    """A summary of the model's thoughts."""

    kind = "reasoning"

    def __init__(self, item_id: str, index: int, events: list[Event]) -> None:
        """Begin one."""
        item: dict[str, Any] = {"id": item_id, "type": "reasoning", "summary": []}
        self._open = OpenItem(item, index, events)
        self._text = ""

    def grow(self, text: str, events: list[Event]) -> None:
        """Add to the summary."""
        if not self._text:
            part = {"type": "summary_text", "text": ""}
            self._open.tell("reasoning_summary_part.added", events, summary_index=0, part=part)
        self._text += text
        self._open.tell("reasoning_summary_text.delta", events, summary_index=0, delta=text)

    def close(self, sealed: str | None, events: list[Event]) -> None:
        """End it, with the signature that it carries."""
        item, tell = self._open.item, self._open.tell
        if self._text:
            part = {"type": "summary_text", "text": self._text}
            item["summary"] = [part]
            text = self._text
            tell("reasoning_summary_text.done", events, summary_index=0, text=text)
            tell("reasoning_summary_part.done", events, summary_index=0, part=part)
        if sealed:
            item["encrypted_content"] = sealed
        self._open.done("completed", events)


class OpenMessage:
    """What the model says, or why it does not."""

    kind = "message"

    def __init__(self, item_id: str, index: int, events: list[Event]) -> None:
        """Begin one."""
        item: dict[str, Any] = {
            "id": item_id,
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }
        self._open = OpenItem(item, index, events)
        self._text = ""
        self._annotations: list[dict[str, Any]] = []

    @property
    def text(self) -> str:
        """What was said so far."""
        return self._text

    def grow(self, text: str, events: list[Event]) -> None:
        """Add to the text."""
        if not self._text:
            self._add(_text_part("", []), events)
        self._text += text
        delta: dict[str, Any] = {"delta": text, "logprobs": []}
        self._open.tell("output_text.delta", events, content_index=0, **delta)

    def annotate(self, annotations: list[dict[str, Any]], events: list[Event]) -> None:
        """Tell where the text is from."""
        for annotation in annotations:
            number = len(self._annotations)
            self._annotations.append(annotation)
            what = {"annotation_index": number, "annotation": annotation}
            self._open.tell("output_text.annotation.added", events, content_index=0, **what)

    def close(self, status: str, refusal: str | None, events: list[Event]) -> None:
        """End it.

        Args:
            status: Of the item.
            refusal: Why there is no more, where something was held back.
            events: Takes the events.
        """
        content: list[dict[str, Any]] = []
        if self._text:
            content.append(_text_part(self._text, self._annotations))
            told: dict[str, Any] = {"text": self._text, "logprobs": []}
            self._open.tell("output_text.done", events, content_index=0, **told)
            self._end_part(content, events)
        if refusal:
            place = len(content)
            self._add({"type": "refusal", "refusal": ""}, events, place)
            self._open.tell("refusal.delta", events, content_index=place, delta=refusal)
            self._open.tell("refusal.done", events, content_index=place, refusal=refusal)
            content.append({"type": "refusal", "refusal": refusal})
            self._end_part(content, events)
        self._open.item["content"] = content
        self._open.done(status, events)

    def _add(self, part: dict[str, Any], events: list[Event], place: int = 0) -> None:
        self._open.tell("content_part.added", events, content_index=place, part=part)

    def _end_part(self, content: list[dict[str, Any]], events: list[Event]) -> None:
        place = len(content) - 1
        self._open.tell("content_part.done", events, content_index=place, part=content[place])


def tell_whole(
    item: dict[str, Any],
    index: int,
    events: list[Event],
    *,
    grows: Growth | None = None,
) -> None:
    """Tell of an item that comes whole.

    Args:
        item: As it will stand.
        index: Its place in the output.
        events: Takes the events.
        grows: The field that clients expect to grow, and the name of its events.
    """
    begun = item | {"status": "in_progress"} if "status" in item else dict(item)
    text = ""
    if grows is not None:
        text = item[grows[0]]
        begun[grows[0]] = ""
    opened = OpenItem(begun, index, events)
    if grows is not None:
        if text:
            opened.tell(f"{grows[1]}.delta", events, delta=text)
        opened.tell(f"{grows[1]}.done", events, **{grows[0]: text})
        begun = begun | {grows[0]: text}
        opened.item = begun
    opened.done("completed", events)


def _text_part(text: str, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}


def _lifecycle(kind: str, index: int, item: dict[str, Any]) -> Event:
    # Told as it stands now: it goes on changing.
    return {"type": kind, "output_index": index, "item": dict(item)}
