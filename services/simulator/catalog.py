"""The models that the simulator offers."""

from dataclasses import dataclass
from typing import Any, Literal

ModelKind = Literal["text", "image", "speech", "embedding", "imagen", "live"]

_GENERATE = ("generateContent", "countTokens", "createCachedContent", "batchGenerateContent")
_EMBED = ("embedContent", "countTextTokens", "countTokens", "asyncBatchEmbedContent")
_PREDICT = ("predict",)
_TALK = ("countTokens", "bidiGenerateContent")
_SPEAK = ("countTokens", "generateContent", "batchGenerateContent")


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the catalogue.

    Attributes:
        generation: 2.0, 2.5 or 3.0: it decides about shapes and rules of answers.
        thinks: Whether it thinks without being asked to.
    """

    name: str
    title: str
    version: str
    generation: float
    input_limit: int = 1048576
    output_limit: int = 65536
    kind: ModelKind = "text"
    thinks: bool = False
    dimensions: int = 0

    @property
    def methods(self) -> tuple[str, ...]:
        """What may be called on it, as the model list says."""
        if self.kind == "embedding":
            return _EMBED
        if self.kind == "imagen":
            return _PREDICT
        if self.kind == "live":
            return _TALK
        return _SPEAK if self.kind == "speech" else _GENERATE

    def describe(self) -> dict[str, Any]:
        """Return the model as the API lists it."""
        described: dict[str, Any] = {
            "name": f"models/{self.name}",
            "version": self.version,
            "displayName": self.title,
            "description": f"{self.title}, simulated",
            "inputTokenLimit": self.input_limit,
            "outputTokenLimit": self.output_limit,
            "supportedGenerationMethods": list(self.methods),
        }
        if self.kind not in {"embedding", "imagen"}:
            described |= {"temperature": 1, "topP": 0.95, "topK": 64, "maxTemperature": 2}
        if self.kind == "text" and self.generation > 2.0:
            described["thinking"] = True
        return described


_MODELS = (
    Model("gemini-3-pro-preview", "Gemini 3 Pro Preview", "3-pro-preview-11-2025", 3, thinks=True),
    Model("gemini-3-flash-preview", "Gemini 3 Flash Preview", "3-flash-preview", 3, thinks=True),
    Model("gemini-3.5-flash", "Gemini 3.5 Flash", "3.5-flash", 3, thinks=True),
    Model("gemini-3.6-flash", "Gemini 3.6 Flash", "3.6-flash", 3, thinks=True),
    Model("gemini-2.5-pro", "Gemini 2.5 Pro", "2.5", 2.5, thinks=True),
    Model("gemini-2.5-flash", "Gemini 2.5 Flash", "001", 2.5),
    Model("gemini-2.5-flash-lite", "Gemini 2.5 Flash-Lite", "001", 2.5),
    Model("gemini-2.0-flash", "Gemini 2.0 Flash", "2.0", 2.0, output_limit=8192),
    Model("gemini-2.0-flash-exp", "Gemini 2.0 Flash Experimental", "2.0", 2.0, output_limit=8192),
    Model(
        "gemini-2.5-flash-image",
        "Nano Banana",
        "2.0",
        2.5,
        input_limit=32768,
        output_limit=32768,
        kind="image",
    ),
    Model(
        "gemini-3-pro-image-preview",
        "Nano Banana Pro",
        "3.0",
        3,
        input_limit=131072,
        output_limit=32768,
        kind="image",
    ),
    Model(
        "imagen-4.0-generate-001",
        "Imagen 4",
        "001",
        2.0,
        input_limit=480,
        output_limit=8192,
        kind="imagen",
    ),
    Model(
        "gemini-2.5-flash-preview-tts",
        "Gemini 2.5 Flash Preview TTS",
        "gemini-2.5-flash-exp-tts-2025-05-19",
        2.5,
        input_limit=8192,
        output_limit=16384,
        kind="speech",
    ),
    Model(
        "gemini-live-2.5-flash-preview",
        "Gemini 2.5 Flash Live Preview",
        "2.5-live-preview",
        2.5,
        input_limit=131072,
        output_limit=8192,
        kind="live",
    ),
    Model(
        "gemini-2.5-flash-native-audio-preview-12-2025",
        "Gemini 2.5 Flash Native Audio Preview 12-2025",
        "2.5-native-audio-preview",
        2.5,
        input_limit=131072,
        output_limit=8192,
        kind="live",
    ),
    Model(
        "text-embedding-004",
        "Text Embedding 004",
        "004",
        2.0,
        input_limit=2048,
        output_limit=1,
        kind="embedding",
        dimensions=768,
    ),
    Model(
        "gemini-embedding-001",
        "Gemini Embedding 001",
        "001",
        2.5,
        input_limit=2048,
        output_limit=1,
        kind="embedding",
        dimensions=3072,
    ),
    Model(
        "gemini-embedding-2",
        "Gemini Embedding 2",
        "2",
        3,
        input_limit=8192,
        output_limit=1,
        kind="embedding",
        dimensions=3072,
    ),
)

MODELS = {model.name: model for model in _MODELS}
"""Every model by its name without `models/`, in the order of the list."""
