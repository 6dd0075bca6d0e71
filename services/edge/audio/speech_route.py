"""POST /v1/audio/speech."""

from services.edge.audio.encoding import Recipe
from services.edge.audio.speaking import NO_SPEECH, BytesVoice, EventsVoice
from services.edge.audio.studio import Studio
from services.edge.calls import Call
from services.edge.disconnect import ClientWatch
from services.edge.envelopes import Headers
from services.edge.errors import ApiError
from services.edge.http import Exchange
from services.edge.openai.errors import SpoiltAnswerError
from services.edge.openai.speech import SOUND_TYPES, SpeechAnswer, translate_speech
from services.edge.openai_calls import (
    admit,
    call_model,
    parsed,
    read_request,
    tell_ignored,
    with_upstream_model,
)
from services.edge.openai_events import told_answers
from services.edge.plain import fetch
from services.edge.relaying import relay_stream
from services.edge.runtime import Runtime
from services.edge.telling import Voice


class SpeechRoute:
    """Speaks a text with one of Gemini's voices."""

    def __init__(self, runtime: Runtime) -> None:
        """Take the shared parts."""
        self._runtime = runtime
        self._studio = Studio()

    async def serve(self, exchange: Exchange) -> None:
        """Answer with a sound file; streamed when the client asks for a `stream_format`.

        Raises:
            BadRequestError: The request cannot be said to Gemini.
            ApiError: It is refused, or the answer is no speech.
        """
        runtime = self._runtime
        asker = await admit(runtime, exchange)
        plan = translate_speech(
            with_upstream_model(runtime, await read_request(runtime, exchange)),
            default_model=runtime.settings.tts_model,
            default_voice=runtime.settings.tts_voice_name,
        )
        verb = "streamGenerateContent" if plan.stream else "generateContent"
        call = await call_model(runtime, asker, plan.model, verb, plan.gemini_body)
        tell_ignored(exchange, plan.ignored)
        if plan.stream:
            is_events = plan.stream == "sse"
            voice: Voice = (EventsVoice if is_events else BytesVoice)(plan, self._studio)
            await relay_stream(runtime, exchange, call, voice)
            return
        async with ClientWatch(exchange):
            answer, sounds, shown = await self._spoken(call)
            try:
                file = await self._studio.record(Recipe(plan.form, plan.speed), answer.rate, sounds)
            except ValueError:
                raise ApiError(502, "The upstream sent no sound.", code="bad_upstream") from None
        head = (b"content-type", SOUND_TYPES[plan.form].encode())
        await exchange.answer(200, [head, *shown], file)

    async def _spoken(self, call: Call) -> tuple[SpeechAnswer, list[str], Headers]:
        """Return an answer, its sound in base64, and our own headers about it.

        Models that speak fail at times for no reason, with success as the status: they are
        asked once more.
        """
        for is_last_try in (False, True):
            whole = await fetch(self._runtime, call)
            answer = SpeechAnswer()
            with told_answers(NO_SPEECH):
                try:
                    sounds = answer.read(parsed(whole))
                except SpoiltAnswerError:
                    if is_last_try:
                        raise
                    continue
            if answer.is_finished:
                return answer, sounds, whole.told
            break
        raise ApiError(502, "The speech does not come to its end.", code="truncated")
