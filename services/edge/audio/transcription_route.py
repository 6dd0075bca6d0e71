"""POST /v1/audio/transcriptions and /v1/audio/translations."""

from services.edge.audio.listening import Listener, Sound
from services.edge.audio.transcribing import NO_TRANSCRIPT, TranscriptVoice
from services.edge.clients import check_model_allowed
from services.edge.disconnect import ClientWatch
from services.edge.errors import ApiError
from services.edge.http import Exchange
from services.edge.needs import Asker
from services.edge.openai.errors import BadRequestError
from services.edge.openai.transcript import TranscriptAnswer, tell_transcript
from services.edge.openai.transcription import TranscriptionPlan, translate_transcription
from services.edge.openai_calls import admit, call_model, parsed, tell_ignored
from services.edge.openai_events import told_answers
from services.edge.paths import check_model
from services.edge.plain import fetch
from services.edge.relaying import relay_stream
from services.edge.runtime import Runtime
from services.edge.uploads.form import Form

_TEXT = b"text/plain; charset=utf-8"
_JSON = b"application/json"


class TranscriptionRoute:
    """Writes down what is said in a file of sound."""

    def __init__(self, runtime: Runtime, *, is_translation: bool) -> None:
        """Take the shared parts, and whether it writes English whatever is spoken."""
        self._runtime = runtime
        self._is_translation = is_translation

    async def serve(self, exchange: Exchange) -> None:
        """Answer with a transcript, in the form that the client asks for.

        Raises:
            BadRequestError: The form cannot be said to Gemini.
            ApiError: It is refused, or the answer is no transcript.
        """
        asker = await admit(self._runtime, exchange)
        listener = Listener(self._runtime, exchange, asker.client)
        try:
            form = Form(exchange, self._runtime.settings.upload_idle_seconds)
            sound = await listener.take(form, lambda: self._plan(form, asker))
        except (ApiError, BadRequestError):
            await exchange.drain()
            raise
        try:
            async with ClientWatch(exchange):
                await listener.ready(sound)
            await self._answer(exchange, asker, self._plan(form, asker), sound)
        finally:
            await listener.forget(sound)

    def _plan(self, form: Form, asker: Asker) -> TranscriptionPlan:
        fields, settings = dict(form.fields), self._runtime.settings
        if "model" in fields:
            named = self._runtime.models.choices.named
            fields["model"] = [named(name) if name else name for name in fields["model"]]
        plan = translate_transcription(
            fields,
            default_model=settings.stt_model,
            is_translation=self._is_translation,
        )
        check_model_allowed(asker.client, check_model(plan.model))
        return plan

    async def _answer(
        self, exchange: Exchange, asker: Asker, plan: TranscriptionPlan, sound: Sound
    ) -> None:
        verb = "streamGenerateContent" if plan.stream else "generateContent"
        body = plan.gemini_body(sound.part)
        call = await call_model(self._runtime, asker, plan.model, verb, body)
        tell_ignored(exchange, plan.ignored)
        if plan.stream:
            await relay_stream(self._runtime, exchange, call, TranscriptVoice())
            return
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, call)
        answer = TranscriptAnswer()
        with told_answers(NO_TRANSCRIPT):
            answer.read(parsed(whole))
            if not answer.is_finished:
                raise ApiError(502, "The transcript does not come to its end.", code="truncated")
            told = tell_transcript(plan, answer)
        kind = _JSON if plan.form.endswith("json") else _TEXT
        await exchange.answer(200, [(b"content-type", kind), *whole.told], told)
