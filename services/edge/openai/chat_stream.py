"""A stream of Gemini's as a stream of chat completion chunks.

The end of each choice is held back until the upstream has ended: Gemini may give a reason
more than once, ends calls with STOP, and clients stop reading at the first finish_reason.
"""

from typing import Any

import orjson

from services.edge.openai.chat_request import ChatPlan
from services.edge.openai.choice import Choice, Delta, blocked_choice
from services.edge.openai.errors import error_body
from services.edge.openai.usage import translate_usage

DONE = b"data: [DONE]\n\n"

_ANY_TEXT = "\0"


class ChatStream:
    """Turns the events of one stream into SSE frames, one after the other.

    Attributes:
        kind: The `object` of each frame.
        usage: The last usageMetadata; Gemini's counts are cumulative.
    """

    kind = "chat.completion.chunk"

    def __init__(self, plan: ChatPlan, *, completion_id: str, created: int) -> None:
        """Begin a stream.

        Args:
            plan: The request's.
            completion_id: The id of the completion; ids of calls are made from it.
            created: Unix time in seconds.
        """
        head = orjson.dumps(
            {
                "id": completion_id,
                "object": self.kind,
                "created": created,
                "model": plan.model,
            }
        )
        self._head = b"data: " + head[:-1] + b',"choices":['
        self._tail = b'],"usage":null}\n\n' if plan.include_usage else b"]}\n\n"
        self._plan = plan
        self._completion_id = completion_id
        self._choices: dict[int, Choice] = {}
        self._begun: set[int] = set()
        self._around_text: dict[int, tuple[bytes, bytes]] = {}
        self.usage: dict[str, Any] | None = None

    @property
    def finished(self) -> bool:
        """Whether the upstream said why the answer ended, or refused the prompt.

        A stream that ends before is cut off, and must end with an error.
        """
        return bool(self._choices) and all(choice.is_finished for choice in self._choices.values())

    def feed(self, event: dict[str, Any]) -> bytes:
        """Return the frames for an event of the upstream: none for one without news."""
        usage = event.get("usageMetadata")
        if isinstance(usage, dict):
            self.usage = usage
        frames: list[bytes] = []
        candidates = event.get("candidates")
        for place, candidate in enumerate(candidates if isinstance(candidates, list) else ()):
            if isinstance(candidate, dict):
                self._read(candidate, place, frames)
        blocked = blocked_choice(event.get("promptFeedback"))
        if blocked:
            reason, text = blocked
            for choice in list(self._choices.values()) or [self._choice(0)]:
                if not choice.is_finished:
                    choice.end_blocked(reason, text)
        return b"".join(frames)

    def finish(self) -> bytes:
        """Return the last frames.

        An answer without an end gets an error in place of an end, and no `[DONE]`.
        """
        if not self.finished:
            return self.error_frame(
                "The upstream ended the answer before it was complete.", "api_error", "truncated"
            )
        frames: list[bytes] = []
        for index in sorted(self._choices):
            choice = self._choices[index]
            if self._plan.shows_sources and (sources := choice.sources()):
                frames.append(self._frame(index, {"content": sources}))
            delta: Delta = {}
            extra, refusal = choice.extra_content(), choice.refusal()
            if extra:
                delta["extra_content"] = extra
            if refusal:
                delta["refusal"] = refusal
            frames.append(self._frame(index, delta, **choice.ending()))
        if self._plan.include_usage and self.usage is not None:
            usage = orjson.dumps(translate_usage(self.usage))
            frames.append(self._head + b'],"usage":' + usage + b"}\n\n")
        frames.append(DONE)
        return b"".join(frames)

    def error_frame(self, message: str, type: str, code: str | None) -> bytes:  # noqa: A002 - the word of the wire
        """Return the frame that tells of a failure after the first byte."""
        return b"data: " + orjson.dumps(error_body(message, type=type, code=code)) + b"\n\n"

    def _choice(self, index: int) -> Choice:
        choice = self._choices.get(index)
        if choice is None:
            choice = Choice(index, self._completion_id, is_legacy=self._plan.legacy_functions)
            self._choices[index] = choice
        return choice

    def _read(self, candidate: dict[str, Any], place: int, frames: list[bytes]) -> None:
        index = candidate.get("index", place)
        choice = self._choice(index if isinstance(index, int) else place)
        if choice.index in self._begun and (text := choice.read_text(candidate)):
            before, after = self._around_text.get(choice.index) or self._cut_frame(choice.index)
            frames.append(before + orjson.dumps(text) + after)
            return
        deltas = choice.read(candidate)
        logprobs = choice.read_logprobs(candidate)
        if logprobs and not deltas:
            deltas = [{"content": ""}]
        for delta in deltas:
            if "tool_calls" in delta or "function_call" in delta:
                pieces = _call_pieces(delta)
            else:
                pieces = [delta]
            if "audio" in delta:
                delta["audio"]["id"] = f"audio_{self._completion_id}"
            for piece in pieces:
                frames.append(self._frame(choice.index, piece, logprobs=logprobs))
                logprobs = []

    def _cut_frame(self, index: int) -> tuple[bytes, bytes]:
        """Return what stands before and after the text where a frame adds nothing else."""
        frame = self._frame(index, {"content": _ANY_TEXT})
        before, _, after = frame.rpartition(orjson.dumps(_ANY_TEXT))
        self._around_text[index] = before, after
        return before, after

    def _frame(
        self,
        index: int,
        delta: Delta,
        *,
        logprobs: list[dict[str, Any]] | None = None,
        finish_reason: str | None = None,
        native_finish_reason: str | None = None,
    ) -> bytes:
        is_first = index not in self._begun
        self._begun.add(index)
        choice = self._told(index, delta, logprobs, is_first=is_first)
        choice["finish_reason"] = finish_reason
        if finish_reason is not None:
            choice["native_finish_reason"] = native_finish_reason
        return self._head + orjson.dumps(choice) + self._tail

    def _told(
        self, index: int, delta: Delta, logprobs: list[dict[str, Any]] | None, *, is_first: bool
    ) -> dict[str, Any]:
        """Return a choice of a frame, but for its end."""
        if is_first:
            opening: Delta = {"role": "assistant"}
            if "content" not in delta:
                opening["content"] = None
            delta = opening | delta
        return {
            "index": index,
            "delta": delta,
            "logprobs": {"content": logprobs, "refusal": None} if logprobs else None,
        }


def _call_pieces(delta: Delta) -> list[Delta]:
    """Return a call in two pieces, as OpenAI streams them: who is called, then with what."""
    if "function_call" in delta:
        call = delta["function_call"]
        arguments = call["arguments"]
        return [
            {"function_call": {**call, "arguments": ""}},
            {"function_call": {"arguments": arguments}},
        ]
    entry = delta["tool_calls"][0]
    function = entry["function"]
    return [
        {"tool_calls": [{**entry, "function": {**function, "arguments": ""}}]},
        {
            "tool_calls": [
                {"index": entry["index"], "function": {"arguments": function["arguments"]}}
            ]
        },
    ]
