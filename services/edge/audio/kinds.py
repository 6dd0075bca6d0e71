"""What kind of sound a file holds, in the words that Gemini knows."""

from pathlib import PurePosixPath

# Where, which bytes, what it is.
_SIGNATURES = (
    (0, b"ID3", "audio/mp3"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AIFF", "audio/aiff"),
    (8, b"AIFC", "audio/aiff"),
    (4, b"ftyp", "audio/mp4"),
    (0, b"\x1aE\xdf\xa3", "audio/webm"),
    (0, b"\x00\x00\x01\xba", "video/mpeg"),
)
_EXTENSIONS = {
    ".aac": "audio/aac",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mp3",
    ".mp4": "audio/mp4",
    ".mpeg": "audio/mp3",
    ".mpga": "audio/mp3",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".webm": "audio/webm",
}
_SPELLINGS = {
    "application/ogg": "audio/ogg",
    "audio/m4a": "audio/mp4",
    "audio/mp3": "audio/mp3",
    "audio/mpeg": "audio/mp3",
    "audio/mpga": "audio/mp3",
    "audio/opus": "audio/ogg",
    "audio/vnd.wave": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-aac": "audio/aac",
    "audio/x-aiff": "audio/aiff",
    "audio/x-flac": "audio/flac",
    "audio/x-m4a": "audio/mp4",
    "audio/x-wav": "audio/wav",
}
_KNOWN = frozenset({*_EXTENSIONS.values(), "video/mp4", "video/mpeg", "video/webm"})
SUPPORTED = tuple(name.removeprefix(".") for name in _EXTENSIONS)
"""The extensions of files that can be heard."""


def kind_of(head: bytes, declared: str, file_name: str) -> str | None:
    """Return the media type of a file of sound, None for what is none.

    The first bytes do not lie; clients at times do.

    Args:
        head: The first bytes.
        declared: The type that the client says, may be empty.
        file_name: At the client's, may be empty.
    """
    told = declared.partition(";")[0].strip().lower()
    told = _SPELLINGS.get(told, told)
    seen = _by_signature(head)
    if seen in {"audio/mp4", "audio/webm"} and told == seen.replace("audio", "video"):
        # The same container with pictures.
        return told
    if seen is not None:
        return seen
    if told in _KNOWN:
        return told
    suffix = PurePosixPath(file_name.replace("\\", "/")).suffix.lower()
    return _EXTENSIONS.get(suffix)


def _by_signature(head: bytes) -> str | None:
    for at, mark, kind in _SIGNATURES:
        if head[at : at + len(mark)] == mark:
            return kind
    if len(head) < 2 or head[0] != 0xFF:
        return None
    # Eleven bits are set at the beginning of a frame; version and layer follow.
    if head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    is_layer_three = head[1] & 0xE0 == 0xE0 and head[1] & 0x06 == 0x02
    return "audio/mp3" if is_layer_three and head[1] & 0x18 != 0x08 else None
