"""A transcript while it is heard, as OpenAI's events."""

import orjson

from services.edge.openai.transcript import TranscriptAnswer
from services.edge.openai_events import DONE, Events, event, told_answers
from services.edge.sse import events_of
from services.edge.usage import TokenUsage, read_usage

NO_TRANSCRIPT = "no_transcript"
"""The code of an answer that is no whole transcript."""


class TranscriptVoice(Events):
    """`transcript.text.delta` for each piece, then `transcript.text.done`; see `Voice`."""

    watch_finish = False
    breaks_off = False

    def __init__(self) -> None:
        """Begin an answer."""
        self._answer = TranscriptAnswer()
        self._ready = b""

    async def before(self, block: bytes, project_id: str) -> None:
        """Read a block: what it tells first may be that there is no transcript."""
        del project_id
        with told_answers(NO_TRANSCRIPT):
            pieces = [self._answer.read(orjson.loads(payload)) for payload in events_of(block)]
        self._ready = b"".join(
            event({"type": "transcript.text.delta", "delta": piece}) for piece in pieces if piece
        )

    def say(self, block: bytes) -> bytes:
        """Return the words of the block as events."""
        del block
        return self._ready

    def is_finished(self) -> bool:
        """Whether the transcript is complete."""
        return self._answer.is_finished

    def ending(self) -> bytes:
        """Return the last event: the whole text and the count of tokens."""
        done = {
            "type": "transcript.text.done",
            "text": self._answer.text,
            "usage": self._answer.usage(),
        }
        return event(done) + DONE

    def usage(self) -> TokenUsage | None:
        """Return what the upstream counted."""
        return read_usage(self._answer.metadata)
