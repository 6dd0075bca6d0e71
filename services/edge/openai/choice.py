"""One candidate of Gemini's as one choice of OpenAI's, read piece by piece.

Whole answers and streams are both read here, so that they cannot differ.
"""

import binascii
from typing import Any

import orjson

from services.edge.openai.finish import failure_text, finish_reason, native_reason
from services.edge.openai.logprobs import translate_logprobs
from services.edge.openai.media import Part
from services.edge.openai.signatures import is_carrier_safe, sign_call_id, signature_content
from services.edge.openai.sources import sources_text

Delta = dict[str, Any]

# OpenAI has no place for these; they go through as they are, in `extra_content.google`.
_METADATA = {
    "groundingMetadata": "grounding_metadata",
    "citationMetadata": "citation_metadata",
    "urlContextMetadata": "url_context_metadata",
}


class Choice:
    """Reads the events of one candidate and remembers what its end depends on.

    Attributes:
        index: The candidate's.
        is_finished: Whether its end was seen.
    """

    def __init__(self, index: int, completion_id: str, *, is_legacy: bool) -> None:
        self.index = index
        self._id_stem = f"call_{completion_id.removeprefix('chatcmpl-')}_{index}"
        self._is_legacy = is_legacy
        self._native: str | None = None
        self._failure: str | None = None
        self._calls = 0
        self._pictures = 0
        self._has_text = False
        self._extra: dict[str, Any] = {}
        self._native_parts: list[Part] = []

    @property
    def is_finished(self) -> bool:
        """Whether Gemini said why the candidate ended."""
        return self._native is not None

    def read(self, candidate: dict[str, Any]) -> list[Delta]:
        """Return what an event adds, in order.

        A delta holds one of: content (with images for pictures), reasoning_content, audio,
        one entry of tool_calls, function_call. Calls come whole.
        """
        deltas: list[Delta] = []
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict):
                self._read_part(part, deltas)
        for name, ours in _METADATA.items():
            if candidate.get(name):
                self._extra[ours] = candidate[name]
        native = native_reason(candidate.get("finishReason"))
        if native:
            self.end(native, candidate.get("finishMessage"))
        return deltas

    def read_text(self, candidate: dict[str, Any]) -> str:
        """Return what an event adds if that is text and nothing else, otherwise an empty string.

        Nearly all events of a stream are such, and need not be read in full.
        """
        content = candidate.get("content")
        if not isinstance(content, dict) or len(candidate) > 1 + ("index" in candidate):
            return ""
        parts = content.get("parts")
        if not isinstance(parts, list) or len(parts) != 1 or not isinstance(parts[0], dict):
            return ""
        text = parts[0].get("text") if len(parts[0]) == 1 else None
        if not isinstance(text, str) or not text:
            return ""
        self._has_text = True
        return text

    def read_logprobs(self, candidate: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the log probabilities of an event."""
        result = candidate.get("logprobsResult")
        return translate_logprobs(result) if result else []

    def end(self, native: str, message: object) -> None:
        """Note why the candidate ended; a later reason replaces an earlier one."""
        self._native = native
        self._failure = failure_text(native, message)

    def end_blocked(self, reason: str, text: str) -> None:
        """Note that Gemini refused the prompt."""
        self._native, self._failure = reason, text

    def extra_content(self) -> dict[str, Any] | None:
        """Return what goes into `extra_content` of the whole message."""
        google = dict(self._extra)
        if self._native_parts:
            google["parts"] = self._native_parts
        return {"google": google} if google else None

    def sources(self) -> str:
        """Return the addresses that a search has found as text, empty when there are none."""
        return sources_text(self._extra.get("grounding_metadata"))

    def ending(self) -> dict[str, Any]:
        """Return finish_reason and its companions."""
        return {
            "finish_reason": finish_reason(
                self._native, has_calls=self._calls > 0, is_legacy=self._is_legacy
            ),
            "native_finish_reason": self._native,
        }

    def refusal(self) -> str | None:
        """Return what to tell people when the answer failed."""
        return self._failure

    def _read_part(self, part: Part, deltas: list[Delta]) -> None:
        text = part.get("text")
        if isinstance(text, str):
            signature = part.get("thoughtSignature")
            if isinstance(signature, str) and signature:
                self._extra["thought_signature"] = signature
            if text:
                if part.get("thought"):
                    _append_text(deltas, "reasoning_content", text)
                else:
                    self._has_text = True
                    _append_text(deltas, "content", text)
        elif isinstance(part.get("functionCall"), dict):
            delta = self._call(part["functionCall"], part.get("thoughtSignature"))
            if delta:
                deltas.append(delta)
        elif isinstance(part.get("inlineData"), dict):
            self._read_media(part, deltas)
        elif any(name not in {"thought", "thoughtSignature"} for name in part):
            self._native_parts.append(part)
        elif isinstance(part.get("thoughtSignature"), str):
            self._extra["thought_signature"] = part["thoughtSignature"]

    def _call(self, call: dict[str, Any], signature: object) -> Delta | None:
        number = self._calls
        self._calls += 1
        signature = signature if isinstance(signature, str) and signature else None
        function = {
            "name": str(call.get("name") or ""),
            "arguments": orjson.dumps(call.get("args") or {}).decode(),
        }
        if self._is_legacy:
            extra = {"extra_content": signature_content(signature)} if signature else {}
            if number:
                # There is room for one; the model repeats the others when it has the result.
                self._extra.setdefault("function_calls", []).append(function)
                return None
            return {"function_call": {**function, **extra}}
        call_id = call.get("id")
        if not isinstance(call_id, str) or not call_id or not is_carrier_safe(call_id):
            call_id = f"{self._id_stem}_{number}"
        entry: dict[str, Any] = {
            "index": number,
            "id": sign_call_id(call_id, signature),
            "type": "function",
            "function": function,
        }
        if signature:
            entry["extra_content"] = signature_content(signature)
        return {"tool_calls": [entry]}

    def _read_media(self, part: Part, deltas: list[Delta]) -> None:
        media_type, data = part["inlineData"].get("mimeType"), part["inlineData"].get("data")
        if not isinstance(media_type, str) or not isinstance(data, str):
            return
        if part.get("thought"):
            # A draft that the model made for itself.
            return
        if media_type.startswith("audio/") and _is_base64(data):
            deltas.append({"audio": {"data": data, "mime_type": media_type}})
        elif media_type.startswith("image/"):
            deltas.append(self._picture(media_type, data, part.get("thoughtSignature")))
        else:
            self._native_parts.append(part)

    def _picture(self, media_type: str, data: str, signature: object) -> Delta:
        url = f"data:{media_type};base64,{data}"
        image: dict[str, Any] = {
            "type": "image_url",
            "index": self._pictures,
            "image_url": {"url": url},
        }
        if isinstance(signature, str) and signature:
            image["extra_content"] = signature_content(signature)
        gap = "\n\n" if self._has_text else ""
        self._has_text = True
        self._pictures += 1
        return {"content": f"{gap}![image]({url})", "images": [image]}


def _is_base64(data: str) -> bool:
    try:
        binascii.a2b_base64(data, strict_mode=True)
    except ValueError:
        return False
    return True


def _append_text(deltas: list[Delta], name: str, text: str) -> None:
    """Add text, to the last delta when that is of the same kind and nothing else."""
    if deltas and len(deltas[-1]) == 1 and name in deltas[-1]:
        deltas[-1][name] += text
    else:
        deltas.append({name: text})


def blocked_choice(feedback: object) -> tuple[str, str] | None:
    """Return the reason and a text for people when Gemini refused the prompt."""
    if not isinstance(feedback, dict):
        return None
    reason = native_reason(feedback.get("blockReason"))
    if reason is None:
        return None
    detail = feedback.get("blockReasonMessage")
    text = f"The prompt was blocked: {reason}."
    return reason, f"{text} {detail}" if isinstance(detail, str) and detail else text
