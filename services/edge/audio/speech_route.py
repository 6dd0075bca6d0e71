"""POST /v1/audio/speech."""

from services.edge.audio.encoding import Recipe
from services.edge.audio.events import told_answers
from services.edge.audio.speaking import NO_SPEECH, BytesVoice, EventsVoice
from services.edge.audio.studio import Studio
from services.edge.disconnect import ClientWatch
from services.edge.errors import ApiError
from services.edge.http import Exchange
from services.edge.openai.speech import SOUND_TYPES, SpeechAnswer, translate_speech
from services.edge.openai_calls import admit, call_model, parsed, read_request, tell_ignored
from services.edge.plain import fetch
from services.edge.relaying import Voice, relay_stream
from services.edge.runtime import Runtime


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
            await read_request(runtime, exchange),
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
        answer = SpeechAnswer()
        async with ClientWatch(exchange):
            whole = await fetch(runtime, call)
            with told_answers(NO_SPEECH):
                sounds = answer.read(parsed(whole))
            if not answer.is_finished:
                raise ApiError(502, "The speech does not come to its end.", code="truncated")
            recipe = Recipe(plan.form, plan.speed)
            try:
                file = await self._studio.record(recipe, answer.rate, sounds)
            except ValueError:
                raise ApiError(502, "The upstream sent no sound.", code="bad_upstream") from None
        head = (b"content-type", SOUND_TYPES[plan.form].encode())
        await exchange.answer(200, [head, *whole.told], file)
