"""Writes an answer as the API does: in one reply, or as the chunks of a stream."""

import base64
from collections.abc import Iterator
from typing import Any

from services.simulator.answers import Answer, Part
from services.simulator.catalog import Model
from services.simulator.tokens import Tally, count_text, details

_CHUNK = 80
# Half a second of speech.
_SOUND = 24_000

_SAFETY_RATINGS = [
    {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True},
    {"category": "HARM_CATEGORY_HARASSMENT", "probability": "NEGLIGIBLE"},
    {"category": "HARM_CATEGORY_HATE_SPEECH", "probability": "NEGLIGIBLE"},
    {"category": "HARM_CATEGORY_SEXUALLY_EXPLICIT", "probability": "NEGLIGIBLE"},
]

Reply = dict[str, Any]


class Writer:
    """Writes the answers to one request."""

    def __init__(self, model: Model, prompt: Tally, cached: int = 0) -> None:
        """Know what every reply repeats: the model, the prompt's tokens and those from a cache."""
        self._model = model
        self._prompt = prompt
        self._cached = cached

    def whole(self, answers: list[Answer]) -> Reply:
        """Return one reply with one candidate for each answer."""
        first = answers[0]
        if first.block_reason:
            return self._reply(first, {"promptFeedback": {"blockReason": first.block_reason}})
        candidates = [
            self._candidate(answer, self._signed(answer), index, is_last=True)
            for index, answer in enumerate(answers)
        ]
        for candidate, answer in zip(candidates, answers, strict=True):
            # What streams do not have.
            if answer.finish_message:
                candidate["finishMessage"] = answer.finish_message
            if self._model.generation == 2.0:
                candidate["avgLogprobs"] = -0.03125
        tokens: Tally = sum((answer.tokens for answer in answers), Tally())
        return self._reply(
            first, {"candidates": candidates}, tokens, sum(each.thoughts_tokens for each in answers)
        )

    def chunks(self, answer: Answer) -> Iterator[Reply]:
        """Yield the replies of a stream: usage grows, only the last one has a finish reason."""
        if answer.block_reason or not answer.parts:
            yield self.whole([answer])
            return
        pieces = [piece for part in answer.parts for piece in _pieces(part)]
        if answer.signature:
            pieces.append({"text": "", "thoughtSignature": answer.signature})
        elif "text" not in pieces[-1]:
            pieces.append({"text": ""})
        spent: Tally = Tally()
        said = ""
        for index, piece in enumerate(pieces):
            is_last = index == len(pieces) - 1
            if not piece.get("thought"):
                said += piece.get("text", "")
                spent = Tally(TEXT=count_text(said))
            tokens = answer.tokens if is_last or "functionCall" in piece else spent
            candidate = self._candidate(answer, [piece], 0, is_last=is_last)
            yield self._reply(answer, {"candidates": [candidate]}, tokens, answer.thoughts_tokens)

    def empty(self, answer: Answer) -> Reply:
        """Return a reply whose candidate says nothing, as Google sends at times."""
        candidate: Reply = {"content": {"role": "model"}, "finishReason": "STOP", "index": 0}
        return self._reply(answer, {"candidates": [candidate]}, Tally())

    @staticmethod
    def _signed(answer: Answer) -> list[Part]:
        if not answer.signature:
            return answer.parts
        return [*answer.parts[:-1], answer.parts[-1] | {"thoughtSignature": answer.signature}]

    def _candidate(self, answer: Answer, parts: list[Part], index: int, *, is_last: bool) -> Reply:
        candidate: Reply = {}
        if answer.finish_reason != "SAFETY":
            candidate["content"] = {"parts": parts, "role": "model"} if parts else {"role": "model"}
        if is_last:
            candidate["finishReason"] = answer.finish_reason
        if self._model.generation > 2.0 or index:
            candidate["index"] = index
        if answer.finish_reason == "SAFETY":
            candidate["safetyRatings"] = _SAFETY_RATINGS
        return candidate

    def _reply(
        self, answer: Answer, content: Reply, tokens: Tally | None = None, thoughts: int = 0
    ) -> Reply:
        prompt_count = self._prompt.total() + self._cached
        output_count = tokens.total() if tokens else 0
        usage: Reply = {"promptTokenCount": prompt_count}
        if tokens is not None and (output_count or not thoughts):
            usage["candidatesTokenCount"] = output_count
        usage["totalTokenCount"] = prompt_count + output_count + thoughts
        if self._cached:
            usage["cachedContentTokenCount"] = self._cached
            usage["cacheTokensDetails"] = [{"modality": "TEXT", "tokenCount": self._cached}]
        usage["promptTokensDetails"] = details(self._prompt + Tally(TEXT=self._cached))
        if tokens and (self._model.generation == 2.0 or set(tokens) - {"TEXT"}):
            usage["candidatesTokensDetails"] = details(tokens)
        if thoughts:
            usage["thoughtsTokenCount"] = thoughts
        if self._model.generation > 2.0:
            usage["serviceTier"] = "standard"
        return {
            **content,
            "usageMetadata": usage,
            "modelVersion": self._model.name,
            "responseId": base64.urlsafe_b64encode(answer.seed[:16]).decode().rstrip("="),
        }


def _pieces(part: Part) -> Iterator[Part]:
    """Split a text or a sound into what one chunk holds; other parts stay whole."""
    text = part.get("text", "")
    if (sound := part.get("inlineData")) and sound["mimeType"].startswith("audio/"):
        data = base64.b64decode(sound["data"])
        for start in range(0, len(data), _SOUND):
            piece = base64.b64encode(data[start : start + _SOUND]).decode()
            yield {"inlineData": sound | {"data": piece}}
        return
    if not text:
        yield part
        return
    # Even short answers come in more than one chunk.
    size = min(_CHUNK, max(1, (len(text) + 1) // 2))
    for start in range(0, len(text), size):
        yield part | {"text": text[start : start + size]}
