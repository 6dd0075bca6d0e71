"""The operations of OpenAI's audio endpoints, and their bodies."""

from services.edge.openapi.operation import (
    EVENTS,
    FORM,
    JSON,
    MODEL_PATTERN,
    SSE,
    TEXT,
    Operation,
    Schema,
    ref,
)

_TAG = "Audio"
_STRING: Schema = {"type": "string"}
_SOUNDS = ("audio/wav", "audio/mpeg", "audio/ogg", "audio/aac", "audio/flac", "audio/pcm")
_TRANSCRIPTION: Schema = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "model": {"type": "string", "pattern": MODEL_PATTERN, "examples": ["whisper-1"]},
        "language": _STRING,
        "prompt": _STRING,
        "response_format": {"enum": ["json", "text", "srt", "verbose_json", "vtt"]},
        "stream": {"enum": ["true", "false"]},
        "temperature": {"type": "number", "minimum": 0, "maximum": 1},
    },
    "required": ["file", "model"],
}

SCHEMAS: dict[str, Schema] = {
    "SpeechRequest": {
        "type": "object",
        "properties": {
            "model": {"type": "string", "pattern": MODEL_PATTERN, "examples": ["tts-1"]},
            "input": {
                "type": "string",
                "minLength": 1,
                "maxLength": 4096,
                "examples": ["你好"],
            },
            "voice": {"type": "string", "examples": ["alloy"]},
            "response_format": {"enum": ["wav", "mp3", "opus", "aac", "flac", "pcm"]},
            "speed": {"type": "number", "minimum": 0.25, "maximum": 4},
            "instructions": _STRING,
            "stream_format": {"enum": ["audio", "sse"]},
        },
        "required": ["model", "input"],
    },
    "Transcript": {"type": "object", "properties": {"text": _STRING}, "required": ["text"]},
}


def _listening(path: str, route: str, summary: str) -> Operation:
    return Operation(
        "post",
        path,
        route,
        _TAG,
        summary,
        "The body is a form with the sound as its `file`.",
        request={FORM: _TRANSCRIPTION},
        answer={JSON: ref("Transcript"), TEXT: _STRING, SSE: EVENTS},
        dialects=("openai",),
        failures=(409, 415),
    )


OPERATIONS = (
    Operation(
        "post",
        "/v1/audio/speech",
        "speech",
        _TAG,
        "Speak a text",
        "WAV unless `response_format` asks for another form; as it comes with `stream_format`.",
        request={JSON: ref("SpeechRequest")},
        answer={**{sound: {} for sound in _SOUNDS}, SSE: EVENTS},
        dialects=("openai",),
    ),
    _listening("/v1/audio/transcriptions", "transcriptions", "Write down what is said"),
    _listening("/v1/audio/translations", "translations", "Write down in English what is said"),
)
