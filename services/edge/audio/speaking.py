"""Speech while it is spoken: as bare bytes, or as OpenAI's events."""

import base64

import orjson

from services.edge.audio.encoding import Recipe
from services.edge.audio.studio import Studio
from services.edge.envelopes import Headers
from services.edge.http import BrokenAnswerError
from services.edge.openai.speech import SOUND_TYPES, SpeechAnswer, SpeechPlan
from services.edge.openai_events import DONE, Events, event, told_answers
from services.edge.sse import events_of
from services.edge.streaming import StreamFailedError
from services.edge.usage import TokenUsage, read_usage

NO_SPEECH = "no_speech"
"""The code of an answer that is no whole speech."""


class _SpeechVoice:
    """What both ways of telling share; see `Voice` for the methods."""

    watch_finish = False
    breaks_off = False

    def __init__(self, plan: SpeechPlan, studio: Studio) -> None:
        self._recording = studio.begin(Recipe(plan.form, plan.speed, is_whole=False))
        self._answer = SpeechAnswer()
        self._ready = b""

    async def before(self, block: bytes, project_id: str) -> None:
        """Encode the sound of a block, beside the event loop."""
        del project_id
        sounds: list[str] = []
        with told_answers(NO_SPEECH):
            for payload in events_of(block):
                sounds += self._answer.read(orjson.loads(payload))
        is_last = self._answer.is_finished
        self._ready = b""
        if sounds or is_last:
            self._ready = await self._recording.go_on(self._answer.rate, sounds, is_last=is_last)

    def is_finished(self) -> bool:
        return self._answer.is_finished

    def usage(self) -> TokenUsage | None:
        return read_usage(self._answer.metadata)


class BytesVoice(_SpeechVoice):
    """Bare bytes. They have no place for an error: only a broken connection tells it."""

    breaks_off = True
    after = None

    def __init__(self, plan: SpeechPlan, studio: Studio) -> None:
        """Take the request's plan and where sound is encoded."""
        super().__init__(plan, studio)
        self._head: Headers = [(b"content-type", SOUND_TYPES[plan.form].encode())]

    def headers(self, upstream: Headers) -> Headers:
        """Return the head of the client's answer."""
        del upstream
        return self._head

    def opening(self) -> Headers:
        """Return the head of an answer whose upstream has not begun yet."""
        return self._head

    def heartbeat(self) -> None:
        """Give no sign of life: bytes of sound are all that may be sent."""

    def failed(self, body: bytes) -> bytes:
        """Break the connection."""
        raise BrokenAnswerError

    def say(self, block: bytes) -> bytes:
        """Return the sound that is ready."""
        del block
        return self._ready

    def ending(self) -> bytes:
        """Return nothing: the last block has completed the file."""
        return b""

    def failure(self, failure: StreamFailedError) -> bytes:
        """Return nothing: there is no place for it."""
        del failure
        return b""


class EventsVoice(Events, _SpeechVoice):
    """OpenAI's events: `speech.audio.delta`, then `speech.audio.done`."""

    def say(self, block: bytes) -> bytes:
        """Return the sound that is ready as an event."""
        del block
        if not self._ready:
            return b""
        sound = base64.b64encode(self._ready).decode()
        return event({"type": "speech.audio.delta", "audio": sound})

    def ending(self) -> bytes:
        """Return the last event, with the count of tokens."""
        return event({"type": "speech.audio.done", "usage": self._answer.usage}) + DONE
