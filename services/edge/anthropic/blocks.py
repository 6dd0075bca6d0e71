"""One answer of Gemini's as Anthropic's content blocks, read piece by piece.

Whole answers and streams are both read here, so that they cannot differ: a whole answer is
put together of what a stream would tell.
"""

import re
from typing import Any

import orjson

from services.edge.anthropic.citations import cite
from services.edge.anthropic.message_request import MessagePlan
from services.edge.anthropic.signatures import sign_thinking
from services.edge.anthropic.stops import refusal, tell_stop
from services.edge.openai.choice import blocked_choice
from services.edge.openai.finish import native_reason
from services.edge.openai.media import Part
from services.edge.openai.signatures import is_carrier_safe, sign_call_id

Event = dict[str, Any]

# What Anthropic's clients take for an id.
_ID = re.compile(r"[A-Za-z0-9_\-]{1,128}")
_EMPTY: dict[str, dict[str, str]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}


class Blocks:
    """Reads the replies of one answer and tells what becomes of the blocks.

    Attributes:
        is_finished: Whether Gemini said why the answer ended, or refused the prompt.
        searches: How often the web was searched.
    """

    def __init__(self, plan: MessagePlan, message_id: str) -> None:
        """Begin an answer; ids of calls are made from its own."""
        self._plan = plan
        self._stem = message_id.removeprefix("msg_")
        self._open = ""
        self._index = -1
        self._calls = 0
        self._codes = 0
        self._code_id = ""
        self._native: str | None = None
        self._message: object = None
        self._blocked: str | None = None
        self._grounding: object = None
        self.searches = 0

    @property
    def is_finished(self) -> bool:
        """Whether the answer came to its own end."""
        return self._native is not None or self._blocked is not None

    def read(self, reply: dict[str, Any]) -> list[Event]:
        """Return what a reply changes: the start, the growth and the stop of blocks, in order."""
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
        return events

    def end(self) -> list[Event]:
        """Return what ends the last block."""
        events: list[Event] = []
        citations, self.searches = cite(self._grounding)
        if citations and self._open != "text":
            self._start("text", events)
        for citation in citations:
            self._grow({"type": "citations_delta", "citation": citation}, events)
        self._close(events)
        return events

    def stop(self) -> dict[str, Any]:
        """Return stop_reason and its companions.

        Raises:
            AnswerError: The answer is none that could be told as whole.
        """
        if self._blocked is not None:
            return refusal(self._blocked)
        return tell_stop(self._native, self._message, has_calls=self._calls > 0)

    def _read_part(self, part: Part, events: list[Event]) -> None:
        text, signature = part.get("text"), part.get("thoughtSignature")
        if not isinstance(signature, str) or not signature:
            signature = None
        if part.get("thought"):
            # Drafts of pictures that the model made for itself are no words.
            if self._plan.shows_thinking and isinstance(text, str) and text:
                self._say("thinking", text, events)
            return
        if self._open == "thinking" and (signature or text != ""):
            self._close(events, signature)
        if isinstance(text, str):
            if text:
                self._say("text", text, events)
        elif isinstance(part.get("functionCall"), dict):
            self._call(part["functionCall"], signature, events)
        elif isinstance(part.get("executableCode"), dict):
            self._run(part["executableCode"], signature, events)
        elif isinstance(part.get("codeExecutionResult"), dict):
            self._ran(part["codeExecutionResult"], events)
        else:
            self._note(part, events)

    def _say(self, kind: str, text: str, events: list[Event]) -> None:
        if self._open != kind:
            self._close(events)
            self._start(kind, events)
        self._grow({"type": f"{kind}_delta", kind: text}, events)

    def _call(self, call: dict[str, Any], signature: str | None, events: list[Event]) -> None:
        if self._plan.one_call and self._calls:
            # The model calls again when it has the result.
            return
        call_id = call.get("id")
        if not isinstance(call_id, str) or not _ID.fullmatch(call_id):
            call_id = ""
        if not call_id or not is_carrier_safe(call_id):
            call_id = f"toolu_{self._stem}_{self._calls}"
        self._calls += 1
        block = {
            "type": "tool_use",
            "id": sign_call_id(call_id, signature),
            "name": str(call.get("name") or ""),
            "input": {},
        }
        self._whole(block, events, given=call.get("args") or {})

    def _run(self, code: dict[str, Any], signature: str | None, events: list[Event]) -> None:
        self._code_id = sign_call_id(f"srvtoolu_{self._stem}_{self._codes}", signature)
        self._codes += 1
        block = {
            "type": "server_tool_use",
            "id": self._code_id,
            "name": "code_execution",
            "input": {},
        }
        self._whole(block, events, given={"code": str(code.get("code") or "")})

    def _ran(self, result: dict[str, Any], events: list[Event]) -> None:
        output, is_well = str(result.get("output") or ""), result.get("outcome") == "OUTCOME_OK"
        content: dict[str, Any] = {
            "type": "code_execution_result",
            "stdout": output if is_well else "",
            "stderr": "" if is_well else output,
            "return_code": 0 if is_well else 1,
            "content": [],
        }
        block = {
            "type": "code_execution_tool_result",
            "tool_use_id": self._code_id or f"srvtoolu_{self._stem}",
            "content": content,
        }
        self._whole(block, events)

    def _note(self, part: Part, events: list[Event]) -> None:
        """Say in words that there is something which Anthropic's answers have no block for."""
        names = [name for name in part if name not in {"thought", "thoughtSignature"}]
        if not names:
            return
        inline = part.get("inlineData")
        kind = inline.get("mimeType") if isinstance(inline, dict) else names[0]
        self._say("text", f"[{str(kind)[:64]}: this form of answer cannot carry it]", events)

    def _whole(self, block: dict[str, Any], events: list[Event], *, given: object = None) -> None:
        """Tell of a block that comes whole, with its input if it is a call."""
        self._close(events)
        self._start(block["type"], events, block)
        if given is not None:
            text = orjson.dumps(given).decode()
            self._grow({"type": "input_json_delta", "partial_json": text}, events)
        self._close(events)

    def _start(self, kind: str, events: list[Event], block: Event | None = None) -> None:
        self._open = kind
        self._index += 1
        block = dict(_EMPTY[kind]) if block is None else block
        events.append({"type": "content_block_start", "index": self._index, "content_block": block})

    def _grow(self, delta: Event, events: list[Event]) -> None:
        events.append({"type": "content_block_delta", "index": self._index, "delta": delta})

    def _close(self, events: list[Event], signature: str | None = None) -> None:
        """Stop the open block; a thinking block carries the signature of what follows it."""
        if not self._open:
            return
        if self._open == "thinking":
            delta = {"type": "signature_delta", "signature": sign_thinking(signature)}
            self._grow(delta, events)
        self._open = ""
        events.append({"type": "content_block_stop", "index": self._index})


def _only_candidate(candidates: object) -> dict[str, Any] | None:
    """Return the one candidate that was asked for, if a reply has news of it."""
    for place, candidate in enumerate(candidates if isinstance(candidates, list) else ()):
        if isinstance(candidate, dict) and candidate.get("index", place) == 0:
            return candidate
    return None
