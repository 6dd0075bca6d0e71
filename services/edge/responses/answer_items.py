"""One answer of Gemini's as the items of a response, read piece by piece."""

import re
from typing import Any

from services.edge.openai.choice import blocked_choice
from services.edge.openai.finish import native_reason
from services.edge.openai.media import Part
from services.edge.openai.signatures import is_carrier_safe, sign_call_id
from services.edge.responses.calls import Growth, call_item
from services.edge.responses.ends import End, tell_end
from services.edge.responses.events import Event, OpenMessage, OpenReasoning, tell_whole
from services.edge.responses.ids import stem_of
from services.edge.responses.response_request import ResponsePlan
from services.edge.responses.search import annotate, search_action
from services.edge.responses.signatures import seal_signature

_ID = re.compile(r"[A-Za-z0-9_\-]{1,128}")


class AnswerItems:
    """Reads the replies of one answer and tells what becomes of the items.

    Attributes:
        output: The items that are done.
        is_finished: Whether Gemini said why the answer ended, or refused the prompt.
    """

    def __init__(self, plan: ResponsePlan, response_id: str) -> None:
        """Begin an answer; ids of items and calls are made from its own."""
        self.output: list[dict[str, Any]] = []
        self._plan = plan
        self._stem = stem_of(response_id)
        self._open: OpenReasoning | OpenMessage | None = None
        self._begun = 0
        self._calls = 0
        self._late_signature: str | None = None
        self._native: str | None = None
        self._message: object = None
        self._blocked: str | None = None
        self._grounding: object = None

    @property
    def is_finished(self) -> bool:
        """Whether the answer came to its own end."""
        return self._native is not None or self._blocked is not None

    def read(self, reply: dict[str, Any]) -> list[Event]:
        """Return what a reply changes, in order."""
        events: list[Event] = []
        candidate = _only_candidate(reply.get("candidates"))
        if candidate is not None:
            content = candidate.get("content")
            parts = content.get("parts") if isinstance(content, dict) else None
            for part in parts if isinstance(parts, list) else ():
                if isinstance(part, dict):
                    self._read_part(part, events)
            if candidate.get("groundingMetadata"):
                self._grounding = candidate["groundingMetadata"]
            native = native_reason(candidate.get("finishReason"))
            if native:
                self._native, self._message = native, candidate.get("finishMessage")
        blocked = blocked_choice(reply.get("promptFeedback"))
        if blocked and not self.is_finished:
            self._blocked = blocked[1]
        return self._noted(events)

    def end(self) -> tuple[End, list[Event]]:
        """Return how the answer ended, and what ends its items.

        Raises:
            AnswerError: The answer is none that could be told as whole.
        """
        if self._blocked is not None:
            end = End("content_filter", self._blocked)
        else:
            end = tell_end(self._native, self._message)
        events: list[Event] = []
        if isinstance(self._open, OpenMessage):
            self._open.annotate(annotate(self._grounding, self._open.text), events)
        elif end.refusal:
            self._begin_message(events)
        self._close(events, end=end)
        action = search_action(self._grounding)
        if action is not None:
            item = {"type": "web_search_call", "status": "completed", "action": action}
            self._whole("ws", item, events)
        return end, self._noted(events)

    def _noted(self, events: list[Event]) -> list[Event]:
        self.output += [
            each["item"] for each in events if each["type"] == "response.output_item.done"
        ]
        return events

    def _read_part(self, part: Part, events: list[Event]) -> None:
        text, signature = part.get("text"), part.get("thoughtSignature")
        if not isinstance(signature, str) or not signature:
            signature = None
        if part.get("thought"):
            # Drafts of pictures that the model made for itself are no words.
            if self._plan.shows_summary and isinstance(text, str) and text:
                self._think(text, events)
            return
        if isinstance(self._open, OpenReasoning) and (signature or text != ""):
            self._close(events, signature)
            signature = signature if isinstance(part.get("functionCall"), dict) else None
        if isinstance(text, str):
            if text:
                self._say(text, events)
            self._late_signature = signature or self._late_signature
        elif isinstance(part.get("functionCall"), dict):
            self._call(part["functionCall"], signature, events)
        elif _is_picture(part.get("inlineData")):
            self._draw(part["inlineData"], signature, events)
        else:
            self._note(part, events)

    def _think(self, text: str, events: list[Event]) -> None:
        if not isinstance(self._open, OpenReasoning):
            self._close(events)
            self._open = OpenReasoning(self._id("rs"), self._place(), events)
        self._open.grow(text, events)

    def _say(self, text: str, events: list[Event]) -> None:
        if not isinstance(self._open, OpenMessage):
            self._begin_message(events)
        assert isinstance(self._open, OpenMessage)
        self._open.grow(text, events)

    def _begin_message(self, events: list[Event]) -> None:
        self._close(events)
        self._open = OpenMessage(self._id("msg"), self._place(), events)

    def _call(self, call: dict[str, Any], signature: str | None, events: list[Event]) -> None:
        if self._plan.one_call and self._calls:
            # The model calls again when it has the result.
            return
        self._close(events)
        call_id = call.get("id")
        if not isinstance(call_id, str) or not _ID.fullmatch(call_id):
            call_id = ""
        if not call_id or not is_carrier_safe(call_id):
            call_id = f"call_{self._stem}_{self._calls}"
        self._calls += 1
        signed = sign_call_id(call_id, signature)
        prefix, item, grows = call_item(call, signed, self._plan.tools)
        self._whole(prefix, item, events, grows=grows)

    def _draw(self, data: dict[str, Any], signature: str | None, events: list[Event]) -> None:
        self._close(events)
        form = data["mimeType"].partition("/")[2]
        self._whole(
            "ig",
            {
                "type": "image_generation_call",
                "status": "completed",
                "result": data["data"],
                "output_format": form,
            },
            events,
        )
        self._late_signature = signature

    def _note(self, part: Part, events: list[Event]) -> None:
        """Say in words that there is something which responses have no item for."""
        names = [name for name in part if name not in {"thought", "thoughtSignature"}]
        if not names:
            signature = part.get("thoughtSignature")
            self._late_signature = signature if isinstance(signature, str) else None
            return
        inline = part.get("inlineData")
        kind = inline.get("mimeType") if isinstance(inline, dict) else names[0]
        self._say(f"[{str(kind)[:64]}: this form of answer cannot carry it]", events)

    def _whole(
        self,
        prefix: str,
        item: dict[str, Any],
        events: list[Event],
        *,
        grows: Growth | None = None,
    ) -> None:
        self._close(events)
        named = {"id": self._id(prefix), **item}
        tell_whole(named, self._place(), events, grows=grows)

    def _close(
        self, events: list[Event], signature: str | None = None, end: End | None = None
    ) -> None:
        """End the open item; reasoning carries the signature of what follows it.

        That of a text comes with its last piece, and stands in reasoning behind it.
        """
        opened, self._open = self._open, None
        end = end or End()
        if isinstance(opened, OpenReasoning):
            sealed = seal_signature(signature, is_of_next=True) if signature else None
            opened.close(sealed, events)
        elif isinstance(opened, OpenMessage):
            opened.close(end.status, end.refusal, events)
        late, self._late_signature = self._late_signature, None
        if late:
            reasoning = OpenReasoning(self._id("rs"), self._place(), events)
            reasoning.close(seal_signature(late, is_of_next=False), events)

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self._stem}_{self._begun}"

    def _place(self) -> int:
        self._begun += 1
        return self._begun - 1


def _is_picture(inline: object) -> bool:
    return (
        isinstance(inline, dict)
        and isinstance(inline.get("data"), str)
        and str(inline.get("mimeType")).startswith("image/")
    )


def _only_candidate(candidates: object) -> dict[str, Any] | None:
    """Return the one candidate that was asked for, if a reply has news of it."""
    for place, candidate in enumerate(candidates if isinstance(candidates, list) else ()):
        if isinstance(candidate, dict) and candidate.get("index", place) == 0:
            return candidate
    return None
