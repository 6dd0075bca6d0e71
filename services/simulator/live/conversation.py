"""What a model says in a Live session: a pure function of what it has heard."""

import base64
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson

from services.simulator import media
from services.simulator.answers import compose
from services.simulator.catalog import Model
from services.simulator.errors import ApiError, invalid
from services.simulator.owned.shelf import new_id
from services.simulator.tokens import Tally, count_request, count_text, details

Said = dict[str, Any]
Contents = list[dict[str, Any]]

_CHUNK_SECONDS = 0.2
_SECONDS = 1.0
_TOKENS_A_SECOND = 25


class Conversation:
    """One session, from its setup on.

    Attributes:
        contents: All turns so far; what a handle stands for.
    """

    def __init__(
        self, setup: dict[str, Any], model: Model, project: str, contents: Contents | None = None
    ) -> None:
        """Begin, or go on with turns of an earlier session."""
        self._setup = setup
        self._model = model
        self._project = project
        self._sound: list[bytes] = []
        self._sound_type = "audio/pcm;rate=16000"
        self.contents: Contents = list(contents or ())

    @property
    def is_resumable(self) -> bool:
        """Whether the client wants handles."""
        return isinstance(self._setup.get("sessionResumption"), dict)

    def hear(self, message: dict[str, Any]) -> Iterator[Said]:
        """Yield what is said to a message of the client.

        Raises:
            ApiError: It is none that Google knows.
        """
        if "clientContent" in message:
            return self._hear_turns(message["clientContent"])
        if "realtimeInput" in message:
            return self._hear_input(message["realtimeInput"])
        if "toolResponse" in message:
            return self._hear_results(message["toolResponse"])
        raise invalid("Request contains an invalid argument.")

    def _hear_turns(self, content: dict[str, Any]) -> Iterator[Said]:
        self.contents += content.get("turns", [])
        if content.get("turnComplete"):
            yield from self._answer()

    def _hear_input(self, heard: dict[str, Any]) -> Iterator[Said]:
        chunks = [heard["audio"]] if "audio" in heard else heard.get("mediaChunks", [])
        for chunk in chunks:
            self._sound.append(base64.b64decode(chunk.get("data", "")))
            self._sound_type = chunk.get("mimeType", self._sound_type)
        if text := heard.get("text"):
            self._take([{"text": text}])
            yield from self._answer()
        elif (heard.get("audioStreamEnd") or "activityEnd" in heard) and self._sound:
            length = sum(map(len, self._sound))
            data = base64.b64encode(b"".join(self._sound)).decode()
            self._sound.clear()
            sound = {"inlineData": {"mimeType": self._sound_type, "data": data}}
            words = f"{length} bytes of sound"
            if "inputAudioTranscription" in self._setup:
                yield {"serverContent": {"inputTranscription": {"text": words}}}
            self._take([sound, {"text": words}])
            yield from self._answer()

    def _hear_results(self, heard: dict[str, Any]) -> Iterator[Said]:
        responses = heard.get("functionResponses", [])
        if not all(response.get("id") for response in responses):
            raise invalid("Request contains an invalid argument.")
        self._take([{"functionResponse": response} for response in responses])
        yield from self._answer()

    def _take(self, parts: list[dict[str, Any]]) -> None:
        self.contents.append({"role": "user", "parts": parts})

    def _answer(self) -> Iterator[Said]:
        request = {"contents": self.contents}
        request |= {name: self._setup[name] for name in ("tools",) if name in self._setup}
        heard = count_request(request)
        parts = compose(request, self._model, self._project).parts
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        self.contents.append({"role": "model", "parts": parts})
        if calls:
            for call in calls:
                call.setdefault("id", f"function-call-{new_id(16)}")
            said: Tally = Counter(TEXT=sum(len(orjson.dumps(call)) // 4 for call in calls))
            yield {"toolCall": {"functionCalls": calls}, "usageMetadata": _usage(heard, said)}
            return
        text = "".join(part.get("text", "") for part in parts)
        if self._speaks():
            said = Counter(AUDIO=int(_SECONDS * _TOKENS_A_SECOND))
            yield from _sound()
            if "outputAudioTranscription" in self._setup:
                yield {"serverContent": {"outputTranscription": {"text": text}}}
        else:
            said = Counter(TEXT=count_text(text))
            for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
                yield {"serverContent": {"modelTurn": {"parts": [{"text": piece}]}}}
        yield {"serverContent": {"generationComplete": True}}
        yield {"serverContent": {"turnComplete": True}, "usageMetadata": _usage(heard, said)}

    def _speaks(self) -> bool:
        config = self._setup.get("generationConfig", {})
        return "TEXT" not in config.get("responseModalities", ["AUDIO"])


def check_setup(setup: dict[str, Any], models: dict[str, Model], version: str) -> Model:
    """Return the model that a setup names.

    Raises:
        ApiError: It does not talk.
    """
    name = str(setup.get("model", "")).removeprefix("models/")
    model = models.get(name)
    if model is None or model.kind != "live":
        raise ApiError(
            404,
            f"models/{name} is not found for API version {version}, or is not supported for "
            "bidiGenerateContent. Call ListModels to see the list of available models.",
        )
    return model


def _sound() -> Iterator[Said]:
    tone = media.tone(_SECONDS)
    size = int(_CHUNK_SECONDS * media.SAMPLE_RATE) * 2
    for start in range(0, len(tone), size):
        data = base64.b64encode(tone[start : start + size]).decode()
        blob = {"mimeType": f"audio/pcm;rate={media.SAMPLE_RATE}", "data": data}
        yield {"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}}


def _usage(heard: Tally, said: Tally) -> dict[str, Any]:
    prompt, answer = sum(heard.values()), sum(said.values())
    return {
        "promptTokenCount": prompt,
        "responseTokenCount": answer,
        "totalTokenCount": prompt + answer,
        "promptTokensDetails": details(heard),
        "responseTokensDetails": details(said),
    }
